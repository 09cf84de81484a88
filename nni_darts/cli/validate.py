"""``nni-darts validate``."""

from __future__ import annotations

import click

from nni_darts.cli.verb import Outcome, verb
from nni_darts.errors import ConfigError


@verb("validate", short_help="Check an experiment file without running it.")
@click.argument("file")
@click.option(
    "--no-machine", is_flag=True, help="Do not check folders, imports and genotype files of this machine."
)
def validate_command(file: str, no_machine: bool) -> Outcome:
    """Check an experiment file, NNI's fields and ours, without running it: all problems at once."""
    from nni_darts.config import validate

    problems = validate(file, machine=not no_machine)
    if problems:
        raise ConfigError(*problems)
    return Outcome({"status": "valid", "file": file, "errors": []}, [f"{file}: valid."])
