"""The other verbs, and what all verbs have in common."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nni_darts.cli.program import VERBS
from nni_darts.genotype import PUBLISHED
from nni_darts.run import Run
from tests.cli.conftest import FakeStages, call, call_json


def test_help_names_every_verb() -> None:
    output = call("--help").stdout
    assert all(f"  {name} " in output for name in VERBS)
    assert "  trial " not in output


@pytest.mark.parametrize("name", list(VERBS))
def test_every_verb_has_help_and_the_common_flags(name: str) -> None:
    result = call(name, "--help")
    assert result.exit_code == 0
    assert all(flag in result.stdout for flag in ("--json", "--quiet", "--verbose", "--debug"))


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom nni_darts.cli.program import program\n"
        "try:\n    program(['--help'])\nexcept SystemExit:\n"
        "    sys.exit(bool({'torch', 'nni', 'pandas', 'numpy', 'matplotlib'} & set(sys.modules)))"
    )
    begin = time.monotonic()
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
    assert time.monotonic() - begin < 5  # 0.3 s alone; the machine may be busy


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nni_darts", "--version"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.startswith("nni-darts, version ")


def test_an_unknown_verb_gets_a_suggestion() -> None:
    result = call("retrian")
    assert result.exit_code == 2
    assert "Did you mean retrain?" in result.stderr


def test_validate(tmp_path: Path) -> None:
    path = tmp_path / "s.yml"
    path.write_text("search: {epochs: 3}\n")
    assert call_json("validate", path) == {"status": "valid", "file": str(path), "errors": []}
    path.write_text("search: {epochs: 0, lr: a}\n")
    result = call("validate", path)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 2


@pytest.mark.parametrize("kind", ["methods", "spaces", "datasets", "genotypes"])
def test_list(kind: str) -> None:
    rows = call_json("list", kind)[kind]
    assert all(row["name"] and row["summary"] for row in rows)
    lines = call("list", kind).stdout.splitlines()
    # A method has several lines, indented below its name.
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == [row["name"] for row in rows]


def test_list_names_the_options_of_a_method() -> None:
    assert "order=2" in call("list", "methods").stdout


def test_test_prints_what_the_checkpoint_scores(stages: FakeStages, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last.ckpt").touch()
    for given in ("run", "run/last.ckpt"):
        assert call_json("test", "--checkpoint", given)["test_accuracy"] == 96.5
        assert stages.calls[-1] == {"checkpoint": Path("run/last.ckpt"), "overrides": {}}
    call_json("evaluate", "--checkpoint", "run", "--data_dir", "images")
    assert stages.calls[-1]["overrides"] == {"root": str(tmp_path / "images")}
    assert call("test", "--checkpoint", "missing.ckpt").exit_code == 2


def test_derive(stages: FakeStages, tmp_path: Path) -> None:
    (tmp_path / "last.ckpt").touch()
    data = call_json("derive", "--checkpoint", "last.ckpt", "--out", "again")
    assert stages.calls == [{"checkpoint": Path("last.ckpt"), "out": Path("again")}]
    assert data["architecture"]["cells"]["normal"]["concat"] == [2, 3, 4, 5]
    assert str(PUBLISHED["DARTS_V1"]) in call("derive", "--checkpoint", "last.ckpt").stdout


def test_draw(tmp_path: Path) -> None:
    data = call_json("draw", "--genotype", "DARTS_V2", "--format", "svg", "--out", tmp_path)
    assert sorted(Path(name).name for name in data["files"]) == ["cell_normal.svg", "cell_reduce.svg"]
    assert call("draw", "--genotype", "DARTS_V9", "--out", tmp_path).exit_code == 2


def test_plot(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", "search/0")
    for epoch in range(2):
        run.log_mixture(epoch, {"normal/edge_0_2": {"none": 0.1 * epoch, "skip_connect": 0.2}})
        run.log_epoch({"epoch": epoch, "train_loss": 1.0, "valid_loss": 2.0})
    files = call_json("plot", "--run", tmp_path / "run")["files"]
    assert files
    assert all(Path(name).is_file() for name in files)
    assert call("plot", "--run", tmp_path).exit_code == 2


def test_export_of_an_unknown_experiment_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    result = call("export", "nosuchid")
    assert result.exit_code in (1, 2)
    assert "nosuchid" in result.stderr
    assert "Traceback" not in result.output


def test_doctor_names_versions_and_a_port_that_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = call("doctor", "--port", port, "--json")
    data = json.loads(result.stdout.splitlines()[-1])
    checks = {check["name"]: check for check in data["checks"]}
    assert data["versions"]["nni"] == "3.0"
    assert data["devices"]
    assert checks["nnictl"]["ok"]
    assert not checks["port"]["ok"]
    assert checks["current folder"]["ok"]
    assert result.exit_code == (0 if data["healthy"] else 1)
