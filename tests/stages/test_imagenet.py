"""Crops through every stage: what the network sees, and the same test number from the checkpoint."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from nni_darts import stages
from nni_darts.config import Settings
from nni_darts.data import BatchLoader
from nni_darts.errors import ConfigError
from nni_darts.genotype import Architecture
from nni_darts.run import NullReporter, Run

NETWORK = {"init_channels": 2, "layers": 2, "stem": "imagenet", "auxiliary": False}
ONE_EPOCH = {"epochs": 1, "batch_size": 6}


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    monkeypatch.setenv("NNI_DARTS_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    for part, count in (("train", 8), ("val", 4)):
        for name in "ab":
            (tmp_path / "images" / part / name).mkdir(parents=True)
            for index in range(count):
                pixels = random.integers(0, 256, (40, 44, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "images" / part / name / f"{index}.png")
    data = {"name": "image_folder", "root": str(tmp_path / "images"), "augmentation": "imagenet"}
    return Settings.from_dict(
        {
            "data": {**data, "image_size": 40, "crop_size": 32},
            "space": {"args": {"init_channels": 2, "layers": 2, "nodes": 1, "stem": "imagenet"}},
            "method": {"order": 1},
            "search": ONE_EPOCH,
            "select": {**ONE_EPOCH, "network": NETWORK},
            "retrain": {**ONE_EPOCH, "network": NETWORK},
            "trainer": {"device": "cpu", "threads": 1, "limit_batches": 1},
        }
    )


def test_every_stage_trains_on_crops_and_measures_on_centre_crops(settings, tmp_path, monkeypatch):
    # Held in their file, as ImageNet is.
    for module in ("cache", "images"):
        monkeypatch.setattr(f"nni_darts.data.{module}.IN_MEMORY", 1000)

    served = set()

    def serve(loader, order, batch):
        x, y = original(loader, order, batch)
        served.add((loader.shuffle, type(loader.transform).__name__, tuple(x.shape[1:])))
        return x, y

    original = BatchLoader._serve
    monkeypatch.setattr(BatchLoader, "_serve", serve)

    def run(task: str) -> Run:
        return Run.create(tmp_path / task, task)

    found = stages.run_search(settings, 0, run("search/0"), NullReporter())
    architecture = Architecture.from_json(found["architecture"])
    crops = {(True, "RandomResizedCrops", (3, 32, 32)), (False, "CentreCrop", (3, 32, 32))}
    assert served == crops
    stages.run_select(settings, 0, architecture, run("select/0"), NullReporter())
    retrained = stages.run_retrain(settings, 0, architecture, run("retrain/0"), NullReporter())
    tested = stages.run_test(tmp_path / "retrain/0" / "last.ckpt", {})
    assert tested["test_loss"] == retrained["test_loss"]
    narrower = stages.run_test
    assert served == crops
    with pytest.raises(ConfigError, match="trained for size"):
        narrower(tmp_path / "retrain/0" / "last.ckpt", {"crop_size": 24})
