"""The recurrent search network: one pass with all gradients, its running statistics, and the architect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from nni_darts.check.comparison import Comparison, close, exact
from nni_darts.check.fixture import Fixture
from nni_darts.check.registry import checker
from nni_darts.check.rnn_architect import check_architect
from nni_darts.check.supernet import Classification, set_alphas, supernet, table
from nni_darts.check.weights import grads, load_weights
from nni_darts.engine import SearchModule
from nni_darts.genotype.cell import RECURRENT
from nni_darts.genotype.names import ACTIVATIONS
from search_spaces import DartsRnnSpace

WITHOUT: dict[str, Any] = {"dropout": 0.0, "dropoutx": 0.0, "dropouth": 0.0, "dropouti": 0.0, "dropoute": 0.0}
"""The fixtures have no dropout."""


class LanguageStep(Classification):
    """Mean negative log likelihood of the next tokens; a batch is tokens, targets and the hidden state."""

    def training_step(self, batch: tuple[Tensor, ...], batch_index: int) -> Tensor:
        tokens, targets, hidden = batch
        loss = cross_entropy(self.model(tokens, hidden).logits.flatten(0, 1), targets)
        self.losses.append(loss.item())
        return loss


@checker("rnn_search")
def check(fixture: Fixture) -> Iterator[Comparison]:
    """Vocabulary, width, time steps and batch as the file has them."""
    yield exact("primitives", ACTIVATIONS, fixture.strings("primitives"))
    yield from _one_pass(fixture)
    yield from check_architect(fixture, lambda: prepared(fixture))


def prepared(fixture: Fixture) -> SearchModule:
    """The supernet with the file's weights and alphas."""
    vocabulary, width = fixture["w/embedding"].shape
    search = supernet(DartsRnnSpace(vocabulary=vocabulary, width=width, **WITHOUT), LanguageStep())
    load_weights(search.model.network, fixture)
    set_alphas(search, RECURRENT, fixture["alpha"])
    return search


def _one_pass(fixture: Fixture) -> Iterator[Comparison]:
    search = prepared(fixture)
    model = search.model
    found = model(fixture["x"], fixture["h0"][0])
    loss = cross_entropy(found.logits.flatten(0, 1), fixture["y"])
    loss.backward()
    yield close("log_prob", found.logits.log_softmax(-1), fixture["log_prob"])
    yield close("h_all", found.raw, fixture["h_all"])
    yield close("h_next", found.hidden[None], fixture["h_next"])
    yield close("loss", loss, fixture["loss"])
    gradients = [alpha.grad for alpha in search.relaxation.alphas if alpha.grad is not None]
    yield close("d_alpha", table(search, RECURRENT, gradients), fixture["d_alpha"])
    for name, gradient in grads(model.network, fixture.under("w")).items():
        yield close(f"d_w/{name}", gradient, fixture[f"d_w/{name}"])
    bn = model.network.cell.bn
    yield close("bn_running_mean_after_one_pass", bn.running_mean, fixture["bn_running_mean_after_one_pass"])
    yield close("bn_running_var_after_one_pass", bn.running_var, fixture["bn_running_var_after_one_pass"])
    updates = int(fixture.number("bn_updates_after_one_pass"))
    yield exact("bn_updates_after_one_pass", [int(bn.num_batches_tracked)], [updates])
    model.eval()
    with torch.no_grad():
        logits = model(fixture["x"], fixture["h0"][0]).logits
    key = "log_prob_eval_after_one_pass"
    yield close(key, logits.log_softmax(-1), fixture[key])
