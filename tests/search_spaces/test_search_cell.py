"""One cell of the search network, on its own."""

from __future__ import annotations

import pytest
import torch
from nni.nas.nn.pytorch import InputChoice, LayerChoice
from torch import Tensor, nn

from nni_darts.genotype import PRIMITIVES
from search_spaces.layout import Place
from search_spaces.search_cell import SearchCell


class _Constant(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.full_like(x, 3.0)


class _Sum(nn.Module):
    def forward(self, candidates: list[Tensor]) -> Tensor:
        return sum(candidates, torch.zeros(()))


def test_edges_and_inputs_are_nnis_choices_with_shared_labels() -> None:
    cell = SearchCell(Place("reduce", 4, 8, 8, True, False), nodes=3)
    assert list(cell.edges) == ["0_2", "1_2", "0_3", "1_3", "2_3", "0_4", "1_4", "2_4", "3_4"]
    assert all(isinstance(edge, LayerChoice) for edge in cell.edges.values())
    assert cell.edges["2_4"].names == list(PRIMITIVES)
    assert str(cell.edges["2_4"].label) == "reduce/edge_2_4"
    choice = cell.inputs["4"]
    assert isinstance(choice, InputChoice)
    assert (choice.n_candidates, choice.n_chosen, choice.reduction) == (4, 2, "sum")
    assert cell.labels["reduce/input_3"] == ["reduce/edge_0_3", "reduce/edge_1_3", "reduce/edge_2_3"]


@pytest.mark.parametrize(
    ("place", "side"),
    [
        (Place("normal", 4, 16, 16, False, False), 8),
        (Place("normal", 4, 8, 16, False, True), 4),
        (Place("reduce", 4, 8, 8, True, False), 8),
        (Place("reduce", 4, 4, 8, True, True), 8),
    ],
)
def test_output_shape(place: Place, side: int) -> None:
    cell = SearchCell(place)
    s0 = torch.randn(2, place.channels_before_last, *([side * (1 + place.reduction_prev)] * 2))
    s1 = torch.randn(2, place.channels_last, side, side)
    expected = side // 2 if place.reduction else side
    assert cell(s0, s1).shape == (2, 16, expected, expected)


def test_only_edges_from_the_two_inputs_of_a_reduction_cell_stride() -> None:
    cell = SearchCell(Place("reduce", 2, 4, 4, True, False))
    strides = {name: edge["max_pool_3x3"].pool.stride for name, edge in cell.edges.items()}
    assert {name for name, stride in strides.items() if stride == 2} == {
        f"{source}_{node}" for node in range(2, 6) for source in (0, 1)
    }


def test_forward_runs_whatever_replaced_the_choices() -> None:
    cell = SearchCell(Place("normal", 2, 4, 4, False, False), nodes=2)
    # NNI mutates by setattr on the parent, which here is the container.
    for name in list(cell.edges):
        setattr(cell.edges, name, _Constant())
    for name in list(cell.inputs):
        setattr(cell.inputs, name, _Sum())
    out = cell(torch.randn(1, 4, 2, 2), torch.randn(1, 4, 2, 2))
    assert torch.equal(out, torch.tensor([6.0, 6.0, 9.0, 9.0]).view(1, 4, 1, 1).expand(1, 4, 2, 2))
