"""Activation checkpointing: what a cell computed is forgotten after its forward and computed again for its
backward."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import TracebackType
from typing import Any

import torch
from nni.nas.nn.pytorch import ModelSpace
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from nni_darts.errors import ConfigError
from nni_darts.state.displacement import Snapshot
from nni_darts.supernet.cell import MixedCell
from nni_darts.supernet.weights import MixtureWeights


def checkpoint_each_cell(supernet: ModelSpace, mixture: MixtureWeights) -> int:
    """Checkpoint every cell of a supernet, in place; exact, for about a third more arithmetic.

    Cells are NNI's ``Cell``, modules with a method ``node_states`` or ``sequence`` (as for the fused
    supernet), and the members of an ``nn.ModuleList`` that the space calls ``cells``. Of cells within cells
    the outer counts.

    Returns
    -------
    Number of cells.

    Raises
    ------
    ConfigError
        There are none.
    """
    cells = list(_outermost(supernet, getattr(supernet, "cells", None)))
    if not cells:
        raise ConfigError(
            f"search.checkpoint_cells: {type(supernet).__name__} has no cells to checkpoint; hold its stages "
            "in an nn.ModuleList called cells, or write checkpoint_cells: false."
        )
    for cell in cells:
        cell.forward = CheckpointedForward(cell, mixture)
    return len(cells)


def _outermost(module: nn.Module, declared: Any) -> Iterator[Any]:
    for child in module.children():
        listed = module is declared and isinstance(declared, nn.ModuleList)
        declares = hasattr(child, "node_states") or hasattr(child, "sequence")
        if listed or declares or isinstance(child, MixedCell):
            yield child
        else:
            yield from _outermost(child, declared)


class CheckpointedForward:
    """Stands in the place of a cell's ``forward``.

    The second run for the backward sees the mixture weights and the random numbers of the first, and moves
    no running statistics: those have counted this batch.
    """

    def __init__(self, cell: nn.Module, mixture: MixtureWeights) -> None:
        self._cell = cell
        self._mixture = mixture
        self._draws = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        forward = partial(type(self._cell).forward, self._cell)
        if not torch.is_grad_enabled():
            return forward(*args, **kwargs)
        run = partial(checkpoint, forward, *args, use_reentrant=False, context_fn=self._contexts, **kwargs)
        if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():
            # Generators cannot be set back inside a recording.
            if self._draws:
                raise RuntimeError("a checkpointed cell draws random numbers, which no recording repeats")
            return run(preserve_rng_state=False)
        before = _generators()
        outputs = run()
        self._draws = self._draws or not all(map(torch.equal, before, _generators()))
        return outputs

    def _contexts(self) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), Again(self._cell, self._mixture)


class Again:
    """Surrounds the runs for the backward of one forward; a graph that is kept may ask for several."""

    def __init__(self, cell: nn.Module, mixture: MixtureWeights) -> None:
        self._cell = cell
        self._mixture = mixture
        self._weights = mixture.current
        self._others = mixture.current
        self._statistics: Snapshot | None = None

    def __enter__(self) -> None:
        self._statistics = Snapshot(list(self._cell.buffers()), silently=True)
        self._others, self._mixture.current = self._mixture.current, self._weights

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._mixture.current = self._others
        assert self._statistics is not None
        self._statistics.restore()
        self._statistics = None


def _generators() -> list[Tensor]:
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state()] if torch.cuda.is_initialized() else [])]
