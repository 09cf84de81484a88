"""The parts that have a name: ``method.parts`` in a file, and ``nni-darts list parts``, read it here.

A name stands for a function or class as ``module:name``, and so does a dotted name of a user's own. A class
is called with the options, which makes the part (for a relaxation the engine calls it, with the sizes of the
choices before them). A function is the part itself; its options are keyword arguments beyond what the engine
passes. A function under :func:`makes_part` is called with the options and returns the part, or what fills
several slots at once: slot -> part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Maker = TypeVar("Maker", bound=Callable[..., Any])


@dataclass(frozen=True)
class Slot:
    """A slot of a recipe.

    Attributes
    ----------
    parts
        Name -> where the part is.
    passed
        How many arguments the engine passes to it.
    many
        Whether it holds several parts; those that are named are added to the method's own.
    """

    parts: dict[str, str]
    passed: int = 1
    many: bool = False


_PENALTIES = {
    "beta-decay": "nni_darts.methods.beta_darts:beta_decay",
    "zero-one": "nni_darts.methods.fair_darts:ZeroOne",
}

SLOTS: dict[str, Slot] = {
    "architect": Slot(
        {
            "first-order": "nni_darts.parts.architect:first_order",
            "unrolled": "nni_darts.parts.architect:Unrolled",
            "neumann": "nni_darts.parts.neumann:ImplicitGradient",
            "none": "nni_darts.methods.random_search:leave",
            "single-level": "nni_darts.parts.single_level:single_level",
        }
    ),
    "relaxation": Slot(
        {
            "softmax": "nni_darts.parts.relaxation:Softmax",
            "sigmoid": "nni_darts.parts.sigmoid:Sigmoid",
            "gumbel-softmax": "nni_darts.parts.gumbel:GumbelSoftmax",
            "edge-normalised": "nni_darts.parts.edge_weights:EdgeNormalised",
            "uniform-paths": "nni_darts.parts.paths:UniformPaths",
        }
    ),
    "forward": Slot(
        {
            "weighted-sum": "nni_darts.parts.forward:weighted_sum",
            "only-chosen": "nni_darts.parts.forward:only_chosen",
            "chosen-and-bare-weights": "nni_darts.parts.forward:chosen_and_bare_weights",
        },
        passed=2,
    ),
    "edges": Slot(
        {
            "partial-channels": "nni_darts.methods.pc_darts:partial_channels",
            "auxiliary-skip": "nni_darts.methods.darts_minus:auxiliary_skip",
            "noise-on-skip": "nni_darts.methods.noisy_darts:noise_on_skip",
            "skip-dropout": "nni_darts.parts.skip_dropout:skip_dropout",
            "scheduled-drop-path": "nni_darts.methods.r_darts_dp:scheduled_drop_path",
        },
        passed=2,
        many=True,
    ),
    "weight_step": Slot(
        {
            "descend": "nni_darts.parts.weight_step:descend",
            "random-smoothing": "nni_darts.methods.s_darts:Perturbed",
            "adversarial": "nni_darts.methods.s_darts:Adversarial",
        }
    ),
    "outer_regularisers": Slot(_PENALTIES, many=True),
    "inner_regularisers": Slot(_PENALTIES, many=True),
    "schedules": Slot(
        {
            "warm-up": "nni_darts.parts.schedule:WarmUp",
            "blank": "nni_darts.methods.darts_pt:blank",
            "rest": "nni_darts.methods.pc_darts:Rest",
            "cooling": "nni_darts.parts.temperature:cooling",
            "scaled-decay": "nni_darts.parts.weight_decay:ScaledDecay",
        },
        many=True,
    ),
    "derivation": Slot(
        {
            "strongest": "nni_darts.parts.derivation:strongest",
            "threshold": "nni_darts.methods.fair_darts:Reaching",
            "skip-limit": "nni_darts.parts.skip_limit:SkipLimit",
            "uniform": "nni_darts.methods.random_search:uniform",
            "perturbation": "nni_darts.parts.perturbation:perturbation",
        }
    ),
    "stopping": Slot(
        {
            "eigenvalue-jump": "nni_darts.parts.eigenvalue_jump:eigenvalue_jump",
            "decay-jump": "nni_darts.methods.r_darts_ada:decay_jump",
            "skip-limit": "nni_darts.methods.darts_plus:SkipLimit",
            "stable-ranking": "nni_darts.methods.darts_plus:StableRanking",
            "random-ranking": "nni_darts.methods.random_ws:Ranking",
        },
        passed=2,
    ),
    "tail": Slot({"perturbation": "nni_darts.parts.perturbation:Perturbation"}, passed=2),
    "setup": Slot({}, many=True),
}


def makes_part(function: Maker) -> Maker:
    """Declare that the function below makes a part, or slot -> part, from its arguments."""
    function.makes_part = True  # type: ignore[attr-defined]
    return function
