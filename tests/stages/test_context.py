from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from nni_darts.config import Settings
from nni_darts.data import Images
from nni_darts.run import Run
from nni_darts.stages.context import Context
from nni_darts.stages.images import ImageTask


def context(path: Path, device: str = "cpu", **trainer: Any) -> Context:
    settings = Settings.from_dict({"trainer": trainer})
    return Context(settings, 0, Run.create(path, "search/0"), ImageTask(settings), device)


@pytest.mark.parametrize(
    ("wish", "free", "resident"),
    [("auto", 4000, True), ("auto", 3999, False), ("true", 0, True), ("false", 4000, False)],
)
def test_images_lie_on_the_gpu_where_they_fit(
    wish: str, free: int, resident: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,000 bytes of images; a quarter of the free memory may be theirs."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10**9))
    images = Images(torch.zeros(10, 1, 10, 10, dtype=torch.uint8), torch.zeros(10, dtype=torch.int64))
    task = context(tmp_path, "cuda:0", data_on_device=wish).task
    assert task._resident(images, "cuda:0") is resident


def test_on_the_cpu_there_is_nothing_to_choose(tmp_path: Path) -> None:
    task = context(tmp_path, data_on_device=False).task
    first, second = task.halves("cpu")
    assert len(first) + len(second) == len(task.data.train)
    assert task.served(first, "cpu").images is first.images


@pytest.mark.parametrize("wish", [True, False])
def test_the_memory_order_of_weights(wish: bool, tmp_path: Path) -> None:
    network = context(tmp_path, channels_last=wish).placed(torch.nn.Conv2d(3, 4, 3))
    assert network.weight.is_contiguous(memory_format=torch.channels_last) is wish


@pytest.mark.parametrize("portion", [0.25, 0.8])
def test_the_split_is_that_of_the_settings_whatever_the_method(portion: float, tmp_path: Path) -> None:
    settings = Settings.from_dict({"method": {"name": "gdas"}, "data": {"train_portion": portion}})
    weights, alphas, validation = ImageTask(settings).search_loaders("cpu", 0)
    assert len(weights.images) == pytest.approx(1438 * portion, abs=10)
    assert len(weights.images) + len(alphas.images) == 1438
    assert validation.images is alphas.images
