from __future__ import annotations

import torch

from nni_darts.parts.rows import Rows


def test_rows_of_one_size_share_a_matrix_and_return_under_their_labels():
    weights = {"a": torch.rand(3), "b": torch.rand(2), "c.d/e": torch.rand(3)}
    rows = Rows({label: len(row) for label, row in weights.items()})
    matrices = rows.pack(weights)
    assert [tuple(matrix.shape) for matrix in matrices] == [(2, 3), (1, 2)]
    found = rows.unpack([2 * matrix for matrix in matrices])
    assert list(found) == list(weights)
    assert all(torch.equal(found[label], 2 * row) for label, row in weights.items())
