"""What an edge does to the size of an image."""

from __future__ import annotations

from typing import Any

import pytest
from nni.nas.nn.pytorch import LayerChoice
from torch import nn

from nni_darts.errors import ConfigError
from nni_darts.supernet.extent import Extent, extent_of
from search_spaces.operations import FactorizedReduce, Identity, SepConv, Zero
from tests.supernet.spaces import One, supernet


def extent(**candidates: nn.Module) -> Extent:
    model: Any = supernet(One(lambda: LayerChoice(candidates, label="edge")))[0]
    return extent_of(model.inner)


@pytest.mark.parametrize(
    ("candidates", "want"),
    [
        ({"skip": Identity(), "conv": SepConv(6, 3, 1, False)}, Extent(6, 6, 1)),
        ({"none": Zero(2), "skip": FactorizedReduce(4, 8, False)}, Extent(4, 8, 2)),
        ({"pool": nn.MaxPool2d(3, 2, 1)}, Extent(None, None, 2)),
        ({"skip": Identity()}, Extent(None, None, 1)),
    ],
)
def test_it_is_read_from_the_candidate_that_knows_its_channels(candidates, want):
    assert extent(**candidates) == want


def test_trying_leaves_the_candidates_alone():
    conv = SepConv(4, 3, 2, False)
    before = {name: tensor.clone() for name, tensor in conv.state_dict().items()}
    extent(conv=conv)
    assert all((conv.state_dict()[name] == tensor).all() for name, tensor in before.items())
    assert conv.pw1.weight.device.type == "cpu"


@pytest.mark.parametrize("module", [nn.Flatten(), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 4, 4), nn.Linear(4, 4)])
def test_other_sizes_are_refused(module):
    with pytest.raises(ConfigError, match='keep the size of an image or halve it; "edge" is none'):
        extent(op=module)
