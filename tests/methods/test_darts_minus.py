"""Card darts-minus, "How a test proves it", items 1 to 6, and the official code's recorded outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from nni.nas.nn.pytorch import LayerChoice, ModelSpace
from torch import nn

from nni_darts.check.fixture import Fixture
from nni_darts.check.supernet import supernet
from nni_darts.check.weights import load_weights
from nni_darts.errors import ConfigError
from nni_darts.genotype import PRIMITIVES
from nni_darts.methods.darts_minus import DECAYS, AidedLayer, Fade, darts_minus
from nni_darts.recipe import build_recipe
from nni_darts.strategy import DifferentiableStrategy
from search_spaces import S1, S3, S4, DartsSpace, NasBench201Space
from search_spaces.operations import Identity, Zero, build
from tests.methods.tiny import is_equal, searched, state_of, tiny_space
from tests.supernet.spaces import Everything, One

FIXTURE = Fixture.load(Path(__file__).parents[1] / "fixtures" / "closed_forms.npz").under("darts_minus")


class Same(nn.Module):
    """A convolution that has become the identity."""

    def forward(self, x):
        return x


def aided(space: ModelSpace, **options: Any):
    """The space as a supernet of DARTS- in float64, and its only aided layer."""
    search = supernet(space, strategy=DifferentiableStrategy(darts_minus(**options)))
    (layer,) = (module for module in search.model.modules() if isinstance(module, AidedLayer))
    return search, layer


@pytest.mark.parametrize("case", ["s1_skip", "s1_conv1", "s2_skip"])
@pytest.mark.parametrize("beta", ["1", "0.5", "0"])
def test_what_the_official_code_computes(case, beta):
    """d_alpha depends on beta through the activations alone: p_k (g.o_k - sum_j p_j g.o_j)."""
    recorded = FIXTURE.under(case)
    stride, branch = int(case[1]), case.split("_")[1]
    edge = {name: build(name, 4, stride, affine=False, search=True) for name in PRIMITIVES}
    search, layer = aided(One(lambda: LayerChoice(edge, label="edge")), branch=branch)
    load_weights(layer, recorded)
    layer.beta.fill_(float(beta))
    alpha = search.relaxation.alpha("edge")
    with torch.no_grad():
        alpha.copy_(recorded["alpha"])
    out = search.model(recorded["x"])
    (out * recorded["g"]).sum().backward()
    for found, name in ((out, "out"), (alpha.grad, "d_alpha")):
        want = recorded[f"{name}_lambda{beta}"]
        assert (found - want).abs().max() / want.abs().max() < 1e-12


@pytest.mark.parametrize(("epoch", "beta"), [(0, 1.0), (25, 0.5), (49, 0.02)])
def test_item_2_three_operations_in_closed_form(epoch, beta):
    """With conv(x) = x the survey's formula would give beta + 1/3 + 1/2 in the place of beta + 2/3."""
    search, layer = aided(
        One(lambda: LayerChoice({"skip": Identity(), "conv": Same(), "pool": Zero(1)}, label="e"))
    )
    search.state.epoch, search.state.epochs = epoch, 50
    for schedule in search.recipe.schedules:
        schedule(search.state)
    with torch.no_grad():
        search.relaxation.alpha("e").zero_()
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    assert torch.allclose(search.model(x), (beta + 2 / 3) * x, rtol=1e-7)
    layer._modules["conv"] = Zero(1)
    assert torch.allclose(search.model(x), (beta + 1 / 3) * x, rtol=1e-7)


@pytest.mark.parametrize("decay", ["linear", "cosine", "slow_cosine"])
def test_item_3_beta_by_epoch(decay):
    fade = Fade(1.0, decay, None)
    found = torch.tensor([fade.at(epoch, 50) for epoch in range(50)], dtype=torch.float64)
    assert torch.allclose(found, FIXTURE[f"lambda_{decay}"], atol=1e-14)


def test_item_3_other_bases_ends_and_no_decay():
    assert Fade(0.5, "linear", 10).at(5, 50) == 0.25
    assert Fade(0.5, "linear", 10).at(30, 50) == 0.0
    assert {Fade(2.0, "none", None).at(epoch, 50) for epoch in range(50)} == {2.0}
    assert all(share(0.0) == 1.0 for share in DECAYS.values())


class Betas(pl.Callback):
    """Beta whenever a layer computes: four forwards of a second-order step and the weight step see it."""

    def __init__(self) -> None:
        self.seen: dict[int, set[float]] = {}

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        if not self.seen:
            for layer in pl_module.modules():
                if isinstance(layer, AidedLayer):
                    layer.register_forward_hook(
                        lambda layer, *_: self.seen.setdefault(trainer.current_epoch, set()).add(
                            layer.beta.item()
                        )
                    )


