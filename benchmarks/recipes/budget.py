"""What every search of the table has in common."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.recipes.images import NAME
from nni_darts.config import Settings

SPACE = "nasbench201"
SECTION = "search."
"""Begins the options of a row that are no options of its method."""
WEIGHTS: dict[str, float | bool] = {
    "lr": 0.025,
    "lr_min": 0.001,
    "momentum": 0.9,
    "nesterov": False,
    "weight_decay": 3e-4,
    "grad_clip": 5.0,
}
"""How the weights of every supernet learn: DARTS's. Learning rates of the cards belong to their batches, and
Nesterov's momentum, which GDAS and iDARTS have, would be a second difference between rows."""


@dataclass(frozen=True)
class Budget:
    """The size of a search.

    Attributes
    ----------
    images, image_size, data_seed
        Training images, one half for either level; their pixels; which of the 50,000.
    epochs, batch_size
        Passes over a half, and images a level and step.
    init_channels, cells
        Of the supernet: channels of its first stage, cells a stage.
    arch_lr_factor
        Times the learning rate that a method has for its architecture: a published search on this space
        takes tens of thousands of steps, these take some hundreds, and Adam moves an alpha by about its
        learning rate a step.
    sampled
        Cells that the sampling baseline trains.
    """

    images: int = 2560
    image_size: int = 16
    data_seed: int = 0
    epochs: int = 8
    batch_size: int = 32
    init_channels: int = 8
    cells: int = 1
    arch_lr_factor: float = 45.0
    sampled: int = 6

    @property
    def steps(self) -> int:
        """Steps of an ordinary search."""
        return self.epochs * -(-self.images // 2 // self.batch_size)

    def settings(self, method: str, options: dict[str, Any]) -> Settings:
        """Settings of a search; what neither is said here nor in ``options`` is the method's own."""
        search = {name: value for name, value in options.items() if name.startswith(SECTION)}
        options = {name: value for name, value in options.items() if name not in search}
        own = self._settings(method, options, {}).search
        search = {
            **WEIGHTS,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "arch_lr": self.arch_lr_factor * own.arch_lr,
            "warmup_epochs": round(own.warmup_epochs * self.epochs / own.epochs),
            **{name.removeprefix(SECTION): value for name, value in search.items()},
        }
        return self._settings(method, options, search)

    def training(self) -> Settings:
        """Settings of the training of a sampled cell, in the sizes of the supernet."""
        select = {**WEIGHTS, "epochs": self.epochs, "batch_size": self.batch_size, "network": self.sizes}
        plain = {"drop_path_prob": 0.0, "cutout_length": 0}
        return self._settings("random-search", {}, {}, select={**select, **plain})

    @property
    def sizes(self) -> dict[str, int]:
        """Arguments of the space."""
        return {"init_channels": self.init_channels, "cells": self.cells}

    def _settings(
        self, method: str, options: dict[str, Any], search: dict[str, Any], **sections: Any
    ) -> Settings:
        return Settings.from_dict(
            {
                "stages": ["search"],
                # Four pixels of padding are for images of 32.
                "data": {"name": NAME, "crop_padding": self.image_size // 8},
                "space": {"name": SPACE, "args": self.sizes},
                "method": {"name": method, **options},
                "search": search,
                "trainer": {"device": "cpu", "threads": 1},
                **sections,
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """All sizes by name."""
        return asdict(self)
