"""P-DARTS, item by item of its card (section "How a test proves it")."""

from __future__ import annotations

import random
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from nni_darts.config import Settings
from nni_darts.errors import ConfigError
from nni_darts.genotype import PRIMITIVES, PUBLISHED
from nni_darts.methods.darts import darts
from nni_darts.methods.p_darts import p_darts
from nni_darts.parts.derivation import strongest, strongest_candidates
from nni_darts.parts.phases import Phase
from nni_darts.parts.relaxation import Softmax
from nni_darts.parts.skip_dropout import DroppedSkip, Stage, skip_dropout
from nni_darts.parts.skip_limit import SKIP, SkipLimit
from nni_darts.recipe import Recipe, build_recipe
from nni_darts.strategy import DifferentiableStrategy
from nni_darts.supernet.structure import Choice, Node, Structure
from nni_darts.training.classifier import Classifier
from search_spaces import S1, S4, DartsSpace, DiscreteNetwork, NasBench201Space
from tests.methods.tiny import is_equal, searched, state_of, tiny_space
from tests.toy import state_of as toy_state

OPERATIONS = ("none", "max_pool_3x3", SKIP, "sep_conv_3x3")


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [(0, 0.672), (5, 0.532), (9, 0.42), (10, 0.7), (11, 0.573112), (15, 0.257516), (24, 0.042567)],
)
def test_the_rate_falls_jumps_back_and_falls_again(epoch: int, rate: float) -> None:
    """Card, item 1: p0 = 0.7, 25 epochs of which 10 train weights alone."""
    assert Stage(None, 0.7).warmup(25) == 10
    assert Stage(None, 0.7).rate(epoch, 25) == pytest.approx(rate, abs=5e-7)


class Stages(pl.Callback):
    """What each stage begins with, and the rates of its dropout in every epoch."""

    def __init__(self) -> None:
        self.alphas: list[list[torch.Size]] = []
        self.largest: list[float] = []
        self.adam: list[int] = []
        self.rates: list[set[float]] = []
        self.moves: list[bool] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.alphas.append([alpha.shape for alpha in pl_module.relaxation.alphas])
        self.largest.append(max(alpha.abs().max().item() for alpha in pl_module.relaxation.alphas))
        self.adam.append(len(trainer.optimizers[1].state))

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            modules = pl_module.training_module.modules()
            self.rates.append({round(m.rate.item(), 6) for m in modules if isinstance(m, DroppedSkip)})
            self.moves.append(pl_module.state.architecture_moves)


@pytest.fixture(scope="module")
def stages() -> tuple[Stages, DifferentiableStrategy]:
    watch = Stages()
    recipe = p_darts(layers=[3, 4, 3], keep=[3, 3], dropout=[0.0, 0.4, 0.7], warmup_epochs=1)
    return watch, searched(recipe, tiny_space(OPERATIONS), callbacks=[watch])


def test_alphas_and_their_optimiser_begin_anew(stages) -> None:
    """Card, item 3: of order 1e-3 in every stage, Adam's state empty."""
    watch, strategy = stages
    assert watch.alphas == [[(4,)] * 4, [(3,)] * 4, [(3,)] * 4]
    assert all(0 < largest < 0.01 for largest in watch.largest)
    assert watch.adam == [0, 0, 0]
    # With steps of 0.05 they are far away from there at the end of each.
    assert max(alpha.abs().max().item() for alpha in strategy.oneshot_module.relaxation.alphas) > 0.04


def test_every_stage_warms_up_and_has_its_own_dropout(stages) -> None:
    """Card, item 1 and pitfalls: where p0 is 0 nothing is put behind the skip connections."""
    watch, strategy = stages
    assert watch.moves == [False, True] * 3
    assert watch.rates == [set(), set(), {0.2}, {0.4}, {0.35}, {0.7}]
    assert strategy.oneshot_module.epoch_metrics()["skip_dropout"] == 0.7
    assert strategy.oneshot_module.epoch_metrics()["phase"] == 3


