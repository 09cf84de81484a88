"""NAS-Bench-201: its operations, one search cell by DARTS, argmax and GDAS, and a small search network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from nni.nas.nn.pytorch import ModelSpace
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from nni_darts.check.comparison import Comparison, close, exact
from nni_darts.check.counting import count_parameters
from nni_darts.check.fixture import Fixture
from nni_darts.check.registry import checker
from nni_darts.check.supernet import supernet
from nni_darts.check.weights import load_weights
from nni_darts.engine import SearchModule
from nni_darts.genotype.nasbench201 import EDGES, LABELS, OPERATIONS, BenchmarkCell
from nni_darts.parts.forward import chosen_and_bare_weights
from nni_darts.parts.gumbel import concrete, straight_through
from nni_darts.parts.relaxation import Relaxation
from nni_darts.recipe import build_recipe
from nni_darts.strategy import DifferentiableStrategy
from search_spaces.nasbench201 import NasBench201Space
from search_spaces.nasbench201.cell import search_cell
from search_spaces.nasbench201.operations import Norms, build

_FORMS = ("affine0", "affine1")


class OneCell(ModelSpace):
    """A space of one cell."""

    def __init__(self, channels: int, norms: Norms) -> None:
        super().__init__()
        self.cell = search_cell(channels, norms)

    def forward(self, x: Tensor) -> Tensor:
        return self.cell(x)


class Strongest(Relaxation):
    """Weight one for the largest alpha of every label."""

    def forward(self) -> dict[str, Tensor]:
        return {
            label: _one_hot(alpha).detach() for label, alpha in zip(self.labels, self.alphas, strict=True)
        }


@checker("nasbench201")
def check(fixture: Fixture) -> Iterator[Comparison]:
    """Everything once with BatchNorms that have weights and once without."""
    yield exact("primitives", OPERATIONS, fixture.strings("primitives"))
    yield exact("edge_order", [f"{i}<-{j}" for j, i in EDGES], fixture.strings("edge_order"))
    for form in _FORMS:
        norms = Norms(affine=form == "affine1")
        for name in OPERATIONS:
            yield from _operation(name, f"op/{name}/{form}", fixture.under(f"op/{name}/{form}"), norms)
        yield from _cell(f"cell/{form}", fixture.under(f"cell/{form}"), norms)
        yield from _network(f"network/{form}", fixture.under(f"network/{form}"), norms)


def _operation(name: str, label: str, case: Fixture, norms: Norms) -> Iterator[Comparison]:
    x = case["x"].requires_grad_()
    operation = build(name, x.shape[1], norms)
    load_weights(operation, case)
    out = operation(x)
    yield close(f"{label} out", out, case["out"])
    (out * case["g"]).sum().backward()
    assert x.grad is not None
    yield close(f"{label} d_x", x.grad, case["d_x"])


def _cell(label: str, case: Fixture, norms: Norms) -> Iterator[Comparison]:
    yield from _step(label, "", case, _prepared(case, norms))
    derived = DifferentiableStrategy(build_recipe("darts", order=1).but(relaxation=Strongest))
    with torch.no_grad():
        out = _prepared(case, norms, derived).model(case["x"])
    yield close(f"{label} out_argmax", out, case["out_argmax"])
    sampled = build_recipe("darts", order=1).but(relaxation=_gdas(case), forward=chosen_and_bare_weights)
    search = _prepared(case, norms, DifferentiableStrategy(sampled))
    yield from _step(label, "gdas_", case, search)
    assert isinstance(search.relaxation, Sampled)
    rows = [search.relaxation.soft[name] for name in LABELS]
    yield close(f"{label} gdas_prob", torch.stack(rows), case["gdas_prob"])
    yield exact(f"{label} gdas_index", [int(row.argmax()) for row in rows], case["gdas_index"].tolist())


def _step(label: str, prefix: str, case: Fixture, search: SearchModule) -> Iterator[Comparison]:
    """One forward and backward of a cell against the quantities whose names begin with ``prefix``."""
    x = case["x"].requires_grad_()
    out = search.model(x)
    loss = (out * case["g"]).sum()
    loss.backward()
    assert x.grad is not None
    yield close(f"{label} {prefix}out", out, case[f"{prefix}out"])
    yield close(f"{label} {prefix}loss", loss, case[f"{prefix}loss"])
    yield close(f"{label} {prefix}d_alpha", _gradient(search), case[f"{prefix}d_alpha"])
    yield close(f"{label} {prefix}d_x", x.grad, case[f"{prefix}d_x"])


def _network(label: str, case: Fixture, norms: Norms) -> Iterator[Comparison]:
    classes, channels = case["w/classifier/weight"].shape
    space = NasBench201Space(channels // 4, cells=1, num_classes=classes, affine=norms.affine)
    search = supernet(space)
    network = search.model.network
    load_weights(network, case)
    _set_alphas(search, case["alpha"])
    seen: dict[str, Tensor] = {}
    network.classifier.register_forward_pre_hook(lambda module, inputs: seen.update(feature=inputs[0]))
    logits = search.model(case["x"])
    loss = cross_entropy(logits, case["y"])
    loss.backward()
    yield close(f"{label} feature", seen["feature"], case["feature"])
    yield close(f"{label} logits", logits, case["logits"])
    yield close(f"{label} loss", loss, case["loss"])
    yield close(f"{label} d_alpha", _gradient(search), case["d_alpha"])
    derived = str(BenchmarkCell.of_sample(search.export()))
    yield exact(f"{label} arch_string", [derived], [case.string("arch_string")])
    yield exact(f"{label} num_params", [count_parameters(network)], [int(case.number("num_params"))])


def _prepared(case: Fixture, norms: Norms, strategy: DifferentiableStrategy | None = None) -> SearchModule:
    search = supernet(OneCell(case["x"].shape[1], norms), strategy=strategy)
    load_weights(search.model.cell, case)
    _set_alphas(search, case["alpha"])
    return search


def _set_alphas(search: SearchModule, table: Tensor) -> None:
    with torch.no_grad():
        for label, row in zip(LABELS, table, strict=True):
            search.relaxation.alpha(label).copy_(row)


def _gradient(search: SearchModule) -> Tensor:
    gradients = [search.relaxation.alpha(label).grad for label in LABELS]
    return torch.stack([gradient for gradient in gradients if gradient is not None])


class Sampled(Relaxation):
    """GDAS with recorded noise: one-hot weights that pass the gradient of ``soft``."""

    chooses = True

    def __init__(self, sizes: Any, noise: dict[str, Tensor], temperature: float) -> None:
        super().__init__(sizes)
        self.noise, self.temperature = noise, temperature
        self.soft: dict[str, Tensor] = {}

    def forward(self) -> dict[str, Tensor]:
        for label, alpha in zip(self.labels, self.alphas, strict=True):
            self.soft[label] = concrete(alpha, self.noise[label], self.temperature)
        return {label: straight_through(soft) for label, soft in self.soft.items()}


def _gdas(case: Fixture) -> Callable[[dict[str, int]], Relaxation]:
    noise = dict(zip(LABELS, case["gdas_gumbel"], strict=True))
    return lambda sizes: Sampled(sizes, noise, case.number("gdas_tau"))


def _one_hot(row: Tensor) -> Tensor:
    return one_hot(row.argmax(), len(row)).to(row)
