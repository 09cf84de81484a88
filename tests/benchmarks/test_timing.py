"""Turns, and ratios of the same round, with a clock that is told what to say."""

from __future__ import annotations

from benchmarks.harness.timing import Clocked, Ratio, Times, interleave


class Clock:
    """Advances when a step says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_steps_take_turns_and_warm_up_does_not_count():
    clock, order = Clock(), []

    def step(name, durations):
        def run():
            order.append(name)
            clock.now += next(durations)

        return run

    steps = {"a": step("a", iter([100.0, 1, 2])), "b": step("b", iter([100.0, 3, 8]))}
    rounds = interleave(steps, repeats=2, seconds=Clocked(clock), warm_up=1)
    assert rounds == {"a": [1.0, 2.0], "b": [3.0, 8.0]}
    assert order == ["a", "b"] * 3


def test_ratios_are_of_the_same_round():
    """A machine three times slower in the second round: the medians' ratio would be 2.25 / 1.5."""
    times = Times(rounds={"ours": [1.0, 3.0, 1.5], "peer": [2.0, 6.6, 2.25]})
    assert times.ratio("peer", "ours") == Ratio(median=2.0, smallest=1.5, largest=2.1999999999999997)
    assert times.median("ours") == 1.5