@pytest.mark.parametrize(("layers", "candidates", "forwards"), [(5, 8, 560), (11, 5, 770), (17, 3, 714)])
def test_the_shapes_of_the_stages(layers: int, candidates: int, forwards: int) -> None:
    """Card, item 2: alphas of 14 x 8, 5, 3; operations per pass; weights of the first stage."""
    draw = random.Random(candidates)
    with torch.device("meta"):
        space = DartsSpace(16, layers)
        kept = {}
        for label in (edge for edges in space.nodes().values() for edge in edges):
            places = sorted(draw.sample(range(8), candidates))  # another choice on every edge
            kept[label] = [PRIMITIVES[place] for place in places]
        strategy = DifferentiableStrategy(p_darts(), supernet="generic")
        net = strategy.mutate_model(space, Phase(0, {"layers": layers}, kept))
        sizes = strategy.configure_oneshot_module(Classifier(epochs=1)).state.structure.sizes
    assert list(sizes.values()) == [candidates] * 28
    edges = [edge for cell in net.cells for edge in cell.edges.values()]
    assert sum(len(edge.names) for edge in edges) == sum(len(list(edge.children())) for edge in edges)
    assert sum(len(edge.names) for edge in edges) == forwards
    if layers == 5:
        assert sum(weight.numel() for weight in net.parameters()) == 1_275_834


def state_with(rows: dict[str, dict[str, float]], nodes: list[Node] | None = None) -> Any:
    """A search state whose softmax gives these probabilities."""
    structure = Structure(
        {label: Choice(tuple(row), is_layer=True) for label, row in rows.items()}, nodes or []
    )
    relaxation = Softmax(structure.sizes).double()
    with torch.no_grad():
        for label, row in rows.items():
            relaxation.alpha(label).copy_(torch.tensor(list(row.values()), dtype=torch.float64).log())
    module = nn.Linear(1, 1)
    return toy_state(module, torch.optim.SGD(module.parameters(), lr=0.1), relaxation, structure)


def node(*edges: str, keep: int = 2) -> Node:
    return Node(edges, keep, lambda pairs: {"kept": [(edges[index], op) for index, op in pairs]})


def test_none_is_dropped_in_the_end_and_edges_are_not_renormalised() -> None:
    """Card, item 4."""
    only = state_with({"normal/a": {"none": 0.2, SKIP: 0.5, "sep": 0.3}}, [node("normal/a", keep=1)])
    assert SkipLimit()(only)["kept"] == [("normal/a", SKIP)]
    without = state_with({"normal/a": {"max": 0.2, SKIP: 0.3, "sep": 0.5}}, [node("normal/a", keep=1)])
    assert SkipLimit()(without)["kept"] == [("normal/a", "sep")]
    rows = {
        "normal/a": {"none": 0.6, SKIP: 0.3, "sep": 0.1},
        "normal/b": {"max": 0.35, SKIP: 0.33, "sep": 0.32},
    }
    assert SkipLimit()(state_with(rows, [node(*rows, keep=1)]))["kept"] == [("normal/b", "max")]


def test_none_competes_between_stages() -> None:
    """Card, equations and pitfalls: it may survive as the strongest and may be dropped."""
    rows = {
        "normal/a": {"none": 0.6, "max": 0.1, SKIP: 0.2, "sep": 0.1},
        "normal/b": {"none": 0.1, "max": 0.2, SKIP: 0.3, "sep": 0.4},
    }
    kept = strongest_candidates(state_with(rows), 2)
    assert kept == {"normal/a": ["none", SKIP], "normal/b": [SKIP, "sep"]}
    assert strongest_candidates(state_with(rows), 4) == {label: list(row) for label, row in rows.items()}


def test_of_equal_candidates_the_first_goes() -> None:
    """As ``get_min_k`` of the official code; alphas and operations keep their order."""
    assert strongest_candidates(state_with({"a": dict.fromkeys("wxyz", 0.25)}), 2) == {"a": ["y", "z"]}


def test_the_weakest_skip_gives_way_until_the_limit_is_kept() -> None:
    """Card, equations: the edge takes its next operation, or the node its next edge, and all is repeated."""
    rows = {
        "normal/a": {SKIP: 0.6, "sep": 0.4},
        "normal/b": {SKIP: 0.55, "sep": 0.45},
        "normal/c": {SKIP: 0.9, "sep": 0.1},
        # Without its skip it is weaker than d, whose skip comes up and has to go as well.
        "normal/e": {SKIP: 0.51, "sep": 0.2, "max": 0.29},
        "normal/d": {SKIP: 0.5, "sep": 0.05, "max": 0.45},
    }
    first, second = node("normal/a", "normal/b"), Node(("normal/c", "normal/d", "normal/e"), 2, _second)
    state = state_with(rows, [first, second])
    unlimited = SkipLimit(None)(state)
    assert unlimited == {
        "kept": [("normal/a", SKIP), ("normal/b", SKIP)],
        "second": [("normal/c", SKIP), ("normal/e", SKIP)],
    }
    # 4 skips: e goes (0.51), d comes up with 0.5 and goes (d keeps max 0.45 against e's 0.29), then b.
    assert SkipLimit(2)(state) == {
        "kept": [("normal/a", SKIP), ("normal/b", "sep")],
        "second": [("normal/c", SKIP), ("normal/d", "max")],
    }
    assert SkipLimit(2, "reduce")(state) == unlimited
    # a's and c's follow; c's edge is then weaker than both others of its node.
    assert SkipLimit(0)(state)["second"] == [("normal/d", "max"), ("normal/e", "max")]


