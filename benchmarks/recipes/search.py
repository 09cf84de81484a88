"""One search, measured, in a process of its own: ``python -m benchmarks.recipes.search TASK RESULT``."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from benchmarks.harness.case import Case
from benchmarks.harness.held import Step, hold_strategy
from benchmarks.harness.memory import peak_above_idle
from benchmarks.harness.quiet import quiet
from benchmarks.recipes import images
from benchmarks.recipes.budget import SPACE, Budget
from benchmarks.recipes.code import fingerprint
from benchmarks.recipes.variants import SAMPLING
from nni_darts import DARTS
from nni_darts.config import Settings
from nni_darts.errors import ConfigError
from nni_darts.genotype import Architecture
from nni_darts.genotype.nasbench201 import EDGES, OPERATIONS, BenchmarkCell
from nni_darts.run import NullReporter, Run
from nni_darts.run.files import write_json
from nni_darts.stages import run_search, run_select
from search_spaces import NasBench201Space

NOT_HERE = "method: not defined on"
"""How the strategy begins its refusal of a space."""

Found = dict[str, Any]
Search = Callable[[int | None], Found]
"""From the number of batches an epoch, None for all, to the cell (six digits) and numbers."""


def main() -> None:
    task, result = map(Path, sys.argv[1:])
    asked = json.loads(task.read_text(encoding="utf-8"))
    if asked.pop("code") != fingerprint(asked["method"]):
        raise SystemExit("The code has changed since the table was begun; begin it again.")
    write_json(result, measured(**asked))


def measured(method: str, options: dict[str, Any], seed: int, budget: dict[str, Any]) -> Found:
    """Search, with the time and the memory it takes; or ``refused``, why the method is not for this space.

    ``seconds`` are processor seconds of the process, ``step_seconds`` those of a bare step of first-order
    DARTS of these sizes, taken before and after: a unit that a busy machine stretches alike.
    ``peak_bytes`` is of the same search on two batches an epoch, so that all its phases take part. No step
    is estimated before the search: the profiler's records would count.
    """
    torch.set_num_threads(1)
    sizes = Budget(**budget)
    images.chosen = images.Part(sizes.images, sizes.image_size, sizes.data_seed)
    with tempfile.TemporaryDirectory() as folder, quiet(), _nothing_beside():
        places = (Path(folder) / str(number) for number in count())

        def search(limit: int | None) -> Found:
            if method == SAMPLING:
                return _sampled(sizes, seed, limit, lambda: next(places))
            return _searched(sizes, method, options, seed, limit, next(places))

        try:
            before = step_seconds(sizes)
            start = time.process_time()
            found = search(None)
            seconds = time.process_time() - start
            after = step_seconds(sizes)
            peak = peak_above_idle(lambda: search(2), "cpu", warm_up=False)
        except ConfigError as error:
            if not all(problem.startswith(NOT_HERE) for problem in error.problems):
                raise  # of this machine, not of the method: nothing to keep
            return {"refused": list(error.problems)}
    return {
        **found,
        "seconds": seconds,
        "step_seconds": statistics.mean((before, after)),
        "peak_bytes": peak,
    }


@contextmanager
def _nothing_beside() -> Iterator[None]:
    """Searches without pictures and without the estimate of their memory."""
    with (
        patch("nni_darts.stages.search.draw_run"),
        patch("nni_darts.stages.select.draw_run"),
        patch("nni_darts.memory.report.estimate_step", return_value=None),
    ):
        yield


def _searched(
    sizes: Budget, method: str, options: dict[str, Any], seed: int, limit: int | None, folder: Path
) -> Found:
    settings = _limited(sizes.settings(method, options), limit)
    run = Run.create(folder, "search/0")
    result = run_search(settings, seed, run, NullReporter())
    sample = Architecture.from_json(result.pop("architecture")).nni
    assert sample is not None
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return {"cell": BenchmarkCell.of_sample(sample).code, **result, "stopped": summary.get("stopped")}


def _sampled(sizes: Budget, seed: int, limit: int | None, place: Callable[[], Path]) -> Found:
    """The best of some random cells after a short training: what the budget of a search buys without one."""
    settings = _limited(sizes.training(), limit)
    generator = np.random.Generator(np.random.PCG64(seed))
    drawn = generator.integers(1, len(OPERATIONS), (sizes.sampled, len(EDGES)))  # 0 is none
    scores: dict[str, float] = {}
    for row in drawn:
        cell = BenchmarkCell(tuple(OPERATIONS[k] for k in row))
        architecture = Architecture.from_sample(
            cell.sample, space=SPACE, method="random-search", macro=sizes.sizes, provenance={}
        )
        run = Run.create(place(), "select/0")
        scores[cell.code] = run_select(settings, seed, architecture, run, NullReporter())["default"]
    best = max(scores, key=scores.__getitem__)
    return {"cell": best, "default": scores[best], "drawn": scores}


def _limited(settings: Settings, batches: int | None) -> Settings:
    return settings.model_copy(
        update={"trainer": settings.trainer.model_copy(update={"limit_batches": batches})}
    )


def step_seconds(sizes: Budget, steps: int = 20) -> float:
    """Processor seconds of a step of first-order DARTS, the median of some."""
    case = Case(batch=sizes.batch_size, image_size=sizes.image_size)
    space = NasBench201Space(**sizes.sizes)
    space.to(memory_format=torch.channels_last)
    times: list[float] = []

    def take(step: Step) -> None:
        step()
        for _ in range(steps):
            start = time.process_time()
            step()
            times.append(time.process_time() - start)

    hold_strategy(DARTS(order=1), space, case, take)
    return statistics.median(times)


if __name__ == "__main__":
    main()
