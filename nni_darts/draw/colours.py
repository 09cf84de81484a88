"""One line style per choice, the same in every figure, told apart by colour-blind readers too."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle
from typing import NamedTuple

# The paper's operations in families of hue: pools brown, separable blue, dilated green; after Paul Tol's
# "muted" scheme (personal.sron.nl/~pault), which holds for the common colour-vision deficiencies.
_OPERATIONS = {
    "none": "#777777",
    "max_pool_3x3": "#999933",
    "avg_pool_3x3": "#DDCC77",
    "skip_connect": "#CC6677",
    "sep_conv_3x3": "#332288",
    "sep_conv_5x5": "#88CCEE",
    "dil_conv_3x3": "#117733",
    "dil_conv_5x5": "#44AA99",
}
# The scheme in its own order, most contrast first.
_COLOURS = (
    *("#332288", "#CC6677", "#117733", "#88CCEE", "#882255"),
    *("#999933", "#44AA99", "#AA4499", "#DDCC77", "#777777"),
)
_DASHES = ("solid", "dashed", "dotted", "dashdot")


class Line(NamedTuple):
    """Colour and dash pattern."""

    colour: str
    dash: str


def lines_of(choices: Iterable[str]) -> dict[str, Line]:
    """A line for each choice: the paper's operations have theirs for good, others take what is free."""
    names = list(dict.fromkeys(choices))
    lines = {name: Line(_OPERATIONS[name], "solid") for name in names if name in _OPERATIONS}
    free = cycle([line for line in _all_lines() if line not in lines.values()])
    lines |= {name: next(free) for name in names if name not in lines}
    return lines


def _all_lines() -> list[Line]:
    return [Line(colour, dash) for dash in _DASHES for colour in _COLOURS]
