"""Every registered method on one small search: ``python -m benchmarks.methods [--help]``.

Each searches NAS-Bench-201 on a part of CIFAR-10 with the same budget and several seeds; what the derived
cells really reach is looked up. Every search has a process and, with --jobs, a core of its own, and leaves
a file of results in --out: a table that was interrupted goes on where it was, and a search is done again
when its settings or the code that it runs have changed.

CIFAR-10 is found as everywhere (NNI_DARTS_DATA), the benchmark's table by NNI_DARTS_NASBENCH201.
"""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import click

from benchmarks.harness.machine import hardware, provenance
from benchmarks.recipes import page, plot
from benchmarks.recipes.budget import SECTION, Budget
from benchmarks.recipes.rows import references, refusals, rows, sampled
from benchmarks.recipes.store import Store, Task
from benchmarks.recipes.variants import REFERENCE, SAMPLING, Options, Variant, variants
from benchmarks.recipes.work import work_off
from nni_darts.benchmarks import NasBench201
from nni_darts.cli.inputs import assigned
from nni_darts.errors import ConfigError

METHOD = "method."
USUAL = Budget()


def _chosen(context: click.Context, option: click.Parameter, value: str | None) -> list[str]:
    """Names of rows, or of methods for all of their rows; semicolons between them where rows have commas."""
    known = variants()
    if value is None:
        return list(known)
    words = [word.strip() for word in value.split(";" if ";" in value else ",") if word.strip()]
    whole = value.strip()
    names = [whole] if whole in known else words
    found = [row for row in known if any(name in (row, known[row].method) for name in names)]
    for name in names:
        if not any(name in (row, known[row].method) for row in known):
            raise click.BadParameter(f'"{name}" is none of {"; ".join(known)}, and no method.')
    return found


def _set(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> Options:
    """As rows have them: a method's options under their names, settings under ``search.NAME``."""
    try:
        given = assigned(values)
    except ConfigError as error:
        raise click.BadParameter(str(error)) from None
    for path in given:
        if not path.startswith((METHOD, SECTION)):
            raise click.BadParameter(f"{path} begins with neither {METHOD} nor {SECTION}")
    return {path.removeprefix(METHOD): value for path, (value, _) in given.items()}


def _numbers(context: click.Context, option: click.Parameter, value: str) -> list[int]:
    try:
        return [int(word) for word in value.split(",")]
    except ValueError:
        raise click.BadParameter(f'"{value}" is no list of whole numbers such as 0,1,2.') from None


def _check(changed: list[Variant], budget: Budget) -> None:
    problems = []
    for row in changed:
        try:
            budget.settings(row.method, row.fitted(budget.epochs))
        except ConfigError as error:
            problems += [f"{row.name}: {problem}" for problem in error.problems]
    if problems:
        raise click.UsageError("\n".join(problems))


@click.command(help=__doc__.split("\n\n", 1)[1])
@click.option("--methods", "names", callback=_chosen, help="Methods, or rows; all when left out.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    callback=_set,
    help="method.NAME=VALUE or search.NAME=VALUE, for all of these rows but the reference and sampling.",
)
@click.option("--seeds", default="0,1,2", show_default=True, callback=_numbers)
@click.option("--jobs", default=1, show_default=True, help="Searches at a time, one thread each.")
@click.option("--images", default=USUAL.images, show_default=True, help="Both halves together.")
@click.option("--epochs", default=USUAL.epochs, show_default=True)
@click.option("--batch", "batch_size", default=USUAL.batch_size, show_default=True, help="Images a level.")
@click.option(
    "--arch-lr-factor", default=USUAL.arch_lr_factor, show_default=True, help="Times each method's own."
)
@click.option(
    "--out",
    default="results/methods",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the results.",
)
@click.option("--any-code", is_flag=True, help="Take results of other code too; the page says which.")
@click.option("--no-search", is_flag=True, help="The table of what is there.")
@click.option("--json", "as_line", is_flag=True, help="End with one line of JSON.")
@click.option("--write", is_flag=True, help="Put table and plot into the page; its other text stays.")
@click.option(
    "--page",
    "place",
    default=lambda: page.PATH,
    show_default=f"docs/{page.PATH.name}",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where --write puts them.",
)
def main(
    names: list[str],
    changes: Options,
    seeds: list[int],
    jobs: int,
    out: Path,
    any_code: bool,
    epochs: int,
    no_search: bool,
    as_line: bool,
    write: bool,
    place: Path,
    **sizes: int | float,
) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        table = NasBench201.read()
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    budget = replace(USUAL, epochs=epochs, **sizes)
    known = variants()
    if changes:
        fixed = (REFERENCE.name, SAMPLING)
        known = {name: row if name in fixed else row.but(changes) for name, row in known.items()}
        _check([known[name] for name in names if name not in fixed], budget)
    # Seed by seed, so that what is there early is of all methods.
    tasks = [Task(known[name], seed, budget) for seed in seeds for name in names]
    store = Store(out, any_code)
    failed = {} if no_search else work_off(tasks, store, jobs, lambda line: click.echo(line, err=True))
    found = {task: result for task in tasks if (result := store.read(task)) is not None}
    measured, around = rows(found, table), references(table)
    parts = [
        f"{hardware('cpu', 1)}. {provenance()}",
        page.table_of(measured, around, table),
        page.notes(measured, refusals(found), epochs, sampled(found), table),
        page.about(budget, seeds),
    ]
    absent = [task for task in tasks if task not in found]
    missing = [f"- Missing: {task}: {failed.get(task, 'not searched')}." for task in absent]
    block = "\n\n".join(part for part in (*parts[:3], "\n".join(missing), parts[3]) if part)
    click.echo(block)
    if write:
        picture = place.with_suffix(".svg")
        plot.draw(measured, around, picture)
        page.write(f"{block}\n\n![True accuracy of every search]({picture.name})", place)
    if as_line:
        click.echo(json.dumps({"rows": [row.to_dict() for row in measured], "missing": len(absent)}))
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
