"""The table of all methods: its rows, its folder of results, and what it makes of them."""

from __future__ import annotations

import itertools
import json
import math
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from benchmarks import methods as command
from benchmarks.recipes import code, images, page, search, work
from benchmarks.recipes.budget import Budget
from benchmarks.recipes.rows import Spread, references, refusals, rows, sampled
from benchmarks.recipes.store import Store, Task
from benchmarks.recipes.variants import FITTED, REFERENCE, SAMPLING, VARIANTS, Variant, variants
from nni_darts.benchmarks import NasBench201
from nni_darts.errors import ConfigError, RunError
from nni_darts.recipe import Recipe, method, methods
from nni_darts.stages.search import recipe_of

BUDGET = Budget()
CODES = ["".join(digits) for digits in itertools.product("01234", repeat=6)]


@pytest.fixture(scope="module")
def table() -> NasBench201:
    """Cells are as good as their codes are large; 100 is the best."""
    percent = pd.Series(range(1, len(CODES) + 1), dtype=float) * 100 / len(CODES)
    columns = ("c10_test_200", "c100_test_200", "in16_test_200")
    return NasBench201(pd.DataFrame({name: percent.to_list() for name in columns}, index=CODES))


@pytest.mark.parametrize("name", [name for name in variants() if name != SAMPLING])
def test_the_options_of_a_row_are_its_methods_and_make_a_recipe(name: str):
    row = variants()[name]
    options = row.fitted(BUDGET.epochs)
    assert {option for option in options if not option.startswith("search.")} <= set(
        methods()[row.method].options
    )
    settings = BUDGET.settings(row.method, options)
    assert isinstance(recipe_of(settings), Recipe)
    own = settings.search
    assert (own.epochs, own.batch_size) == (options.get("search.epochs", BUDGET.epochs), 32)
    assert own.lr == options.get("search.lr", 0.025)
    assert own.nesterov is False


def test_every_method_has_a_row_and_so_has_a_new_one(monkeypatch: pytest.MonkeyPatch):
    assert {row.method for row in variants().values()} == {*methods(), SAMPLING}
    # What is said of methods is said of methods that exist or are about to.
    assert len({row.name for row in VARIANTS}) == len(VARIANTS)
    from nni_darts.recipe import registry

    monkeypatch.setattr(registry, "_METHODS", dict(registry._METHODS))

    @method("brand-new", summary="s", paper="p")
    def brand_new() -> Recipe: ...

    assert variants()["brand-new"] == Variant("brand-new", "brand-new")


def test_the_learning_rate_of_the_architecture_is_a_multiple_of_the_methods_own():
    assert BUDGET.settings("darts", {"order": 1}).search.arch_lr == pytest.approx(
        BUDGET.arch_lr_factor * 3e-4
    )
    given = BUDGET.settings("darts", {"search.epochs": 3, "order": 1})
    assert (given.search.epochs, given.method.options) == (3, {"order": 1})
    assert BUDGET.training().select.epochs == BUDGET.epochs


def test_a_short_search_waits_as_long_a_share_as_a_long_one():
    """10 of 50 epochs are 2 of 10; a rule is never asked to wait for less than it can count."""
    assert FITTED["darts-es"](10)["start"] == 2
    assert FITTED["darts-es"](50)["start"] == 10
    assert FITTED["darts-plus"](5)["patience"] == 2
    assert Variant("x", "beta-darts", {"span": 7}).fitted(10) == {"span": 7}


class Launch:
    """Instead of a process: writes the results that it is told, and remembers what it was asked."""

    def __init__(self, **results: dict[str, Any] | str) -> None:
        self.results = results
        self.asked: list[str] = []

    def __call__(self, task: Task, path: Path, core: int | None) -> str | None:
        self.asked.append(str(task))
        result = self.results.get(task.variant.method.replace("-", "_"), found())
        if isinstance(result, str):
            return result
        path.write_text(json.dumps(result))
        return None


