"""The cell space as an NNI space."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nni.mutable.exception import SampleValidationError
from nni.nas.space import model_context
from nni.nas.strategy import DARTS as NniDarts
from torch import nn

from nni_darts.check.counting import count_parameters
from nni_darts.errors import ConfigError
from nni_darts.genotype import PRIMITIVES, PUBLISHED, sample_of
from search_spaces import DartsSpace, DiscreteNetwork


def test_size_of_the_papers_search_network() -> None:
    space = DartsSpace()
    assert count_parameters(space) == 1_930_618
    assert len(list(space.parameters())) == 1_399
    assert sum(isinstance(module, nn.BatchNorm2d) for module in space.modules()) == 929


def test_choices_are_shared_by_the_cells_of_a_type() -> None:
    simplified = DartsSpace(init_channels=2, layers=6).simplify()
    assert len(simplified) == 2 * (14 + 4)
    assert simplified["normal/edge_0_2"].values == list(PRIMITIVES)
    assert simplified["reduce/input_5"].values == [0, 1, 2, 3, 4]
    assert simplified["reduce/input_5"].n_chosen == 2


def test_nodes_name_the_edges_of_every_choice_of_inputs() -> None:
    nodes = DartsSpace(init_channels=2, layers=3, nodes=2).nodes()
    assert nodes == {
        f"{cell}/input_{node}": [f"{cell}/edge_{source}_{node}" for source in range(node)]
        for cell in ("normal", "reduce")
        for node in (2, 3)
    }


MACRO: dict[str, Any] = {
    "init_channels": 4,
    "layers": 5,
    "num_classes": 7,
    "in_channels": 1,
    "auxiliary": True,
}


def test_freeze_and_model_context_give_the_same_network() -> None:
    sample = sample_of(PUBLISHED["DARTS_V2"])
    frozen = DartsSpace(**MACRO).freeze(sample)
    with model_context(sample):
        built = DartsSpace(**MACRO)
        positional = DartsSpace(4, 5, 4, 7, 1, auxiliary=True)
    direct = DiscreteNetwork(PUBLISHED["DARTS_V2"], **MACRO)
    shapes = [
        {name: value.shape for name, value in network.state_dict().items()}
        for network in (frozen, built, positional, direct)
    ]
    assert type(built) is type(frozen) is DiscreteNetwork
    assert all(shape == shapes[0] for shape in shapes)
    built.load_state_dict(frozen.state_dict())
    x = torch.randn(2, 1, 32, 32)
    assert torch.equal(built.eval()(x), frozen.eval()(x))


def test_the_discrete_network_holds_the_chosen_operations_only() -> None:
    network = DartsSpace(init_channels=2, layers=3).freeze(sample_of(PUBLISHED["DARTS_V1"]))
    assert isinstance(network, DiscreteNetwork)
    assert network.genotype == PUBLISHED["DARTS_V1"]
    assert [len(cell.ops) for cell in network.cells] == [8, 8, 8]
    kinds = {type(module).__name__ for module in network.modules()}
    assert not kinds & {"LayerChoice", "InputChoice", "Zero", "DilConv"}


def test_order_of_the_inputs_survives_nni() -> None:
    sample = sample_of(PUBLISHED["DARTS_V1"])
    assert sample["normal/input_2"] == [1, 0]
    space = DartsSpace(init_channels=2, layers=3)
    assert space.contains(sample)
    assert space.freeze(sample).genotype == PUBLISHED["DARTS_V1"]


@settings(max_examples=10, deadline=None)
@given(
    layers=st.integers(1, 4),
    nodes=st.integers(1, 4),
    channels=st.integers(2, 5),
    classes=st.integers(1, 4),
    in_channels=st.integers(1, 4),
    stem=st.sampled_from(["cifar", "imagenet"]),
)
def test_any_numbers(
    layers: int, nodes: int, channels: int, classes: int, in_channels: int, stem: str
) -> None:
    space = DartsSpace(channels, layers, nodes, classes, in_channels, stem, image_size=32)
    x = torch.randn(2, in_channels, 32, 32)
    sample: dict[str, Any] = {}
    space.random(sample)
    assert space(x).shape == (2, classes)
    assert space.freeze(sample)(x).shape == (2, classes)


def test_other_primitives_in_their_order() -> None:
    primitives = ["skip_connect", "sep_conv_7x7"]
    space = DartsSpace(2, 3, nodes=2, primitives=primitives)
    assert space.cells[0].edges["0_2"].names == primitives
    assert space.simplify()["normal/edge_0_2"].values == primitives


@pytest.mark.parametrize(
    ("macro", "sentence"),
    [
        ({"layers": 0, "nodes": -1}, "nodes must be a whole number of at least 1, got -1."),
        ({"stem": "mnist"}, "stem must be one of cifar, imagenet"),
        ({"primitives": ["none", "sep_conv_3x4"]}, "did you mean 'sep_conv_3x3'?"),
        ({"primitives": []}, "primitives must name at least one operation"),
        ({"primitives": ["none", "none"]}, "primitives must name at least one operation, none twice"),
        ({"image_size": 30}, "image_size 30 does not fit 8 cells with the cifar stem"),
    ],
)
def test_wrong_arguments_are_refused(macro: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        DartsSpace(**macro)
    assert sentence in str(caught.value)


def test_odd_sizes_are_refused_at_the_first_batch() -> None:
    with pytest.raises(ConfigError, match="its input is 7 x 7"):
        DartsSpace(2, 3, nodes=1, primitives=["skip_connect"])(torch.randn(1, 3, 7, 7))


def test_samples_of_another_space_are_refused() -> None:
    space = DartsSpace(2, 3, nodes=4)
    sample = sample_of(PUBLISHED["DARTS_V1"])
    with pytest.raises(SampleValidationError):
        space.freeze({**sample, "normal/edge_0_2": "sep_conv_7x7", "normal/input_2": [0, 1]})
    del sample["reduce/input_5"]
    with pytest.raises(SampleValidationError):
        space.freeze(sample)
    with pytest.raises(ConfigError, match="lacks the label 'reduce/input_5'"), model_context(sample):
        DartsSpace(2, 3)


def test_nnis_own_one_shot_mutation_runs_on_the_space() -> None:
    space = NniDarts().mutate_model(DartsSpace(2, 3, nodes=2))
    assert type(space.cells[0].edges["0_2"]).__name__ == "DifferentiableMixedLayer"
    assert type(space.cells[0].inputs["2"]).__name__ == "DifferentiableMixedInput"
    assert space(torch.randn(2, 3, 8, 8)).shape == (2, 10)


class _Slim(DartsSpace):
    """A user's variant with arguments of its own."""

    def __init__(self, width: int) -> None:
        super().__init__(init_channels=width, layers=3, nodes=4, num_classes=5)


def test_a_users_subclass_freezes_and_builds_in_a_model_context() -> None:
    sample = sample_of(PUBLISHED["DARTS_V2"])
    with model_context(sample), model_context(sample):
        built = _Slim(3)
    frozen = _Slim(3).freeze(sample)
    assert type(built) is type(frozen) is DiscreteNetwork
    assert built.classifier.weight.shape == frozen.classifier.weight.shape == (5, 48)
    assert built.classifier.weight.device.type == "cpu"
