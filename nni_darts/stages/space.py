"""From the names in the settings to a model space and to its discrete networks."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from nni.nas.nn.pytorch import ModelSpace
from nni.nas.space import model_context
from torch import nn

from nni_darts.config.settings import Settings
from nni_darts.course.origin import constructor
from nni_darts.data.load import Info
from nni_darts.errors import ConfigError
from nni_darts.genotype import Architecture, RecurrentGenotype
from nni_darts.genotype.candidates import CELL_SPACES
from search_spaces import (
    S1,
    S2,
    S3,
    S4,
    DartsRnnSpace,
    DartsSpace,
    DiscreteNetwork,
    NasBench201Space,
    RecurrentNetwork,
)

SPACES: dict[str, type[ModelSpace]] = {
    "darts": DartsSpace,
    "s1": S1,
    "s2": S2,
    "s3": S3,
    "s4": S4,
    "nasbench201": NasBench201Space,
    "darts_rnn": DartsRnnSpace,
}


def space_class(name: str) -> type[ModelSpace]:
    """The class of a known space, or of ``package.module:Class``.

    Raises
    ------
    ConfigError
        Unknown name, or one that does not lead to a model space.
    """
    if name in SPACES:
        return SPACES[name]
    module, _, attribute = name.partition(":")
    if not attribute:
        raise ConfigError(
            f'space.name: "{name}" is not known; give {", ".join(SPACES)}, or package.module:Class.'
        )
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f'space.name: "{name}" cannot be imported: {error}.') from error
    if not (isinstance(found, type) and issubclass(found, ModelSpace)):
        raise ConfigError(f'space.name: "{name}" is no class of nni.nas.nn.pytorch.ModelSpace.')
    return found


def space_arguments(cls: type[ModelSpace], arguments: dict[str, Any], info: Info) -> dict[str, Any]:
    """``arguments`` with those that come from the data, where the space takes them.

    Raises
    ------
    ConfigError
        An argument that the space does not have.
    """
    accepted = inspect.signature(constructor(cls)).parameters
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in accepted.values())
    from_data = info.arguments()
    unknown = [] if open_ended else [name for name in arguments if name not in accepted]
    if unknown:
        known = ", ".join(name for name in accepted if name != "self")
        raise ConfigError(*(f"space.args.{name}: {cls.__name__} takes {known}." for name in unknown))
    return {**{key: value for key, value in from_data.items() if key in accepted}, **arguments}


def build_space(settings: Settings, info: Info, changed: Mapping[str, Any] | None = None) -> nn.Module:
    """The space of the settings, for the search; ``changed`` are arguments that differ from theirs."""
    cls = space_class(settings.space.name)
    return cls(**space_arguments(cls, {**settings.space.args, **(changed or {})}, info))


def build_network(
    settings: Settings, overrides: dict[str, Any], architecture: Architecture, info: Info
) -> nn.Module:
    """The discrete network of an architecture; ``overrides`` are its sizes where they differ from the search.

    Raises
    ------
    ConfigError
        The architecture is of another space, or does not fit this one.
    """
    if architecture.space != settings.space.name:
        raise ConfigError(
            f'genotype: of the space "{architecture.space}", but space.name is "{settings.space.name}".'
        )
    cls = space_class(settings.space.name)
    arguments = space_arguments(cls, {**settings.space.args, **overrides}, info)
    if settings.space.name in CELL_SPACES and architecture.genotype is not None:
        # Published cells need not have a sample (NASNet takes an input twice).
        genotype = architecture.genotype
        nodes = len(genotype.nodes(genotype.cells[0]))
        if nodes != arguments.get("nodes", nodes):
            raise ConfigError(f"genotype: has {nodes} nodes, but space.args.nodes is {arguments['nodes']}.")
        kept = {key: value for key, value in arguments.items() if key not in ("nodes", "primitives")}
        if isinstance(genotype, RecurrentGenotype):
            return RecurrentNetwork(genotype, **kept)
        return DiscreteNetwork(genotype, **kept)
    if architecture.nni is None:
        raise ConfigError("genotype: holds no sample, and this space needs one.")
    try:
        with model_context(architecture.nni):
            return cls(**arguments)
    except (KeyError, ValueError) as error:
        raise ConfigError(f"genotype: does not fit the space {settings.space.name}: {error}.") from error
