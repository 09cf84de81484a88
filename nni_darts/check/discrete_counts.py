"""Sizes of the published cells' networks, exact."""

from __future__ import annotations

import json
from collections.abc import Iterator

from nni_darts.check.comparison import Comparison, exact
from nni_darts.check.counting import count_forward, count_parameters
from nni_darts.check.fixture import Fixture
from nni_darts.check.registry import checker
from nni_darts.genotype import PUBLISHED, Genotype
from search_spaces.discrete import DiscreteNetwork

#: stem -> (init channels, layers, classes, image side) of the paper's evaluation networks.
NETWORKS = {"cifar": (36, 20, 10, 32), "imagenet": (48, 14, 1000, 224)}


@checker("discrete_counts")
def check(fixture: Fixture) -> Iterator[Comparison]:
    """Every column of the table, for every genotype."""
    columns = fixture.strings("columns")
    for name, text, row in zip(
        fixture.strings("names"), fixture.strings("genotype_json"), fixture["table"].tolist(), strict=True
    ):
        genotype = Genotype(**json.loads(text))
        if name in PUBLISHED:
            yield exact(f"{name} genotype", [PUBLISHED[name]], [genotype])
        counts = {
            f"{stem}_{key}": value for stem in NETWORKS for key, value in _counts(genotype, stem).items()
        }
        for column, want in zip(columns, row, strict=True):
            yield exact(f"{name} {column}", [counts[column]], [want])


def _counts(genotype: Genotype, stem: str) -> dict[str, int]:
    channels, layers, classes, side = NETWORKS[stem]
    network = DiscreteNetwork(genotype, channels, layers, classes, stem=stem, auxiliary=True)
    assert network.aux is not None
    counts = count_forward(network, 1, 3, side, side)
    if stem == "imagenet":
        # The original's global pool is an ordinary one there, so the table counts its outputs.
        counts["pool_outputs"] += network.classifier.in_features
    return {
        "params_without_aux": count_parameters(network) - count_parameters(network.aux),
        "params_with_aux": count_parameters(network),
        **counts,
    }
