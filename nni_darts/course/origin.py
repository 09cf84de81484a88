"""Spaces that are built again, with other arguments and fresh weights."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any, cast

from nni.nas.nn.pytorch import ModelSpace

from nni_darts.errors import ConfigError

Rebuild = Callable[..., ModelSpace]
"""Changed arguments, by name, to the space built anew."""


class Origin:
    """Where a space came from: NNI keeps the arguments of every model space.

    Parameters
    ----------
    space
        Before it becomes a supernet.
    rebuild
        How it is built again; None for calling its class.

    Attributes
    ----------
    arguments
        Name -> value as it was built, defaults included.
    """

    def __init__(self, space: ModelSpace, rebuild: Rebuild | None = None) -> None:
        self._space = type(space)
        self._rebuild = rebuild
        signature = inspect.signature(constructor(self._space))
        bound = signature.bind(None, *space.trace_args, **space.trace_kwargs)
        bound.apply_defaults()
        # A supernet shares no module with the one before it, not even one that was an argument.
        self._bound = copy.deepcopy(bound)
        parameters = signature.parameters.values()
        self._open = next((p.name for p in parameters if p.kind is p.VAR_KEYWORD), None)
        _, *names = bound.arguments
        self.arguments: dict[str, Any] = {name: bound.arguments[name] for name in names if name != self._open}
        self.arguments |= bound.arguments[self._open] if self._open else {}

    def differs(self, changes: Mapping[str, Any]) -> bool:
        """Whether the space would be another with ``changes``."""
        return any(self.arguments.get(name) != value for name, value in changes.items())

    def build(self, changes: Mapping[str, Any]) -> ModelSpace:
        """The space again, with some arguments changed.

        Raises
        ------
        ConfigError
            Its class does not take them.
        """
        if self._rebuild is not None:
            return self._rebuild(**changes)
        bound = copy.deepcopy(self._bound)
        for name, value in changes.items():
            if name in bound.arguments:
                bound.arguments[name] = value
            elif self._open:
                bound.arguments[self._open][name] = value
            else:
                raise ConfigError(
                    f"the space {self._space.__name__} has no argument {name}, which the search changes from "
                    "phase to phase; give the strategy rebuild=, which builds it from changed arguments."
                )
        return self._space(*bound.args[1:], **bound.kwargs)


def constructor(cls: type[ModelSpace]) -> Callable[..., None]:
    """The ``__init__`` that somebody wrote: NNI wraps it in every space, and an inherited one again."""
    for base in cls.__mro__:
        written = vars(base).get("_init_wrapped", vars(base).get("__init__"))
        if getattr(written, "__name__", "") == "__init__":
            return cast(Callable[..., None], written)
    return cls.__init__
