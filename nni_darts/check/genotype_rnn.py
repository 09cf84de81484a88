"""Derivation of recurrent cells: 200 tables of alphas, among them ties and a dominant ``none``."""

from __future__ import annotations

import json
from collections.abc import Iterator

from nni_darts.check.comparison import Comparison, exact
from nni_darts.check.fixture import Fixture
from nni_darts.check.registry import checker
from nni_darts.check.supernet import set_alphas, supernet
from nni_darts.genotype import recurrent_genotype_of
from nni_darts.genotype.cell import RECURRENT
from search_spaces import DartsRnnSpace


@checker("genotype_rnn")
def check(fixture: Fixture) -> Iterator[Comparison]:
    """The genotype in float64, every pair in its order; one quantity per way the tables were drawn."""
    search = supernet(DartsRnnSpace(vocabulary=2, width=1))
    answers, tables = fixture.strings("genotype_json"), fixture["alpha"]
    wrong: dict[str, list[bool]] = {}
    for drawn, answer, alphas in zip(fixture.strings("kind"), answers, tables, strict=True):
        set_alphas(search, RECURRENT, alphas)
        genotype = recurrent_genotype_of(search.export())
        got = {
            "recurrent": [list(pair) for pair in genotype.edges(RECURRENT)],
            "concat": list(genotype.concat(RECURRENT)),
        }
        wrong.setdefault(drawn, []).append(got != json.loads(answer))
    for drawn, differs in wrong.items():
        yield exact(f"genotype, {drawn} ({len(differs)} tables)", differs, [False] * len(differs))
