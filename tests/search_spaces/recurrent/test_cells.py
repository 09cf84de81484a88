"""The recurrent cells against closed forms; card darts-rnn.md, "How a test proves it"."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nni_darts.genotype import RECURRENT_CELLS, sample_of
from search_spaces.recurrent.cell import Masks
from search_spaces.recurrent.discrete_cell import DiscreteRecurrentCell
from search_spaces.recurrent.search_cell import RecurrentSearchCell
from tests.search_spaces.recurrent.cells import CellSpace, decided, supernet_of, uniform

KINDS = ["generic", "fused"]
ONE = torch.ones(1, 1, 1, dtype=torch.float64)


def scalar(nodes: int, gate: float, candidate: float, kind: str):
    """Width 1, no BatchNorm, s_0 = 0.5 from a hidden state of 1, all mixtures uniform."""
    search = supernet_of(CellSpace(1, nodes, norm=False), kind)
    uniform(search)
    with torch.no_grad():
        search.model.cell.W_init.zero_()  # half of the hidden state goes, tanh(0) comes
        for matrix in search.model.cell.W_nodes:
            matrix.copy_(torch.tensor([[gate, candidate]], dtype=torch.float64))
    return search.model


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_update_by_hand(kind):
    """Card darts-rnn, item 1: "none" as "keep s" gives 0.261838840015437, four renormalised 0.2022985."""
    model = scalar(1, 0.4, -0.6, kind)
    assert model(0 * ONE, ONE[0]).item() == pytest.approx(0.161838840015437, abs=1e-15)


@pytest.mark.parametrize("kind", KINDS)
def test_closed_gates_carry_the_states_with_the_mass_that_is_not_none(kind):
    """Card darts-rnn, item 6: s_1 = 0.8 s_0, s_2 = 0.8 (s_0 + s_1)."""
    model = scalar(1, -1e5, 3.0, kind)
    assert model(0 * ONE, ONE[0]).item() == pytest.approx(0.8 * 0.5, abs=1e-15)
    model = scalar(2, -1e5, 3.0, kind)
    assert model(0 * ONE, ONE[0]).item() == pytest.approx((0.8 + 0.8 * 1.8) / 2 * 0.5, abs=1e-15)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["DARTS_V1_RNN", "DARTS_V2_RNN"])
def test_the_derived_cell_is_the_search_cell_with_decided_mixtures(name, kind):
    """Card darts-rnn, item 3: no BatchNorm, p the one-hot of the genotype; with masks too."""
    search = supernet_of(CellSpace(3, 8, norm=False), kind)
    derived = DiscreteRecurrentCell(RECURRENT_CELLS[name], 3).double()
    derived.load_state_dict(search.model.cell.state_dict(), strict=False)
    torch.manual_seed(1)
    x, hidden = torch.randn(4, 2, 3).double(), torch.randn(2, 3).double()
    masks = Masks(*(torch.rand(2, 2, 3).double() + 0.5))
    with decided(search, sample_of(RECURRENT_CELLS[name])):
        for given in (Masks(), masks):
            assert torch.allclose(
                search.model(x, hidden, given), derived(x, hidden, given), rtol=0, atol=1e-14
            )


def test_the_mask_meets_the_product_and_not_what_is_carried_on():
    """With closed gates nothing of the masked products is left, so masks change nothing."""
    model = scalar(2, -1e5, 3.0, "generic")
    zero = torch.zeros(1, 1, dtype=torch.float64)
    # The product with W_init is 0 with and without masks: half of the hidden state stays.
    assert torch.equal(model(0 * ONE, ONE[0], Masks(zero, zero + 2)), model(0 * ONE, ONE[0]))


def test_one_batch_norm_sees_every_state_at_every_time_step():
    """9 states, 5 time steps: 45 updates of one module without weights (card darts-rnn, pitfalls)."""
    cell = RecurrentSearchCell(3).double()
    norms = [module for module in cell.modules() if isinstance(module, nn.BatchNorm1d)]
    assert norms == [cell.bn]
    assert not cell.bn.affine
    cell(torch.randn(5, 2, 3).double(), torch.zeros(2, 3).double())
    assert int(cell.bn.num_batches_tracked) == 45


def test_a_none_edge_of_a_discrete_cell_brings_zeros():
    """What a random sample of NNI may hold."""
    from nni_darts.genotype import RecurrentGenotype

    genotype = RecurrentGenotype.of([("none", 0), ("tanh", 1)])
    cell = DiscreteRecurrentCell(genotype, 2).double()
    out = cell(torch.randn(1, 3, 2).double(), torch.randn(3, 2).double())
    assert torch.equal(out, torch.zeros_like(out))  # node 2 sees node 1 alone: 0 + c (tanh(0) - 0)
