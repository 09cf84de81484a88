"""Card noisy-darts, "How a test proves it", items 1 to 6, without the unrolled step, which is refused."""

from __future__ import annotations

from itertools import combinations

import pytest
import pytorch_lightning as pl
import torch
from nni.nas.nn.pytorch import LayerChoice
from torch import nn

from nni_darts.check.supernet import supernet
from nni_darts.errors import ConfigError
from nni_darts.genotype import PRIMITIVES
from nni_darts.methods.noisy_darts import Noise, NoisySkip, fade, noisy_darts
from nni_darts.recipe import build_recipe
from nni_darts.strategy import DifferentiableStrategy
from search_spaces import S1, DartsSpace, NasBench201Space
from search_spaces.operations import Identity, build
from tests.methods.tiny import is_equal, searched, state_of, tiny_space
from tests.supernet.spaces import One

WITHOUT_NONE = PRIMITIVES[1:]


def draw(seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return 3 * torch.randn(64, 16, 32, 32) + 1


def test_item_1_without_noise_it_is_darts():
    parent = searched(build_recipe("darts", order=1), tiny_space(WITHOUT_NONE))
    assert is_equal(state_of(searched(noisy_darts(factor=0), tiny_space(WITHOUT_NONE))), state_of(parent))
    assert not is_equal(state_of(searched(noisy_darts(), tiny_space(WITHOUT_NONE))), state_of(parent))


def test_item_1_the_wrapped_skip_alone_changes_nothing():
    x = draw()[:4]
    assert torch.equal(NoisySkip(Identity(), Noise("gaussian", 0.0, 0.0, 0.0))(x), x)


def test_item_2_gaussian_noise_is_relative_to_the_features():
    x = draw()
    noise = NoisySkip(Identity(), Noise("gaussian", 0.2, 0.0, 0.0))(x) - x
    assert abs(noise.std() / (0.2 * x.std()) - 1) < 0.005
    assert abs(noise.std() - 0.6) < 0.005
    assert abs(noise.mean()) < 0.005


def test_item_2_uniform_noise_has_the_factor_as_its_variance():
    x = draw()
    noise = NoisySkip(Identity(), Noise("uniform", 0.2, 0.0, 0.0))(x) - x
    assert abs(noise.std() - 0.447214) < 0.002
    assert 0.7740 < noise.abs().max() < 0.774598
    assert abs(noise.mean()) < 0.002


def test_item_2_multiplicative_noise():
    x = draw()
    ratio = (NoisySkip(Identity(), Noise("multiplicative", 0.2, 0.0, 0.0))(x) / x).double()
    assert abs(ratio.mean() - 1) < 0.002
    assert abs(ratio.std() - 0.2) < 0.002


def test_a_bias_and_the_share_that_is_left():
    x = draw()
    skip = NoisySkip(Identity(), Noise("gaussian", 0.2, 1.0, 0.0))
    skip.share.fill_(0.5)
    noise = skip(x) - x
    assert abs(noise.mean() - 0.5) < 0.005
    assert abs(noise.std() - 0.3) < 0.005


@pytest.mark.parametrize("kind", ["gaussian", "uniform"])
def test_item_3_the_gradient_is_exactly_one(kind):
    x = draw()[:2].requires_grad_()
    NoisySkip(Identity(), Noise(kind, 0.2, 0.0, 0.0))(x).sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))


def test_drop_path_drops_whole_samples_and_is_off_in_evaluation():
    x = torch.ones(4000, 1, 2, 2)
    skip = NoisySkip(Identity(), Noise("gaussian", 0.0, 0.0, 0.3))
    rows = skip(x).flatten(1)
    assert torch.equal(rows, rows[:, :1].expand_as(rows))
    kept = rows[:, 0] > 0
    assert torch.allclose(rows[kept], torch.tensor(1 / 0.7))
    assert abs(kept.double().mean() - 0.7) < 0.03
    assert torch.equal(skip.eval()(x), x)


def edge(stride: int = 1):
    torch.manual_seed(1)
    candidates = {name: build(name, 4, stride, affine=False, search=True) for name in WITHOUT_NONE}
    strategy = DifferentiableStrategy(noisy_darts())
    return supernet(One(lambda: LayerChoice(candidates, label="edge")), strategy=strategy)


