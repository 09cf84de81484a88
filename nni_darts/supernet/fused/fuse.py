"""Put the fused computation into a supernet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nni.nas.nn.pytorch import ModelSpace
from torch import nn

from nni_darts.supernet.fused.nodes import FusedNodes
from nni_darts.supernet.fused.plan import Edge
from nni_darts.supernet.fused.recognise import NotFusedError
from nni_darts.supernet.inputs import NodeInput
from nni_darts.supernet.recurrent.sequence import FusedSequence
from nni_darts.supernet.weights import MixtureWeights


def fuse(supernet: ModelSpace, mixture: MixtureWeights, always: bool = True) -> list[str]:
    """Fuse every cell of a supernet that can be, in place.

    A cell is a module with ``edges`` (a ModuleDict, ``"{source}_{target}"``), ``inputs`` (a ModuleDict,
    ``"{target}"``: what sums the edges of a node) and a method ``node_states`` that computes the nodes
    from the states before them and is called by the cell's forward. A recurrent cell has a method
    ``sequence`` instead, which computes all time steps, matrices ``W_init`` and ``W_nodes`` and one ``bn``;
    it is fused wherever it can be, since that is always faster.

    Parameters
    ----------
    always
        Whether to fuse on a CPU without kernels too, where it is not faster.

    Returns
    -------
    What is not fused and why, one sentence each; empty if everything is.
    """
    cells = {name: module for name, module in supernet.named_modules() if _is_cell(module)}
    recurrent = {name: module for name, module in supernet.named_modules() if is_recurrent(module)}
    if recurrent:
        return [note for name, cell in recurrent.items() for note in _fuse_sequence(name, cell, mixture)]
    if not cells:
        return [f"{type(supernet).__name__} has no cells that declare their edges."]
    notes = []
    for name, cell in cells.items():
        problem = _problem(cell)
        if problem:
            notes.append(f"{name}: {problem}.")
            continue
        nodes = FusedNodes(cell, dict(_edges(cell)), mixture, always)
        cell.node_states = nodes
        notes += [
            f"{name}, edge {source} to {target}: {why}." for (source, target), why in nodes.left.items()
        ]
    return notes


def _fuse_sequence(name: str, cell: Any, mixture: MixtureWeights) -> Iterator[str]:
    try:
        cell.sequence = FusedSequence(cell, mixture)
    except NotFusedError as reason:
        yield f"{name}: {reason}."


def is_recurrent(module: nn.Module) -> bool:
    """Whether a module declares its edges, and computes whole sequences."""
    return hasattr(module, "sequence") and _declares(module)


def _is_cell(module: nn.Module) -> bool:
    return hasattr(module, "node_states") and _declares(module)


def _declares(module: nn.Module) -> bool:
    containers = (getattr(module, name, None) for name in ("edges", "inputs"))
    return all(isinstance(item, nn.ModuleDict) for item in containers)


def _problem(cell: Any) -> str | None:
    for choose in cell.inputs.values():
        if type(choose) is not NodeInput or choose.reduction != "sum":
            return f"its nodes are computed by {type(choose).__name__}, not as sums of their edges"
    modules = [module for edge in cell.edges.values() for module in edge.modules()]
    if len(set(map(id, modules))) < len(modules):
        return "edges share modules"
    return None


def _edges(cell: Any) -> Iterator[tuple[Edge, nn.Module]]:
    for name, edge in cell.edges.items():
        source, target = name.split("_")
        yield (int(source), int(target)), edge
