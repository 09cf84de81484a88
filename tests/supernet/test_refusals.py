"""What is not supported is refused by name, before training, with a sentence that says what to do."""

from __future__ import annotations

import nni
import pytest
from nni.nas.nn.pytorch import (
    InputChoice,
    ModelSpace,
    MutableConv2d,
    MutableDropout,
    MutableLinear,
    ParametrizedModule,
)
from torch import nn

from nni_darts.errors import ConfigError
from tests.supernet.spaces import One, layers, supernet


class Own(ParametrizedModule):
    def __init__(self, size):
        super().__init__()
        self.layer = nn.Linear(size, size)


class OnTheRoot(ModelSpace):
    def __init__(self):
        super().__init__()
        self.add_mutable(nni.choice("dangling", [1, 2]))


class WrongNodes(One):
    def __init__(self):
        super().__init__(lambda: InputChoice(2, 1, label="i"))
        self.edge = layers("e", 1, 2)

    def nodes(self):
        return {"i": ["e"]}


class OpenNodes(WrongNodes):
    def __init__(self):
        super().__init__()
        self.inner = InputChoice(1, None, label="i")


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: One(lambda: InputChoice(2, 1, "concat", label="i")), 'InputChoice "i": reduction "concat"'),
        (lambda: One(lambda: InputChoice(2, 1, "none", label="i")), 'write reduction="sum"'),
        (lambda: One(lambda: Own(nni.choice("size", [1, 2]))), r'"inner" \(Own\) holds the choice "size"'),
        (
            lambda: One(lambda: MutableConv2d(1, 1, 1, stride=nni.choice("s", [1, 2]))),
            'in the argument "stride"',
        ),
        (lambda: One(lambda: MutableLinear(1, 1, bias=nni.choice("b", [True, False]))), 'argument "bias"'),
        (lambda: One(lambda: MutableDropout(nni.uniform("u", 0, 1))), 'the choice "u" is a Numerical'),
        (OnTheRoot, 'OnTheRoot itself holds the choice "dangling"'),
        (WrongNodes, r'WrongNodes.nodes\(\): "i" must be the label of an InputChoice'),
        (OpenNodes, "leaves n_chosen open"),
        (lambda: One(lambda: nn.Sequential(layers("l", 1, 2), layers("l", 1))), "the same label l"),
        (lambda: One(lambda: nn.Linear(1, 1)), "has no choices"),
        (lambda: nn.Linear(1, 1), "must be an nni.nas.nn.pytorch.ModelSpace; got Linear"),
    ],
)
def test_refused_by_name(build, sentence):
    with pytest.raises(ConfigError, match=sentence):
        supernet(build())
