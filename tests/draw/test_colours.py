from __future__ import annotations

from nni_darts.draw.colours import lines_of
from nni_darts.genotype import PRIMITIVES


def test_an_operation_has_one_line_in_every_run() -> None:
    alone = lines_of(["sep_conv_3x3"])["sep_conv_3x3"]
    assert lines_of(["my_conv", "3x3", *PRIMITIVES])["sep_conv_3x3"] == alone


def test_no_two_choices_of_a_run_share_a_line() -> None:
    choices = [*PRIMITIVES, *(str(number) for number in range(30))]
    lines = lines_of(choices)
    assert list(lines) == choices
    assert len(set(lines.values())) == len(choices)


def test_endless_choices_still_get_lines() -> None:
    assert len(lines_of(str(number) for number in range(200))) == 200
