"""Every published genotype by name."""

from __future__ import annotations

from nni_darts.genotype.genotype import Genotype
from nni_darts.genotype.published_classic import CLASSIC
from nni_darts.genotype.published_variants import VARIANTS

PUBLISHED: dict[str, Genotype] = {**CLASSIC, **VARIANTS}
