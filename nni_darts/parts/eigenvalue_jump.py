"""The rule of DARTS-ES and DARTS-ADA: the architecture's Hessian has become too sharp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nni_darts.errors import ConfigError
from nni_darts.parts.demand import REPEATABLE, demands
from nni_darts.parts.eigenvalue import largest_eigenvalue, largest_eigenvalue_by_products
from nni_darts.parts.named import makes_part
from nni_darts.parts.stopping import Return, Sample, Stop, Stopping
from nni_darts.parts.weight_decay import decay_of
from nni_darts.state import SearchState

Measure = Callable[[SearchState], float]


@demands(REPEATABLE)
class EigenvalueJump(Stopping):
    """Stops when the smoothed eigenvalue has grown by more than ``factor``, as src/utils.py of the authors.

    Values are recorded every ``every`` epochs and after the last one. The mean over the last ``window``
    records belongs to the epoch in the middle of them; it is compared with the mean of ``delta`` records
    ago, and where it is too large the architecture of that epoch, ``delta`` records before the middle, is
    the result, if it is not earlier than ``start``. With the defaults the first stop is after epoch 22,
    with the architecture of epoch 10.

    Parameters
    ----------
    measure
        The state at the end of an epoch's training -> the eigenvalue.
    ridge
        Added to every value; None for the decay that the architecture's optimiser adds to its gradient.
    """

    def __init__(
        self,
        measure: Measure = largest_eigenvalue,
        every: int = 2,
        window: int = 5,
        start: int = 10,
        delta: int = 4,
        factor: float = 1.3,
        ridge: float | None = None,
    ) -> None:
        super().__init__()
        self.measure, self.every, self.window = measure, every, window
        self.start, self.delta, self.factor, self.ridge = start, delta, factor, ridge

    @property
    def reach(self) -> int:
        """How many records back from the last one the architecture is taken."""
        return self.window // 2 + self.delta

    def answer(self, state: SearchState, stop: Stop) -> Stop | Return | None:
        """What follows from a jump."""
        return stop

    def __call__(self, state: SearchState, sample: Sample) -> Stop | Return | None:
        asked = self.memory.get("asked", 0)
        self.memory["asked"] = asked + 1
        last = state.epoch == state.epochs - 1
        if asked % self.every and not last:
            return None
        records = self.memory.setdefault("records", [])
        value = self.measure(state) + self._ridge(state)
        records.append({"asked": asked, "epoch": state.epoch, "value": value, "sample": sample})
        # The last epoch may follow its predecessor at another distance.
        stop = None if last else self._stop([record["value"] for record in records])
        return None if stop is None else self.answer(state, stop)

    def _stop(self, values: Sequence[float]) -> Stop | None:
        index = len(values) - 1 - self.reach
        if index < 0:
            return None
        record = self.memory["records"][index]
        now, before = self._mean(values), self._mean(values[: -self.delta])
        if record["asked"] < self.start or not 0 < before * self.factor < now:
            return None
        reason = f"the eigenvalue has grown from {before:.4g} to {now:.4g}"
        return Stop(reason, record["epoch"], record["sample"])

    def _ridge(self, state: SearchState) -> float:
        optimizer = state.outer_optimizer() if self.ridge is None else None
        return decay_of(optimizer) if optimizer is not None else self.ridge or 0.0

    def _mean(self, values: Sequence[float]) -> float:
        """Over the window that ends here, as far as there are values."""
        found = values[-self.window :]
        return sum(found) / len(found)

    def metrics(self) -> dict[str, float]:
        """The last value, which stays until the next is recorded."""
        records = self.memory.get("records")
        return {"eigenvalue": records[-1]["value"]} if records else {}


def jump_options(
    every: int,
    window: int,
    start: int,
    delta: int,
    factor: float,
    eigenvalue: str,
    ridge: float | None,
    problems: Sequence[str] = (),
) -> dict[str, Any]:
    """A method's options as arguments of :class:`EigenvalueJump`.

    Raises
    ------
    ConfigError
        With ``problems`` and those of these options, all at once.
    """
    measures = {"exact": largest_eigenvalue, "power": largest_eigenvalue_by_products}
    numbers = {"every": (every, 1), "window": (window, 1), "start": (start, 0), "delta": (delta, 1)}
    found = [
        f"method.{name}: got {value}; it must be {least} or more."
        for name, (value, least) in numbers.items()
        if value < least
    ]
    if not factor > 0:
        found.append(f"method.factor: got {factor}; it must be greater than 0.")
    if eigenvalue not in measures:
        found.append(f'method.eigenvalue: got "{eigenvalue}"; write "exact" or "power".')
    if problems or found:
        raise ConfigError(*problems, *found)
    plain = {name: value for name, (value, _) in numbers.items()}
    return {**plain, "measure": measures[eigenvalue], "factor": factor, "ridge": ridge}


@makes_part
def eigenvalue_jump(
    every: int = 2,
    window: int = 5,
    start: int = 10,
    delta: int = 4,
    factor: float = 1.3,
    eigenvalue: str = "exact",
    ridge: float | None = None,
) -> EigenvalueJump:
    """Stop when the largest eigenvalue of the architecture's Hessian grows, and go back (DARTS-ES)."""
    return EigenvalueJump(**jump_options(every, window, start, delta, factor, eigenvalue, ridge))