def found(cell: str = "333333", seconds: float = 10.0, unit: float = 1.0, peak: int = 100) -> dict[str, Any]:
    times = {"seconds": seconds, "step_seconds": unit}
    return {"cell": cell, "default": 40.0, "peak_bytes": peak, "stopped": None, **times}


def tasks(*names: str, seeds: tuple[int, ...] = (0,), budget: Budget = BUDGET) -> list[Task]:
    return [Task(variants()[name], seed, budget) for seed in seeds for name in names]


def off(asked: list[Task], store: Store, launch: Launch) -> dict[Task, str]:
    return work.work_off(asked, store, 2, lambda line: None, launch)


def test_an_interrupted_table_goes_on_and_settings_are_not_mixed(tmp_path: Path):
    store, names = Store(tmp_path), ("gdas", "snas")
    off(tasks("gdas"), store, Launch())
    later = Launch()
    off(tasks(*names, seeds=(0, 1)), store, later)
    assert sorted(later.asked) == ["gdas, seed 1", "snas, seed 0", "snas, seed 1"]
    again = Launch()
    off(tasks(*names, seeds=(0, 1)), store, again)
    assert not again.asked
    longer = Launch()
    off(tasks("gdas", budget=Budget(epochs=13)), store, longer)
    assert longer.asked == ["gdas, seed 0"]
    assert len(list(tmp_path.glob("*.json"))) == 5


def test_results_of_other_code_count_only_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (task,) = tasks("gdas")
    off([task], Store(tmp_path), Launch())
    assert Store(tmp_path).read(task) == {**found(), "other_code": False}
    monkeypatch.setattr("benchmarks.recipes.store.fingerprint", lambda name: "0123456789ab")
    assert Store(tmp_path).read(task) is None
    assert Store(tmp_path, any_code=True).read(task) == {**found(), "other_code": True}


def test_a_fingerprint_is_of_what_a_search_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    own = {path.name for path in code._own("beta-darts")}
    assert own == {"beta_darts.py", "darts.py"}
    before = code.fingerprint("beta-darts")
    assert before != code.fingerprint("gdas")
    (tmp_path / "engine.py").write_text("")
    sources = code._sources
    monkeypatch.setattr(
        code, "_sources", lambda package: itertools.chain(sources(package), [tmp_path / "engine.py"])
    )
    assert code.fingerprint("beta-darts") == before  # of the code as this process began with it
    assert code.fingerprint.__wrapped__("beta-darts") != before


def test_a_process_that_finds_other_code_searches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    task = tmp_path / "x.task"
    task.write_text(json.dumps({"code": "0123456789ab", "method": "gdas"}))
    monkeypatch.setattr(sys, "argv", ["search", str(task), str(tmp_path / "x.json")])
    with pytest.raises(SystemExit, match="code has changed"):
        search.main()
    assert not (tmp_path / "x.json").exists()


def test_a_search_that_fails_leaves_no_result_and_the_others_go_on(tmp_path: Path):
    asked = tasks("gdas", "snas")
    failed = off(asked, Store(tmp_path), Launch(gdas="ended with 1"))
    assert failed == {asked[0]: "ended with 1"}
    assert Store(tmp_path).read(asked[0]) is None
    assert Store(tmp_path).read(asked[1]) is not None


