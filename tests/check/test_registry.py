"""Which files are found, and what a broken one reports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nni_darts.check import Fixture, checker, find_fixtures, run_checks
from nni_darts.check.registry import _CHECKERS


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        np.savez(folder / name, x=np.zeros(1))


def test_known_kinds_with_any_suffix_are_found(tmp_path: Path) -> None:
    _touch(tmp_path, "cnn_ops.npz", "cnn_ops_Q.npz", "cnn_opsX.npz", "rnn_other_A.npz", "other.npz")
    assert [(path.name, kind) for path, kind in find_fixtures(tmp_path)] == [
        ("cnn_ops.npz", "cnn_ops"),
        ("cnn_ops_Q.npz", "cnn_ops"),
    ]


def test_one_set_can_be_asked_for(tmp_path: Path) -> None:
    _touch(tmp_path, "cnn_ops.npz", "cnn_ops_A.npz", "cnn_ops_B.npz")
    assert [path.name for path, _ in find_fixtures(tmp_path, suffix="B")] == ["cnn_ops.npz", "cnn_ops_B.npz"]


def test_a_check_that_breaks_off_fails(tmp_path: Path) -> None:
    _touch(tmp_path, "discrete_counts.npz")
    (comparison,) = run_checks(tmp_path / "discrete_counts.npz", "discrete_counts")
    assert "KeyError" in comparison.name
    assert not comparison.passed


def test_a_checker_registers_its_kind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delitem(_CHECKERS, "mine", raising=False)

    @checker("mine")
    def check(fixture: Fixture) -> list[object]:
        return []

    _touch(tmp_path, "mine_Z.npz")
    assert [kind for _, kind in find_fixtures(tmp_path)] == ["mine"]
    monkeypatch.delitem(_CHECKERS, "mine")


def test_files_with_pickled_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "cnn_ops.npz", **{"none/s1/x": np.array([object()])})
    (comparison,) = run_checks(tmp_path / "cnn_ops.npz", "cnn_ops")
    assert "allow_pickle=False" in comparison.name


def test_fixture_views(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "f.npz",
        **{"a/x": np.float16([0.5]), "a/b/n": np.int32([3]), "c": np.array(["u", "v"]), "s": np.float64(2.5)},
    )
    fixture = Fixture.load(tmp_path / "f.npz")
    assert fixture.folders() == ["a"]
    assert list(fixture.under("a")) == ["x", "b/n"]
    assert str(fixture.under("a")["x"].dtype) == "torch.float64"
    assert fixture.under("a").under("b")["n"].tolist() == [3]
    assert fixture.strings("c") == ["u", "v"]
    assert fixture.number("s") == 2.5
    assert "a/x" in fixture
    assert "x" not in fixture
