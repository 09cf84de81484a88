"""Methods by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from nni_darts.config.problem import suggestion
from nni_darts.errors import ConfigError
from nni_darts.parts.architect import first_order
from nni_darts.recipe.options import checked_options
from nni_darts.recipe.recipe import Recipe


@dataclass(frozen=True)
class Method:
    """A named recipe: what the registry holds and ``nni-darts list methods`` prints."""

    name: str
    summary: str
    paper: str
    build: Callable[..., Recipe]

    @property
    def options(self) -> dict[str, Any]:
        """Option -> default, read from the signature of the recipe's function."""
        return {name: p.default for name, p in inspect.signature(self.build).parameters.items()}


_METHODS: dict[str, Method] = {}


Builder = Callable[..., Recipe]


def method(name: str, *, summary: str, paper: str) -> Callable[[Builder], Builder]:
    """Register the function below as the method ``name``; its keyword arguments are the method's options."""

    def register(build: Builder) -> Builder:
        _METHODS[name] = Method(name, summary, paper, build)
        return build

    return register


def methods() -> dict[str, Method]:
    """All registered methods by name. Every file in ``nni_darts/methods`` is one."""
    package = import_module("nni_darts.methods")
    for module in iter_modules(package.__path__):
        import_module(f"nni_darts.methods.{module.name}")
    return dict(sorted(_METHODS.items()))


def build_recipe(name: str, parts: Mapping[str, Any] | None = None, /, **options: Any) -> Recipe:
    """The recipe of a method by name, with other parts where ``parts`` names them.

    Raises
    ------
    ConfigError
        Unknown method, option, slot or part, with the nearest known one; parts that do not go together.
    """
    known = methods()
    if name not in known:
        raise ConfigError(f'method.name: unknown method "{name}". {suggestion(name, known)}')
    values, problems = checked_options(known[name].build, options, "method", f'the method "{name}"')
    recipe = Recipe(architect=first_order)  # whatever is wrong with the options, the parts are looked at too
    try:
        recipe = known[name].build(**values)
    except ConfigError as error:
        problems += error.problems
    try:
        recipe = recipe.with_parts(parts or {})
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(*problems)
    recipe.check()
    return recipe
