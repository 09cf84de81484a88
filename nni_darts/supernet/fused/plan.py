"""How the edges of a cell are computed: what is fused, in which levels, and what is left as it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from torch import Tensor, nn

from nni_darts.supernet.fused.book import Book, Page
from nni_darts.supernet.fused.chains import Chains
from nni_darts.supernet.fused.forms import Halved, Nothing, Pooled, Separable, Unchanged
from nni_darts.supernet.fused.halves import Halves
from nni_darts.supernet.fused.member import Member
from nni_darts.supernet.fused.native.level import Level, is_native, native_signature
from nni_darts.supernet.fused.recognise import NotFusedError, forms_of
from nni_darts.supernet.fused.shared import Shared

Edge = tuple[int, int]
"""From state to state."""


class Part(Protocol):
    """Candidates that are computed together."""

    def run(self, page: Page, states: Sequence[Tensor]) -> None:
        """Add to the targets what the candidates bring."""


@dataclass
class Plan:
    """The parts of a cell by the state after which they can run, and the edges left as they are."""

    book: Book = field(default_factory=Book)
    parts: dict[int, list[Part]] = field(default_factory=dict)
    halved: set[int] = field(default_factory=set)


def read_edges(edges: Mapping[Edge, nn.Module]) -> tuple[list[Member], dict[Edge, str]]:
    """The candidates that can be fused, and for the other edges why not."""
    members: list[Member] = []
    left: dict[Edge, str] = {}
    for (source, target), edge in edges.items():
        try:
            forms = forms_of(edge)
        except NotFusedError as reason:
            left[source, target] = str(reason)
            continue
        if all(isinstance(form, Nothing) for form in forms):
            left[source, target] = "none of its candidates computes anything"
            continue
        members += [
            Member(source, target, edge.label, index, form)  # type: ignore[arg-type]
            for index, form in enumerate(forms)
            if not isinstance(form, Nothing)
        ]
    return members, left


def make_plan(members: Iterable[Member], inputs: int, at_once: int, native: bool) -> Plan:
    """Group candidates by when their source is known and by what they compute.

    Parameters
    ----------
    inputs
        Number of states that are known from the beginning.
    at_once
        How many separable convolutions to stack at most; one call for more is not faster where their
        tensors no longer fit into the cache.
    native
        Whether kernels compute the separable convolutions that they can.
    """
    plan = Plan()
    levels: dict[int, list[Member]] = defaultdict(list)
    for member in members:
        levels[max(member.source, inputs - 1)].append(member)
    for level, found in sorted(levels.items()):
        chains = [member for member in found if isinstance(member.form, Separable)]
        halves = [member for member in found if isinstance(member.form, Halved)]
        shared = [member for member in found if isinstance(member.form, Pooled | Unchanged)]
        plan.halved |= {member.source for member in halves}
        fast = [member for member in chains if native and is_native(member)]
        plan.parts[level] = [
            *(Level(plan.book, group) for group in _alike(fast, native_signature)),
            *_chains(plan.book, [member for member in chains if member not in fast], at_once),
            *(Halves(plan.book, group) for group in _grouped(halves)),
            *_shared(plan.book, shared, native),
        ]
    return plan


def _chains(book: Book, members: Sequence[Member], at_once: int) -> Iterable[Part]:
    for alike in _alike(members, lambda member: member.signature):
        rows: dict[int, list[Member]] = defaultdict(list)
        for member in alike:
            rows[member.target].append(member)
        by_sources: dict[Hashable, list[list[Member]]] = defaultdict(list)
        for row in rows.values():
            row.sort(key=lambda member: member.source)
            by_sources[tuple(member.source for member in row)].append(row)
        for sources, grid in by_sources.items():
            targets = iter(grid)
            size = max(1, at_once // len(sources))  # type: ignore[arg-type]
            while chunk := list(islice(targets, size)):
                yield Chains(book, chunk)


def _shared(book: Book, members: Sequence[Member], native: bool) -> Iterable[Part]:
    by_source: dict[int, list[list[Member]]] = defaultdict(list)
    for group in _grouped(members):
        by_source[group[0].source].append(group)
    for features in by_source.values():
        yield Shared(book, features, native)


def _grouped(members: Iterable[Member]) -> Iterable[list[Member]]:
    return _alike(members, lambda member: (member.source, type(member.form), member.signature))


def _alike(members: Iterable[Member], key: Callable[[Member], Hashable]) -> Iterable[list[Member]]:
    groups: dict[Hashable, list[Member]] = defaultdict(list)
    for member in members:
        groups[key(member)].append(member)
    return groups.values()
