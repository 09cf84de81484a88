"""A training step that is recorded for every kind of batch and then repeated."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol

from nni_darts.capture.batch import StaticBatch, layout_of
from nni_darts.capture.graphs import Graph, Graphs
from nni_darts.capture.rates import DeviceRates
from nni_darts.errors import RunError

logger = logging.getLogger(__name__)

WARM_UP = 3
"""Steps of every kind that run unrecorded first; torch.cuda.make_graphed_callables does as many."""

MOST = 8
"""Kinds of step that are recorded; a loop with more of them has no fixed shapes to speak of."""


class Counter(Protocol):
    """What the host counts during a step, of which a repetition knows nothing."""

    def read(self) -> int:
        """How far it has come."""

    def advance(self, steps: int) -> None:
        """Count steps that were repeated."""


class NoCounter:
    """Nothing is counted."""

    def read(self) -> int:
        return 0

    def advance(self, steps: int) -> None:
        return None


@dataclass
class _Kind:
    inputs: StaticBatch
    seen: int = 0
    graph: Graph | None = None
    counted: int = 0


class CapturedStep:
    """Calls ``step(batch)`` a few times, records it, and from then on repeats the recording.

    Parameters
    ----------
    step
        The whole step: forward and backward passes, clipping, optimisers. It must keep the promises of
        :func:`nni_darts.capture.capturable`; gradients are dropped after it.
    rates
        Of all optimisers that act in it.
    graphs
        What records.
    host_values
        What else, outside of tensors, the step depends on.
    counter
        Told of repetitions.
    required
        Whether a step that cannot be recorded ends the run instead of being run unrecorded.
    """

    def __init__(
        self,
        step: Callable[[Any], None],
        rates: DeviceRates,
        graphs: Graphs,
        *,
        host_values: Callable[[], Hashable] = tuple,
        counter: Counter | None = None,
        required: bool = False,
    ) -> None:
        self._step = step
        self._rates = rates
        self._graphs = graphs
        self._host_values = host_values
        self._counter: Counter = counter or NoCounter()
        self._required = required
        self._kinds: dict[Hashable, _Kind] = {}
        self._given_up = False

    @property
    def recorded(self) -> int:
        """How many kinds of step are recorded."""
        return sum(kind.graph is not None for kind in self._kinds.values())

    def forget(self) -> None:
        """Drop every recording: tensors that they refer to are no longer the ones in use."""
        self._kinds.clear()

    def __call__(self, batch: Any) -> None:
        self._rates.refresh()
        kind = self._kind(batch)
        if kind is None:
            self._graphs.run(lambda: self._whole(batch))
            return
        kind.inputs.fill(batch)
        if kind.graph is None and kind.seen < WARM_UP:
            kind.seen += 1
            self._graphs.run(lambda: self._whole(kind.inputs.content))
        elif kind.graph is None:
            self._record(kind)
        else:
            before = self._counter.read()
            kind.graph.replay()
            self._counter.advance(kind.counted - (self._counter.read() - before))

    def _kind(self, batch: Any) -> _Kind | None:
        """The kind of step that this is; None where it is not to be recorded."""
        if self._given_up:
            return None
        try:
            key = (layout_of(batch), self._rates.key(), self._host_values())
            kind = self._kinds.get(key)
        except TypeError as error:
            self._give_up(f"a batch holds what cannot be told from another ({error})")
            return None
        if kind is None and len(self._kinds) < MOST:
            kind = self._kinds[key] = _Kind(StaticBatch(batch))
        return kind

    def _record(self, kind: _Kind) -> None:
        before = self._counter.read()
        try:
            kind.graph = self._graphs.record(lambda: self._whole(kind.inputs.content))
        except RuntimeError as error:  # of CUDA: something in the step asked for a number, or for memory
            self._rates.drop_gradients()
            self._give_up(_first_cause(error))
            self._graphs.run(lambda: self._whole(kind.inputs.content))
            return
        kind.graph.replay()
        kind.counted = self._counter.read() - before

    def _give_up(self, reason: str) -> None:
        sentence = f"the training step cannot be captured: {reason}"
        if self._required:
            raise RunError(f'{sentence}; set trainer.capture to "auto" or "off".')
        logger.warning("%s. It goes on uncaptured.", sentence[0].upper() + sentence[1:])
        self._given_up = True
        self.forget()

    def _whole(self, batch: Any) -> None:
        with self._rates.installed():
            self._step(batch)
        self._rates.drop_gradients()


def _first_cause(error: BaseException) -> str:
    """The end of a recording fails too when its body failed; the first error is the one that tells why."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error).strip().split("\n", 1)[0].rstrip(".") or type(error).__name__
