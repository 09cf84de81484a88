"""Contests as JSON and as the text of a section."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.harness.contest import OURS, Contest, Plan
from benchmarks.harness.floor import Rates
from benchmarks.harness.machine import provenance
from benchmarks.harness.peers import PEERS
from benchmarks.harness.rows import cells, columns, rows
from benchmarks.harness.table import markdown


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


def body(contests: Sequence[Contest], rates: Rates | None, plan: Plan, unit: str) -> str:
    """The table with everything needed to read it and to repeat it."""
    notes = [
        provenance(),
        f"Time: {unit}, median of {plan.repeats} rounds in turns; the first step apart.",
        *_notes(contests, rates),
    ]
    titles = {OURS: f"**ours, {plan.implementation}**"}
    titles.update({name: peer.title for name, peer in PEERS.items()})
    lines = [cells(row, titles[row["peer"]]) for contest in contests for row in rows(contest, rates)]
    parts = [" ".join(notes), "", markdown(columns(contests[0].case.kind), lines), "", *absences(contests)]
    return "\n".join(parts).rstrip()


def _notes(contests: Sequence[Contest], rates: Rates | None) -> Iterable[str]:
    if any(contest.counts for contest in contests):
        yield (
            "Operations, kernels, GFLOP and GB of ours are those of the form it has on a GPU; on a CPU it "
            "computes parts outside PyTorch's dispatcher and asks for fewer operations (here)."
        )
    if rates is not None:
        yield (
            f"Floor: the larger of FLOP over {rates.matrix / 1e9:,.0f} GFLOP/s (matrix product) and "
            f"bytes over {rates.copy / 1e9:,.1f} GB/s (copy), both measured here."
        )
    if any(contest.peaks for contest in contests):
        yield "Peak: of one step, above what stays allocated between steps."


def absences(contests: Iterable[Contest]) -> list[str]:
    """A line for each peer that did not take part, with the reason."""
    return [
        f"- Not measured: order {contest.order}, {PEERS[name].title}: {reason}"
        for contest in contests
        for name, reason in contest.absent.items()
    ]
