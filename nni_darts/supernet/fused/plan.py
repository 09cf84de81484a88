"""How the edges of a cell are computed: what is fused, in which levels, and what is left as it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor, nn

from nni_darts.supernet.fused.book import Book, Page
from nni_darts.supernet.fused.forms import Activated, Halved, Nothing, Pooled, Separable, Unchanged
from nni_darts.supernet.fused.halves import Halves
from nni_darts.supernet.fused.level import Level, level_signature
from nni_darts.supernet.fused.member import Member
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
        if any(isinstance(form, Activated) for form in forms):
            left[source, target] = "it holds activations of recurrent cells"
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


def make_plan(members: Iterable[Member], inputs: int, native: bool) -> Plan:
    """Group candidates by when their source is known and by what they compute.

    Parameters
    ----------
    inputs
        Number of states that are known from the beginning.
    native
        Whether kernels compute what they can.
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
        plan.parts[level] = [
            *(Level(plan.book, group, native) for group in _alike(chains, level_signature)),
            *(Halves(plan.book, group) for group in _grouped(halves)),
            *_shared(plan.book, shared, native),
        ]
    return plan


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
