"""A trial that only talks: what nni-darts trial says to the manager, without training or torch.

Usage: fake_trial.py BEHAVIOUR_DIR. The score is 90 + seed for a search. A file BEHAVIOUR_DIR/<task, / as _>
changes one task: ``fail`` always dies, ``fail once``, ``error`` reports a sentence and exits 2, ``hang``
waits long. Every start leaves a file BEHAVIOUR_DIR/started/<task>.<trial>.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from nni_darts.pipeline.trial import NniReporter, own_task


def main() -> int:
    folder = Path(sys.argv[1])
    task = own_task()
    assert task is not None and "torch" not in sys.modules
    name = task["task"].replace("/", "_")
    starts = folder / "started"
    starts.mkdir(exist_ok=True)
    (starts / f"{name}.{task['attempt']}.{os.environ['NNI_TRIAL_JOB_ID']}").touch()
    order = folder / name
    behaviour = order.read_text().strip() if order.exists() else ""
    reporter = NniReporter()
    if behaviour == "fail" or (behaviour == "fail once" and task["attempt"] == 1):
        raise RuntimeError(f"{name} was told to fail")
    if behaviour == "error":
        reporter.final({"error": f"{name}: the data are missing."})
        return 2
    if behaviour == "hang" and task["attempt"] == 1:
        time.sleep(60)
    elif behaviour == "slow":
        time.sleep(3)
    for epoch in range(2):
        reporter.epoch({"epoch": epoch, "default": 50.0 + epoch, "loss": float("nan")})
    score = 90.0 + task["seed"]
    architecture = task["architecture"]
    if task["stage"] == "search":
        # Seeds 0 and 10 find the same architecture.
        architecture = {
            "space": "fake",
            "nni": {"op": task["seed"] % 10},
            "provenance": {"seed": task["seed"]},
        }
    elif task["stage"] == "select":
        score = 80.0 - architecture["nni"]["op"]
    reporter.final({"accuracy": score, "default": score, "architecture": json.dumps(architecture)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
