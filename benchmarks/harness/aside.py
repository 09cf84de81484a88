"""Work that would disturb the timing of steps in this process, done in another one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

import torch

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def aside(work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
    """``work(...)`` in a process that is started once and kept, with as many threads as this one."""
    return _process(torch.get_num_threads()).submit(work, *args, **kwargs).result()


@cache
def _process(threads: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, get_context("spawn"), torch.set_num_threads, (threads,))
