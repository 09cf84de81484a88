from __future__ import annotations

import numpy as np
import pytest
import torch

from nni_darts.data import Images


def test_subset_keeps_pairs_together() -> None:
    images = Images.from_numpy(np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1), np.arange(5))
    part = images.subset([3, 1])
    assert part.images.flatten().tolist() == part.labels.tolist() == [3, 1]
    assert len(part) == 2


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (torch.zeros(2, 1, 4, 4), torch.zeros(2, dtype=torch.int64)),
        (torch.zeros(2, 4, 4, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64)),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64)),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.zeros(2)),
    ],
)
def test_wrong_types_and_shapes_are_refused(images: torch.Tensor, labels: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="want"):
        Images(images, labels)
