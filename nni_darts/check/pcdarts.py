"""PC-DARTS: channel shuffle, mixed operation, cells and a network with weights of edges, and genotypes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import torch
from nni.nas.nn.pytorch import LayerChoice, ModelSpace
from torch import Tensor, nn
from torch.nn import functional

from nni_darts.check.cnn_cells import OneCell, place_of
from nni_darts.check.comparison import Comparison, close, exact
from nni_darts.check.counting import count_parameters
from nni_darts.check.fixture import Fixture
from nni_darts.check.registry import checker
from nni_darts.check.supernet import KINDS, current, edges, set_alphas, supernet, table
from nni_darts.check.weights import load_weights
from nni_darts.engine import SearchModule
from nni_darts.genotype import PRIMITIVES, genotype_of
from nni_darts.methods.pc_darts import pc_darts
from nni_darts.parts.edge_weights import EdgeNormalised
from nni_darts.strategy import DifferentiableStrategy
from search_spaces import DartsSpace
from search_spaces.operations import build

CHANNELS = 8


class OneEdge(ModelSpace):
    """A space of one edge, which leads to no node."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        candidates = {name: build(name, channels, stride, affine=False, search=True) for name in PRIMITIVES}
        self.edge = LayerChoice(candidates, label="edge")

    def forward(self, x: Tensor) -> Tensor:
        return self.edge(x)


@checker("pcdarts")
def check(fixture: Fixture) -> Iterator[Comparison]:
    """Everything with the file's ``k``."""
    k = int(fixture["k"])
    x = fixture["shuffle/x"]
    for groups in (4, 2):
        shuffled = functional.channel_shuffle(x[..., None, None], groups)[..., 0, 0]
        yield exact(f"shuffle groups {groups}", *_lists(shuffled, fixture[f"shuffle/out_groups{groups}"]))
    for name in ("s1", "s2"):
        yield from _edge(f"mixedop/{name}", fixture.under(f"mixedop/{name}"), k, stride=int(name[1:]))
    for name in fixture.under("cell").folders():
        yield from _cell(f"cell/{name}", fixture.under(f"cell/{name}"), k, *name.split("_after_"))
    yield from _network("network", fixture.under("network"), k)
    yield from _derivation("derive", fixture.under("derive"), k)


def _searched(space: ModelSpace, k: int, edge_weights: bool = True) -> SearchModule:
    strategy = DifferentiableStrategy(pc_darts(k, edge_weights), supernet=current())
    return supernet(space, strategy=strategy)


def _edge(name: str, case: Fixture, k: int, stride: int) -> Iterator[Comparison]:
    x = case["x"].requires_grad_()
    search = _searched(OneEdge(x.shape[1], stride), k, edge_weights=False)
    load_weights(search.model.edge, case)
    alpha = search.relaxation.alpha("edge")
    with torch.no_grad():
        alpha.copy_(case["alpha"])
    out = search.model(x)
    loss = (out * case["g"]).sum()
    d_alpha, d_x = torch.autograd.grad(loss, [alpha, x])
    yield close(f"{name} out", out, case["out"])
    yield close(f"{name} loss", loss, case["loss"])
    yield close(f"{name} d_alpha", d_alpha, case["d_alpha"])
    yield close(f"{name} d_x", d_x, case["d_x"])


def _cell(name: str, case: Fixture, k: int, kind: str, previous: str) -> Iterator[Comparison]:
    s0, s1 = case["s0"].requires_grad_(), case["s1"].requires_grad_()
    place = place_of(kind, previous, CHANNELS, s0, s1)
    search = _searched(OneCell(place), k)
    load_weights(search.model.cell, case)
    set_alphas(search, place.kind, case["alpha"])
    _set_betas(search, place.kind, case["beta"])
    out = search.model(s0, s1)
    loss = (out * case["g"]).sum()
    loss.backward()
    assert s0.grad is not None and s1.grad is not None
    weights = [search.state.weights[label][at] for label, at in _places(search, place.kind)]
    yield close(f"{name} edge_weight", torch.stack(weights), case["edge_weight"])
    yield close(f"{name} out", out, case["out"])
    yield close(f"{name} loss", loss, case["loss"])
    yield from _gradients(name, search, place.kind, case["d_alpha"], case["d_beta"])
    yield close(f"{name} d_s0", s0.grad, case["d_s0"])
    yield close(f"{name} d_s1", s1.grad, case["d_s1"])


def _network(name: str, case: Fixture, k: int) -> Iterator[Comparison]:
    search = _searched(DartsSpace(init_channels=CHANNELS, layers=5), k)
    load_weights(search.model, case)
    for kind in KINDS:
        set_alphas(search, kind, case[f"alpha_{kind}"])
        _set_betas(search, kind, case[f"beta_{kind}"])
    logits = search.model(case["x"])
    loss = nn.functional.cross_entropy(logits, case["y"])
    loss.backward()
    yield exact(f"{name} num_params", [count_parameters(search.model)], [int(case["num_params"])])
    yield close(f"{name} logits", logits, case["logits"])
    yield close(f"{name} loss", loss, case["loss"])
    for kind in KINDS:
        yield from _gradients(f"{name} {kind}", search, kind, case[f"d_alpha_{kind}"], case[f"d_beta_{kind}"])


def _derivation(name: str, case: Fixture, k: int) -> Iterator[Comparison]:
    search = _searched(DartsSpace(init_channels=CHANNELS, layers=3), k)
    tables = {f"{what}_{kind}": case[f"{what}_{kind}"] for what in ("alpha", "beta") for kind in KINDS}
    differs = []
    for number, answer in enumerate(case.strings("genotype_json")):
        for kind in KINDS:
            set_alphas(search, kind, tables[f"alpha_{kind}"][number])
            _set_betas(search, kind, tables[f"beta_{kind}"][number])
        genotype, want = genotype_of(search.export()), json.loads(answer)
        got = {kind: [list(pair) for pair in getattr(genotype, kind)] for kind in KINDS}
        differs.append(got != {kind: want[kind] for kind in KINDS})
    yield exact(f"{name} genotype ({len(differs)} tables)", differs, [False] * len(differs))


def _gradients(
    name: str, search: SearchModule, kind: str, d_alpha: Tensor, d_beta: Tensor
) -> Iterator[Comparison]:
    relaxation = _relaxation(search)
    gradients = [torch.zeros_like(a) if a.grad is None else a.grad for a in relaxation.alphas]
    yield close(f"{name} d_alpha", table(search, kind, gradients), d_alpha)
    found = []
    for edge in edges(kind):
        gradient = relaxation.beta(edge).grad
        assert gradient is not None
        found.append(gradient[relaxation.places[edge][1]])
    yield close(f"{name} d_beta", torch.stack(found), d_beta)


def _set_betas(search: SearchModule, kind: str, values: Tensor) -> None:
    relaxation = _relaxation(search)
    with torch.no_grad():
        for edge, value in zip(edges(kind), values, strict=True):
            relaxation.beta(edge)[relaxation.places[edge][1]] = value


def _places(search: SearchModule, kind: str) -> list[tuple[str, int]]:
    return [_relaxation(search).places[edge] for edge in edges(kind)]


def _relaxation(search: SearchModule) -> EdgeNormalised:
    assert isinstance(search.relaxation, EdgeNormalised)
    return search.relaxation


def _lists(*tensors: Tensor) -> Sequence[list[int]]:
    return [tensor.flatten().tolist() for tensor in tensors]
