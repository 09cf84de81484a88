"""From candidates and their weights to the output of a choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nni.nas.oneshot.pytorch.supermodule import _expression_utils
from torch import Tensor


def weighted_sum(candidates: Sequence[Callable[[], Any]], weights: Tensor) -> Any:
    """Sum of ``weights[k] * candidates[k]()`` over all candidates (DARTS, equation 2).

    Parameters
    ----------
    candidates
        One call per candidate, so that another forward may leave some uncomputed. A candidate may return
        a tensor, or tensors nested in lists and dicts, the same structure for all.
    weights
        Shape ``[len(candidates)]``.
    """
    return _expression_utils.weighted_sum([candidate() for candidate in candidates], weights.unbind(0))
