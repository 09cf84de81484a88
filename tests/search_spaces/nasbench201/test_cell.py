"""The cell of NAS-Bench-201 on its own."""

from __future__ import annotations

import torch
from nni.nas.nn.pytorch import LayerChoice
from torch import Tensor, nn

from nni_darts.genotype import BenchmarkCell
from search_spaces.nasbench201.cell import SummingCell, discrete_cell, search_cell
from search_spaces.nasbench201.operations import Norms


class _Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


def test_nodes_sum_all_their_edges() -> None:
    """a = 2x, b = 3x + 5a = 13x, output = 7x + 11a + 13b."""
    factors = {(0, 1): 2, (0, 2): 3, (1, 2): 5, (0, 3): 7, (1, 3): 11, (2, 3): 13}
    cell = SummingCell(lambda source, node: _Times(factors[source, node]))
    x = torch.tensor([1.0, -2.0])
    assert torch.equal(cell(x), (7 + 11 * 2 + 13 * 13) * x)


def test_edges_are_choices_shared_by_label() -> None:
    cell = search_cell(2, Norms())
    assert list(cell.edges) == ["0_1", "0_2", "1_2", "0_3", "1_3", "2_3"]
    assert all(isinstance(edge, LayerChoice) for edge in cell.edges.values())
    assert str(cell.edges["1_3"].label) == "cell/edge_1_3"
    assert cell.edges["1_3"].names == ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]


def test_known_cells() -> None:
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(discrete_cell(BenchmarkCell.of_code("000000"), 3, Norms())(x), torch.zeros_like(x))
    # All skips: 1 + 1 + (1 + 1) ways from the input to the output.
    assert torch.equal(discrete_cell(BenchmarkCell.of_code("111111"), 3, Norms())(x), 4 * x)
    assert torch.equal(discrete_cell(BenchmarkCell.of_code("000100"), 3, Norms())(x), x)
