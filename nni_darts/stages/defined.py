"""On which of our spaces a method is defined."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from nni_darts.recipe import Recipe
from nni_darts.stages.space import SPACES
from nni_darts.supernet.space import read_structure
from nni_darts.supernet.structure import Structure

#: Arguments of the smallest network that has everything that a large one has.
_SMALL: dict[str, dict[str, Any]] = {
    "nasbench201": {"init_channels": 2, "cells": 1},
    "darts_rnn": {"vocabulary": 4, "width": 2},
}
_SMALL_CELLS = {"init_channels": 2, "layers": 3}


@cache
def known_structures() -> dict[str, Structure]:
    """Name of a space of ours -> its choices and nodes, which do not depend on the network's size."""
    with torch.device("meta"):
        return {
            name: read_structure(cls(**_SMALL.get(name, _SMALL_CELLS)))[0] for name, cls in SPACES.items()
        }


def spaces_of(recipe: Recipe) -> list[str]:
    """The spaces of ours that have what the recipe's parts need."""
    return [name for name, structure in known_structures().items() if not recipe.unmet(structure)]
