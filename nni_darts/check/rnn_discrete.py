"""Language models of published recurrent cells: one pass with all gradients, and one call of the cell."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn.functional import cross_entropy

from nni_darts.check.comparison import Comparison, close, exact
from nni_darts.check.counting import count_parameters
from nni_darts.check.fixture import Fixture
from nni_darts.check.registry import checker
from nni_darts.check.rnn_search import WITHOUT
from nni_darts.check.weights import grads, load_weights
from nni_darts.genotype import RECURRENT_CELLS, RecurrentGenotype
from search_spaces import RecurrentNetwork
from search_spaces.recurrent.cell import Masks


@checker("rnn_discrete")
def check(fixture: Fixture) -> Iterator[Comparison]:
    """Every ``{genotype}``."""
    for name in fixture.folders():
        yield from _network(name, fixture.under(name))


def _network(name: str, case: Fixture) -> Iterator[Comparison]:
    genotype = RecurrentGenotype.from_fields(case.json("genotype_json"))
    if f"{name}_RNN" in RECURRENT_CELLS:
        yield exact(f"{name} genotype", [RECURRENT_CELLS[f"{name}_RNN"]], [genotype])
    vocabulary, width = case["w/embedding"].shape
    network = RecurrentNetwork(genotype, vocabulary, width, **WITHOUT)
    load_weights(network, case)
    found = network(case["x"], case["h0"][0])
    loss = cross_entropy(found.logits.flatten(0, 1), case["y"])
    loss.backward()
    yield exact(f"{name} num_params", [count_parameters(network)], [int(case.number("num_params"))])
    yield close(f"{name} log_prob", found.logits.log_softmax(-1), case["log_prob"])
    yield close(f"{name} h_all", found.raw, case["h_all"])
    yield close(f"{name} h_next", found.hidden[None], case["h_next"])
    yield close(f"{name} loss", loss, case["loss"])
    for weight, gradient in grads(network, case.under("w")).items():
        yield close(f"{name} d_w/{weight}", gradient, case[f"d_w/{weight}"])
    with torch.no_grad():
        out = network.cell(case["cell_x"][None], case["cell_h_prev"], Masks())[0]
    yield close(f"{name} cell_out", out, case["cell_out"])
