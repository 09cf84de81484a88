"""How a device computes: what of it torch keeps for the whole process, and gets back afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def numerics(tf32: bool = False, cudnn_benchmark: bool = False, threads: int | None = None) -> Iterator[None]:
    """Products of 32-bit numbers, choice of cuDNN's algorithms, and threads of the CPU inside.

    Parameters
    ----------
    tf32
        Convolutions and matrix products of float32 on a GPU round their factors to 10 bits of mantissa.
        torch's own default, convolutions but not matrix products, is neither exact nor the fastest.
    cudnn_benchmark
        The algorithm of every convolution is the one that was fastest in the first step, which may be
        another one in the next run.
    threads
        None: as many as torch has.
    """
    before = (
        torch.get_float32_matmul_precision(),
        torch.backends.cudnn.allow_tf32,
        torch.backends.cudnn.benchmark,
        torch.get_num_threads(),
    )
    _set("high" if tf32 else "highest", tf32, cudnn_benchmark, threads or before[3])
    try:
        yield
    finally:
        _set(*before)


def _set(products: str, convolutions: bool, benchmark: bool, threads: int) -> None:
    torch.set_float32_matmul_precision(products)
    torch.backends.cudnn.allow_tf32 = convolutions
    torch.backends.cudnn.benchmark = benchmark
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