def _second(pairs: list[tuple[int, Any]]) -> dict[str, Any]:
    edges = ("normal/c", "normal/d", "normal/e")
    return {"second": [(edges[index], op) for index, op in pairs]}


def test_a_skip_that_is_all_there_is_stays() -> None:
    rows = {"normal/a": {"none": 0.1, SKIP: 0.9}, "normal/b": {SKIP: 1.0}}
    assert SkipLimit(0)(state_with(rows, [node(*rows)]))["kept"] == [("normal/a", SKIP), ("normal/b", SKIP)]


def test_kept_edges_are_listed_by_their_source() -> None:
    """Card, pitfalls: read from the switches, not by strength; DARTS lists them by strength."""
    rows = {"normal/a": {"sep": 0.4, "max": 0.6}, "normal/b": {"sep": 0.9, "max": 0.1}}
    state = state_with(rows, [node(*rows)])
    assert SkipLimit()(state)["kept"] == [("normal/a", "max"), ("normal/b", "sep")]
    assert strongest(state)["kept"] == [("normal/b", "sep"), ("normal/a", "max")]


def test_what_dropout_leaves() -> None:
    """Card, item 5."""
    torch.manual_seed(0)
    drop = DroppedSkip(nn.Identity(), 0.7)
    y = drop(torch.ones(50, 40, 8, 8))
    assert set(y.unique().tolist()) == {0.0, torch.tensor(1 / 0.3).item()}
    assert y.mean().item() == pytest.approx(1, abs=0.02)
    assert (y == 0).float().mean().item() == pytest.approx(0.7, abs=0.005)
    for dims in ((1, 2, 3), (0, 2, 3), (2, 3)):  # neither per sample nor per channel, nor both
        share = (y == 0).float().mean(dims)
        assert share.min() > 0.3
        assert share.max() < 1
    assert torch.equal(drop.eval()(torch.ones(3)), torch.ones(3))
    half = DroppedSkip(nn.Identity(), 0.7)(torch.ones(200_000, dtype=torch.bfloat16))
    assert half.dtype == torch.bfloat16
    assert (half == 0).float().mean().item() == pytest.approx(0.7, abs=0.004)


def test_only_skips_that_change_nothing_are_dropped_out() -> None:
    """Card, pitfalls: a stride-2 skip connection never is, nor any other operation."""
    recipe = p_darts(layers=[3], keep=[], dropout=[0.4])
    strategy = DifferentiableStrategy(recipe, supernet="generic")
    net = strategy.mutate_model(DartsSpace(4, 3, nodes=2))
    for cell in net.cells:
        for edge in cell.edges.values():
            whole = type(edge[SKIP]).__name__ == "DroppedSkip"
            assert whole == (type(edge[SKIP]).__name__ != "FactorizedReduce")
            assert not any(isinstance(edge[name], DroppedSkip) for name in edge.names if name != SKIP)
    assert any(isinstance(module, DroppedSkip) for module in net.modules())


def test_one_stage_without_anything_is_first_order_darts() -> None:
    """Card, item 6: to the bit, alpha's gradient clipped; another limit is another search."""
    one = p_darts(layers=None, keep=[], dropout=[0.0], warmup_epochs=0, skip_limit=None)
    plain = searched(darts(1).but(outer_clip=5.0), tiny_space(OPERATIONS))
    own = searched(one, tiny_space(OPERATIONS))
    assert is_equal(state_of(own), state_of(plain))
    clipped = searched(darts(1).but(outer_clip=1e-9), tiny_space(OPERATIONS))
    assert not is_equal(state_of(clipped), state_of(plain))


