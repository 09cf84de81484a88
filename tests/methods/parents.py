"""Of which other method a method is a difference: at a limit of its options both are the same to the bit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nni_darts.recipe import Recipe, build_recipe


@dataclass(frozen=True)
class Parent:
    """What a method is where its options are ``limit``.

    Attributes
    ----------
    name, options, parts
        The other method.
    without
        Slots that are emptied first, where the method's own part has no limit at which it does nothing.
    """

    limit: dict[str, Any]
    name: str = "darts"
    options: dict[str, Any] = field(default_factory=lambda: {"order": 1})
    parts: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()

    def recipes(self, child: str) -> tuple[Recipe, Recipe]:
        """Of the method at its limit, and of the other."""
        limit = build_recipe(child, **self.limit).but(**dict.fromkeys(self.without))
        return limit, build_recipe(self.name, self.parts, **self.options)


ROOTS = ("darts", "random-search", "random-ws")
"""Methods that are no difference from another."""

PARENTS: dict[str, Parent] = {
    "beta-darts": Parent({"strength": 0}),
    "darts-es": Parent({"factor": 1e9, "order": 1}),
    "darts-minus": Parent({"strength": 0}),
    "darts-plus": Parent({"patience": 1000, "order": 1}),
    "darts-pt": Parent({}, without=("tail",)),
    "fair-darts": Parent({"weight": 0, "threshold": 0}, parts={"relaxation": "sigmoid"}),
    "gdas": Parent(
        {},
        parts={
            "relaxation": {"name": "gumbel-softmax", "hard": True},
            "forward": "only-chosen",
            "schedules": {"name": "cooling", "start": 10, "stop": 0.1},
        },
    ),
    "idarts": Parent({"T": 1}, parts={"architect": "neumann"}),
    "noisy-darts": Parent({"factor": 0}),
    "p-darts": Parent(
        {"layers": None, "keep": [], "dropout": [0.0], "warmup_epochs": 0, "skip_limit": None},
        # It lists the edges of a node by their sources, not by their strength.
        parts={"derivation": {"name": "skip-limit", "most": None}},
        without=("outer_clip",),
    ),
    "pc-darts": Parent({"k": 1, "edge_weights": False, "warmup_epochs": 0}),
    "r-darts-ada": Parent({"max_weight_decay": 1e-9, "order": 1}),
    "r-darts-dp": Parent({"drop_path_prob": 0, "order": 1}),
    "r-darts-l2": Parent({"factor": 1, "order": 1}),
    "s-darts": Parent({"epsilon": 0, "first_epsilon": 0}),
    "snas": Parent(
        {"single_level": False},
        parts={
            "relaxation": {"name": "gumbel-softmax", "mean": 1.0, "scale": 0.01},
            "schedules": {"name": "cooling", "start": 1.0, "stop": 0.03, "span": 150},
        },
    ),
}
