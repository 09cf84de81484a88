"""The language model around the cell, as a space and as a discrete network."""

from __future__ import annotations

import pytest
import torch
from nni.nas.space import model_context
from torch import nn

from nni_darts.check.counting import count_parameters
from nni_darts.errors import ConfigError
from nni_darts.genotype import RECURRENT_CELLS, sample_of
from nni_darts.supernet.space import read_structure
from search_spaces import DartsRnnSpace, RecurrentNetwork
from tests.search_spaces.recurrent.cells import supernet_of

V2 = RECURRENT_CELLS["DARTS_V2_RNN"]
WITHOUT = dict.fromkeys(["dropout", "dropoutx", "dropouth", "dropouti", "dropoute"], 0.0)


@pytest.mark.parametrize(
    ("width", "vocabulary", "weights"),
    [(850, 10_000, 22_960_000), (300, 10_000, 4_810_000), (700, 33_278, 33_127_878)],
)
def test_numbers_of_weights(width, vocabulary, weights):
    """Card darts-rnn, item 2, and evaluation-protocol, item 8: V n + V + 4 n^2 + 16 n^2."""
    with torch.device("meta"):
        assert count_parameters(RecurrentNetwork(V2, vocabulary, width)) == weights


def test_the_space_has_36_edges_of_5_and_as_many_weights_as_its_networks():
    """Card darts-rnn, item 2: the architecture is a table of 180 numbers."""
    with torch.device("meta"):
        space = DartsRnnSpace()
    structure, _ = read_structure(space)
    assert list(structure.sizes.values()) == [5] * 36
    assert [len(node.edges) for node in structure.nodes] == list(range(1, 9))
    assert {node.keep for node in structure.nodes} == {1}
    assert count_parameters(space) == 4_810_000


def tokens(*shape: int) -> torch.Tensor:
    return torch.randint(0, 9, shape, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("searched", [True, False])
def test_masks_and_the_hidden_state(searched):
    """Card darts-rnn, item 4: one mask a call, the last state is handed on, evaluation is deterministic."""
    torch.manual_seed(0)
    model = supernet_of(DartsRnnSpace(9, 6), "auto").model if searched else RecurrentNetwork(V2, 9, 6)
    x, hidden = tokens(4, 3), model.initial_hidden(3)
    first, second = model(x, hidden), model(x, hidden)
    assert not torch.equal(first.raw, second.raw)
    zeros = first.dropped == 0
    assert zeros.any()
    assert all(torch.equal(step, zeros[0]) for step in zeros)
    assert torch.allclose(first.dropped[~zeros], first.raw[~zeros] / 0.25)
    assert torch.equal(first.hidden, first.raw[-1])
    model.eval()
    first, second = model(x, hidden), model(x, hidden)
    assert torch.equal(first.logits, second.logits)
    assert torch.equal(first.raw, first.dropped)
    halves = model(x[:2], hidden)
    assert torch.allclose(model(x[2:], halves.hidden).raw, first.raw[2:], atol=1e-6)


def test_the_masks_of_one_call_are_those_of_all_its_time_steps(monkeypatch):
    """Card darts-rnn, item 4: what the cell gets is one input mask and one state mask, [B, n]."""
    network = RecurrentNetwork(V2, 9, 6)
    seen = []
    monkeypatch.setattr(network.cell, "sequence", lambda x, h, masks: (seen.append(masks), x)[1])
    network(tokens(4, 3), network.initial_hidden(3))
    network(tokens(4, 3), network.initial_hidden(3))
    first, second = seen
    assert first.input.shape == first.hidden.shape == (3, 6)
    assert not torch.equal(first.input, second.input)
    assert set(first.input.unique().tolist()) <= {0.0, 4.0}
    assert first.hidden.unique().tolist() == pytest.approx([0, 4 / 3])


def test_words_drop_out_as_wholes():
    """Embedding dropout: all places of a word together, scaled by 1 / keep."""
    torch.manual_seed(3)
    network = RecurrentNetwork(V2, 9, 6, **{**WITHOUT, "dropoute": 0.5})
    seen = []
    network.cell.sequence = lambda x, h, masks: (seen.append(x), x)[1]
    x = tokens(8, 4)
    network(x, network.initial_hidden(4))
    factor = (seen[0] / network.embedding.weight[x]).mean(-1)
    for word in x.unique():
        (value,) = {round(v, 4) for v in factor[x == word].tolist()}
        assert value in (0.0, 2.0)


def test_embedding_and_decoder_are_one_parameter():
    network = RecurrentNetwork(V2, 9, 6, **WITHOUT)
    assert [name for name, _ in network.named_parameters()][:2] == ["decoder_bias", "embedding.weight"]
    assert len(list(network.parameters())) == 3 + 8
    out = network(tokens(2, 3), network.initial_hidden(3))
    want = out.raw @ network.embedding.weight.T + network.decoder_bias
    assert torch.allclose(out.logits, want, atol=1e-6)


def test_freezing_and_a_model_context_give_the_discrete_network():
    sample = sample_of(V2)
    space = DartsRnnSpace(9, 6, dropoute=0.1)
    with model_context(sample):
        built = DartsRnnSpace(9, 6, dropoute=0.1)
    for network in (space.freeze(sample), built):
        assert isinstance(network, RecurrentNetwork)
        assert network.genotype == V2
        assert network.dropouts == space.network.dropouts
        assert not any(isinstance(module, nn.BatchNorm1d) for module in network.modules())
        assert {p.device.type for p in network.parameters()} == {"cpu"}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"width": 0}, "width must be a whole number of at least 1, got 0"),
        ({"dropout": 1.0}, "dropout must be a number from 0 to below 1, got 1.0"),
        ({"primitives": ["none"]}, "one of them not none, got \\['none'\\]"),
        ({"primitives": ["tahn"]}, "did you mean 'tanh'"),
    ],
)
def test_sizes_that_cannot_be_are_refused(wrong, sentence):
    with pytest.raises(ConfigError, match=sentence):
        DartsRnnSpace(**wrong)
