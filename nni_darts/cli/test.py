"""``nni-darts test``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nni_darts.cli.results import as_data, as_lines
from nni_darts.cli.stage import checkpoint_in
from nni_darts.cli.verb import Outcome, verb
from nni_darts.config.machine import importable_from


@verb("test", short_help="Score a retrained network on the test set.")
@click.option(
    "--checkpoint", required=True, metavar="FILE", help="Checkpoint of a retraining, or its run folder."
)
@click.option("--data-dir", metavar="DIR", help="Folder of the images, where it is not that of the training.")
def test_command(checkpoint: str, data_dir: str | None) -> Outcome:
    """Score a retrained network on the test set: the accuracy that its training printed."""
    from nni_darts.stages import run_test

    path = checkpoint_in(checkpoint)
    overrides: dict[str, Any] = (
        {} if data_dir is None else {"root": str(Path(data_dir).expanduser().resolve())}
    )
    with importable_from(Path.cwd()):  # a space of the user's own lies here
        result = run_test(path, overrides)
    return Outcome(as_data(result, path.parent), as_lines(result, path.parent))
