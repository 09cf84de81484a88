from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from nni_darts.draw import draw_run
from nni_darts.genotype import PUBLISHED, Architecture
from nni_darts.run import Run


def finished(path: Path) -> Run:
    run = Run.create(path, "search/0")
    run.log_epoch({"epoch": 0, "train_loss": 2.0})
    run.log_mixture(0, {"normal/edge_0_2": {"none": 0.1}, "normal/edge_1_2": {"none": 0.2}})
    run.write_architecture(Architecture.from_genotype(PUBLISHED["DARTS_V1"]))
    return run


def test_draws_all_that_a_runs_files_allow(tmp_path: Path) -> None:
    run = finished(tmp_path)
    names = {path.name for path in draw_run(run)}
    stems = ("cell_normal", "cell_reduce", "alphas_normal", "curves")
    assert names == {f"{stem}.{suffix}" for stem in stems for suffix in ("svg", "png")}
    assert names == {path.name for path in run.figures.iterdir()}


def test_an_architecture_without_cells_has_no_drawing(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "search/0")
    run.write_architecture(Architecture.from_sample({"conv": "3x3"}, space="my_pkg.mod:Space"))
    assert draw_run(run) == []


def test_without_matplotlib_the_run_goes_on_with_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with caplog.at_level(logging.WARNING):
        assert draw_run(finished(tmp_path)) == []
    assert [record.getMessage() for record in caplog.records] == [
        'No pictures: drawing needs matplotlib: pip install "nni-darts[plot]".'
    ]


def test_a_picture_that_fails_does_not_fail_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = finished(tmp_path)
    (tmp_path / "mixture.csv").write_text("epoch,label\nx")
    with caplog.at_level(logging.WARNING):
        assert len(draw_run(run)) == 4
    assert "could not all be made" in caplog.text
