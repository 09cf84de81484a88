"""Options that the commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from benchmarks.harness.case import DTYPES
from benchmarks.harness.ours import IMPLEMENTATIONS

Command = Callable[..., Any]


def listed(*known: str) -> Callable[[click.Context, click.Parameter, str], tuple[str, ...]]:
    """A callback: a comma-separated option as a tuple of known words."""

    def split(context: click.Context, option: click.Parameter, value: str) -> tuple[str, ...]:
        words = tuple(word.strip() for word in value.split(",") if word.strip())
        for word in words:
            if word not in known:
                raise click.BadParameter(f'"{word}" is none of {", ".join(known)}.')
        return words

    return split


def sizes(**defaults: int) -> Callable[[Command], Command]:
    """--channels, --layers and so on, with these defaults."""
    helps = {"layers": "Cells.", "batch": "Images a level."}

    def add(command: Command) -> Command:
        for name, default in reversed(defaults.items()):
            flag = f"--{name.replace('_', '-')}"
            command = click.option(flag, default=default, show_default=True, help=helps.get(name))(command)
        return command

    return add


def machine(command: Command) -> Command:
    """Where and how to compute, and what to do with the results."""
    for option in reversed(
        (
            click.option("--device", default="cpu", show_default=True, help="cpu or cuda[:N]"),
            click.option("--dtype", type=click.Choice(list(DTYPES)), default="float32", show_default=True),
            click.option("--threads", default=1, show_default=True, help="Of PyTorch on the CPU."),
            click.option(
                "--implementation",
                type=click.Choice(list(IMPLEMENTATIONS)),
                default="fused",
                show_default=True,
                help="Of our step: eager is fused, and not captured on a GPU.",
            ),
            click.option("--tf32", is_flag=True, help="Products with 10-bit mantissas, on a GPU."),
            click.option(
                "--peer-darts",
                type=click.Path(exists=True, path_type=Path),
                help="Your checkout of quark0/darts, or its cnn folder.",
            ),
            click.option("--json", "as_line", is_flag=True, help="End with one line of JSON."),
            click.option("--write", is_flag=True, help="Put the table into benchmarks/RESULTS.md."),
        )
    ):
        command = option(command)
    return command
