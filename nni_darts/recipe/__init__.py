"""A method is a recipe: a frozen set of parts. Methods differ by the parts they replace."""

from nni_darts.recipe.outer import OUTER_OPTIONS, with_outer_options
from nni_darts.recipe.recipe import Recipe, name_of
from nni_darts.recipe.registry import Method, build_recipe, method, methods

__all__ = [
    "OUTER_OPTIONS",
    "Method",
    "Recipe",
    "build_recipe",
    "method",
    "methods",
    "name_of",
    "with_outer_options",
]