def instead_of_python(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``$5`` is the file of the task, ``$6`` that of the result."""
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path))


def test_a_process_gets_the_task_and_leaves_its_result_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (task,) = tasks("gdas")
    instead_of_python('cp "$5" "$6"', tmp_path, monkeypatch)
    store = Store(tmp_path / "results")
    assert work.work_off([task], store, 1, lambda line: None) == {}
    own = code.fingerprint("gdas")
    assert store.read(task) == {**task.arguments, "code": own, "other_code": False}
    assert list(store.folder.iterdir()) == [store.path(task)]


def test_a_process_that_ends_badly_says_where_its_words_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    instead_of_python("echo oh; exit 3", tmp_path, monkeypatch)
    (problem,) = work.work_off(tasks("gdas"), Store(tmp_path), 1, lambda line: None).values()
    (log,) = tmp_path.glob("*.log")
    assert problem == f"ended with 3; see {log}"
    assert log.read_text() == "oh\n"


def test_an_interruption_ends_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    instead_of_python("exec sleep 60", tmp_path, monkeypatch)
    processes, said = work.Processes(), []
    (task,) = tasks("gdas")
    waiting = threading.Thread(target=lambda: said.append(processes(task, tmp_path / "x.json", None)))
    waiting.start()
    while not processes._running:
        time.sleep(0.01)
    processes.close()
    waiting.join(timeout=10)
    assert said == [f"ended with -15; see {tmp_path / 'x.log'}"]
    assert processes(task, tmp_path / "y.json", None) == "interrupted"


def test_time_and_memory_are_relative_to_first_order_darts_of_the_same_seed(table: NasBench201):
    results = {
        # Seed 1 ran on a machine half as fast: twice the seconds, and twice those of a bare step.
        **dict(
            zip(
                tasks(REFERENCE.name, seeds=(0, 1)),
                ({**found(), "discretised_accuracy": 9.0}, found(seconds=20, unit=2)),
                strict=True,
            )
        ),
        **dict(
            zip(
                tasks("gdas", seeds=(0, 1)),
                (found("444444", seconds=5, peak=50), found("000000", seconds=15, unit=1, peak=50)),
                strict=True,
            )
        ),
        tasks("darts-plus, skips")[0]: {"refused": ["method: no.", "method: never."], "other_code": False},
    }
    results = {task: {"other_code": False, **result} for task, result in results.items()}
    first, gdas = rows(results, table)
    assert first.time == Spread((1.0, 1.0))
    assert gdas.time == Spread((0.5, 1.5))
    assert gdas.peak == Spread((0.5, 0.5))
    assert first.discretised == Spread((9.0,))
    assert (gdas.supernet, gdas.discretised) == (Spread((40.0, 40.0)), None)
    assert gdas.ranks == (1, 15625)
    assert gdas.accuracy.range == pytest.approx((100 / 15625, 100))
    assert gdas.accuracy.deviation == pytest.approx((100 - 100 / 15625) / math.sqrt(2))
    assert refusals(results) == {"darts-plus, skips": "method: no. method: never."}
    (alone,) = rows({task: r for task, r in results.items() if task.variant.method == "gdas"}, table)
    assert alone.time is None


def test_references_are_exact(table: NasBench201):
    best, without_none, every, skips = references(table)
    assert (best.accuracy, str(best.cell)[:14]) == (100, "|avg_pool_3x3~")
    assert every.accuracy == pytest.approx(table.mean())
    assert without_none.accuracy == pytest.approx(
        sum(table.row(search.BenchmarkCell.of_code(c))["c10_test_200"] for c in CODES if "0" not in c) / 4**6
    )
    assert skips.cell is not None
    assert skips.cell.code == "111111"


def test_the_table_is_ordered_and_its_references_stand_among_the_rows(table: NasBench201):
    results = dict(zip(tasks(REFERENCE.name, "gdas"), (found("111110"), found("444443")), strict=True))
    found_rows = rows({task: {**r, "other_code": False} for task, r in results.items()}, table)
    lines = page.table_of(found_rows, references(table), table).splitlines()[2:]
    named = [line.split("|")[1].strip(" *") for line in lines]
    assert named[:2] == ["best of all cells", "gdas"]
    assert named.index("all edges `skip_connect`") + 1 == named.index(REFERENCE.name)
    assert "| 15,625 |" not in lines[1]


def test_the_text_of_the_page_stays(tmp_path: Path):
    path = tmp_path / "page.md"
    page.write("first", path)
    path.write_text(path.read_text() + "\n## What it says\n\nMuch.\n")
    page.write("second", path)
    text = path.read_text()
    assert "second" in text and "first" not in text
    assert text.startswith("# All methods") and text.endswith("## What it says\n\nMuch.\n")
    path.write_text("no table here")
    with pytest.raises(RunError, match="lacks the line <!-- written by"):
        page.write("third", path)


def test_an_earlier_architecture_is_told_from_the_last(table: NasBench201):
    results = {
        task: {**found(), "other_code": False, "stopped": {"architecture_epoch": epoch}}
        for task, epoch in zip(tasks("darts-es", seeds=(0, 1)), (3, 11), strict=True)
    }
    (row,) = rows(results, table)
    assert page.notes([row], {}, 12, {}, table) == (
        "- darts-es took the architecture of an earlier epoch, by seed: 4, the end."
    )
    assert page.notes([row], {}, 4, {}, table) == ""


def test_how_far_short_trainings_agree_with_the_truth_is_said(table: NasBench201):
    """Ranks 2, 3, 1 of the scores against 1, 2, 3 of the truth: a correlation of -1/2."""
    asked = tasks(SAMPLING, seeds=(0, 1))
    drawn = ({"111111": 20.0, "222222": 30.0}, {"333333": 10.0})
    results = {task: {**found(), "drawn": scores} for task, scores in zip(asked, drawn, strict=True)}
    text = page.notes([], {}, 8, sampled(results), table)
    assert text.endswith(
        "its 3 cells' validation accuracies, each trained by itself, with what they reach is -0.50."
    )


def test_searches_of_other_code_are_counted(table: NasBench201):
    results = {
        task: {**found(), "other_code": task.seed == 1} for task in tasks("gdas", "snas", seeds=(0, 1))
    }
    text = page.notes(rows(results, table), {}, 8, {}, table)
    assert text == "- Searches of an earlier state of the code: gdas (1), snas (1)."


def test_the_text_about_the_numbers_names_every_size():
    text = page.about(Budget(images=1234, epochs=7, batch_size=50), [0, 1])
    assert "1,234 of" in text
    assert "7 epochs of batches of 50, 91 steps; seeds 0, 1," in text
    assert "`snas`: span 7" in text
    assert "by SGD (lr 0.025, lr_min 0.001, momentum 0.9, nesterov false, weight_decay 0.0003," in text


@pytest.fixture
def offline(tmp_path: Path, table: NasBench201, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launch]:
    launch = Launch(random_ws="ended with 1")
    monkeypatch.setattr(work, "Processes", lambda: Closing(launch))
    monkeypatch.setattr(NasBench201, "read", classmethod(lambda cls, path=None: table))
    monkeypatch.setattr(page, "PATH", tmp_path / "docs" / "table.md")
    yield launch


class Closing:
    def __init__(self, launch: Launch) -> None:
        self.launch = launch

    def __call__(self, task: Task, path: Path, core: int | None) -> str | None:
        return self.launch(task, path, core)

    def close(self) -> None: ...


def run(tmp_path: Path, *options: str) -> Any:
    return CliRunner().invoke(command.main, ["--out", str(tmp_path / "results"), *options])


def test_the_command_writes_table_and_plot(tmp_path: Path, offline: Launch):
    result = run(tmp_path, "--methods", "darts,gdas", "--seeds", "0,1", "--jobs", "2", "--write", "--json")
    assert result.exit_code == 0, result.output
    assert len(offline.asked) == 8
    last = json.loads(result.stdout.splitlines()[-1])
    assert last["rows"][0]["name"] == REFERENCE.name
    assert last["missing"] == 0
    text = page.PATH.read_text()
    assert "| gdas |" in text and "table.svg" in text
    assert "<svg" in page.PATH.with_suffix(".svg").read_text()


def test_what_is_missing_is_said(tmp_path: Path, offline: Launch):
    result = run(tmp_path, "--methods", "gdas;random-ws", "--seeds", "0")
    assert result.exit_code == 1
    assert "- Missing: random-ws, seed 0: ended with 1." in result.stdout
    nothing = run(tmp_path, "--methods", "snas", "--seeds", "3", "--no-search")
    assert "- Missing: snas, seed 3: not searched." in nothing.stdout


def test_rows_are_chosen_by_their_names_or_by_their_methods(tmp_path: Path, offline: Launch):
    run(tmp_path, "--methods", "s-darts, ADV", "--seeds", "0")
    assert offline.asked == ["s-darts, ADV, seed 0"]
    refused = run(tmp_path, "--methods", "drats")
    assert refused.exit_code == 2
    assert '"drats" is none of' in refused.stderr


def test_options_are_changed_for_all_rows_but_the_reference(tmp_path: Path, offline: Launch):
    changes = ("--set", "method.stop=0.5", "--set", "search.warmup_epochs=3")
    other = tmp_path / "longer.md"
    names = f"gdas;{REFERENCE.name};{SAMPLING}"
    result = run(tmp_path, "--methods", names, "--seeds", "0", *changes, "--write", "--page", str(other))
    assert result.exit_code == 0, result.output
    assert sorted(offline.asked) == [
        f"{REFERENCE.name}, seed 0",
        "gdas, stop 0.5, warmup_epochs 3, seed 0",
        f"{SAMPLING}, seed 0",
    ]
    assert "| gdas, stop 0.5, warmup_epochs 3 |" in other.read_text()
    assert other.with_suffix(".svg").exists() and not page.PATH.exists()


def test_changes_that_a_row_cannot_have_are_refused_before_any_search(tmp_path: Path, offline: Launch):
    result = run(tmp_path, "--methods", "gdas;snas", "--set", "method.K=0", "--set", "search.lr=-1")
    assert result.exit_code == 2 and not offline.asked
    assert all(f"{name}, K 0, lr -1: " in result.stderr for name in ("gdas", "snas"))
    stray = run(tmp_path, "--set", "data.name=mnist")
    assert stray.exit_code == 2 and "neither method. nor search." in stray.stderr


@pytest.mark.parametrize("method_name", ["darts", SAMPLING])
def test_a_search_is_measured(method_name: str, monkeypatch: pytest.MonkeyPatch):
    noise = [(torch.randint(0, 256, (3, 8, 8), dtype=torch.uint8), k % 2) for k in range(8)]
    monkeypatch.setattr(images.Part, "pairs", noise)
    monkeypatch.setattr(images, "chosen", images.chosen)
    monkeypatch.setattr(search, "step_seconds", lambda sizes: 0.5)
    monkeypatch.setattr(search, "peak_above_idle", lambda again, device, warm_up: len(again()["cell"]))
    tiny = Budget(8, 8, 0, epochs=1, batch_size=4, init_channels=2, sampled=2)
    options = {"order": 1} if method_name == "darts" else {}
    result = search.measured(method_name, options, 0, tiny.to_dict())
    assert search.BenchmarkCell.of_code(result["cell"])
    assert (result["step_seconds"], result["peak_bytes"]) == (0.5, 6)
    assert result["seconds"] > 0
    if method_name == SAMPLING:
        assert len(result["drawn"]) == 2
        assert result["default"] == max(result["drawn"].values())
    else:
        json.dumps(result, allow_nan=False)


def test_a_method_that_is_not_for_the_space_is_refused_with_its_sentence(monkeypatch: pytest.MonkeyPatch):
    noise = [(torch.zeros(3, 8, 8, dtype=torch.uint8), k % 2) for k in range(8)]
    monkeypatch.setattr(images.Part, "pairs", noise)
    monkeypatch.setattr(images, "chosen", images.chosen)
    monkeypatch.setattr(search, "step_seconds", lambda sizes: 0.5)
    result = search.measured("darts-plus", {"criterion": "skips"}, 0, Budget(8, 8).to_dict())
    assert "SkipLimit needs nodes" in result["refused"][0]


def test_what_is_wrong_with_the_machine_is_no_refusal(monkeypatch: pytest.MonkeyPatch):
    def missing(self: images.Part) -> None:
        raise ConfigError("data.root: there is no such folder.")

    monkeypatch.setattr(images.Part, "pairs", property(missing))
    monkeypatch.setattr(images, "chosen", images.chosen)
    monkeypatch.setattr(search, "step_seconds", lambda sizes: 0.5)
    with pytest.raises(ConfigError, match="no such folder"):
        search.measured("darts", {"order": 1}, 0, Budget(8, 8).to_dict())
