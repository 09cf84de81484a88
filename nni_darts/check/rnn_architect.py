"""The architect of the recurrent search: with the original's two defects, and as the textbook has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from nni_darts.check.cnn_unrolled import Recorder
from nni_darts.check.comparison import Comparison, close
from nni_darts.check.fixture import Fixture
from nni_darts.check.supernet import table
from nni_darts.check.weights import parameters
from nni_darts.engine import SearchModule
from nni_darts.genotype.cell import RECURRENT
from nni_darts.parts.architect import Unrolled, shortened

CASES = ("clip_active", "clip_inactive")


def check_architect(fixture: Fixture, prepare: Callable[[], SearchModule]) -> Iterator[Comparison]:
    """Both clips, each as the original (``Unrolled(official=True)``) and under ``textbook/``."""
    for name in CASES:
        case = fixture.under(name)
        yield from _Step(fixture, case, prepare, official=True).comparisons(name)
        yield from _Step(fixture, case, prepare, official=False).comparisons(name)


class _Step:
    """One architecture step by finite difference, and the exact product at the same place."""

    def __init__(
        self, fixture: Fixture, case: Fixture, prepare: Callable[[], SearchModule], official: bool
    ) -> None:
        self.case, self.official = case, official
        self.eta, self.clip = fixture.number("eta"), case.number("clip")
        self.search, self.state = _recorded(fixture, prepare())
        radius = fixture.number("r")
        self.gradient = Unrolled("fd", radius, self.clip, official)(self.state)
        _, self.exact_state = _recorded(fixture, prepare())
        Unrolled("exact", radius, self.clip, official)(self.exact_state)

    def comparisons(self, name: str) -> Iterator[Comparison]:
        case, state = self.case, self.state
        train, outer = state.gradients[0], state.gradients[1]
        direct, raw = outer[: len(state.outer_parameters)], outer[len(state.outer_parameters) :]
        vector, of_vector = shortened(raw, self.clip)
        _, factor = shortened(train, self.clip)
        assert factor is not None and of_vector is not None and state.valid_loss is not None
        share = factor if self.official else factor.clamp(max=1)
        scale = self.eta * float(share)
        implicit = [(d - g) / scale for d, g in zip(direct, self.gradient, strict=True)]
        exact = [product / scale for product in self.exact_state.gradients[-1]]
        if self.official:
            yield close(f"{name}/val_loss_at_virtual", state.valid_loss, case["val_loss_at_virtual"])
            yield close(f"{name}/clip_coef_val", of_vector, case["clip_coef_val"])
            for weight in case.under("w_virtual"):
                want = case[f"w_virtual/{weight}"]
                yield close(f"{name}/w_virtual/{weight}", self._virtual(weight), want)
            for weight in case.under("dw_virtual"):
                want = case[f"dw_virtual/{weight}"]
                yield close(f"{name}/dw_virtual/{weight}", vector[self._place(weight)], want)
        else:
            name, case = f"{name}/textbook", case.under("textbook")
            yield close(
                f"{name}/w_virtual_embedding", self._virtual("embedding"), case["w_virtual_embedding"]
            )
        yield close(f"{name}/clip_coef", share, case["clip_coef"])
        yield self._table(f"{name}/d_alpha_direct", direct, case["d_alpha_direct"])
        yield self._table(f"{name}/implicit_fd", implicit, case["implicit_fd"])
        yield self._table(f"{name}/implicit_exact", exact, case["implicit_exact"])
        yield self._table(f"{name}/alpha_grad", self.gradient, case["alpha_grad"])

    def _table(self, name: str, values: Sequence[Tensor], want: Tensor) -> Comparison:
        return close(name, table(self.search, RECURRENT, values), want)

    def _parameter(self, name: str) -> Tensor:
        return parameters(self.search.model.network, [name])[name]

    def _place(self, name: str) -> int:
        sought = self._parameter(name)
        return next(i for i, weight in enumerate(self.state.sgd().weights) if weight is sought)

    def _virtual(self, name: str) -> Tensor:
        sought = self._parameter(name)
        names = [own for own, weight in self.state.objective.named_parameters() if weight is sought]
        return self.state.virtual[names[0]]


def _recorded(fixture: Fixture, search: SearchModule) -> tuple[SearchModule, Recorder]:
    sgd = torch.optim.SGD(
        search.model.parameters(), lr=fixture.number("eta"), weight_decay=fixture.number("weight_decay")
    )
    state = Recorder(**vars(search.state))
    state.optimizer = lambda: sgd
    state.train_batch = (fixture["x"], fixture["y"], fixture["h0"][0])
    state.valid_batch = (fixture["x_val"], fixture["y_val"], fixture["h0_val"][0])
    return search, state
