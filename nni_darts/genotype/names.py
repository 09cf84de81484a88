"""Names of the operations, known without building any."""

from __future__ import annotations

#: The candidates of one edge in the order of the DARTS paper's code: the columns of its alpha tables.
PRIMITIVES: tuple[str, ...] = (
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)

#: Everything ``search_spaces.operations`` builds; the first two extra ones occur in NASNet's and AmoebaNet's
#: cells, ``noise`` in the space S4.
OPERATION_NAMES: tuple[str, ...] = (*PRIMITIVES, "sep_conv_7x7", "conv_7x1_1x7", "noise")

#: The candidates of one edge of a recurrent cell in the order of rnn/genotypes.py: the columns of its alphas.
ACTIVATIONS: tuple[str, ...] = ("none", "tanh", "relu", "sigmoid", "identity")
