"""Published recurrent cells by name."""

from __future__ import annotations

from nni_darts.genotype.genotype import RecurrentGenotype

# fmt: off
RECURRENT_CELLS: dict[str, RecurrentGenotype] = {
    # Liu et al. 2019, first order, Penn Treebank; quark0/darts rnn/genotypes.py (there DARTS_V1)
    "DARTS_V1_RNN": RecurrentGenotype.of([
        ("relu", 0), ("relu", 1), ("tanh", 2), ("relu", 3),
        ("relu", 4), ("identity", 1), ("relu", 5), ("relu", 1),
    ]),
    # Liu et al. 2019, second order, Penn Treebank; quark0/darts rnn/genotypes.py (there DARTS_V2)
    "DARTS_V2_RNN": RecurrentGenotype.of([
        ("sigmoid", 0), ("relu", 1), ("relu", 1), ("identity", 1),
        ("tanh", 2), ("sigmoid", 5), ("tanh", 3), ("relu", 5),
    ]),
    # Pham et al. 2018; quark0/darts rnn/genotypes.py (there ENAS): 11 nodes, the loose ends are averaged
    "ENAS_RNN": RecurrentGenotype.of(
        [
            ("tanh", 0), ("tanh", 1), ("relu", 1), ("tanh", 3), ("tanh", 3), ("relu", 3),
            ("relu", 4), ("relu", 7), ("relu", 8), ("relu", 8), ("relu", 8),
        ],
        concat=[2, 5, 6, 9, 10, 11],
    ),
}
