"""Architectures on paper: the classic genotype, NNI's sample, a versioned JSON file. No torch in here."""

from __future__ import annotations

from nni_darts.genotype.architecture import Architecture
from nni_darts.genotype.genotype import Genotype
from nni_darts.genotype.names import OPERATION_NAMES, PRIMITIVES
from nni_darts.genotype.nasbench201 import NASBENCH201, BenchmarkCell
from nni_darts.genotype.published import PUBLISHED
from nni_darts.genotype.resolve import resolve
from nni_darts.genotype.sample import genotype_of, is_cell_sample, sample_of

__all__ = [
    "NASBENCH201",
    "OPERATION_NAMES",
    "PRIMITIVES",
    "PUBLISHED",
    "Architecture",
    "BenchmarkCell",
    "Genotype",
    "genotype_of",
    "is_cell_sample",
    "resolve",
    "sample_of",
]
