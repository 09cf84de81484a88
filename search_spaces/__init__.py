"""Search spaces written with NNI's mutables: an installed package of its own beside ``nni_darts``."""

from __future__ import annotations

from search_spaces.darts import DartsSpace
from search_spaces.darts_rnn import DartsRnnSpace
from search_spaces.discrete import DiscreteNetwork
from search_spaces.nasbench201 import BenchmarkNetwork, NasBench201Space
from search_spaces.recurrent import RecurrentNetwork
from search_spaces.robust import S1, S2, S3, S4

__all__ = [
    "S1",
    "S2",
    "S3",
    "S4",
    "BenchmarkNetwork",
    "DartsRnnSpace",
    "DartsSpace",
    "DiscreteNetwork",
    "NasBench201Space",
    "RecurrentNetwork",
]
