"""Second order: every intermediate of the unrolled gradient, then one whole step through the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from nni.nas.evaluator.pytorch import DataLoader, Lightning, Trainer
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from nni_darts.check.comparison import Comparison, close
from nni_darts.check.fixture import Fixture
from nni_darts.check.registry import checker
from nni_darts.check.supernet import KINDS, Classification, darts, set_alphas, supernet, table
from nni_darts.check.weights import attribute_path, load_weights
from nni_darts.engine import SearchModule
from nni_darts.parts.architect import Unrolled, first_order
from nni_darts.state import SearchState
from search_spaces import DartsSpace

RADII = {"": 0.01, "_r0.001": 1e-3, "_r0.0001": 1e-4, "_r1e-06": 1e-6}


@dataclass
class Recorder(SearchState):
    """A state that remembers what the architect asked of it."""

    virtual: dict[str, Tensor] = field(default_factory=dict)
    valid_loss: Tensor | None = None
    gradients: list[list[Tensor]] = field(default_factory=list)

    def outer_loss(self) -> Tensor:
        self.virtual = {name: w.detach().clone() for name, w in self.objective.named_parameters()}
        self.valid_loss = super().outer_loss()
        return self.valid_loss

    def gradient(
        self,
        loss: Tensor,
        parameters: Sequence[Tensor],
        create_graph: bool = False,
        keep_graph: bool = False,
    ) -> list[Tensor]:
        self.gradients.append(super().gradient(loss, parameters, create_graph, keep_graph))
        return self.gradients[-1]


@checker("cnn_unrolled")
def check(fixture: Fixture) -> Iterator[Comparison]:
    """C = 4, three cells, momentum buffers given."""
    yield from _architect(fixture)
    yield from _whole_step(fixture)


def _architect(fixture: Fixture) -> Iterator[Comparison]:
    for suffix, radius in RADII.items():
        search, state = _prepared(fixture)
        gradient = Unrolled("fd", radius)(state)
        if not suffix:
            yield from _intermediates(fixture, search, state)
            yield from _compare(fixture, search, "alpha_grad", gradient)
        direct = state.gradients[1][: len(gradient)]
        implicit = [(d - g) / fixture.number("eta") for d, g in zip(direct, gradient, strict=True)]
        # The difference of two nearly equal gradients over 2R: rounding alone grows as the radius shrinks.
        yield from _compare(fixture, search, f"implicit_fd{suffix}", implicit, 1e-9 * max(1, 1e-4 / radius))
    search, state = _prepared(fixture)
    exact = Unrolled("exact")(state)
    yield from _compare(fixture, search, "alpha_grad_exact", exact)
    implicit = [product / fixture.number("eta") for product in state.gradients[-1]]
    yield from _compare(fixture, search, "implicit_exact", implicit)
    search, state = _prepared(fixture, buffers=False)
    yield from _compare(fixture, search, "alpha_grad_nobuf", Unrolled("fd")(state))
    search, state = _prepared(fixture)
    yield from _compare(fixture, search, "alpha_grad_first_order", first_order(state))
    assert state.valid_loss is not None
    yield close("val_loss_at_w", state.valid_loss, fixture["val_loss_at_w"])


def _intermediates(fixture: Fixture, search: SearchModule, state: Recorder) -> Iterator[Comparison]:
    train, outer = state.gradients[0], state.gradients[1]
    direct, vector = outer[: len(state.outer_parameters)], outer[len(state.outer_parameters) :]
    names = _state_names(state)
    assert state.valid_loss is not None
    yield close("train_loss", _scalar(_training(search).losses[0]), fixture["train_loss"])
    yield close("dw_train_total_norm", _norm(train), fixture["dw_train_total_norm"])
    for name in fixture.under("w_virtual"):
        yield close(f"w_virtual/{name}", state.virtual[_path(name)], fixture[f"w_virtual/{name}"])
        yield close(f"dw_virtual/{name}", vector[names.index(_path(name))], fixture[f"dw_virtual/{name}"])
    yield close("val_loss_at_virtual", state.valid_loss, fixture["val_loss_at_virtual"])
    yield close("dw_virtual_norm", _norm(vector), fixture["dw_virtual_norm"])
    yield close("R", 0.01 / _norm(vector), fixture["R"])
    yield from _compare(fixture, search, "d_alpha_direct", direct)
    bn = search.model.stem.bn
    yield close(
        "stem_running_mean_after_unrolled", bn.running_mean, fixture["stem_running_mean_after_unrolled"]
    )
    yield close("stem_running_var_after_unrolled", bn.running_var, fixture["stem_running_var_after_unrolled"])
    tracked = fixture["stem_batches_tracked_after_unrolled"]
    yield close("stem_batches_tracked_after_unrolled", bn.num_batches_tracked, tracked)


def _whole_step(fixture: Fixture) -> Iterator[Comparison]:
    """Architecture step, Adam, clipped weight step: by the trainer, the strategy and the engine."""
    strategy = darts(order=2)
    space = DartsSpace(init_channels=4, layers=3)
    model = strategy.mutate_model(space)
    weights = load_weights(model, fixture)
    before = {name: weight.detach().clone() for name, weight in weights.items()}
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=0,
    )
    training = Classification(_sgd(fixture, weights))
    evaluator = Lightning(training, trainer, _loader(fixture, "train"), _loader(fixture, "val"))
    evaluator = strategy.mutate_evaluator(evaluator)
    search: Any = evaluator.module
    search.relaxation.double()
    for kind in KINDS:
        set_alphas(search, kind, fixture[f"alpha_{kind}"])
    evaluator.evaluate(model)

    yield from _compare(fixture, search, "alpha_after_adam", list(search.relaxation.alphas))
    yield close(
        "train_loss_after_alpha_step", _scalar(training.losses[-1]), fixture["train_loss_after_alpha_step"]
    )
    yield close("grad_norm_before_clip", _scalar(training.norms[-1]), fixture["grad_norm_before_clip"])
    names = fixture.strings("param_names")
    norms = torch.stack([weights[name].detach().norm() for name in names])
    yield close("w_next_norm", norms, fixture["w_next_norm"])
    products = torch.stack([(weights[name].detach() * before[name]).sum() for name in names])
    yield close("w_next_dot_w", products, fixture["w_next_dot_w"])


def _prepared(fixture: Fixture, buffers: bool = True) -> tuple[SearchModule, Recorder]:
    search = supernet(DartsSpace(init_channels=4, layers=3))
    weights = load_weights(search.model, fixture)
    for kind in KINDS:
        set_alphas(search, kind, fixture[f"alpha_{kind}"])
    sgd = _sgd(fixture, weights, buffers)
    state = Recorder(**vars(search.state))
    state.optimizer = lambda: sgd
    state.train_batch, state.valid_batch = _batch(fixture, "train"), _batch(fixture, "val")
    return search, state


def _sgd(fixture: Fixture, weights: dict[str, nn.Parameter], buffers: bool = True) -> torch.optim.SGD:
    optimizer = torch.optim.SGD(
        weights.values(),
        lr=fixture.number("eta"),
        momentum=fixture.number("momentum"),
        weight_decay=fixture.number("weight_decay"),
    )
    if buffers:
        for name, weight in weights.items():
            optimizer.state[weight]["momentum_buffer"] = fixture[f"mbuf/{name}"]
    return optimizer


def _batch(fixture: Fixture, part: str) -> tuple[Tensor, Tensor]:
    return fixture[f"x_{part}"], fixture[f"y_{part}"]


def _loader(fixture: Fixture, part: str) -> DataLoader:
    x, y = _batch(fixture, part)
    return DataLoader(TensorDataset(x, y), batch_size=len(y))


def _training(search: SearchModule) -> Any:
    return search.training_module


def _path(name: str) -> str:
    """Name of a weight of the model among the objective's."""
    return f"training_module._model.{attribute_path(name)}"


def _state_names(state: SearchState) -> list[str]:
    names = {id(weight): name for name, weight in state.objective.named_parameters()}
    return [names[id(weight)] for weight in state.sgd().weights]


def _norm(tensors: Sequence[Tensor]) -> Tensor:
    return torch.linalg.vector_norm(torch.stack([t.norm() for t in tensors]))


def _scalar(number: float) -> Tensor:
    return torch.tensor(number, dtype=torch.float64)


def _compare(
    fixture: Fixture, search: SearchModule, name: str, values: Sequence[Tensor], tolerance: float = 1e-9
) -> Iterator[Comparison]:
    for kind in KINDS:
        key = f"{name}_{kind}"
        yield close(key, table(search, kind, values), fixture[key], tolerance)
