"""``nni-darts run``: a whole experiment, from its file to its collected results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from nni_darts.cli.verb import Outcome, verb
from nni_darts.errors import ConfigError, Interrupted


@verb("run", short_help="Run an experiment file under nnictl to its end and collect the results.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--port", default=8080, show_default=True, help="Port of the web page, or the next free one.")
@click.option("--out", metavar="DIR", help="Folder for what is collected.  [default: results/EXPERIMENT_ID]")
def run_command(file: Path, port: int, out: str | None) -> Outcome:
    """Start FILE with nnictl, wait until it is done, collect the winner, stop the manager.

    The same as nnictl create, a look at the page, nni-darts export and nnictl stop. Ctrl-C stops the
    trials; what they had done is kept, and nnictl resume continues.
    """
    from nni_darts.config import validate
    from nni_darts.export import export_experiment
    from nni_darts.pipeline.launch import Launch

    problems = validate(file)
    if problems:
        raise ConfigError(*problems)
    launch = Launch(file, port)
    launch.create()
    click.echo(f"experiment {launch.id}: {launch.page} (no password: see the README)", err=True)
    try:
        for line in launch.progress():
            click.echo(line, err=True)
    except KeyboardInterrupt:
        raise Interrupted(f"stopped; nnictl resume {launch.id} continues it.") from None
    finally:
        launch.stop()
    folder = export_experiment(launch.id, Path(out or f"results/{launch.id}"))
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return Outcome({"experiment": launch.id, "out": str(folder), "summary": summary}, _lines(folder, summary))


def _lines(folder: Path, summary: dict[str, Any]) -> list[str]:
    lines = []
    for stage, metric in (("select", "valid_accuracy"), ("retrain", "test_accuracy")):
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
