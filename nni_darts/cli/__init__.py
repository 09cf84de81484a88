"""The command line: one file per group of verbs, each imported only when it is used."""

from __future__ import annotations


def main() -> None:
    """Entry of ``nni-darts`` and of ``python -m nni_darts``."""
    from nni_darts.cli.program import program

    program(prog_name="nni-darts")
