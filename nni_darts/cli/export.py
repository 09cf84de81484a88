"""``nni-darts export``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from nni_darts.cli.verb import Outcome, verb


@verb("export", short_help="Collect the winner and a table of all trials of an experiment.")
@click.argument("experiment_id")
@click.option("--out", metavar="DIR", help="Folder for what is collected.  [default: ./EXPERIMENT_ID]")
@click.option("--force", is_flag=True, help="Write into a folder that holds files already.")
def export_command(experiment_id: str, out: str | None, force: bool) -> Outcome:
    """Collect the winner and a table of all trials with mean and spread.

    Works while the experiment runs, after it was stopped, and when it is done.
    """
    from nni_darts.export import export_experiment

    folder = export_experiment(experiment_id, Path(out or experiment_id), force=force)
    summary = folder / "summary.json"
    content = json.loads(summary.read_text(encoding="utf-8")) if summary.is_file() else {}
    files = sorted(str(path) for path in folder.iterdir())
    return Outcome({"status": "done", "out": str(folder), "summary": content, "files": files}, files)
