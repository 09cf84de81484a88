"""Searches, each in a process of its own on a core of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue

from benchmarks.recipes.code import fingerprint
from benchmarks.recipes.store import Store, Task
from nni_darts.run.files import write_json

ROOT = Path(__file__).parents[2]
Launch = Callable[[Task, Path, int | None], str | None]
"""(task, where the result goes, core) -> what went wrong, if anything did."""


class Processes:
    """Starts searches and, when the table is interrupted, ends those that run."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def __call__(self, task: Task, result: Path, core: int | None) -> str | None:
        asked = write_json(
            result.with_suffix(".task"), {**task.arguments, "code": fingerprint(task.variant.method)}
        )
        log = result.with_suffix(".log")
        module = "benchmarks.recipes.search"
        command = [sys.executable, "-W", "ignore", "-m", module, str(asked), str(result)]
        one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        with log.open("wb") as output, self._lock:
            if self._closed:
                return "interrupted"
            process = subprocess.Popen(
                command, stdout=output, stderr=output, env={**os.environ, **one, "PYTHONPATH": paths}
            )
            self._running.add(process)
            if core is not None:
                os.sched_setaffinity(process.pid, {core})
        code = process.wait()
        with self._lock:
            self._running.discard(process)
        asked.unlink(missing_ok=True)
        if code == 0 and result.exists():
            log.unlink(missing_ok=True)
            return None
        return f"ended with {code}; see {log}"

    def close(self) -> None:
        """End what runs and start nothing more; results that are there stay."""
        with self._lock:
            self._closed = True
            for process in self._running:
                process.terminate()


def work_off(
    tasks: Sequence[Task],
    store: Store,
    jobs: int,
    say: Callable[[str], None],
    launch: Launch | None = None,
) -> dict[Task, str]:
    """Do the searches that the store lacks, in order; what went wrong by task."""
    store.folder.mkdir(parents=True, exist_ok=True)
    ahead = [task for task in tasks if store.read(task) is None]
    say(f"{len(tasks)} searches, {len(tasks) - len(ahead)} of them done before.")
    processes = Processes()
    start_one = launch or processes
    cores: SimpleQueue[int | None] = SimpleQueue()
    own = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    for slot in range(jobs):
        cores.put(own[slot % len(own)] if own else None)
    failed: dict[Task, str] = {}

    def search(task: Task) -> str | None:
        core = cores.get()
        try:
            return start_one(task, store.path(task), core)
        finally:
            cores.put(core)

    begun = time.monotonic()
    pool = ThreadPoolExecutor(jobs)
    try:
        asked = {pool.submit(search, task): task for task in ahead}
        for number, done in enumerate(as_completed(asked), start=1):
            problem = done.result()
            if problem:
                failed[asked[done]] = problem
            minutes = (time.monotonic() - begun) / 60
            left = minutes / number * (len(ahead) - number)
            said = problem or _line(store, asked[done])
            say(f"[{number}/{len(ahead)}] {asked[done]}: {said}; about {left:.0f} min left")
    finally:
        processes.close()
        pool.shutdown(cancel_futures=True)
    return failed


def _line(store: Store, task: Task) -> str:
    result = store.read(task) or {}
    if "refused" in result:
        return "not defined here"
    return f"cell {result.get('cell')}, {result.get('seconds', 0):.0f} processor seconds"
