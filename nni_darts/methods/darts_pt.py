"""DARTS+PT (Wang, Cheng, Chen, Tang, Hsieh, ICLR 2021): DARTS with an architecture chosen by perturbation."""

from __future__ import annotations

from nni_darts.capture import capturable
from nni_darts.errors import ConfigError
from nni_darts.methods.darts import darts
from nni_darts.parts.architect import RADIUS
from nni_darts.parts.perturbation import Perturbation
from nni_darts.recipe import Recipe, method
from nni_darts.state import SearchState


@capturable
def blank(state: SearchState) -> None:
    """Alpha is never updated: every mixture stays as good as uniform."""
    state.architecture_moves = False


@method(
    "darts-pt",
    summary="DARTS, then edge by edge the operation that the trained supernet can least do without",
    paper="Rethinking Architecture Selection in Differentiable NAS (ICLR 2021)",
)
def darts_pt(
    interval: int = 5,
    criterion: str = "accuracy",
    alpha: str = "train",
    lr_factor: float = 0.1,
    none: bool = True,
    order: int = 1,
    hvp: str = "fd",
    radius: float = RADIUS,
) -> Recipe:
    """``search.epochs`` epochs of DARTS, then decisions with training between them.

    On the DARTS space 17 decisions for each type of cell, 14 operations and 3 nodes, take 81 epochs more
    and, with K operations, 2 (14 K + 22) passes over the validation half; on NAS-Bench-201 6 take 25.

    ========== ========== ==========================================================================
    option     default    meaning
    ========== ========== ==========================================================================
    interval   5          epochs from one decision to the next (all official scripts; the parser: 10)
    criterion  accuracy   or ``loss``, which says more on texts: accuracy is the share of next words there
    alpha      train      or ``blank``: alpha stays at its beginning, in search and selection (the
                          paper's "fixed alpha", which often is the better one)
    lr_factor  0.1        of the first learning rate; constant in the selection, without momentum from
                          before
    none       true       whether ``none`` may win an edge of a cell; the derived architecture then has
                          the edge's first other operation. The official space of 7 operations lacks it:
                          write ``space.args.primitives`` without ``none``, or false here.
    order      1          of the parent; the official code is first order only
    ========== ========== ==========================================================================

    The official search draws its batches with replacement; here epochs are whole passes. The search before
    the selection is DARTS of this order to the last bit.
    """
    problems = []
    if alpha not in ("train", "blank"):
        problems.append(f'method.alpha: got "{alpha}"; write "train" or "blank".')
    try:
        tail = Perturbation(interval, criterion, lr_factor, none)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(*problems)
    recipe = darts(order, hvp, radius).but(tail=tail)
    return recipe.but(schedules=(blank,)) if alpha == "blank" else recipe
