"""``nni-darts search``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nni_darts.cli.earlier import seed_of_run, settings_of
from nni_darts.cli.flags import SEARCH, given_flags, settings_flags
from nni_darts.cli.inputs import assigned, resolve_inputs
from nni_darts.cli.results import as_data, as_lines
from nni_darts.cli.stage import (
    check_machine,
    folder_flags,
    folder_of,
    folder_to_resume,
    open_run,
    resolved_outcome,
)
from nni_darts.cli.verb import Outcome, verb
from nni_darts.config.machine import importable_from
from nni_darts.run import NullReporter

if TYPE_CHECKING:
    from nni_darts.explain import Explanation


@verb("search", short_help="Train the supernet and derive an architecture.")
@settings_flags(SEARCH)
@click.option("--unrolled", is_flag=True, help="The same as --order 2.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    metavar="N",
    help="Seed.  [default: the file's first, else 0]",
)
@click.option("--point", type=int, metavar="K", help="Which point of the file's search space.  [default: 0]")
@click.option("--memory", is_flag=True, help="With --dry-run: estimate the memory of a step, on the device.")
@folder_flags
def search_command(
    config: str | None,
    assignments: tuple[str, ...],
    unrolled: bool,
    seed: int | None,
    point: int | None,
    memory: bool,
    out: str | None,
    resume: str | None,
    force: bool,
    dry_run: bool,
    **arguments: Any,
) -> Outcome:
    """Train the supernet and derive an architecture.

    The accuracy of the search is not that of the final network: retrain what was derived.
    """
    given = given_flags(SEARCH, arguments) | assigned(assignments)
    if unrolled:
        given.setdefault("method.order", (2, "--unrolled"))
    earlier = folder_to_resume(out, resume) if config is None else None
    seed = seed_of_run(earlier) if seed is None else seed
    inputs = resolve_inputs("search", config, given, beneath=settings_of(earlier), seed=seed, point=point)
    if dry_run:

        def explain() -> Explanation:
            from nni_darts.explain import explain_search

            return explain_search(inputs.settings, memory)

        return resolved_outcome(inputs, explain)
    check_machine(inputs)
    folder = folder_of(out, resume, f"runs/search-{inputs.seed}")
    run = open_run(folder, f"search/{inputs.seed}", inputs, resume=resume is not None, force=force)
    with importable_from(inputs.folder):
        from nni_darts.stages import run_search

        result = run_search(inputs.settings, inputs.seed, run, NullReporter())
    hint = f"next: nni-darts retrain --genotype {folder}"
    return Outcome(as_data(result, folder), [*as_lines(result, folder), hint])
