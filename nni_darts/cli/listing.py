"""``nni-darts list``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from nni_darts.cli.verb import Outcome, verb

Rows = list[dict[str, Any]]


def _methods() -> Rows:
    from nni_darts.recipe import methods

    return [
        {"name": method.name, "summary": method.summary, "paper": method.paper, "options": method.options}
        for method in methods().values()
    ]


def _spaces() -> Rows:
    from nni_darts.config.space import SPACES

    return [{"name": name, "summary": summary} for name, summary in SPACES.items()]


def _datasets() -> Rows:
    from nni_darts.config.data import DATASETS

    return [{"name": name, "summary": summary} for name, summary in DATASETS.items()]


def _genotypes() -> Rows:
    from nni_darts.genotype import EVERY_PUBLISHED

    return [{"name": name, "summary": str(genotype)} for name, genotype in EVERY_PUBLISHED.items()]


KINDS: dict[str, Callable[[], Rows]] = {
    "methods": _methods,
    "spaces": _spaces,
    "datasets": _datasets,
    "genotypes": _genotypes,
}


@verb("list", short_help="Methods, spaces, datasets or genotypes, a line each.")
@click.argument("kind", type=click.Choice(list(KINDS)))
def list_command(kind: str) -> Outcome:
    """What there is by name, one line each."""
    rows = KINDS[kind]()
    width = max(len(row["name"]) for row in rows)
    lines = []
    for row in rows:
        options = ", ".join(f"{key}={value}" for key, value in row.get("options", {}).items())
        lines.append(f"{row['name']:<{width}}  {row['summary']}" + (f" ({options})" if options else ""))
    return Outcome({kind: rows}, lines)
