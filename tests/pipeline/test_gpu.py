from __future__ import annotations

import pytest

from nni_darts.pipeline import gpu


@pytest.mark.parametrize(
    ("device", "gpus", "fine"),
    [
        ("auto", 0, True),
        ("cpu", 0, True),
        ("cuda", 0, False),
        ("cuda", 1, True),
        ("cuda:1", 1, False),
        ("cuda:1", 2, True),
    ],
)
def test_a_device_is_there_or_named(
    device: str, gpus: int, fine: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "count", lambda: gpus)
    said = gpu.problem(device)
    assert (said is None) if fine else (f"trainer.device: {device}" in str(said))


def test_counting_works_with_and_without_a_driver() -> None:
    assert gpu.count() >= 0


@pytest.mark.parametrize("config", [{"trialGpuNumber": 1}, {"trainingService": {"trialGpuNumber": 2}}])
def test_placement_by_nni_is_refused(config: dict[str, object]) -> None:
    (said,) = gpu.experiment_problems("auto", config)
    assert said.startswith("trialGpuNumber: leave it out")


def test_only_this_machine_is_asked_for_its_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "count", lambda: 0)
    assert len(gpu.experiment_problems("cuda", {"trainingService": {"platform": "local"}})) == 1
    assert gpu.experiment_problems("cuda", {"trainingService": {"platform": "remote"}}) == []
    assert (
        gpu.experiment_problems("cpu", {"trialGpuNumber": 0, "trainingService": {"platform": "local"}}) == []
    )
