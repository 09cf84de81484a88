"""The tuner has ten seconds to connect on whatever machine there is: what it may import."""

from __future__ import annotations

import json
import subprocess
import sys

CODE = """
import json, sys, time
import nni
start = time.process_time()
before = set(sys.modules)
import nni_darts.pipeline.{module}
print(json.dumps([time.process_time() - start, sorted(set(sys.modules) - before)]))
"""
HEAVY = {
    "torch",
    "torchvision",
    "pytorch_lightning",
    "lightning",
    "torchmetrics",
    "tensorboard",
    "matplotlib",
    "sklearn",
}


def imported(module: str) -> tuple[float, set[str]]:
    ran = subprocess.run(
        [sys.executable, "-c", CODE.format(module=module)], capture_output=True, text=True, check=True
    )
    seconds, modules = json.loads(ran.stdout.splitlines()[-1])
    return seconds, {name.partition(".")[0] for name in modules}


def test_the_advisor_imports_neither_torch_nor_anything_else_that_is_slow() -> None:
    seconds, modules = imported("advisor")
    assert not modules & HEAVY
    assert seconds < 1.0, f"{seconds:.2f} s of processor time on top of nni itself"


def test_a_trial_can_report_an_error_before_torch_is_there() -> None:
    _, modules = imported("trial")
    assert not modules & HEAVY
