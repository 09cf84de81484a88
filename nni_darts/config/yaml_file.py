"""A YAML file as plain values together with the line of every key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nni_darts.config.problem import Path as KeyPath
from nni_darts.errors import ConfigError


@dataclass(frozen=True)
class YamlFile:
    """``data``: the top group; ``lines``: line of every key and list item; ``twice``: repeated keys."""

    path: Path
    data: dict[str, Any]
    lines: dict[KeyPath, int]
    twice: tuple[KeyPath, ...]


def read_yaml(path: str | Path) -> YamlFile:
    """Read a YAML file whose top level is a group of keys.

    Raises
    ------
    ConfigError
        It cannot be read, is no YAML, or is no group.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(f"{path}: cannot be read: {reason}.") from None
    try:
        # safe_load also constructs the values, so it finds tags and keys that compose would pass.
        data, node = yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"{path}{where}: is not valid YAML: {problem}.") from None
    if not isinstance(data, dict) or node is None:
        raise ConfigError(f"{path}: expected a file of keys and values, as in experiment_configs/.")
    keys = list(_keys(node, ()))
    counts = Counter(key for key, _ in keys)
    twice = [key for key, count in counts.items() if count > 1]
    outermost = tuple(key for key in twice if not any(key[:depth] in twice for depth in range(1, len(key))))
    return YamlFile(path, data, dict(keys), outermost)


def _keys(node: yaml.Node, path: KeyPath) -> Iterator[tuple[KeyPath, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            yield here, key.start_mark.line + 1
            yield from _keys(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            yield (*path, place), value.start_mark.line + 1
            yield from _keys(value, (*path, place))
