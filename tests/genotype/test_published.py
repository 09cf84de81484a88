"""Built-in genotypes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nni_darts.genotype import OPERATION_NAMES, PRIMITIVES, PUBLISHED
from nni_darts.genotype.checks import unknown_operations


@pytest.mark.parametrize("name", PUBLISHED)
def test_only_known_operations(name: str) -> None:
    genotype = PUBLISHED[name]
    assert unknown_operations([op for op, _ in genotype.normal + genotype.reduce]) == []


def test_darts_v1_as_the_paper_prints_it() -> None:
    assert str(PUBLISHED["DARTS_V1"]) == (
        "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), "
        "('sep_conv_3x3', 1), "
        "('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)], "
        "normal_concat=range(2, 6), reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), "
        "('max_pool_3x3', 0), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), "
        "('avg_pool_3x3', 0)], reduce_concat=range(2, 6))"
    )


def test_primitives_are_in_the_order_of_the_alpha_columns() -> None:
    assert " ".join(PRIMITIVES) == (
        "none max_pool_3x3 avg_pool_3x3 skip_connect sep_conv_3x3 sep_conv_5x5 dil_conv_3x3 dil_conv_5x5"
    )
    assert OPERATION_NAMES[:8] == PRIMITIVES


def test_importing_genotypes_does_not_import_torch() -> None:
    code = "import sys, nni_darts.genotype; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
