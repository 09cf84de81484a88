"""``nni-darts search``."""

from __future__ import annotations

from typing import Any

import click

from nni_darts.cli.flags import SEARCH, given_flags, settings_flags
from nni_darts.cli.inputs import assigned, resolve_inputs
from nni_darts.cli.results import as_data, as_lines
from nni_darts.cli.stage import check_machine, folder_flags, folder_of, reporter, resolved_outcome, run_in
from nni_darts.cli.verb import Outcome, verb
from nni_darts.run import Run


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
@folder_flags
def search_command(
    config: str | None,
    assignments: tuple[str, ...],
    unrolled: bool,
    seed: int | None,
    point: int | None,
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
    inputs = resolve_inputs("search", config, given, seed=seed, point=point)
    if dry_run:
        return resolved_outcome(inputs)
    check_machine(inputs)
    folder = folder_of(out, resume, f"runs/search-{inputs.seed}")

    def job(run: Run) -> dict[str, Any]:
        from nni_darts.stages import run_search

        return run_search(inputs.settings, inputs.seed, run, reporter())

    task = f"search/{inputs.seed}"
    result = run_in(folder, task, inputs, job, resume=resume is not None, force=force)
    hint = f"next: nni-darts retrain --genotype {folder}"
    return Outcome(as_data(result, folder), [*as_lines(result, folder), hint])
