"""The fused cell computes what the generic one computes: outputs, all gradients, running statistics."""

from __future__ import annotations

import pytest
import torch

from nni_darts.genotype import PRIMITIVES
from tests.supernet.fused.pairs import PLACES, affine_edges, assert_equal, inputs, pair, results

pytestmark = pytest.mark.usefixtures("computed_by")


@pytest.mark.parametrize("place", PLACES)
def test_every_type_of_cell(place):
    generic, fused = pair(place)
    images = inputs(place)
    assert_equal(results(generic, images), results(fused, images))


@pytest.mark.parametrize("nodes", [1, 2, 3, 5])
def test_any_number_of_nodes(nodes):
    generic, fused = pair("reduction", nodes=nodes, primitives=("sep_conv_3x3", "none", "skip_connect"))
    images = inputs("reduction", side=4)
    assert_equal(results(generic, images), results(fused, images))


@pytest.mark.parametrize("place", ["normal", "reduction"])
@pytest.mark.parametrize(
    "primitives",
    [
        ("skip_connect",),
        ("none", "max_pool_3x3"),
        ("avg_pool_3x3", "max_pool_3x3", "none", "skip_connect"),
        ("dil_conv_5x5", "none", "sep_conv_3x3"),
        ("sep_conv_7x7", "dil_conv_3x3", "conv_7x1_1x7"),
        tuple(reversed(PRIMITIVES)),
    ],
)
def test_any_subset_of_operations_in_any_order(place, primitives):
    generic, fused = pair(place, nodes=3, primitives=primitives)
    images = inputs(place)
    assert_equal(results(generic, images), results(fused, images))


@pytest.mark.parametrize("place", ["normal", "reduction"])
def test_norms_with_weights(place):
    generic, fused = pair(place, nodes=2, change=affine_edges)
    images = inputs(place)
    assert any(name.endswith("dil_conv_3x3.bn.weight") for name, _ in fused.model.named_parameters())
    assert_equal(results(generic, images), results(fused, images))


@pytest.mark.parametrize("place", ["normal", "reduction"])
@pytest.mark.parametrize("change", [None, affine_edges])
def test_evaluation_uses_the_running_statistics_of_every_edge(place, change):
    generic, fused = pair(place, nodes=3, change=change)
    images = inputs(place)
    before = {name: buffer.clone() for name, buffer in fused.model.named_buffers()}
    generic.model.eval()
    fused.model.eval()
    found = results(fused, images)
    assert_equal(results(generic, images), found)
    assert all(torch.equal(before[name], buffer) for name, buffer in found.buffers.items())


def test_repeated_forwards_keep_updating_the_statistics():
    generic, fused = pair("normal", nodes=2)
    for _ in range(3):
        images = inputs("normal")
        found, want = results(fused, images), results(generic, images)
    assert_equal(want, found)
    assert found.buffers["cell.edges.0_2.sep_conv_3x3.bn2.num_batches_tracked"] == 3


def test_the_state_dict_keeps_the_users_layout():
    generic, fused = pair("reduction", nodes=2)
    assert list(generic.model.state_dict()) == list(fused.model.state_dict())
    assert [n for n, _ in generic.model.named_modules()] == [n for n, _ in fused.model.named_modules()]


def test_inputs_of_another_memory_order():
    generic, fused = pair("normal", nodes=2)
    images = [image.contiguous(memory_format=torch.channels_last) for image in inputs("normal")]
    assert_equal(results(generic, images), results(fused, images))
