from __future__ import annotations

from pathlib import Path

import pytest

from nni_darts.errors import ConfigError
from nni_darts.export.folder import new_folder


def export(out: Path, text: str, force: bool = False) -> None:
    with new_folder(out, force) as folder:
        assert not (out / "new").exists() or (out / "new").read_text() != text
        (folder / "new").write_text(text)
        (folder / "summary.json").write_text('{"experiment": "abc"}')


def test_an_earlier_export_is_replaced_with_force_only(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    export(out, "first")
    (out / "old").write_text("")
    with pytest.raises(ConfigError, match="--force to replace it"):
        export(out, "second")
    assert (out / "new").read_text() == "first"
    export(out, "second", force=True)
    assert {path.name for path in out.iterdir()} == {"new", "summary.json"}
    assert (out / "new").read_text() == "second"
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_an_empty_folder_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    export(tmp_path / "out", "first")
    assert (tmp_path / "out" / "new").exists()


@pytest.mark.parametrize("force", [False, True])
def test_other_things_are_never_replaced(tmp_path: Path, force: bool) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(ConfigError, match="other things than an export"):
        export(tmp_path, "first", force)
    (tmp_path / "summary.json").write_text('{"default": 1}')
    with pytest.raises(ConfigError, match="other things than an export"):
        export(tmp_path, "first", force)


def test_an_error_leaves_the_earlier_export_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(out, "first")
    with pytest.raises(RuntimeError), new_folder(out, True) as folder:
        (folder / "half").write_text("")
        raise RuntimeError
    assert (out / "new").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
