"""What every verb has: its common flags, its errors as sentences, its exit codes and its JSON line."""

from __future__ import annotations

import functools
import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import click

from nni_darts.cli.logs import set_up_logging
from nni_darts.errors import NniDartsError

INTERRUPTED = 130


@dataclass(frozen=True)
class Outcome:
    """What a verb found out: ``lines`` for people, ``data`` for programs."""

    data: dict[str, Any]
    lines: list[str] = field(default_factory=list)
    exit_code: int = 0


def verb(name: str, **attributes: Any) -> Callable[[Callable[..., Outcome]], click.Command]:
    """Turn a function that returns an Outcome into a command with the common flags."""

    def decorate(function: Callable[..., Outcome]) -> click.Command:
        @functools.wraps(function)
        def run(as_json: bool, quiet: bool, verbose: bool, debug: bool, **arguments: Any) -> None:
            set_up_logging(quiet=quiet, verbose=verbose or debug)
            outcome = _guarded(function, arguments, debug)
            if as_json:
                click.echo(json.dumps(outcome.data, allow_nan=False))
            elif outcome.lines and not quiet:
                click.echo("\n".join(outcome.lines))
            click.get_current_context().exit(outcome.exit_code)

        command: Any = run
        for flag in reversed(_COMMON):
            command = flag(command)
        made = click.command(name, **attributes)(command)
        assert isinstance(made, click.Command)
        return made

    return decorate


_COMMON = (
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line."),
    click.option("--quiet", "-q", is_flag=True, help="Warnings and errors only."),
    click.option("--verbose", "-v", is_flag=True, help="More of what happens."),
    click.option("--debug", is_flag=True, help="Tracebacks of errors."),
)


def _guarded(function: Callable[..., Outcome], arguments: dict[str, Any], debug: bool) -> Outcome:
    try:
        return function(**arguments)
    except (click.ClickException, click.exceptions.Exit):
        raise
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            traceback.print_exc()
        sentences, code = _told(error)
    for sentence in sentences:
        click.echo(f"error: {sentence}", err=True)
    return Outcome({"status": "failed", "errors": sentences}, exit_code=code)


def _told(error: BaseException) -> tuple[list[str], int]:
    """An error as sentences, and the exit code."""
    if isinstance(error, NniDartsError):
        return str(error).splitlines(), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return ["interrupted."], INTERRUPTED
    return [f"unexpected {type(error).__name__}: {error} (--debug shows where)"], 1
