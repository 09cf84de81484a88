"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """One line a row, the first column to the left."""
    rule = [":--", *["--:"] * (len(columns) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (columns, rule, *lines))


def number(value: float | None, form: str, scale: float = 1) -> str:
    """``value * scale`` in a format; a dash where there is none."""
    return "-" if value is None else form.format(value if scale == 1 else value * scale)
