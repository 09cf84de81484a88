"""On which of our spaces a method is defined."""

from __future__ import annotations

from nni_darts.parts.requirement import IMAGES, NODES, cells_of_type, operation, requires
from nni_darts.recipe import build_recipe
from nni_darts.stages.defined import known_structures, spaces_of
from nni_darts.stages.space import SPACES

DARTS = build_recipe("darts")
CELLS = ["darts", "s1", "s2", "s3", "s4"]


def test_darts_is_defined_everywhere() -> None:
    assert spaces_of(DARTS) == list(SPACES)


def test_needs_leave_out_the_spaces_that_lack_them() -> None:
    for need, spaces in (
        (NODES, [*CELLS, "darts_rnn"]),
        (cells_of_type("reduce"), CELLS),
        (operation("none"), ["darts", "s3", "nasbench201", "darts_rnn"]),
        (operation("skip_connect"), ["darts", "s1", "s2", "s3", "nasbench201"]),
        (operation("noise"), ["s4"]),
        (IMAGES, [*CELLS, "nasbench201"]),
    ):
        assert spaces_of(DARTS.but(derivation=requires(need)(lambda state: {}))) == spaces


def test_structures_are_those_of_the_papers() -> None:
    found = {name: (len(s.choices), len(s.nodes)) for name, s in known_structures().items()}
    assert found == {**dict.fromkeys(CELLS, (28, 8)), "nasbench201": (6, 0), "darts_rnn": (36, 8)}
