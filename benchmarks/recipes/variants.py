"""The rows of the table: methods with the options they run with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from nni_darts.recipe import methods

Options = dict[str, Any]

SAMPLING = "random sampling"
"""The baseline of the same budget; not a method of the registry."""


@dataclass(frozen=True)
class Variant:
    """A row: a method, and the options that make it this row; ``search.epochs`` and so on are settings."""

    name: str
    method: str
    options: Options = field(default_factory=dict, hash=False)

    def fitted(self, epochs: int) -> Options:
        """Its options, with those that count in epochs or candidates fitted to a search this short."""
        scale = FITTED.get(self.method)
        return {**(scale(epochs) if scale else {}), **self.options}

    def but(self, changes: Options) -> Variant:
        """This row with other options, which its name says."""
        said = [f"{option.removeprefix('search.')} {value}" for option, value in changes.items()]
        return replace(self, name=", ".join((self.name, *said)), options={**self.options, **changes})


def _per_50(epochs: int, count: int, least: int = 1) -> int:
    """``count`` of 50 epochs as the same share of ``epochs``."""
    return max(least, round(count * epochs / 50))


def _eigenvalue(epochs: int) -> Options:
    """An eigenvalue every 2nd of 50 epochs, from the 10th on, in means of 5 that are 4 apart.

    Here they are one every epoch, and so few that means can only be of 3, 2 apart.
    """
    return {"every": _per_50(epochs, 2), "start": _per_50(epochs, 10), "window": 3, "delta": 2}


FITTED: dict[str, Callable[[int], Options]] = {
    # Grows to its strength over 100 epochs: so that it does over these.
    "beta-darts": lambda epochs: {"span": epochs},
    # Cools over 150 epochs, which is its search.
    "snas": lambda epochs: {"span": epochs},
    "darts-es": _eigenvalue,
    "r-darts-ada": _eigenvalue,
    # The other half of R-DARTS(DP): 16 of 32 pixels there, 8 of 16 here.
    "r-darts-dp": lambda epochs: {"search.cutout_length": 8},
    # Its gates add up to 3.5 times a mixture of DARTS, and its rate for the weights goes with that. Its own
    # rate for the gates is ten times DARTS's: thirty times that closes them before a weight has learned.
    "fair-darts": lambda epochs: {"search.lr": 0.005, "search.arch_lr": 0.03},
    # Every edge of this space is kept: there is nothing that weights of edges would decide.
    "pc-darts": lambda epochs: {"edge_weights": False},
    # 10 epochs without a change, of 50; and this space has no normal cell, of which it would look at alone.
    "darts-plus": lambda epochs: {"patience": _per_50(epochs, 10, 2), "scope": "all"},
    # 25 epochs for its decisions after 100 of search: the least that it can do with is one for each.
    "darts-pt": lambda epochs: {"interval": max(1, round(5 * epochs / 100))},
    # Three stages share the budget. Of 8 operations it keeps 5 and then 3; here are 5 of them, and one cell.
    "p-darts": lambda epochs: {
        "keep": [3, 2],
        "skip_limit_cell": "cell",
        "search.epochs": max(1, epochs // 3),
    },
    # 1,000 candidates cost more forwards than this whole search.
    "random-ws": lambda epochs: {"candidates": 100},
}
"""Method -> number of epochs -> what differs where its defaults are made for another search."""

VARIANTS = (
    Variant("darts, first order", "darts", {"order": 1}),
    Variant("darts, second order", "darts", {"order": 2}),
    Variant("darts, second order, exact", "darts", {"order": 2, "hvp": "exact"}),
    Variant("darts-plus, ranking", "darts-plus", {"criterion": "ranking"}),
    Variant("darts-plus, skips", "darts-plus", {"criterion": "skips"}),
    Variant("s-darts, RS", "s-darts", {"perturbation": "random"}),
    Variant("s-darts, ADV", "s-darts", {"perturbation": "adversarial"}),
    Variant("snas", "snas"),
    Variant("snas, two levels", "snas", {"single_level": False}),
    Variant("darts-pt", "darts-pt"),
    Variant("darts-pt, blank", "darts-pt", {"alpha": "blank"}),
)
"""Rows of methods that have several, or whose name alone says too little; all others have one row."""

REFERENCE = VARIANTS[0]
"""What times and memory are relative to."""


def variants() -> dict[str, Variant]:
    """All rows by name: those of every registered method, in the methods' order."""
    rows = []
    for method in methods():
        named = [variant for variant in VARIANTS if variant.method == method]
        rows += named or [Variant(method, method)]
    rows.append(Variant(SAMPLING, SAMPLING))
    return {variant.name: variant for variant in rows}
