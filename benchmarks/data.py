"""Share of a training step that goes into data: ``python -m benchmarks.data [--steps 20] [--device cpu]``.

One step is: draw a batch with the full retraining augmentation (crop, flip, normalise, cutout), then
forward, backward and SGD of a discrete network. Both halves are timed in turns, in one process, so that a
machine that is busy now and then disturbs both; the network is small, which makes the share an upper
bound for larger ones. Random images: their content does not matter here.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from nni_darts.course.pairing import Endless
from nni_darts.data import Augment, BatchLoader, DataInfo, Images
from nni_darts.genotype import PUBLISHED
from search_spaces import DiscreteNetwork

# name: (channels, pixels a side, crop padding, cutout, batch size, network's channels, network's layers)
CASES = {
    "cifar, 16 channels, 8 cells": (3, 32, 4, 16, 96, 16, 8),
    "digits, 8 channels, 3 cells": (1, 8, 1, 2, 64, 8, 3),
}


def main() -> None:
    """Print one line a case: median and range of the share, and the medians of both times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20, help="timed steps a case (default 20)")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda:N")
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {options.device}, {torch.get_num_threads()} thread(s)")
    for name, case in CASES.items():
        times = list(measure(*case, steps=options.steps, device=options.device))
        shares = [100 * data / (data + step) for data, step in times]
        data, step = (1000 * statistics.median(column) for column in zip(*times, strict=True))
        print(
            f"{name}, batch {case[4]}: data {statistics.median(shares):.2f} % of a step "
            f"({min(shares):.2f} to {max(shares):.2f}), {data:.2f} ms of {data + step:.0f} ms"
        )


def measure(
    channels: int,
    side: int,
    padding: int,
    cutout: int,
    batch_size: int,
    width: int,
    layers: int,
    *,
    steps: int,
    device: str,
) -> Iterator[tuple[float, float]]:
    """Seconds of (data, everything else) of every step but the first two, which set things up."""
    count = 20 * batch_size
    pixels = torch.randint(0, 256, (count, channels, side, side), dtype=torch.uint8)
    images = Images(pixels, torch.randint(10, (count,))).to(device)
    info = DataInfo(
        "noise", 10, channels, (side, side), (0.5,) * channels, (0.3,) * channels, tuple("abcdefghij")
    )
    augment = Augment(info, padding, flip=True, cutout_length=cutout)
    batches = iter(Endless(BatchLoader(images, batch_size, augment, shuffle=True)))
    network = DiscreteNetwork(PUBLISHED["DARTS_V2"], init_channels=width, layers=layers, in_channels=channels)
    network.to(device).train()
    optimizer = torch.optim.SGD(network.parameters(), 0.025, momentum=0.9, weight_decay=3e-4)
    for number in range(steps + 2):
        start = now(device)
        x, y = next(batches)
        middle = now(device)
        _train(network, optimizer, x, y)
        end = now(device)
        if number >= 2:
            yield middle - start, end - middle


def _train(network: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> None:
    optimizer.zero_grad()
    nn.functional.cross_entropy(network(x), y).backward()
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimizer.step()


def now(device: str) -> float:
    """Seconds: wall time on a GPU, processor time on the CPU, where other programs' load must not count."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


if __name__ == "__main__":
    main()
