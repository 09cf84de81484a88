"""On a GPU: recorded steps train as the same steps do unrecorded."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nni_darts.capture.graphs import CudaGraphs
from nni_darts.parts.perturbation import Perturbation
from tests.capture.fakes import Rerun
from tests.capture.searches import Drawing, largest_difference, outcome, search

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="CUDA graphs need a GPU, and torch sees none here"
)

GPU = {"accelerator": "gpu", "devices": 1, "precision": "64-true"}


def run(graphs: Any, **options: Any) -> dict[str, Any]:
    return outcome(search(graphs, capture="on", trainer=GPU, **options))


@pytest.mark.parametrize("supernet", ["generic", "fused"])
@pytest.mark.parametrize("order", [1, 2])
def test_recorded_steps_train_as_unrecorded_ones(order: int, supernet: str) -> None:
    """In double precision, so that what is left is the order of sums."""
    recorded, plain = (run(graphs, order=order, supernet=supernet) for graphs in (None, Rerun(fused=True)))
    assert recorded["global step"] == plain["global step"]
    assert largest_difference(recorded["state"], plain["state"]) < 1e-8
    assert largest_difference(recorded["optimizers"], plain["optimizers"]) < 1e-8
    assert largest_difference(recorded["metrics"], plain["metrics"]) < 1e-6


def test_random_numbers_advance_with_every_repetition() -> None:
    recorded, plain = (run(graphs, classifier=Drawing) for graphs in (None, Rerun(fused=True)))
    assert largest_difference(recorded["state"], plain["state"]) < 1e-8


def test_warm_up_epochs_and_smaller_batches() -> None:
    recorded, plain = (run(graphs, epochs=5, warmup_epochs=2) for graphs in (None, Rerun(fused=True)))
    assert largest_difference(recorded["state"], plain["state"]) < 1e-8


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_other_precisions_are_recorded(precision: str) -> None:
    found = search(None, order=2, capture="on", trainer={**GPU, "precision": precision})
    assert all(torch.isfinite(value).all() for value in found.oneshot_module.parameters())


def test_a_step_that_waits_for_the_device_goes_on_uncaptured(caplog: pytest.LogCaptureFixture) -> None:
    class ReadsBack(Drawing):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            loss = super().training_step(batch, batch_idx)
            self.last = loss.item()
            return loss

    found = search(None, trainer=GPU, classifier=ReadsBack)
    assert "cannot be captured" in caplog.text
    assert all(torch.isfinite(value).all() for value in found.oneshot_module.parameters())
    torch.cuda.synchronize()


def test_a_recording_does_nothing_until_it_is_repeated() -> None:
    graphs = CudaGraphs(torch.device("cuda", torch.cuda.current_device()))
    total, step = torch.zeros((), device="cuda"), torch.ones((), device="cuda")
    graphs.run(lambda: total.add_(step))
    graph = graphs.record(lambda: total.add_(step))
    assert total.item() == 1
    step.fill_(10)
    graph.replay()
    graph.replay()
    assert total.item() == 21


def test_a_selection_is_recorded_anew_after_every_decision() -> None:
    parts = {"tail": Perturbation(interval=1)}
    recorded, plain = (run(graphs, epochs=1, recipe_parts=parts) for graphs in (None, Rerun(fused=True)))
    assert recorded["metrics"]["decided_edges"] == 2
    assert largest_difference(recorded["state"], plain["state"]) < 1e-8