@pytest.mark.parametrize("order", [1, 2])
def test_items_3_and_5_a_search_moves_aux_and_leaves_beta_to_the_schedule(order):
    betas = Betas()
    strategy = searched(darts_minus(order=order), epochs=4, callbacks=[betas])
    assert betas.seen == {0: {1.0}, 1: {0.75}, 2: {0.5}, 3: {0.25}}
    module = strategy.oneshot_module
    weights, outer = ({id(p) for g in o.param_groups for p in g["params"]} for o in module.trainer.optimizers)
    aux = [p for name, p in module.named_parameters() if "aux_skip" in name]
    assert aux and {id(p) for p in aux} <= weights
    assert outer == {id(p) for p in module.relaxation.alphas}
    assert not any("beta" in name for name, _ in module.named_parameters())
    assert sum("beta" in name for name in module.state_dict()) == 2
    assert set(module.export()) == {"reduce/edge_0_2", "reduce/edge_1_2", "reduce/input_2"}


@pytest.mark.parametrize("order", [1, 2])
def test_item_1_strength_zero_is_darts(order):
    parent = searched(build_recipe("darts", order=order))
    assert is_equal(state_of(searched(darts_minus(strength=0, order=order))), state_of(parent))
    assert not is_equal(state_of(searched(darts_minus(strength=0.01, order=order))), state_of(parent))


def test_item_1_with_beta_at_zero_the_branch_changes_nothing():
    spaces = [DartsSpace(2, layers=3, nodes=2, num_classes=3) for _ in range(2)]
    darts = supernet(spaces[0])
    minus = supernet(spaces[1], strategy=DifferentiableStrategy(darts_minus(), supernet="generic"))
    missing = minus.model.load_state_dict(darts.model.state_dict(), strict=False)
    assert missing.unexpected_keys == []
    assert all("aux_skip" in name or name.endswith("beta") for name in missing.missing_keys)
    minus.relaxation.load_state_dict(darts.relaxation.state_dict())
    x = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    for beta, same in ((0.0, True), (0.5, False)):
        for layer in minus.model.modules():
            if isinstance(layer, AidedLayer):
                layer.beta.fill_(beta)
        outputs, gradients = [], []
        for search in (darts, minus):
            outputs.append(search.model(x))
            alphas = list(search.relaxation.alphas)
            gradients.append(torch.cat(torch.autograd.grad(outputs[-1].square().sum(), alphas)))
        # The branches change the order in which gradients are summed up.
        assert torch.allclose(*gradients, rtol=1e-10, atol=1e-14) == torch.equal(*outputs) == same


def test_item_4_weights_of_the_official_supernet():
    counts = []
    for method in ("darts", "darts-minus"):
        model = DifferentiableStrategy(build_recipe(method, order=1)).mutate_model(DartsSpace())
        counts.append(sum(parameter.numel() for parameter in model.parameters()))
    assert counts == [1_930_618, 1_971_578]


@pytest.mark.parametrize("build_space", [S1, S3, S4])
def test_item_6_every_edge_has_a_branch_and_alphas_stay(build_space):
    search = supernet(build_space(init_channels=2, layers=3), strategy=DifferentiableStrategy(darts_minus()))
    plain = supernet(build_space(init_channels=2, layers=3))
    assert search.state.structure.sizes == plain.state.structure.sizes
    layers = [module for module in search.model.modules() if isinstance(module, AidedLayer)]
    assert len(layers) == sum(isinstance(module, LayerChoice) for module in plain.model.modules()) == 42
    assert search.model(torch.randn(2, 3, 8, 8, dtype=torch.float64)).shape == (2, 10)


def test_a_conv1_branch_is_for_stride_1_and_begins_as_the_identity():
    model = DifferentiableStrategy(darts_minus(branch="conv1")).mutate_model(NasBench201Space(4, cells=1))
    layers = [module for module in model.modules() if isinstance(module, AidedLayer)]
    x = torch.randn(2, 4, 3, 3)
    assert torch.equal(layers[0].aux_skip(x), x)
    assert [len(list(layer.aux_skip.parameters())) for layer in layers] == [1] * 18


def test_the_fused_supernet_leaves_aided_edges_with_a_reason():
    strategy = searched(darts_minus(), tiny_space(init_channels=4), supernet="fused")
    assert len(strategy.unfused) == 2 and "AidedLayer" in strategy.unfused[0]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"strength": -1}, "method.strength: got -1; it must be 0 or more"),
        ({"strength": float("nan")}, "method.strength: got nan"),
        ({"decay": "step"}, 'method.decay: got "step"; write linear, cosine, slow_cosine, none'),
        ({"decay_epochs": 0}, "method.decay_epochs: got 0"),
        ({"branch": "conv"}, 'method.branch: got "conv"; write skip or conv1'),
        ({"order": 3}, "method.order: got 3"),
    ],
)
def test_options_that_are_refused(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        darts_minus(**options)


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        (lambda: One(lambda: LayerChoice([nn.Conv2d(4, 8, 1)], label="e")), "leads from 4 to 8 channels"),
        (lambda: One(lambda: LayerChoice([nn.Linear(4, 4)], label="e")), "cannot be tried on an image"),
        (lambda: One(lambda: LayerChoice([nn.Conv2d(4, 4, 3)], label="e")), "keep the size of an image"),
        (Everything, 'Cell "cell": the method changes the edges themselves'),
    ],
)
def test_edges_that_are_refused(space, sentence):
    with pytest.raises(ConfigError, match=sentence):
        DifferentiableStrategy(darts_minus()).mutate_model(space())
