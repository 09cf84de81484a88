"""What methods and spaces search with where they differ from DARTS: two tables, and which value counts.

A value that is written (file, flag, point of a search space) comes before everything here. Below it the more
special one counts: a method's on a space, a method's, a space's, and last the default of the section
``search``, which is DARTS's. What a method's own options say is in the method, not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nni_darts.config.text import text_defaults


@dataclass(frozen=True)
class Defaults:
    """Keys of the section ``search`` with their values; ``source``: where those are written."""

    source: str
    search: Mapping[str, Any]


@dataclass(frozen=True)
class MethodDefaults(Defaults):
    """``on``: name of a space -> what differs there once more."""

    on: Mapping[str, Defaults] = field(default_factory=dict)


@dataclass(frozen=True)
class Implied:
    """A default, and in words whose it is."""

    value: Any
    origin: str


METHODS: dict[str, MethodDefaults] = {
    "fair-darts": MethodDefaults(
        # The sum of an edge is about 3.5 times that of DARTS, and the rate goes with it.
        "official fairdarts/train_search.py",
        {"batch_size": 128, "lr": 0.005, "arch_lr": 3e-3, "arch_betas": (0.9, 0.999)},
    ),
    "gdas": MethodDefaults(
        "official code, DARTS space",
        {"epochs": 250, "batch_size": 256, "weight_decay": 5e-4, "nesterov": True},
        {"nasbench201": Defaults("official code, NAS-Bench-201", {"batch_size": 64})},
    ),
    "idarts": MethodDefaults(
        "official search for NAS-Bench-1Shot1",
        {"batch_size": 96},
        {
            "nasbench201": Defaults(
                "official notebook for NAS-Bench-201",
                {"epochs": 30, "batch_size": 64, "lr": 0.01, "weight_decay": 5e-4, "nesterov": True},
            )
        },
    ),
    "noisy-darts": MethodDefaults("official train_search.py", {"batch_size": 128, "lr": 0.05}),
    "p-darts": MethodDefaults(
        # Epochs of each of its stages; batch 64 on 12 GB.
        "official train_search.py",
        {"epochs": 25, "batch_size": 96, "lr_min": 0.0, "arch_lr": 6e-4},
    ),
    "pc-darts": MethodDefaults(
        "official train_search.py", {"batch_size": 256, "lr": 0.1, "lr_min": 0.0, "arch_lr": 6e-4}
    ),
    "snas": MethodDefaults("official code", {"epochs": 150, "arch_grad_clip": 10.0}),
}
"""Only what differs from DARTS; the cell space and CIFAR-10 where a method does not say otherwise."""

SPACES: dict[str, Defaults] = {
    "nasbench201": Defaults("the searches of SmoothDARTS, DARTS+PT and beta-DARTS", {"epochs": 100}),
}
"""For every method that does not say otherwise."""


def search_defaults(method: str, space: str, text: bool = False) -> dict[str, Implied]:
    """Key of the section ``search`` -> what it is where nobody says otherwise, if that is not DARTS's.

    The tables are of searches on images; every method begins on ``text`` as DARTS does there.
    """
    found: dict[str, Implied] = {}
    if text:
        origin = "default on texts (rnn/train_search.py of quark0/darts)"
        return {key: Implied(value, origin) for key, value in text_defaults("search", {}).items()}

    def add(defaults: Defaults | None, whose: str) -> None:
        if defaults is not None:
            origin = f"default of {whose} ({defaults.source})"
            found.update({key: Implied(value, origin) for key, value in defaults.search.items()})

    own = METHODS.get(method)
    add(SPACES.get(space), f"the space {space}")
    add(own, f"the method {method}")
    add(own.on.get(space) if own else None, f"the method {method} on {space}")
    return found
