"""``nni-darts list``."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

import click

from nni_darts.cli.verb import Outcome, verb

Rows = list[dict[str, Any]]
Listing = tuple[Rows, list[str]]

WIDTH = 100


def _methods() -> Listing:
    from nni_darts.pages.catalogue import method_entries

    entries = method_entries()
    lines = []
    for entry in entries:
        parts = "; ".join(f"{slot}: {', '.join(names)}" for slot, names in entry.parts.items())
        lines += [
            entry.name,
            *_wrapped(entry.summary, "  "),
            *_wrapped(entry.paper, "  "),
            *_wrapped(f"parts    {parts or 'those of Recipe'}", "  ", "           "),
            *_wrapped(f"spaces   {', '.join(entry.spaces)}", "  ", "           "),
            *_wrapped(f"options  {_assigned(entry.options) or 'none'}", "  ", "           "),
        ]
    return [entry.to_dict() for entry in entries], lines


def _parts() -> Listing:
    from nni_darts.pages.catalogue import part_entries
    from nni_darts.parts.named import SLOTS

    entries = part_entries()
    lines = []
    for slot, about in SLOTS.items():
        named = [entry for entry in entries if entry.slot == slot]
        lines.append(slot + " (several: they are added)" * about.many)
        for entry in named:
            lines += _wrapped(f"{entry.name}: {entry.summary}", "  ", "      ")
            if entry.options:
                lines += _wrapped(f"options  {_assigned(entry.options)}", "      ", " " * 15)
        lines += ["  package.module:name of your own"] * (not named)
    return [entry.to_dict() for entry in entries], lines


def _wrapped(text: str, first: str, rest: str | None = None) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=first if rest is None else rest)


def _assigned(options: dict[str, Any]) -> str:
    """``k=4, decay=false``: values as YAML has them."""
    shown = {name: value if isinstance(value, str) else json.dumps(value) for name, value in options.items()}
    return ", ".join(f"{name}={value}" for name, value in shown.items())


def _described(summaries: dict[str, str] | Iterable[tuple[str, str]]) -> Listing:
    pairs = dict(summaries)
    width = max(map(len, pairs))
    rows = [{"name": name, "summary": summary} for name, summary in pairs.items()]
    return rows, [f"{name:<{width}}  {summary}" for name, summary in pairs.items()]


def _spaces() -> Listing:
    from nni_darts.config.space import SPACES

    return _described(SPACES)


def _datasets() -> Listing:
    from nni_darts.config.data import DATASETS

    return _described(DATASETS)


def _genotypes() -> Listing:
    from nni_darts.genotype import EVERY_PUBLISHED

    return _described((name, str(genotype)) for name, genotype in EVERY_PUBLISHED.items())


KINDS: dict[str, Callable[[], Listing]] = {
    "methods": _methods,
    "parts": _parts,
    "spaces": _spaces,
    "datasets": _datasets,
    "genotypes": _genotypes,
}


@verb("list", short_help="Methods, parts, spaces, datasets or genotypes.")
@click.argument("kind", type=click.Choice(list(KINDS)))
def list_command(kind: str) -> Outcome:
    """What there is by name. A method's parts are those that first-order DARTS has not."""
    rows, lines = KINDS[kind]()
    return Outcome({kind: rows}, lines)
