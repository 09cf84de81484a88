"""``nni-darts derive``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from nni_darts.cli.stage import checkpoint_in
from nni_darts.cli.verb import Outcome, verb
from nni_darts.config.machine import importable_from


@verb("derive", short_help="Derive an architecture from a search checkpoint again.")
@click.option(
    "--checkpoint", required=True, metavar="FILE", help="Checkpoint of a search, or its run folder."
)
@click.option(
    "--out", metavar="DIR", help="Folder for the architecture.  [default: derived/ beside the checkpoint]"
)
def derive_command(checkpoint: str, out: str | None) -> Outcome:
    """Derive an architecture from the checkpoint of a search, finished or not."""
    from nni_darts.stages import run_derive

    path = checkpoint_in(checkpoint)
    folder = Path(out) if out is not None else path.parent / "derived"
    with importable_from(Path.cwd()):  # a space of the user's own lies here
        architecture = run_derive(path, folder)
    data = {"status": "done", "out": str(folder), "architecture": json.loads(architecture.to_json())}
    text = architecture.text or json.dumps(architecture.nni)
    return Outcome(data, [text, f"architecture: {folder / 'genotype.json'}"])
