"""A step that is run by hand is the step that Lightning runs, and the one that the authors' code runs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.harness import ours
from benchmarks.harness.case import Case
from benchmarks.harness.held import held, searched
from benchmarks.harness.peers.original import Original
from nni_darts import DARTS
from nni_darts.check.supernet import KINDS, set_alphas
from nni_darts.engine import SearchModule
from tests.benchmarks.peer import CHECKOUT, needs_checkout

TINY = Case(channels=4, layers=3, batch=2, image_size=8)
SUPERNETS = ("generic", "fused")


def everything(search: SearchModule) -> dict[str, Tensor]:
    """Weights, alphas, running statistics and the optimisers' states."""
    optimizers = search.trainer.optimizers
    states = {
        f"{number}/{index}/{key}": torch.as_tensor(value)
        for number, optimizer in enumerate(optimizers)
        for index, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
    }
    return {key: value.clone() for key, value in {**search.state_dict(), **states}.items()}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("supernet", SUPERNETS)
def test_two_held_steps_are_two_steps_of_fit_to_the_bit(order, supernet):
    batches = TINY.batches(2)

    def trained(by_hand: bool) -> dict[str, Tensor]:
        torch.manual_seed(0)
        strategy = DARTS(order=order, supernet=supernet)
        evaluator, model = searched(strategy, ours.space_of(TINY), TINY, batches)
        found: dict[str, Tensor] = {}

        def both(step: Any) -> None:
            for batch in batches:
                step(batch)
            found.update(everything(evaluator.module))

        if by_hand:
            held(evaluator, model, both)
            return found
        evaluator.evaluate(model)
        return everything(evaluator.module)

    by_hand, by_lightning = trained(True), trained(False)
    assert by_hand.keys() == by_lightning.keys()
    assert [key for key in by_hand if not torch.equal(by_hand[key], by_lightning[key])] == []


def test_several_can_be_held_at_once():
    seen: list[str] = []

    def outer(step: Any) -> None:
        step()
        ours.hold(TINY, 1, lambda other: (step(), other(), seen.append("both")), "generic")
        step()

    ours.hold(TINY, 1, outer, "generic")
    assert seen == ["both"]


@needs_checkout
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("supernet", SUPERNETS)
def test_the_authors_code_computes_the_same_two_steps(order, supernet):
    assert CHECKOUT is not None
    case = TINY.but(dtype="float64")
    batches = case.batches(2)
    original = Original.build(case, CHECKOUT)
    strategy = DARTS(order=order, supernet=supernet)
    evaluator, model = searched(strategy, ours.space_of(case), case, batches)
    # Both list their parameters in the order of computation.
    theirs = list(original.network.parameters())

    def both(step: Any) -> None:
        search = evaluator.module
        mine = list(search.model.parameters())
        assert [p.shape for p in mine] == [p.shape for p in theirs]
        with torch.no_grad():
            for weight, other in zip(mine, theirs, strict=True):
                weight.copy_(other)
        for kind in KINDS:
            set_alphas(search, kind, getattr(original.network, f"alphas_{kind}"))
        for batch in batches:
            step(batch)
            original.step(order, batch["train"], batch["val"])
        worst = max(float((p - q).detach().abs().max()) for p, q in zip(mine, theirs, strict=True))
        assert worst < 1e-12
        moved = torch.cat([alpha.detach() for alpha in search.relaxation.alphas])
        alphas = torch.cat([getattr(original.network, f"alphas_{kind}").flatten() for kind in KINDS])
        assert torch.allclose(moved.sort().values, alphas.sort().values, rtol=0, atol=1e-12)

    held(evaluator, model, both)
