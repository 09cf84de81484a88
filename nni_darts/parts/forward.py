"""From candidates and their weights to the output of a choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nni.nas.oneshot.pytorch.supermodule import _expression_utils
from torch import Tensor

from nni_darts.parts.demand import ZEROS, demands


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


@demands(ZEROS)
def only_chosen(candidates: Sequence[Callable[[], Any]], weights: Tensor) -> Any:
    """The weighted sum over the candidates whose weight is not 0; no other candidate is computed.

    With one-hot weights one candidate runs (GDAS). What is left out gets no gradient, and none reaches its
    weight; its running statistics stay. Where all weights are 0 the result is the number 0.

    The weights are read on the host, so a step with this part waits for the device and is not recorded.
    """
    chosen = [index for index, weight in enumerate(weights.tolist()) if weight != 0]
    if not chosen:
        return weights.new_zeros(())
    return _expression_utils.weighted_sum(
        [candidates[index]() for index in chosen], [weights[index] for index in chosen]
    )


@demands(ZEROS)
def chosen_and_bare_weights(candidates: Sequence[Callable[[], Any]], weights: Tensor) -> Any:
    """:func:`only_chosen` plus the bare weights of the candidates left out, for outputs that are tensors.

    They are 0, but not their gradient, which is as if each of those candidates returned ones: the cell of
    GDAS on NAS-Bench-201 as it was published (``SearchCell.forward_gdas`` of AutoDL-Projects).
    """
    return only_chosen(candidates, weights) + weights[weights == 0].sum()
