"""Contests as rows, as a table, as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks.harness.contest import OURS, Contest
from benchmarks.harness.floor import Rates
from benchmarks.harness.peers import PEERS

COLUMNS = (
    *("order", "step", "time / ours", "range", "s", "first step, s", "kernels (model)", "operations"),
    *("operations here", "GFLOP", "GB moved", "floor reached", "peak above idle, MB", "peak / ours"),
)


def rows(contest: Contest, rates: Rates | None = None) -> list[dict[str, Any]]:
    """One dictionary for each contender, ours first; ``ratio`` is its time over ours.

    What was not measured is None.
    """
    return [_row(contest, name, rates) for name in (OURS, *contest.peers)]


def _row(contest: Contest, name: str, rates: Rates | None) -> dict[str, Any]:
    times, counts, peak = contest.times, contest.counts.get(name), contest.peaks.get(name)
    ratio = times.ratio(name, OURS)
    own_peak = contest.peaks.get(OURS)
    seconds = times.median(name)
    return {
        "order": contest.order,
        "peer": name,
        "ratio": ratio.median,
        "ratio_min": ratio.smallest,
        "ratio_max": ratio.largest,
        "seconds": seconds,
        "first_seconds": times.first[name],
        "kernels": counts and counts.kernels,
        "operations": counts and counts.operations,
        "dispatched": contest.dispatched if name == OURS else counts and counts.operations,
        "flops": counts and counts.flops,
        "bytes": counts and counts.bytes,
        "floor": rates.floor(counts) / seconds if rates and counts else None,
        "peak_bytes": peak,
        "peak_ratio": peak / own_peak if peak and own_peak else None,
    }


def as_json(contests: Iterable[Contest], rates: Rates | None) -> dict[str, Any]:
    """``rows`` of the peers; our own under ``ours``; and who was absent, with the reason."""
    contests = list(contests)
    every = [row for contest in contests for row in rows(contest, rates)]
    return {
        "rows": [row for row in every if row["peer"] != OURS],
        "ours": [row for row in every if row["peer"] == OURS],
        "absent": [
            {"order": contest.order, "peer": name, "reason": reason}
            for contest in contests
            for name, reason in contest.absent.items()
        ],
    }


def table(contests: Iterable[Contest], rates: Rates | None, implementation: str) -> str:
    """A Markdown table, one line a contender."""
    titles = {OURS: f"**ours, {implementation}**", **{name: peer.title for name, peer in PEERS.items()}}
    lines: list[tuple[str, ...]] = [COLUMNS, ("---",) * len(COLUMNS)]
    for contest in contests:
        lines += [_cells(row, titles[row["peer"]]) for row in rows(contest, rates)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: dict[str, Any], title: str) -> tuple[str, ...]:
    return (
        str(row["order"]),
        title,
        f"{row['ratio']:.2f}",
        f"{row['ratio_min']:.2f} to {row['ratio_max']:.2f}",
        f"{row['seconds']:.3g}",
        f"{row['first_seconds']:.3g}",
        _number(row["kernels"], "{:,}"),
        _number(row["operations"], "{:,}"),
        _number(row["dispatched"], "{:,}"),
        _number(row["flops"], "{:.3g}", 1e-9),
        _number(row["bytes"], "{:.3g}", 1e-9),
        _number(row["floor"], "{:.0f} %", 100),
        _number(row["peak_bytes"], "{:,.0f}", 1e-6),
        _number(row["peak_ratio"], "{:.2f}"),
    )


def _number(value: float | None, form: str, scale: float | None = None) -> str:
    return "-" if value is None else form.format(value if scale is None else value * scale)


def absences(contests: Iterable[Contest]) -> list[str]:
    """A sentence for each peer that did not take part."""
    return [
        f"order {contest.order}, {PEERS[name].title}: {reason}"
        for contest in contests
        for name, reason in contest.absent.items()
    ]
