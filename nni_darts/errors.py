"""Errors that a user can mend. Each carries the exit code that the command line returns."""

from __future__ import annotations


class NniDartsError(Exception):
    """Base class: the message is one sentence for the user, never a traceback."""

    exit_code = 1


class ConfigError(NniDartsError):
    """Bad input, found before any work started.

    Parameters
    ----------
    problems
        One sentence each: the field, the value, and what would be right. All of them at once.
    """

    exit_code = 2

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class RunError(NniDartsError):
    """A run failed although its input was right (a NaN loss, a device that went away)."""


class Interrupted(RunError):
    """The user or the manager stopped the run; its checkpoint is on disk."""

    exit_code = 130
