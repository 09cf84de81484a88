"""Architectures on paper: the classic genotype, NNI's sample, a versioned JSON file. No torch in here."""

from __future__ import annotations

from nni_darts.genotype.architecture import Architecture
from nni_darts.genotype.genotype import AnyGenotype, Genotype, RecurrentGenotype
from nni_darts.genotype.names import ACTIVATIONS, OPERATION_NAMES, PRIMITIVES
from nni_darts.genotype.nasbench201 import NASBENCH201, BenchmarkCell
from nni_darts.genotype.published import EVERY_PUBLISHED, PUBLISHED
from nni_darts.genotype.published_recurrent import RECURRENT_CELLS
from nni_darts.genotype.resolve import resolve
from nni_darts.genotype.sample import genotype_of, is_cell_sample, recurrent_genotype_of, sample_of

__all__ = [
    "ACTIVATIONS",
    "EVERY_PUBLISHED",
    "NASBENCH201",
    "OPERATION_NAMES",
    "PRIMITIVES",
    "PUBLISHED",
    "RECURRENT_CELLS",
    "AnyGenotype",
    "Architecture",
    "BenchmarkCell",
    "Genotype",
    "RecurrentGenotype",
    "genotype_of",
    "is_cell_sample",
    "recurrent_genotype_of",
    "resolve",
    "sample_of",
]
