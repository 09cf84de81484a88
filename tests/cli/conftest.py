"""Stages that do nothing but note how they were called."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nni_darts.cli.program import program
from nni_darts.errors import Interrupted, RunError
from nni_darts.genotype import PUBLISHED, Architecture


class FakeStages(ModuleType):
    """Stands in for ``nni_darts.stages``; ``calls`` holds what each was given."""

    def __init__(self) -> None:
        super().__init__("nni_darts.stages")
        spec = find_spec("nni_darts.stages")
        assert spec is not None
        self.__path__ = list(spec.submodule_search_locations or ())  # its parts are the real ones
        self.calls: list[dict[str, Any]] = []
        self.error: BaseException | None = None

    def _called(self, **arguments: Any) -> None:
        self.calls.append(arguments)
        if self.error is not None:
            raise self.error

    def run_search(self, settings: Any, seed: int, run: Any, reporter: Any) -> dict[str, Any]:
        self._called(settings=settings, seed=seed, run=run)
        architecture = Architecture.from_genotype(PUBLISHED["DARTS_V2"])
        return {"default": 61.5, "valid_accuracy": 61.5, "architecture": architecture.to_json()}

    def run_retrain(
        self, settings: Any, seed: int, architecture: Any, run: Any, reporter: Any
    ) -> dict[str, Any]:
        self._called(settings=settings, seed=seed, run=run, architecture=architecture)
        return {"default": 96.0 + seed, "test_accuracy": 96.0 + seed, "architecture": architecture.to_json()}

    def run_test(self, checkpoint: Path, overrides: dict[str, Any]) -> dict[str, Any]:
        self._called(checkpoint=checkpoint, overrides=overrides)
        return {"default": 96.5, "test_accuracy": 96.5}

    def run_derive(self, checkpoint: Path, out: Path) -> Architecture:
        self._called(checkpoint=checkpoint, out=out)
        return Architecture.from_genotype(PUBLISHED["DARTS_V1"])


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeStages:
    fake = FakeStages()
    monkeypatch.setitem(sys.modules, "nni_darts.stages", fake)
    monkeypatch.chdir(tmp_path)
    return fake


def call(*arguments: object) -> Result:
    return CliRunner().invoke(program, [str(argument) for argument in arguments])


def call_json(*arguments: object) -> Any:
    result = call(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


ERRORS = [
    (RunError("the loss is NaN at epoch 3."), 1),
    (Interrupted("stopped."), 130),
    (KeyboardInterrupt(), 130),
]
