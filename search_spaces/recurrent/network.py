"""The discrete language model of a genotype, as it is trained from scratch (rnn/train.py of quark0/darts)."""

from __future__ import annotations

from nni_darts.genotype import RecurrentGenotype
from search_spaces.recurrent.discrete_cell import DiscreteRecurrentCell
from search_spaces.recurrent.dropout import Dropouts
from search_spaces.recurrent.language_model import LanguageModel, check_sizes


class RecurrentNetwork(LanguageModel):
    """A :class:`LanguageModel` with the cell of a genotype; the defaults are those of Penn Treebank.

    It has V n + V + 4 n^2 + 2 k n^2 weights for V words, width n and k nodes: 22,960,000 for the paper's.

    Parameters
    ----------
    width
        Of embedding, states and output alike (emsize, nhid and nhidlast, 850; 700 for WikiText-2).
    dropout, dropoutx, dropouth, dropouti, dropoute
        See :class:`Dropouts`.
    """

    def __init__(
        self,
        genotype: RecurrentGenotype,
        vocabulary: int = 10_000,
        width: int = 850,
        dropout: float = 0.75,
        dropoutx: float = 0.75,
        dropouth: float = 0.25,
        dropouti: float = 0.2,
        dropoute: float = 0.1,
    ) -> None:
        check_sizes(vocabulary=vocabulary, width=width)
        dropouts = Dropouts(dropout, dropoutx, dropouth, dropouti, dropoute)
        super().__init__(DiscreteRecurrentCell(genotype, width), vocabulary, width, dropouts)
        self.genotype = genotype
