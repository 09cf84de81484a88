from __future__ import annotations

import numpy as np
import torch

from nni_darts.data import DataInfo
from nni_darts.data.info import channel_statistics


def test_statistics_are_those_of_the_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5000, 3, 2, 2), dtype=np.uint8)
    mean, std = channel_statistics(torch.from_numpy(pixels))
    scaled = pixels.astype(np.float64) / 255
    np.testing.assert_allclose(mean, scaled.mean((0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(std, scaled.std((0, 2, 3)), rtol=1e-12)


def test_a_constant_channel_can_be_normalised() -> None:
    assert channel_statistics(torch.full((3, 1, 2, 2), 51, dtype=torch.uint8)) == ((0.2,), (1.0,))


def test_info_survives_json(info: DataInfo) -> None:
    assert DataInfo.from_dict(info.to_dict()) == info