@pytest.mark.parametrize("stride", [1, 2])
def test_item_4_only_the_skip_branch_is_noisy_and_only_in_training(stride):
    search = edge(stride)
    layer = search.model.inner
    assert [name for name in layer.names if isinstance(layer[name], NoisySkip)] == ["skip_connect"]
    x = torch.randn(8, 4, 8, 8, dtype=torch.float64)
    for name in layer.names:
        torch.manual_seed(0)
        first = layer[name](x)
        assert torch.equal(layer[name](x), first) == (name != "skip_connect")
    search.model.eval()
    first = search.model(x)
    assert torch.equal(search.model(x), first)
    assert torch.equal(layer["skip_connect"](x), layer["skip_connect"].operation(x))


def test_item_5_at_stride_2_the_noise_follows_the_output():
    skip = edge(stride=2).model.inner["skip_connect"]
    x = 5 * torch.randn(64, 4, 16, 16, dtype=torch.float64)
    noise = skip(x) - skip.operation(x)
    assert abs(noise.std() - 0.2) < 0.003


def test_item_6_both_steps_see_noise_of_their_own(monkeypatch):
    seen = []

    def watched(noise, y, share, on=Noise.on):
        noisy = on(noise, y, share)
        seen.append(((noisy - y) / y.std()).detach())
        return noisy

    monkeypatch.setattr(Noise, "on", watched)
    searched(noisy_darts(), tiny_space(WITHOUT_NONE))
    assert len(seen) == 2 * 2 * 2 * 2  # epochs, steps, both levels, two edges
    assert not any(torch.allclose(a, b) for a, b in combinations(seen, 2))


def test_item_6_weights_of_the_supernet():
    model = DifferentiableStrategy(noisy_darts()).mutate_model(DartsSpace(primitives=WITHOUT_NONE))
    assert sum(parameter.numel() for parameter in model.parameters()) == 1_930_618


class Shares(pl.Callback):
    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_epoch_end(self, trainer, pl_module):
        shares = {module.share.item() for module in pl_module.modules() if isinstance(module, NoisySkip)}
        self.seen += shares


@pytest.mark.parametrize(("decay", "want"), [(True, [1.0, 0.75, 0.25]), (False, [1.0, 1.0, 1.0])])
def test_the_noise_may_fade_as_a_cosine(decay, want):
    shares = Shares()
    strategy = searched(noisy_darts(decay=decay), epochs=3, callbacks=[shares])
    assert shares.seen == pytest.approx(want)
    assert strategy.recipe.schedules == ((fade,) if decay else ())


def test_edges_without_a_skip_connection_stay_as_they_are():
    model = DifferentiableStrategy(noisy_darts()).mutate_model(S1(init_channels=2, layers=3))
    layers = [module for module in model.modules() if isinstance(module, LayerChoice)]
    noisy = [layer for layer in layers if any(isinstance(child, NoisySkip) for child in layer.children())]
    assert noisy == [layer for layer in layers if "skip_connect" in layer.names]
    assert 0 < len(noisy) < len(layers)


@pytest.mark.parametrize("space", [lambda: NasBench201Space(2, cells=1), tiny_space])
def test_a_fused_supernet_leaves_noisy_edges_with_a_reason(space):
    strategy = DifferentiableStrategy(noisy_darts(), supernet="fused")
    strategy.mutate_model(space())
    assert strategy.unfused
    if isinstance(space(), DartsSpace):
        assert all('"skip_connect" (NoisySkip) declares no form' in reason for reason in strategy.unfused)


def test_a_space_without_skip_connections_is_refused():
    plain = One(lambda: LayerChoice({"conv": nn.Conv2d(1, 1, 1)}, label="edge"))
    with pytest.raises(ConfigError, match='NoiseOnSkip needs the operation "skip_connect"'):
        DifferentiableStrategy(noisy_darts()).mutate_model(plain)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"factor": -0.1}, "method.factor: got -0.1"),
        ({"noise": "pink"}, 'method.noise: got "pink"; write gaussian, uniform, multiplicative'),
        ({"mean": float("inf")}, "method.mean: got inf"),
        ({"skip_drop_path": 1.0}, "method.skip_drop_path: got 1.0"),
        ({"order": 2}, "NoisyDARTS is defined for order 1"),
    ],
)
def test_options_that_are_refused(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        noisy_darts(**options)
