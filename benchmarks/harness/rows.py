"""A contender in a contest as a row."""

from __future__ import annotations

from typing import Any

from benchmarks.harness.contest import OURS, Contest
from benchmarks.harness.floor import Rates
from benchmarks.harness.table import number

_SPEED = ("step", "order", "time / ours", "range", "s", "first step, s", "kernels (model)", "operations")
_HERE = {"cpu": ("operations here",), "cuda": ("operations here", "kernels (profiler)", "launches")}
_COSTS = ("GFLOP", "GB moved", "floor reached", "peak, MB", "peak / ours")


def columns(kind: str) -> tuple[str, ...]:
    """Titles of the cells of a row measured on ``cpu`` or ``cuda``."""
    return *_SPEED, *_HERE[kind], *_COSTS


def rows(contest: Contest, rates: Rates | None = None) -> list[dict[str, Any]]:
    """One dictionary for each contender, ours first; ``ratio`` is its time over ours.

    What was not measured is None.
    """
    return [_row(contest, name, rates) for name in (OURS, *contest.peers)]


def _row(contest: Contest, name: str, rates: Rates | None) -> dict[str, Any]:
    times, counts, peak = contest.times, contest.counts.get(name), contest.peaks.get(name)
    # On a CPU our kernels move other bytes than the operators that are counted.
    known = counts if name != OURS or contest.case.kind == "cuda" else None
    ratio, launched = times.ratio(name, OURS), contest.launches.get(name)
    own_peak = contest.peaks.get(OURS)
    seconds = times.median(name)
    return {
        "order": contest.order,
        "device": contest.case.kind,
        "peer": name,
        "ratio": ratio.median,
        "ratio_min": ratio.smallest,
        "ratio_max": ratio.largest,
        "seconds": seconds,
        "first_seconds": times.first[name],
        "kernels": counts and counts.kernels,
        "operations": counts and counts.operations,
        "dispatched": contest.dispatched if name == OURS else counts and counts.operations,
        "gpu_kernels": launched and launched.kernels,
        "gpu_launches": launched and launched.calls,
        "flops": counts and counts.flops,
        "bytes": counts and counts.bytes,
        "floor": rates.floor(known) / seconds if rates and known else None,
        "peak_bytes": peak,
        "peak_ratio": peak / own_peak if peak and own_peak else None,
    }


def cells(row: dict[str, Any], title: str) -> tuple[str, ...]:
    """The row under :func:`columns`."""
    return (
        title,
        str(row["order"]),
        f"{row['ratio']:.2f}",
        f"{row['ratio_min']:.2f} to {row['ratio_max']:.2f}",
        f"{row['seconds']:.3g}",
        f"{row['first_seconds']:.3g}",
        number(row["kernels"], "{:,}"),
        number(row["operations"], "{:,}"),
        number(row["dispatched"], "{:,}"),
        *_on_gpu(row),
        number(row["flops"], "{:.3g}", 1e-9),
        number(row["bytes"], "{:.3g}", 1e-9),
        number(row["floor"], "{:.0f} %", 100),
        number(row["peak_bytes"], "{:,.0f}", 1e-6),
        number(row["peak_ratio"], "{:.2f}"),
    )


def _on_gpu(row: dict[str, Any]) -> tuple[str, ...]:
    if row["device"] != "cuda":
        return ()
    return number(row["gpu_kernels"], "{:,}"), number(row["gpu_launches"], "{:,}")
