"""DARTS as a strategy of NNI, with its options by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nni_darts.diagnostics import Diagnostics
from nni_darts.recipe import build_recipe, with_outer_options
from nni_darts.strategy import DifferentiableStrategy


class DARTS(DifferentiableStrategy):
    """DARTS of first or second order.

    Parameters
    ----------
    order
        1: the current weights stand in for the optimal ones. 2: through one unrolled weight step, which
        needs ``torch.optim.SGD`` as the evaluator's optimiser.
    hvp
        For order 2: ``"fd"`` (finite difference, as the authors) or ``"exact"`` (double backward).
    radius
        For ``hvp="fd"``: the length of the step to either side, over all weights together.
    gradient_clip_val
        Largest norm of the weights' gradient in the weight step; None for no clipping.
    supernet
        ``"auto"``, ``"fused"`` or ``"generic"``: how mixtures are computed.
    capture
        ``"auto"``, ``"on"`` or ``"off"``: whether steps on a GPU are recorded and repeated.
    checkpoint_cells
        Keep no activations inside cells: less memory, more arithmetic, the same results.
    diagnostics
        Which of them are measured that take time, and how often; None for its defaults.
    outer
        What every method has for its architecture's level: ``arch_lr``, ``arch_weight_decay``,
        ``arch_optimizer``, ``arch_schedule``, ``warmup_epochs``, ``weight_steps`` and the others of
        :func:`~nni_darts.recipe.with_outer_options`.

    Defaults are those of the official CIFAR-10 search.

    Examples
    --------
    >>> from nni_darts import DARTS
    >>> strategy = DARTS(order=2, arch_lr=3e-4)
    """

    def __init__(
        self,
        order: int = 2,
        *,
        hvp: str = "fd",
        radius: float = 0.01,
        gradient_clip_val: float | None = 5.0,
        mutation_hooks: list[Callable[..., Any]] | None = None,
        supernet: str = "auto",
        capture: str = "auto",
        checkpoint_cells: bool = False,
        diagnostics: Diagnostics | None = None,
        **outer: Any,
    ) -> None:
        recipe = build_recipe("darts", order=order, hvp=hvp, radius=radius)
        super().__init__(
            with_outer_options(recipe, **outer),
            gradient_clip_val=gradient_clip_val,
            mutation_hooks=mutation_hooks,
            supernet=supernet,
            capture=capture,
            checkpoint_cells=checkpoint_cells,
            diagnostics=diagnostics,
        )
