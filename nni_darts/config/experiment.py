"""One file that serves ``nnictl create`` and ``nni-darts`` alike: read, and checked in both its layers."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from nni_darts.config.machine import machine_problems, method_problems
from nni_darts.config.nni_fields import TOP, TUNER, in_nni_spelling, is_experiment, written
from nni_darts.config.points import at_point, grid
from nni_darts.config.problem import Path as KeyPath
from nni_darts.config.problem import Problem
from nni_darts.config.settings import Settings
from nni_darts.config.yaml_file import YamlFile, read_yaml
from nni_darts.errors import ConfigError

NETWORKS: tuple[KeyPath, ...] = (("space",), ("select", "network"), ("retrain", "network"))
TEXTS: tuple[KeyPath, ...] = (("search", "text"), ("select", "text"), ("retrain", "text"))
DECIDED_BY: dict[KeyPath, tuple[KeyPath, ...]] = {
    ("space", "name"): NETWORKS,
    ("data", "name"): (("data",), *NETWORKS, *TEXTS),  # spaces are for images or for texts
}
"""Name -> the groups whose keys depend on it."""


@dataclass(frozen=True)
class Experiment:
    """A file that was read.

    ``settings``: with paths made absolute; ``given``: the settings that the file itself states;
    ``points``: the searches; ``nni``: NNI's fields, empty for a file of bare settings; ``folder``: what
    relative paths in the settings are relative to.
    """

    settings: Settings
    given: dict[str, Any]
    points: list[dict[str, Any]]
    nni: dict[str, Any]
    folder: Path


def read_experiment(path: str | Path) -> Experiment:
    """Read an experiment file of NNI with our settings as the tuner's ``classArgs``, or bare settings.

    Raises
    ------
    ConfigError
        With every problem of our layer, each with file and line. NNI's layer is ``validate``'s.
    """
    file = read_yaml(path)
    experiment, problems = _read(file)
    if problems or experiment is None:
        raise ConfigError(*_sentences(file, problems))
    return experiment


def validate(path: str | Path, *, machine: bool = True) -> list[str]:
    """Every problem of a file, one sentence each with file and line; empty when it is good.

    Parameters
    ----------
    machine
        Also check what depends on this machine: folders exist, dotted names can be imported, the method
        has these options, a genotype can be read and fits the space.
    """
    from nni_darts.config.nni_layer import nni_problems

    try:
        file = read_yaml(path)
    except ConfigError as error:
        return list(error.problems)
    experiment, problems = _read(file)
    if is_experiment(file.data):
        problems += nni_problems(in_nni_spelling(file.data), file.path.parent, experiment)
    if machine and experiment is not None:
        named = {problem.path[:1] for problem in problems}
        found = machine_problems(experiment.settings, experiment.folder) or list(_at_points(experiment))
        problems += [problem for problem in found if problem.path[:1] not in named]
    return _sentences(file, problems)


def _at_points(experiment: Experiment) -> Iterator[Problem]:
    """What methods say of their names, options and parts where the search space varies them."""
    seen = [experiment.settings.method]
    for point in experiment.points:
        settings = at_point(experiment.settings, point)
        if isinstance(settings, list) or settings.method in seen:
            continue
        seen.append(settings.method)
        varied = ", ".join(f"{key}={value}" for key, value in point.items() if key.startswith("method"))
        for problem in method_problems(settings, experiment.folder):
            yield Problem(("searchSpace",), f"with {varied}: {problem}")


def _read(file: YamlFile) -> tuple[Experiment | None, list[Problem]]:
    """What the file holds as far as it is sound, and what is wrong with it."""
    problems = [Problem(key, "is given twice; YAML silently takes the last one.") for key in file.twice]
    if not is_experiment(file.data):
        nni, given, folder = {}, file.data, file.path.parent
        space: Any = {}
    else:
        nni = in_nni_spelling(file.data)
        tuner = nni.get("tuner")
        given = (tuner.get("classArgs") if isinstance(tuner, Mapping) else None) or {}
        folder = file.path.parent / str(nni.get("trialCodeDirectory", "."))
        try:
            space = _search_space(nni, file.path.parent)
        except ConfigError as error:
            problems += [Problem(("searchSpaceFile",), text) for text in error.problems]
            space = {}
    points, more = grid(space)
    settings, unsound = _settings(given)
    problems += [*more, *unsound]
    if settings is None:
        return None, problems
    if "search" not in settings.stages and len(points) > 1:
        problems.append(
            Problem(("searchSpace",), f"{len(points)} points, but no stage searches; leave {{}}.")
        )
    for point in points:
        found = at_point(settings, point)
        if isinstance(found, list):
            problems += [problem for problem in found if problem not in problems]
    return Experiment(_anchored(settings, folder), dict(given), points, nni, folder), problems


def _settings(given: Any) -> tuple[Settings | None, list[Problem]]:
    """The settings and what is wrong with them; with problems, the settings without the keys at fault.

    What must agree between sections is only looked at where each is well-formed by itself: so the keys at
    fault are left out and the rest is looked at again, until nothing new is found. Of what a name at fault
    decides nothing is said: it would be said of another name.
    """
    problems: list[Problem] = []
    silent: list[KeyPath] = []
    rest = copy.deepcopy(given)
    while isinstance(found := Settings.checked(rest), list):
        heard = [problem for problem in found if not any(_begins(problem.path, key) for key in silent)]
        problems += [problem for problem in heard if problem not in problems]
        silent += [key for problem in heard for key in DECIDED_BY.get(problem.path, ())]
        before = copy.deepcopy(rest)
        for key in (*silent, *(problem.path for problem in found)):
            _remove(rest, key)
        if rest == before:
            return None, problems
    return found, problems


def _begins(path: KeyPath, key: KeyPath) -> bool:
    return path[: len(key)] == key


def _remove(data: Any, path: KeyPath) -> None:
    """Delete the outermost value that is no group on the way along ``path``."""
    for key in path:
        if not isinstance(data, dict) or key not in data:
            return
        if key == path[-1] or not isinstance(data[key], dict):
            del data[key]
            return
        data = data[key]


def _search_space(nni: Mapping[str, Any], folder: Path) -> Any:
    if nni.get("searchSpaceFile") is None:
        return {} if nni.get("searchSpace") is None else nni["searchSpace"]
    path = folder / str(nni["searchSpaceFile"])
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        return json.loads(text)
    except ValueError:
        return yaml.safe_load(text)


def _anchored(settings: Settings, folder: Path) -> Settings:
    """The settings with relative paths made absolute, so that they mean the same from every folder."""
    changed: dict[str, Any] = {}
    if settings.data.root is not None:
        root = str((folder / Path(settings.data.root).expanduser()).resolve())
        changed["data"] = settings.data.model_copy(update={"root": root})
    if settings.genotype is not None and (folder / settings.genotype).exists():
        changed["genotype"] = str((folder / settings.genotype).resolve())
    return settings.model_copy(update=changed)


def _sentences(file: YamlFile, problems: list[Problem]) -> list[str]:
    """``file:line: problem`` for each, in the order of the lines."""
    lines = {_key_as_reported(key): line for key, line in file.lines.items()}
    found = []
    for problem in problems:
        problem = replace(problem, path=_key_as_reported(problem.path))
        key = problem.path
        while key and key not in lines:
            key = key[:-1]
        found.append((lines.get(key, 0), problem))
    return [
        f"{file.path}:{line}: {problem}" if line else f"{file.path}: {problem}"
        for line, problem in sorted(found, key=lambda pair: pair[0])
    ]


def _key_as_reported(key: KeyPath) -> KeyPath:
    """Keys in NNI's documented spelling, our settings without the ``tuner.classArgs`` in front."""
    if len(key) > 1 and written(key[0], TOP) == "tuner":
        inner = written(key[1], TUNER)
        return key[2:] if inner == "classArgs" and len(key) > 2 else ("tuner", inner, *key[2:])
    return (written(key[0], TOP), *key[1:]) if key else key
