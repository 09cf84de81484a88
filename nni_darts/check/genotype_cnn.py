"""Derivation: 200 pairs of alpha tables, among them ties, minus infinity and a dominant ``none``."""

from __future__ import annotations

import json
from collections.abc import Iterator

from nni_darts.check.comparison import Comparison, exact
from nni_darts.check.fixture import Fixture
from nni_darts.check.registry import checker
from nni_darts.check.supernet import KINDS, set_alphas, supernet
from nni_darts.genotype import genotype_of
from search_spaces import DartsSpace


@checker("genotype_cnn")
def check(fixture: Fixture) -> Iterator[Comparison]:
    """The genotype in float64, every pair in its order; one quantity per way the tables were drawn."""
    search = supernet(DartsSpace(init_channels=2, layers=3))
    tables = {kind: fixture[f"alpha_{kind}"] for kind in KINDS}
    answers = fixture.strings("genotype_json")
    wrong: dict[str, list[bool]] = {}
    for case, drawn in enumerate(fixture.strings("kind")):
        for kind in KINDS:
            set_alphas(search, kind, tables[kind][case])
        genotype = genotype_of(search.export())
        want = json.loads(answers[case])
        got = {
            **{kind: [list(pair) for pair in getattr(genotype, kind)] for kind in KINDS},
            **{f"{kind}_concat": list(getattr(genotype, f"{kind}_concat")) for kind in KINDS},
        }
        wrong.setdefault(drawn, []).append(got != want)
    for drawn, differs in wrong.items():
        yield exact(f"genotype, {drawn} ({len(differs)} tables)", differs, [False] * len(differs))