def test_the_architectures_gradient_is_clipped_as_a_whole() -> None:
    """Card, defaults: clip 5 on all alphas together, before Adam adds its decay."""
    norms = []

    class Look(pl.Callback):
        def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
            if getattr(optimizer, "is_arch_optimizer", False) or optimizer is trainer.optimizers[1]:
                gradients = [p.grad for group in optimizer.param_groups for p in group["params"]]
                norms.append(torch.cat([g.flatten() for g in gradients]).norm().item())

    def large(state: Any) -> list[torch.Tensor]:
        return [torch.full_like(alpha, 3.0) for alpha in state.outer_parameters]

    searched(Recipe(architect=large, outer_clip=5.0), tiny_space(OPERATIONS), callbacks=[Look()])
    searched(Recipe(architect=large), tiny_space(OPERATIONS), callbacks=[Look()])
    assert norms == pytest.approx([5.0] * 4 + [3.0 * 8**0.5] * 4)


def test_the_published_cell_has_its_size() -> None:
    """Card, item 6: PDARTS rebuilt, without the auxiliary head."""
    with torch.device("meta"):
        cifar = DiscreteNetwork(PUBLISHED["PDARTS"], 36, 20)
        imagenet = DiscreteNetwork(PUBLISHED["PDARTS"], 48, 14, num_classes=1000, stem="imagenet")
    counts = [sum(weight.numel() for weight in network.parameters()) for network in (cifar, imagenet)]
    assert counts == [3_433_798, 4_944_352]


def test_the_settings_of_the_authors() -> None:
    """Card, defaults, and item 6: 3 stages of 25 epochs, 15 of them with 261 steps of alpha each."""
    settings = Settings.from_dict({"method": {"name": "p-darts"}})
    search = settings.search
    assert (search.epochs, search.batch_size, search.lr_min, search.arch_lr) == (25, 96, 0.0, 6e-4)
    moving = search.epochs - Stage(None, 0.0).warmup(search.epochs)
    assert 3 * moving * -(-25_000 // search.batch_size) == 11_745


@pytest.mark.parametrize("space", [S1, S4, NasBench201Space])
def test_spaces_with_fewer_candidates_keep_what_they_have(space: Any) -> None:
    """S1's edges have two; S4 has no skip; NAS-Bench-201's depth is no argument ``layers``."""
    recipe = p_darts(layers=[3, 4, 5])
    strategy = DifferentiableStrategy(recipe, supernet="generic")
    small = space(4, **({"cells": 1} if space is NasBench201Space else {"layers": 3}))
    strategy.mutate_model(small)
    module = strategy.configure_oneshot_module(Classifier(epochs=1))
    phase = recipe.phases.after(strategy.phase, module.state, strategy.origin.arguments)
    sizes = {len(values) for values in phase.candidates.values()}
    assert sizes == ({5} if space is NasBench201Space else {2})
    assert phase.space == ({} if space is NasBench201Space else {"layers": 4})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"keep": [5, 0]}, r"method.keep: got \[5, 0\]"),
        ({"keep": [3, 5]}, "1 or more, and never grow"),
        ({"layers": [5, 11]}, r"method.layers: got \[5, 11\]; .* each of 3 stages"),
        ({"dropout": [0.0, 0.4]}, r"method.dropout: got \[0.0, 0.4\]; .* each of 3 stages"),
        ({"dropout": [0.0, 0.4, 1.0]}, "less than 1"),
        ({"warmup_epochs": -1}, "method.warmup_epochs: got -1"),
        ({"skip_limit": -1}, "method.skip_limit: got -1"),
    ],
)
def test_wrong_options_are_sentences(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        p_darts(**options)
    with pytest.raises(ConfigError) as caught:
        p_darts(keep=[0], layers=[1], dropout=[2.0], warmup_epochs=-1)
    assert len(caught.value.problems) == 4


def test_dropout_goes_with_no_finite_differences() -> None:
    with pytest.raises(ConfigError, match="Stages .*needs an architect without finite differences"):
        build_recipe("p-darts", {"architect": "unrolled"})
    build_recipe("p-darts", {"architect": "unrolled"}, dropout=[0.0, 0.0, 0.0])
    with pytest.raises(ConfigError, match="SkipDropout .*needs an architect without finite differences"):
        build_recipe("darts", {"edges": {"name": "skip-dropout", "rate": 0.3}}, order=2)


def test_the_dropout_is_a_part_of_other_methods_too() -> None:
    recipe = build_recipe("darts", {"edges": {"name": "skip-dropout", "rate": 0.3}}, order=1)
    strategy = searched(recipe, tiny_space(OPERATIONS, layers=3))
    assert any(isinstance(module, DroppedSkip) for module in strategy.supernet.modules())
    assert skip_dropout(0.0)["edges"] == ()
    with pytest.raises(ConfigError, match="rate: got 1"):
        skip_dropout(1.0)
