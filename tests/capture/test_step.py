"""The captured step alone, on numbers."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from torch import Tensor

from nni_darts.capture import CapturedStep, DeviceRates
from nni_darts.capture import step as module
from nni_darts.capture.rates import unsupported
from nni_darts.errors import RunError
from tests.capture.fakes import Rerun, Tape


class Sum:
    """Adds every batch to a total; what the host holds is added as it was when recorded."""

    def __init__(self, graphs: Any, **options: Any) -> None:
        self.total = torch.zeros(2)
        self.offset = 0.0
        self.step = CapturedStep(self.add, DeviceRates([], fused=True), graphs, **options)

    def add(self, batch: dict[str, Any]) -> None:
        self.total += batch["x"].sum(0) + self.offset

    def __call__(self, *rows: float, **more: Any) -> list[float]:
        self.step({"x": torch.tensor([[row, 1.0] for row in rows]), **more})
        return self.total.tolist()


def test_batches_are_copied_into_the_recording() -> None:
    tape = Tape()
    add = Sum(tape)
    assert [add(value)[0] for value in (1, 10, 100, 1000)] == [1, 11, 111, 1111]
    assert (tape.runs, [recording.replays for recording in tape.tapes]) == (1, [3])


def test_every_shape_and_every_other_content_has_its_own() -> None:
    add = Sum(Tape())
    for _ in range(3):
        add(1.0), add(1.0, 2.0), add(1.0, kind="a"), add(1.0, kind="b")
    assert add.step.recorded == 4
    assert add.total.tolist() == [3 * (1 + 3 + 1 + 1), 3 * 5]


def test_a_host_value_without_a_key_is_the_recorded_one() -> None:
    """What the promises of ``capturable`` are about, and what keeps them."""
    forgetful, told = Sum(Tape()), Sum(Tape())
    told.step._host_values = lambda: told.offset
    for add in (forgetful, told):
        add(0), add(0)
        add.offset = 5.0
        add(0), add(0)
    assert (forgetful.total[0], told.total[0]) == (0, 10)


def test_at_most_so_many_kinds_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    add = Sum(Tape())
    for count in (1, 2, 3) * 3:
        add(*[1.0] * count)
    assert add.step.recorded == 2
    assert add.total[0] == 3 * 6


def test_what_cannot_be_told_apart_is_not_recorded(caplog: pytest.LogCaptureFixture) -> None:
    add = Sum(Tape())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            add(1.0, kind={1, 2})
    assert add.total[0] == 3
    assert len(caplog.records) == 1
    assert "a batch holds what cannot be told from another" in caplog.text


def test_a_repetition_is_counted_once() -> None:
    """Whether the host counted while it recorded (CUDA), while it repeated (a rerun), or not at all."""

    class Count:
        steps = 0

        def read(self) -> int:
            return self.steps

        def advance(self, steps: int) -> None:
            self.steps += steps

    for graphs in (Rerun(fused=True), Tape()):
        count = Count()
        add = Sum(graphs, counter=count)
        add.step._step = lambda batch, count=count, add=add: (count.advance(2), add.add(batch))
        for expected in (2, 4, 6, 8):
            add(1.0)
            assert count.steps == expected


class Broken(Rerun):
    def record(self, work: Any) -> Any:
        try:
            raise RuntimeError("operation not permitted\nmore lines")
        except RuntimeError as cause:
            raise RuntimeError("operation failed due to a previous error") from cause


def test_the_first_cause_is_told_and_the_step_is_not_lost(caplog: pytest.LogCaptureFixture) -> None:
    add = Sum(Broken(fused=True))
    with caplog.at_level(logging.WARNING):
        assert [add(1.0)[0] for _ in range(4)] == [1, 2, 3, 4]
    assert [record.getMessage() for record in caplog.records] == [
        "The training step cannot be captured: operation not permitted. It goes on uncaptured."
    ]
    with pytest.raises(RunError, match="operation not permitted; set trainer.capture"):
        required = Sum(Broken(fused=True), required=True)
        required(1.0), required(1.0)


def test_rates_follow_their_numbers_only_when_they_change() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    rates = DeviceRates([optimizer], fused=True)
    (tensor,) = rates._rates
    for lr in (0.5, 0.25):
        optimizer.param_groups[0]["lr"] = lr
        rates.refresh()
        assert tensor.item() == lr
    tensor.fill_(7)
    rates.refresh()
    assert tensor.item() == 7
    with pytest.raises(KeyError), rates.installed():
        assert optimizer.param_groups[0]["lr"] is tensor
        raise KeyError
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["fused"]) == (0.25, None)


def test_another_momentum_is_another_recording() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=0.5, momentum=0.9)
    rates = DeviceRates([optimizer], fused=True)
    before = rates.key()
    optimizer.param_groups[0]["lr"] = 0.1
    assert rates.key() == before
    optimizer.param_groups[0]["momentum"] = 0.8
    assert rates.key() != before


def test_adam_counts_its_steps_beside_its_weights_after_a_checkpoint() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.Adam([weight])
    weight.grad = torch.ones(2)
    optimizer.step()
    optimizer.state[weight]["step"] = torch.tensor(1.0, dtype=torch.float64)
    DeviceRates([optimizer], fused=True)
    assert optimizer.state[weight]["step"].dtype is torch.float32


def parameter() -> list[Tensor]:
    return [torch.nn.Parameter(torch.ones(1))]


@pytest.mark.parametrize(
    ("optimizer", "why"),
    [
        (torch.optim.SGD(parameter(), lr=1, momentum=0.9, dampening=0.5), "has dampening"),
        (torch.optim.Adam(parameter(), differentiable=True), "is differentiable"),
        (torch.optim.RMSprop(parameter()), "RMSprop is none of SGD, Adam, AdamW"),
        (type("Mine", (torch.optim.SGD,), {})(parameter(), lr=1), "Mine is none of"),
    ],
)
def test_optimisers_that_cannot_be_recorded(optimizer: torch.optim.Optimizer, why: str) -> None:
    (found,) = unsupported([optimizer])
    assert why in found
    assert unsupported([torch.optim.SGD(parameter(), lr=1), torch.optim.AdamW(parameter())]) == []
