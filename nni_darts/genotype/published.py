"""Every published genotype by name."""

from __future__ import annotations

from nni_darts.genotype.genotype import AnyGenotype, Genotype
from nni_darts.genotype.published_classic import CLASSIC
from nni_darts.genotype.published_recurrent import RECURRENT_CELLS
from nni_darts.genotype.published_variants import VARIANTS

PUBLISHED: dict[str, Genotype] = {**CLASSIC, **VARIANTS}
"""Normal and reduction cells."""

EVERY_PUBLISHED: dict[str, AnyGenotype] = {**PUBLISHED, **RECURRENT_CELLS}
"""Cells of every kind."""
