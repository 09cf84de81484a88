"""From default, file and flags to one set of settings that knows where each value came from."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nni_darts.config import Settings, apply_point, read_experiment, seed_of
from nni_darts.config.defaults import search_defaults
from nni_darts.config.points import ALIASES, leaves, put
from nni_darts.errors import ConfigError

Given = dict[str, tuple[Any, str]]
"""Dotted path -> (value, the flag it was given with)."""


@dataclass(frozen=True)
class Inputs:
    """What a stage runs with; ``origins``: dotted path -> whose default, the file, or the flag."""

    settings: Settings
    origins: dict[str, str]
    seed: int
    folder: Path


def assigned(assignments: tuple[str, ...]) -> Given:
    """The values of ``--set path=value``, read as YAML."""
    given: Given = {}
    problems = []
    for text in assignments:
        path, sign, value = text.partition("=")
        if not sign or not path.strip():
            problems.append(f'--set: expected path=value such as search.lr=0.1, got "{text}".')
            continue
        try:
            given[ALIASES.get(path.strip(), path.strip())] = (yaml.safe_load(value), "--set")
        except yaml.YAMLError:
            problems.append(f'--set: the value of "{text}" is not valid YAML.')
    if problems:
        raise ConfigError(*problems)
    return given


def resolve_inputs(
    stage: str,
    config: str | None,
    given: Given,
    *,
    beneath: Mapping[str, tuple[Any, str]] | None = None,
    seed: int | None = None,
    point: int | None = None,
) -> Inputs:
    """Settings of one stage on its own: default < ``beneath`` < file < point of the file < flag.

    Parameters
    ----------
    stage
        The only stage that is to run.
    config
        An experiment file or bare settings.
    given
        What the flags say.
    beneath
        Path -> (value, origin) of what an architecture implies; the file and the flags come before it.
    seed, point
        Which search of the file's search space, and its seed.

    Raises
    ------
    ConfigError
        With all problems of the file, or all of the flags.
    """
    data: dict[str, Any] = {}
    origins: dict[str, str] = {}
    chosen: dict[str, Any] = {}
    folder = Path.cwd()
    for path, (value, origin) in (beneath or {}).items():
        put(data, path, value)
        origins[path] = origin
    if config is not None:
        experiment = read_experiment(config)
        folder = experiment.folder
        anchored = dict(leaves(experiment.settings.to_dict()))
        for path, value in leaves(experiment.given):
            put(data, path, anchored.get(path, value))
            origins[path] = str(config)
        chosen = _chosen(experiment.points, point)
    elif point is not None:
        raise ConfigError("--point: needs --config FILE, whose search space it counts.")
    for path, (value, flag) in given.items():
        put(data, path, _from_here(path, value))
        origins[path] = flag
    put(data, "stages", [stage])
    origins["stages"] = f"nni-darts {stage}"
    if stage != "retrain":
        data.pop("genotype", None)
    settings = _pointed(Settings.from_dict(data), chosen, given, origins)
    seed = seed_of(chosen) if seed is None else seed
    return Inputs(settings, _complete(origins, settings), seed, folder)


def _chosen(points: list[dict[str, Any]], point: int | None) -> dict[str, Any]:
    point = point or 0
    if not 0 <= point < len(points):
        raise ConfigError(f"--point: the search space has the points 0 to {len(points) - 1}, got {point}.")
    return points[point]


def _pointed(settings: Settings, point: dict[str, Any], given: Given, origins: dict[str, str]) -> Settings:
    """The settings with the point's own, except where a flag says otherwise."""
    paths = {key: ALIASES.get(key, key) for key in point if key != "seed"}
    kept = {key: value for key, value in point.items() if paths.get(key) not in given}
    origins |= {paths[key]: "searchSpace" for key in kept if key != "seed"}
    return apply_point(settings, {key: value for key, value in kept.items() if key != "seed"})


def _from_here(path: str, value: Any) -> Any:
    """Paths given by flag are relative to the shell's folder."""
    if path == "data.root" and value is not None:
        return str(Path(str(value)).expanduser().resolve())
    return copy.deepcopy(value)


def _complete(origins: dict[str, str], settings: Settings) -> dict[str, str]:
    """An origin for every value: its own, that of a group it was given in, or whose default it is."""
    implied = search_defaults(settings.method.name, settings.space.name, settings.data.is_text)
    whose = {f"search.{key}": it.origin for key, it in implied.items()} | origins
    found = {}
    for path, _ in leaves(settings.to_dict()):
        key = path
        while key and key not in whose:
            key = key.rpartition(".")[0]
        found[path] = whose.get(key, "default")
    return found
