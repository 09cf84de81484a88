"""Read what a space lets one choose, before anything is replaced in it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from nni.mutable import Categorical, CategoricalMultiple
from nni.nas.nn.pytorch import Cell, LayerChoice, ModelSpace

from nni_darts.errors import ConfigError
from nni_darts.parts.derivation import NONE
from nni_darts.supernet.cell import cell_structure
from nni_darts.supernet.structure import Choice, Node, Structure


def read_structure(space: ModelSpace) -> tuple[Structure, frozenset[str]]:
    """The choices and nodes of a space, and the labels of InputChoices that belong to nodes.

    A space may define ``nodes()``: label of an InputChoice -> labels of the LayerChoices that produce its
    candidates, in order. Such an InputChoice gets no alpha of its own: DARTS ranks its edges by theirs.

    Raises
    ------
    ConfigError
        A choice that has no differentiable form, or a ``nodes()`` that does not fit the space.
    """
    if not isinstance(space, ModelSpace):
        raise ConfigError(f"the space must be an nni.nas.nn.pytorch.ModelSpace; got {type(space).__name__}.")
    if space.mutables:
        labels = ", ".join(f'"{label}"' for mutable in space.mutables for label in mutable.simplify())
        raise ConfigError(
            f"the space {type(space).__name__} itself holds the choice {labels}, which the supernet cannot "
            "mix; put it into a LayerChoice, InputChoice, Repeat, Cell or a Mutable* layer."
        )
    try:
        mutables = dict(space.simplify())
    except ValueError as error:  # NNI's check that equal labels mean equal choices
        raise ConfigError(f"the space {type(space).__name__}: {error}.") from error
    structure = Structure()
    decided: set[str] = set()
    for cell in (module for module in space.modules() if type(module) is Cell):
        choices, nodes, owned = cell_structure(cell)
        if not owned <= decided:  # cells that share a label share their alphas
            structure.choices.update(choices)
            structure.nodes.extend(nodes)
            decided |= owned
    node_inputs = _declared_nodes(space, mutables, structure)
    layers = {module.label for module in space.modules() if type(module) is LayerChoice}
    for label, mutable in mutables.items():
        if label not in decided and label not in node_inputs:
            structure.choices[label] = _choice(label, mutable, label in layers)
    if not structure.choices:
        raise ConfigError(f"the space {type(space).__name__} has no choices: there is nothing to search.")
    return structure, node_inputs


def _choice(label: str, mutable: Any, is_layer: bool) -> Choice:
    if isinstance(mutable, CategoricalMultiple):
        return Choice(tuple(mutable.values), multiple=True, n_chosen=mutable.n_chosen)
    if isinstance(mutable, Categorical):
        return Choice(tuple(mutable.values), is_layer=is_layer)
    raise ConfigError(
        f'the choice "{label}" is a {type(mutable).__name__}; differentiable search needs a finite list of '
        'values, such as nni.choice("' + label + '", [...]).'
    )


def _declared_nodes(space: ModelSpace, mutables: dict[str, Any], structure: Structure) -> frozenset[str]:
    declared: dict[str, list[str]] = space.nodes() if hasattr(space, "nodes") else {}
    for label, edges in declared.items():
        choice = mutables.get(label)
        unknown = [edge for edge in edges if not isinstance(mutables.get(edge), Categorical)]
        if not isinstance(choice, CategoricalMultiple) or unknown or len(choice.values) != len(edges):
            raise ConfigError(
                f'{type(space).__name__}.nodes(): "{label}" must be the label of an InputChoice, its value '
                f"the labels of the LayerChoices that produce its candidates, one each; got {edges}."
            )
        if choice.n_chosen is None:
            raise ConfigError(
                f'{type(space).__name__}.nodes(): the InputChoice "{label}" leaves n_chosen open; '
                "give a number."
            )
        values = {edge: tuple(mutables[edge].values) for edge in edges}
        write = partial(_write, label, tuple(edges), values)
        read = partial(_read, label, tuple(edges))
        structure.nodes.append(Node(tuple(edges), choice.n_chosen, write, read))
    return frozenset(declared)


def _write(
    label: str, edges: tuple[str, ...], values: dict[str, tuple[Any, ...]], pairs: list[tuple[int, Any]]
) -> dict[str, Any]:
    # An edge that is not kept must still hold some value: the one that says "no connection" if there is one.
    sample: dict[str, Any] = {edge: NONE if NONE in values[edge] else values[edge][0] for edge in edges}
    sample.update({edges[index]: operation for index, operation in pairs})
    sample[label] = [index for index, _ in pairs]
    return sample


def _read(label: str, edges: tuple[str, ...], sample: Mapping[str, Any]) -> list[tuple[int, Any]]:
    return [(index, sample[edges[index]]) for index in sample[label]]
