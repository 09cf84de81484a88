"""A page for every method, from its recipe and its docstrings."""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path

from nni_darts.config.defaults import METHODS
from nni_darts.pages.catalogue import MethodEntry, entry_of
from nni_darts.pages.markdown import markdown
from nni_darts.recipe import Method, methods
from nni_darts.run.files import write_text

COMMAND = "python -m nni_darts.pages docs/methods"
NOTE = f"<!-- Written by `{COMMAND}` from the code; change it there. -->"

OUTER = """Every method also has the settings of `search`: epochs, learning rates, warm-up, the outer
optimiser and so on; `nni-darts search --method NAME --dry-run` prints all of them."""


def pages() -> dict[str, str]:
    """Name of a file -> its text; the index is ``README.md``."""
    known = methods()
    entries = {name: entry_of(method) for name, method in known.items()}
    found = {f"{name}.md": _page(known[name], entry) for name, entry in entries.items()}
    return {"README.md": _index(list(entries.values())), **found}


INDEX = """# Methods

A method is a recipe of parts. What a row lists stands where first-order DARTS has something else, or nothing.
Parts with a name can be combined: *Combining parts* in the [README](../../README.md).

| method | in a line | parts | paper |
|---|---|---|---|"""


def _index(entries: list[MethodEntry]) -> str:
    rows = [
        f"| [{entry.name}]({entry.name}.md) | {entry.summary} | {_listed(entry.parts)} | {entry.paper} |"
        for entry in entries
    ]
    return "\n".join([NOTE, "", INDEX, *rows, ""])


def _listed(parts: dict[str, list[str]]) -> str:
    return "; ".join(f"{slot}: {', '.join(names)}" for slot, names in parts.items()) or "none"


def _page(method: Method, entry: MethodEntry) -> str:
    module = sys.modules[method.build.__module__]
    descriptions = [inspect.getdoc(module) or "", inspect.getdoc(method.build) or ""]
    rows = [f"| `{name}` | `{json.dumps(value)}` |" for name, value in entry.options.items()]
    options = ["| option | default |", "|---|---|", *rows] if rows else ["None of its own."]
    replaced = [
        f"| `{slot}` | {', '.join(f'`{name}`' for name in names)} |" for slot, names in entry.parts.items()
    ]
    own = ["| slot | part |", "|---|---|", *replaced] if replaced else ["None: these are the defaults."]
    given = ", ".join(
        ["name: " + entry.name, *(f"{name}: {json.dumps(value)}" for name, value in entry.options.items())]
    )
    source = Path(module.__file__ or "").name
    return (
        "\n\n".join(
            [
                NOTE,
                f"# {entry.name}",
                f"{entry.summary[0].upper()}{entry.summary[1:]}.",
                f"Paper: {entry.paper}. Source: [{source}](../../nni_darts/methods/{source}).",
                *map(markdown, descriptions),
                "## Parts that are not those of first-order DARTS",
                "\n".join(own),
                "## Options",
                "\n".join(options),
                OUTER,
                *_training(entry.name),
                "## Spaces",
                f"With these options it is defined on: {', '.join(entry.spaces)}.",
                "## Run",
                f"```\nnni-darts search --method {entry.name} --dataset cifar10 --out runs/{entry.name}\n```",
                f"In a file:\n\n```yaml\nmethod: {{{given}}}\n```",
            ]
        )
        + "\n"
    )


def _training(name: str) -> list[str]:
    """What a method searches with where nothing is said and DARTS has something else."""
    own = METHODS.get(name)
    if own is None:
        return []
    tables = [("everywhere", own), *((f"on {space}", there) for space, there in own.on.items())]
    rows = [
        f"| `search.{key}` | `{json.dumps(value)}` | {where} | {defaults.source} |"
        for where, defaults in tables
        for key, value in defaults.search.items()
    ]
    return ["\n".join(["| setting | default | where | source |", "|---|---|---|---|", *rows])]


def main(folder: Path) -> None:
    """Write all pages, and remove those of methods that are gone."""
    found = pages()
    for path in folder.glob("*.md"):
        if path.name not in found and path.read_text(encoding="utf-8").startswith(NOTE):
            path.unlink()
    for name, text in found.items():
        write_text(folder / name, text)
