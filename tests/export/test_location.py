from __future__ import annotations

from pathlib import Path

import pytest

from nni_darts.errors import ConfigError
from nni_darts.export.location import locate
from tests.export.fake_experiment import FakeExperiment


def test_by_id_and_by_folder(tmp_path: Path) -> None:
    fake = FakeExperiment(tmp_path, status="STOPPED")
    by_id = locate(fake.id, tmp_path)
    assert by_id.folder == fake.folder
    assert by_id.status == "STOPPED"
    assert locate(fake.folder, tmp_path) == by_id
    assert locate(fake.folder, tmp_path / "no list").status is None


def test_unknown_id_names_the_known_ones(tmp_path: Path) -> None:
    FakeExperiment(tmp_path, id="abc12345")
    with pytest.raises(
        ConfigError, match=r"'abc12354': unknown. Did you mean abc12345\? Known, newest first: abc12345"
    ):
        locate("abc12354", tmp_path)


def test_nothing_listed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lists none"):
        locate("abc", tmp_path)


def test_deleted_experiment(tmp_path: Path) -> None:
    fake = FakeExperiment(tmp_path)
    (fake.folder / "db" / "nni.sqlite").unlink()
    with pytest.raises(ConfigError, match=r"nni.sqlite is missing"):
        locate(fake.id, tmp_path)


def test_broken_list(tmp_path: Path) -> None:
    (tmp_path / ".experiment").write_text("{")
    with pytest.raises(ConfigError, match="cannot be read"):
        locate("abc", tmp_path)
