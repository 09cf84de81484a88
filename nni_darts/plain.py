"""Values that every file format holds."""

from __future__ import annotations

from typing import Any


def plain(value: Any) -> Any:
    """The same value of lists and dictionaries, with labels of NNI as the strings that they are."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
