"""A recurrent search cell as one function of its mixture weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nni_darts.supernet.fused.forms import Activated
from nni_darts.supernet.fused.recognise import NotFusedError, forms_of
from nni_darts.supernet.inputs import NodeInput
from nni_darts.supernet.recurrent.native import is_native, native_sequence
from nni_darts.supernet.recurrent.plain import plain_sequence
from nni_darts.supernet.recurrent.statistics import follow
from nni_darts.supernet.recurrent.wiring import ACTIVATIONS, Found, Matrices, Norm, Wiring
from nni_darts.supernet.weights import MixtureWeights


class FusedSequence:
    """Stands in the place of a cell's ``sequence``: input, hidden state and masks -> outputs.

    The matrices and the BatchNorm stay where they are in the cell, with their names and running statistics.

    Parameters
    ----------
    cell
        Its class computes the sequence step by step and edge by edge.

    Raises
    ------
    NotFusedError
        The cell must be computed as it is.
    """

    refused: tuple[str, ...] = ()
    left: Mapping[tuple[int, int], str] = {}  # all edges are fused, or the cell is not

    def __init__(self, cell: Any, mixture: MixtureWeights) -> None:
        self._cell = cell
        self._mixture = mixture
        _require_known(cell)
        nodes = range(1, 1 + len(cell.inputs))
        edges = [(source, node) for node in nodes for source in range(node)]
        layers = [cell.edges[f"{source}_{node}"] for source, node in edges]
        self._labels = [layer.label for layer in layers]
        self._places = [_places(layer) for layer in layers]
        self._index: Tensor | None = None
        self.wiring = Wiring(tuple(tuple(range(node)) for node in nodes), tuple(nodes))

    def __call__(self, x: Tensor, hidden: Tensor, masks: Any) -> Tensor:
        norm = self._norm()
        found = run_sequence(self._cell, self.wiring, x, hidden, masks, self._weights(x), norm)
        if found.mean is not None and found.variance is not None:
            follow(self._cell.bn, found.mean, found.variance, x.shape[1])
        return found.outputs

    def _norm(self) -> Norm | None:
        bn = self._cell.bn
        if not isinstance(bn, nn.BatchNorm1d):
            return None
        return Norm(bn.eps, None if bn.training else (bn.running_mean, bn.running_var))  # type: ignore[arg-type]

    def _weights(self, like: Tensor) -> Tensor:
        """Every edge's weights in the order of ``ACTIVATIONS``, 0 where it has no such candidate."""
        rows = [self._mixture[label] for label in self._labels]
        starts = [0]
        for row in rows:
            starts.append(starts[-1] + len(row))
        zero = rows[0].new_zeros(1)
        if self._index is None or self._index.device != zero.device:
            places = [
                starts[-1] if place is None else start + place
                for start, own in zip(starts, self._places, strict=False)
                for place in own
            ]
            self._index = torch.tensor(places, device=zero.device)
        return torch.cat([*rows, zero]).to(like.dtype)[self._index].view(len(rows), len(ACTIVATIONS))


def run_sequence(
    cell: Any,
    wiring: Wiring,
    x: Tensor,
    hidden: Tensor,
    masks: Any,
    weights: Tensor,
    norm: Norm | None = None,
) -> Found:
    """The outputs of a cell with ``W_init`` and ``W_nodes``; the tokens' products are taken all at once."""
    if norm is not None and norm.given is None and x.shape[1] < 2:
        raise ValueError(f"Expected more than one sequence side by side when training, got {tuple(x.shape)}")
    width = x.shape[2]
    masked = x if masks.input is None else x * masks.input
    projected = masked @ cell.W_init[:width]
    matrices = Matrices(cell.W_init[width:], tuple(cell.W_nodes))
    run = native_sequence if is_native(x) else plain_sequence
    return run(wiring, projected, hidden, matrices, weights, masks.hidden, norm)


def _places(layer: Any) -> list[int | None]:
    """Which candidate of an edge each activation is."""
    names = [form.name if isinstance(form, Activated) else None for form in forms_of(layer)]
    return [names.index(name) if name in names else None for name in ACTIVATIONS]


def _require_known(cell: Any) -> None:
    for choose in cell.inputs.values():
        if type(choose) is not NodeInput or choose.reduction != "sum":
            kind = type(choose).__name__
            raise NotFusedError(f"its nodes are computed by {kind}, not as sums of their edges")
    bn = cell.bn
    if type(bn) is nn.Identity:
        return
    if type(bn) is not nn.BatchNorm1d:
        raise NotFusedError(f"its states are normalised by {type(bn).__name__}, not by BatchNorm1d")
    if bn.affine or bn.momentum is None or not bn.track_running_stats:
        raise NotFusedError("its BatchNorm has weights, or keeps no exponential running statistics")
