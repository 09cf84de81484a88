"""Every registered method on the recurrent cell: it keeps its contract there, or is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from nni_darts.diagnostics.discretisation import gates
from nni_darts.errors import ConfigError, Interrupted
from nni_darts.genotype import Architecture
from nni_darts.parts.measure import measure
from nni_darts.recipe import Recipe, build_recipe, methods
from nni_darts.stages.defined import spaces_of
from nni_darts.training.likelihood import perplexity
from tests.methods.test_contract import SMALL, Interrupt
from tests.methods.tiny import is_equal, state_of
from tests.methods.tiny_text import WORDS, recurrent_space, searched_text

IMAGES = "needs edges between images, not between the vectors of a recurrent cell"
REFUSED = {
    "darts-minus": f"AuxiliarySkip {IMAGES}",
    "darts-plus": "StableRanking needs a choice between two operations with weights in normal cells "
    "(method.scope: all looks everywhere)",
    "noisy-darts": 'NoiseOnSkip needs the operation "skip_connect"',
    "pc-darts": f"PartialChannels {IMAGES}",
    "r-darts-dp": f"drop_path {IMAGES}",
}
"""What each says.

pc-darts and r-darts-dp are of channels and images. An edge of the recurrent cell has its skip in its gate:
none is chosen that could be limited, have noise or need help. The ranking of darts-plus has an option for it.
"""

defined = pytest.mark.parametrize("name", [name for name in methods() if name not in REFUSED])


def recipe(name: str, **options: Any) -> Recipe:
    return build_recipe(name, **{**SMALL.get(name, {}), **options})


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name_before_training(name: str, tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        searched_text(recipe(name), tmp_path / "run")
    assert f"not defined on DartsRnnSpace: {REFUSED[name]}" in str(caught.value)
    assert "darts_rnn" not in spaces_of(build_recipe(name))


@defined
def test_a_search_is_finite_derives_a_network_and_continues_to_the_bit(name: str, tmp_path: Path):
    """Interrupted in the second epoch between two windows: hidden states of both texts go on."""
    assert "darts_rnn" in spaces_of(build_recipe(name))
    whole = searched_text(recipe(name), tmp_path / "whole")
    assert all(bool(torch.isfinite(tensor).all()) for tensor in state_of(whole).values())
    module = whole.oneshot_module
    metrics = module.epoch_metrics()
    json.dumps(metrics, allow_nan=False)
    assert metrics["valid_perplexity"] == perplexity(metrics["valid_loss"])
    sample = module.export()
    network = recurrent_space().freeze(sample)
    tokens = torch.zeros(3, 2, dtype=torch.int64)
    assert network(tokens, network.initial_hidden(2)).logits.shape == (3, 2, WORDS)
    architecture = Architecture.from_sample(
        sample, space="darts_rnn", method=name, macro={"nodes": 2}, provenance={}
    )
    assert Architecture.from_json(architecture.to_json()) == architecture
    with pytest.raises(Interrupted):
        searched_text(recipe(name), tmp_path / "stopped", signals=Interrupt)
    resumed = searched_text(recipe(name), tmp_path / "stopped", resume=True)
    assert is_equal(state_of(resumed), state_of(whole))
    assert resumed.oneshot_module.export() == sample


def test_the_ranking_of_activations_may_stop_a_search(tmp_path: Path):
    """Criterion 2 of DARTS+ with ``scope: all``: the activations share a node's matrix, ``none`` has none."""
    rule = build_recipe("darts-plus", scope="all", patience=1, compare="best", order=1)
    assert "darts_rnn" in spaces_of(rule)
    strategy = searched_text(rule, tmp_path / "run", epochs=6)
    found = strategy.oneshot_module
    assert found.ending.stop is not None
    assert "has not changed for 1 epochs" in found.ending.stop.reason


@defined
def test_second_order_works_or_is_refused(name: str, tmp_path: Path):
    try:
        if "order" in methods()[name].options:
            second = recipe(name, order=2)
        else:
            second = build_recipe(name, {"architect": "unrolled"}, **SMALL.get(name, {}))
    except ConfigError as error:
        assert all(problem.startswith("method") for problem in error.problems)
    else:
        strategy = searched_text(second, tmp_path / "run", epochs=1)
        assert all(bool(torch.isfinite(tensor).all()) for tensor in state_of(strategy).values())


def test_the_best_random_path_has_the_smallest_loss(tmp_path: Path):
    """Of a text the loss is compared, with the hidden state carried from window to window."""
    strategy = searched_text(recipe("random-ws", candidates=4, batches=1, finalists=4), tmp_path / "run")
    module = strategy.oneshot_module
    reason = module.ending.stop.reason
    assert reason.startswith("the best of 4 random architectures has the loss ")
    loss = float(reason.removesuffix(" with shared weights").rpartition(" ")[2])
    with module.state.evaluating(), module.state.weights.replaced(gates(module.state, module.export())):
        found = measure(module.state, list(strategy.validation_dataloader))
    assert found.by_loss
    assert found.harm == found.loss == pytest.approx(loss, rel=1e-3)
