"""``search``: precedence of default, file and flag, where each value came from, and the run's folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import ERRORS, FakeStages, call, call_json

EXPERIMENT = """\
trialCommand: python3 -m nni_darts trial
trialConcurrency: 1
searchSpace:
  seed: {_type: choice, _value: [5, 6]}
  arch_lr: {_type: choice, _value: [1e-2, 1e-3]}
tuner:
  codeDirectory: .
  className: nni_darts.pipeline.advisor.Advisor
  classArgs:
    data: {name: digits}
    search: {epochs: 7, lr: 1e-1, batch_size: 32}
trainingService: {platform: local}
"""


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    path = tmp_path / "experiment.yml"
    path.write_text(EXPERIMENT)
    return path


def test_flags_come_before_the_file_and_the_file_before_defaults(
    stages: FakeStages, experiment: Path
) -> None:
    call_json("search", "--config", experiment, "--epochs", "9", "--set", "search.momentum=0.5")
    (made,) = stages.calls
    search = made["settings"].search
    assert (search.epochs, search.lr, search.batch_size, search.momentum) == (9, 0.1, 32, 0.5)
    assert (search.arch_lr, search.arch_weight_decay) == (1e-2, 1e-3)
    assert made["seed"] == 5
    assert made["settings"].stages == ["search"]


def test_the_run_says_where_each_value_came_from(stages: FakeStages, experiment: Path) -> None:
    call_json(
        "search", "--config", experiment, "--epochs", "9", "--set", "search.momentum=0.5", "--out", "out"
    )
    lines = Path("out/config.resolved.yaml").read_text().splitlines()
    assert "  epochs: 9  # --epochs" in lines
    assert f"  lr: 0.1  # {experiment}" in lines
    assert "  momentum: 0.5  # --set" in lines
    assert "  arch_lr: 0.01  # searchSpace" in lines
    assert "  weight_decay: 0.0003  # default" in lines
    written = yaml.safe_load(Path("out/config.resolved.yaml").read_text())
    assert written == stages.calls[0]["settings"].to_dict()


def test_a_point_of_the_search_space_is_chosen_by_number(stages: FakeStages, experiment: Path) -> None:
    call_json("search", "--config", experiment, "--point", "3")
    assert stages.calls[0]["seed"] == 6
    assert stages.calls[0]["settings"].search.arch_lr == 1e-3
    assert call("search", "--config", experiment, "--point", "4").exit_code == 2
    assert call("search", "--point", "0").exit_code == 2


def test_a_flag_comes_before_the_point(stages: FakeStages, experiment: Path) -> None:
    call_json("search", "--config", experiment, "--arch-lr", "0.5", "--seed", "9")
    assert stages.calls[0]["settings"].search.arch_lr == 0.5
    assert stages.calls[0]["seed"] == 9


@pytest.mark.parametrize(
    ("arguments", "section", "name", "value"),
    [
        (["--arch_learning_rate", "1e-3"], "search", "arch_lr", 1e-3),
        (["--arch-learning-rate", "1e-3"], "search", "arch_lr", 1e-3),
        (["--arch_lr=1e-3"], "search", "arch_lr", 1e-3),
        (["--learning_rate", "0.1"], "search", "lr", 0.1),
        (["--learning_rate_min", "0.01"], "search", "lr_min", 0.01),
        (["--grad_clip", "3"], "search", "grad_clip", 3.0),
        (["--nesterov"], "search", "nesterov", True),
        (["--method", "gdas"], "search", "nesterov", True),
        (["--method", "gdas", "--no-nesterov"], "search", "nesterov", False),
        (["--train_portion", "0.4"], "data", "train_portion", 0.4),
        (["--set", "arch_lr=1e-3"], "search", "arch_lr", 1e-3),
        (["--set", "search.arch_betas=[0.9,0.99]"], "search", "arch_betas", [0.9, 0.99]),
        (["--unrolled"], "method", "order", 2),
        (["--order", "1"], "method", "order", 1),
        (["--unrolled", "--report_freq", "50"], "method", "order", 2),
    ],
)
def test_names_from_habit_are_understood(
    stages: FakeStages, arguments: list[str], section: str, name: str, value: object
) -> None:
    call_json("search", *arguments)
    assert stages.calls[0]["settings"].to_dict()[section][name] == value


def test_sizes_of_the_network_are_flags(stages: FakeStages) -> None:
    call_json("search", "--init_channels", "4", "--layers", "3", "--nodes", "2")
    args = stages.calls[0]["settings"].space.args
    assert (args["init_channels"], args["layers"], args["nodes"]) == (4, 3, 2)


def test_the_json_line_holds_numbers_and_architecture(stages: FakeStages) -> None:
    data = call_json("search", "--seed", "3")
    assert data["status"] == "done"
    assert data["valid_accuracy"] == 61.5
    assert data["architecture"]["schema"] == 1
    assert data["genotype"].startswith("Genotype(normal=[('sep_conv_3x3', 0)")
    assert data["run"] == "runs/search-3"
    assert stages.calls[0]["run"].task == "search/3"


def test_people_get_lines_and_quiet_ones_nothing(stages: FakeStages) -> None:
    assert "valid accuracy: 61.5" in call("search").stdout
    assert call("search", "--force", "--quiet").stdout == ""


def test_all_errors_come_at_once_one_a_line(stages: FakeStages) -> None:
    result = call("search", "--epochs", "x", "--arch_lr", "-1", "--set", "data.nme=3")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "error: data.nme: unknown key. Did you mean name?",
        'error: search.epochs: expected a whole number >= 1, got "x" (text).',
        "error: search.arch_lr: expected a number > 0, got -1.",
    ]
    assert stages.calls == []
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--epoch", "3"],
        ["--set", "nothing"],
        ["--set", "a=[1"],
        ["--seed", "-1"],
        ["--config", "none.yml"],
        ["--method", "dart"],
        ["--set", "method.ordr=1"],
        ["--dataset", "image_folder", "--data-dir", "nowhere"],
        ["--resume", "a", "--out", "b"],
    ],
)
def test_wrong_input_is_exit_code_2_and_writes_nothing(stages: FakeStages, arguments: list[str]) -> None:
    assert call("search", *arguments).exit_code == 2
    assert stages.calls == []
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(("error", "code"), ERRORS)
def test_exit_codes_of_failed_and_interrupted_runs(
    stages: FakeStages, error: BaseException, code: int
) -> None:
    stages.error = error
    result = call("search", "--json")
    assert result.exit_code == code
    assert result.stderr.startswith("error: ")
    assert '"status": "failed"' in result.stdout.splitlines()[-1]
    assert "Traceback" not in result.output


def test_tracebacks_only_on_request(stages: FakeStages) -> None:
    stages.error = ZeroDivisionError("division by zero")
    short, long = call("search"), call("search", "--force", "--debug")
    assert (short.exit_code, long.exit_code) == (1, 1)
    assert "Traceback" not in short.stderr
    assert "ZeroDivisionError" in short.stderr
    assert "Traceback" in long.stderr


def test_dry_run_shows_the_settings_and_writes_nothing(stages: FakeStages, experiment: Path) -> None:
    result = call("search", "--config", experiment, "--dry-run", "--epochs", "2")
    assert "  epochs: 2  # --epochs" in result.stdout.splitlines()
    assert yaml.safe_load(result.stdout)["search"]["epochs"] == 2
    assert call_json("search", "--dry-run", "--lr", "0.1")["origins"]["search.lr"] == "--lr"
    assert stages.calls == []
    assert [path.name for path in Path().iterdir()] == ["experiment.yml"]


def test_dry_run_says_what_would_be_computed(stages: FakeStages) -> None:
    arguments = ("search", "--dry-run", "--init-channels", 2, "--layers", 2, "--nodes", 1, "--device", "cpu")
    found = call_json(*arguments, "--supernet", "generic", "--order", 1)
    assert list(found["computed"]) == [
        *("data", "device", "parameters", "supernet", "method", "steps", "capture", "memory"),
    ]
    assert found["computed"]["supernet"]["cells"]["cells.0"]["implementation"] == "generic"
    lines = call(*arguments).stdout.splitlines()
    assert "# data: digits, 10 classes, 1x8x8, 1,438 training images (read)" in lines
    assert stages.calls == []


def test_dry_run_without_the_data_still_shows_the_settings(stages: FakeStages) -> None:
    found = call_json("search", "--dry-run", "--dataset", "image_folder", "--data-dir", "nowhere")
    assert found["settings"]["data"]["name"] == "image_folder"
    (problem,) = found["computed"]["problems"]
    assert "is not a folder" in problem


def test_a_run_is_not_overwritten_but_resumed_or_moved_aside(stages: FakeStages) -> None:
    call_json("search", "--out", "out")
    again = call("search", "--out", "out")
    assert again.exit_code == 2
    assert "--resume" in again.stderr
    call_json("search", "--out", "out", "--resume")
    call_json("search", "--resume", "out")
    call_json("search", "--resume", "auto", "--out", "out")
    assert not Path("out/previous-1").exists()
    call_json("search", "--out", "out", "--force")
    assert Path("out/previous-1/config.resolved.yaml").exists()


def test_a_run_continues_only_with_the_settings_it_was_begun_with(stages: FakeStages) -> None:
    call_json("search", "--out", "out")
    result = call("search", "--out", "out", "--resume", "--lr", "0.5", "--nodes", "3")
    assert len(stages.calls) == 1
    assert result.exit_code == 2
    assert "search.lr: the run in out was begun with 0.025, not 0.5;" in result.stderr
    assert "space.args.nodes" in result.stderr
    call_json("search", "--out", "out", "--resume", "--threads", "1")


def test_a_run_brings_its_settings_and_seed_when_it_is_resumed(stages: FakeStages) -> None:
    call_json("search", "--out", "out", "--lr", "0.5", "--seed", "7", "--order", "1")
    record = Path("out/config.resolved.yaml").read_text()
    call_json("search", "--resume", "out")
    first, again = stages.calls
    assert again["settings"] == first["settings"]
    assert again["seed"] == 7
    assert Path("out/config.resolved.yaml").read_text() == record


def test_a_space_beside_the_file_can_be_imported_in_the_run(stages: FakeStages, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "my_own_space_of_test.py").write_text("class Space: pass\n")
    (folder / "s.yml").write_text("space: {name: 'my_own_space_of_test:Space', args: {width: 3}}\n")
    call_json("search", "--config", folder / "s.yml")
    assert stages.calls[0]["settings"].space.args == {"width": 3}
