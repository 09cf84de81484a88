"""Docstrings as Markdown: literals, roles, tables of equals signs, and numpydoc's lists of parameters."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable

_RULE = re.compile(r"=+( +=+)+")
_ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")


def plain(text: str) -> str:
    """One line without the marks of reStructuredText."""
    return _ROLE.sub(r"\1", text).replace("``", "")


def markdown(docstring: str) -> str:
    """A docstring as Markdown; its parameters as a list, its tables as tables."""
    found: list[str] = []
    lines = iter(inspect.cleandoc(docstring).splitlines())
    before = ""
    for line in lines:
        if _RULE.fullmatch(line):
            found += _table(line, lines)
        elif before and set(line) == {"-"}:
            found[-1] = f"**{before}**"
            found += ["", *_items(lines)]
        else:
            found.append(line)
        before = line
    text = _ROLE.sub(r"`\1`", "\n".join(found)).replace("``", "`")
    return re.sub(r"::$", ":", text, flags=re.MULTILINE).strip()


def _table(rule: str, lines: Iterable[str]) -> list[str]:
    """The rows up to the last rule; what stands below an empty first column belongs to the row above."""
    starts = [match.start() for match in re.finditer(r"=+", rule)]
    ends = [*starts[1:], None]
    rows: list[list[str]] = []
    rules = 1
    for line in lines:
        if _RULE.fullmatch(line):
            rules += 1
            if rules == 3:
                break
            continue
        cells = [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]
        if rows and not cells[0]:
            rows[-1] = [f"{above} {cell}".strip() for above, cell in zip(rows[-1], cells, strict=True)]
        else:
            rows.append(cells)
    head, *body = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return [head, "|" + "---|" * len(starts), *body]


def _items(lines: Iterable[str]) -> list[str]:
    """``name`` and its indented description, as items, up to the end."""
    found: list[str] = []
    for line in lines:
        if not line.strip():
            continue
        if line.startswith(" "):
            found[-1] += f" {line.strip()}"
        else:
            found.append(f"- {', '.join(f'`{name.strip()}`' for name in line.split(','))}:")
    return found
