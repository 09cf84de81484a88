"""Building a space where NNI would build one of its discrete networks."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, TypeVar

import torch
from nni.mutable import frozen_context
from nni.nas.nn.pytorch import ModelSpace
from nni.nas.space import current_model

Space = TypeVar("Space", bound=ModelSpace)


def built_outside(cls: type[Space], *args: Any, **kwargs: Any) -> Space:
    """A space as it is outside of a ``model_context``, without memory for its weights."""
    with ExitStack() as outside:
        while current_model() is not None:
            outside.enter_context(frozen_context.bypass())
        with torch.device("meta"):
            return cls(*args, **kwargs)
