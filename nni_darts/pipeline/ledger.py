"""Which trial is on which task: NNI's own record of it can be wrong."""

from __future__ import annotations

from collections.abc import Iterable


class Ledger:
    """Parameter ids, the task attempts they stand for, and the trials that are still to end.

    On a service where a trial cannot look its own record up, NNI gives parameters to whichever trial asks
    first. A trial's reports carry the id of those it really received; its end carries those of its record.
    """

    def __init__(self) -> None:
        self.live = 0
        self._next = 0
        self._tasks: dict[int, tuple[str, int]] = {}
        self._received: dict[str, int] = {}

    def skip(self, ids: Iterable[int]) -> None:
        """Give none of these ids out: an earlier life of the experiment used them."""
        self._next = max([self._next, *(used + 1 for used in ids)])

    def issue(self, name: str, attempt: int) -> int:
        """A new id for a trial that is about to be sent."""
        number = self._next
        self.adopt(number, name, attempt)
        return number

    def adopt(self, number: int, name: str, attempt: int) -> None:
        """Take over a running trial of an earlier life."""
        self.skip([number])
        self._tasks[number] = (name, attempt)
        self.live += 1

    def reported(self, trial: str, number: int) -> None:
        """The trial reported under this id, so these are the parameters that it has."""
        if number in self._tasks:
            self._received[trial] = number

    def ended(self, trial: str, number: int) -> tuple[str, int] | None:
        """The task and attempt that ended with the trial; None for a trial that is not ours."""
        if number not in self._tasks:
            return None
        self.live -= 1
        return self._tasks[self._received.pop(trial, number)]
