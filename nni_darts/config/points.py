"""The points of an experiment's search space: every one is a search of its own."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

from nni_darts.config.problem import Problem, dotted, shown, suggestion
from nni_darts.config.section import numbers_within
from nni_darts.config.settings import Settings
from nni_darts.errors import ConfigError

ALIASES = {
    "method": "method.name",
    "order": "method.order",
    "lr": "search.lr",
    "lr_min": "search.lr_min",
    "arch_lr": "search.arch_lr",
    "arch_weight_decay": "search.arch_weight_decay",
    "weight_decay": "search.weight_decay",
    "epochs": "search.epochs",
    "batch_size": "search.batch_size",
    "init_channels": "space.args.init_channels",
    "layers": "space.args.layers",
    "nodes": "space.args.nodes",
    "train_portion": "data.train_portion",
}
"""Short names that stand for a settings path of the search."""

FIXED = ("stages", "max_attempts", "genotype", "select", "retrain", "trainer.trials_per_gpu")
"""What an experiment has once for all its points."""

MOST_POINTS = 1000


def expand(search_space: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The grid of a search space, in the order written, the last key varying fastest.

    Only ``choice`` and ``randint`` (all of its integers) have a grid; an empty space has one point.

    Raises
    ------
    ConfigError
        One sentence per entry that has no grid.
    """
    points, problems = grid(search_space)
    if problems:
        raise ConfigError(*map(str, problems))
    return points


def grid(search_space: Any) -> tuple[list[dict[str, Any]], list[Problem]]:
    """As ``expand``, with the problems returned instead of raised; entries at fault are left out."""
    if not isinstance(search_space, Mapping):
        problem = f"expected a group of keys such as seed, got {shown(search_space)}."
        return [], [Problem(("searchSpace",), problem)]
    problems: list[Problem] = []
    axes: dict[str, list[Any]] = {}
    for key, entry in search_space.items():
        values = _values(entry)
        if isinstance(values, str):
            problems.append(Problem(("searchSpace", str(key)), values))
        else:
            axes[str(key)] = values
    count = math.prod(map(len, axes.values()))
    if count > MOST_POINTS:
        problem = f"has {count} points, each a search of its own; at most {MOST_POINTS} are allowed."
        return [], [*problems, Problem(("searchSpace",), problem)]
    return [dict(zip(axes, point, strict=True)) for point in itertools.product(*axes.values())], problems


def _values(entry: Any) -> list[Any] | str:
    """The values of one entry, or what is wrong with it."""
    if not isinstance(entry, Mapping) or set(entry) != {"_type", "_value"}:
        return f"expected {{_type: choice, _value: [...]}}, got {shown(entry)}."
    kind, given = entry["_type"], entry["_value"]
    if kind not in ("choice", "randint"):
        return f'_type "{kind}" has no grid, and every point is searched; use choice or randint.'
    if not isinstance(given, list) or not given:
        return f"_value: expected a list of values, got {shown(given)}."
    values = numbers_within(given)
    if kind == "choice":
        twice = [value for place, value in enumerate(values) if value in values[:place]]
        return f"_value: names {shown(twice[0])} twice." if twice else values
    if len(values) != 2 or not all(type(value) is int for value in values) or values[0] >= values[1]:
        return f"_value: randint wants [lowest, one above the highest], two whole numbers, got {given}."
    return list(range(*values))


def seed_of(point: Mapping[str, Any]) -> int:
    """The seed of a point's search; 0 where the search space does not vary it."""
    return int(point.get("seed", 0))


def apply_point(settings: Settings, point: Mapping[str, Any]) -> Settings:
    """The settings of one point's search: every key but ``seed`` replaces the setting it names.

    Raises
    ------
    ConfigError
        A key that is no setting of a search, or a value that the setting does not allow.
    """
    found = at_point(settings, point)
    if isinstance(found, list):
        raise ConfigError(*map(str, found))
    return found


def at_point(settings: Settings, point: Mapping[str, Any]) -> Settings | list[Problem]:
    """As ``apply_point``, with the problems returned instead of raised."""
    named = {ALIASES.get(key, key) for key in point}
    data = settings.to_dict(implied=not named & {"method.name", "space.name"})
    known = known_paths(settings)
    problems: list[Problem] = []
    for key, value in point.items():
        path = ALIASES.get(key, key)
        if key == "seed":
            if type(value) is not int or not 0 <= value < 2**32:
                problems.append(
                    Problem(("searchSpace", key), f"expected a whole number >= 0, got {shown(value)}.")
                )
        elif any(path == fixed or path.startswith(f"{fixed}.") for fixed in FIXED):
            problems.append(
                Problem(("searchSpace", key), "is the same for the whole experiment and cannot vary.")
            )
        elif path not in known and not path.startswith(("method.", "space.args.")):
            hint = _near(key, ["seed", *ALIASES, *known])
            problems.append(Problem(("searchSpace", key), f"is no setting. {hint}"))
        else:
            put(data, path, value)
    if problems:
        return problems
    found = Settings.checked(data)
    if isinstance(found, list):
        key_of = {ALIASES.get(key, key): key for key in point}
        return [Problem(("searchSpace", key_of.get(dotted(p.path), dotted(p.path))), p.text) for p in found]
    return found


def _near(key: str, known: list[str]) -> str:
    """Near matches of a key; the whole list would be too long to read."""
    text = suggestion(key, known)
    return text if text.startswith("Did") else "Use seed, or a settings path such as search.arch_lr."


def put(data: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at a dotted path of nested mappings, making groups on the way."""
    *groups, last = path.split(".")
    for group in groups:
        if not isinstance(data.get(group), dict):
            data[group] = {}
        data = data[group]
    data[last] = copy.deepcopy(value)


def leaves(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every dotted path of nested mappings with its value; an empty mapping is a value."""
    for key, value in data.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def known_paths(settings: Settings) -> list[str]:
    """Every dotted path that these settings have."""
    return [path for path, _ in leaves(settings.to_dict())]
