"""``nni-darts run``: a whole experiment, from its file to its collected results."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nni_darts.cli.verb import Outcome, verb
from nni_darts.errors import ConfigError, Interrupted, NniDartsError, RunError

if TYPE_CHECKING:
    from nni_darts.pipeline.launch import Launch

log = logging.getLogger(__name__)


@verb("run", short_help="Run an experiment file under nnictl to its end and collect the results.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Port of the web page, or the next free one.",
)
@click.option("--out", metavar="DIR", help="Folder for what is collected.  [default: results/EXPERIMENT_ID]")
def run_command(file: Path, port: int, out: str | None) -> Outcome:
    """Start FILE with nnictl, wait until it is done, collect the winner, stop the manager.

    The same as nnictl create, a look at the page, nni-darts export and nnictl stop. Ctrl-C stops the
    trials; what they had done is kept, and nnictl resume continues.
    """
    from nni_darts.pipeline.launch import Launch

    stages = _checked(file, out)
    launch = Launch(file, port)
    with _stopped_at_the_end(launch):
        launch.create()
        log.info(
            "experiment %s: %s (no password, open to the network: see the README)", launch.id, launch.page
        )
        for line in launch.progress():
            log.info("%s", line)
        folder = _export(launch.id, Path(out or f"results/{launch.id}"))
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    missing = [stage for stage in stages if stage not in summary["stages"]]
    if missing:
        reason = "maxTrialNumber or maxExperimentDuration came first."
        raise RunError(f"no result of {', '.join(missing)}: {reason} What there is lies in {folder}.")
    return Outcome({"experiment": launch.id, "out": str(folder), "summary": summary}, _lines(folder, summary))


def _checked(file: Path, out: str | None) -> list[str]:
    """The stages of a file that can be run; whatever speaks against it is found before it starts."""
    from nni_darts.config import read_experiment, validate

    problems = validate(file)
    if not problems and not read_experiment(file).nni:
        problems.append(
            f"{file}: holds settings only; an experiment file has trialCommand, tuner and the like."
        )
    if out is not None and Path(out).exists() and not (Path(out).is_dir() and not any(Path(out).iterdir())):
        problems.append(f"--out {out}: is in the way; give a folder that does not exist or is empty.")
    if problems:
        raise ConfigError(*problems)
    return [str(stage) for stage in read_experiment(file).settings.stages]


@contextmanager
def _stopped_at_the_end(launch: Launch) -> Iterator[None]:
    """Stop the experiment whatever happens; after Ctrl-C or SIGTERM say how it can go on."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"stopped; {launch.ways_on}" if launch.id else "stopped before it began.") from None
    finally:
        if launch.id:
            log.info("stopping experiment %s", launch.id)
        launch.stop()
        signal.signal(signal.SIGTERM, before)


def _export(experiment: str, out: Path) -> Path:
    from nni_darts.export import export_experiment

    try:
        return export_experiment(experiment, out)
    except (NniDartsError, OSError) as error:
        again = f"the experiment is done: nni-darts export {experiment} --out DIR collects its results."
        raise RunError(f"{error}\n{again}") from None


def _lines(folder: Path, summary: dict[str, Any]) -> list[str]:
    lines = []
    for stage, metric in (
        ("search", "valid_accuracy"),
        ("select", "valid_accuracy"),
        ("retrain", "test_accuracy"),
    ):
        numbers = summary["stages"].get(stage, {}).get(metric)
        if numbers:
            spread = "" if numbers["std"] is None else f" +- {numbers['std']:.2f}"
            lines.append(
                f"{stage}: {metric.replace('_', ' ')} {numbers['mean']:.2f}{spread} (n={numbers['n']})"
            )
    genotype = folder / "genotype.txt"
    if genotype.is_file():
        lines.append(genotype.read_text(encoding="utf-8").strip())
    return [*lines, f"results: {folder}"]
