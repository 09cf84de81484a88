"""The nodes of one cell, computed level by level."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nni_darts.supernet.fused.native.kernels import is_native
from nni_darts.supernet.fused.plan import Edge, Plan, make_plan, read_edges
from nni_darts.supernet.weights import MixtureWeights

logger = logging.getLogger(__name__)


class FusedNodes:
    """Stands in the place of a cell's ``node_states``: states before -> nodes.

    The candidates stay where they are in the cell, with their names, weights and running statistics.

    Parameters
    ----------
    cell
        Its class computes the nodes edge by edge where this cannot.
    edges
        (source, target) -> the mixed LayerChoice between them; every node is the sum of its edges.
    always
        Whether to fuse on a CPU without kernels too.
    """

    def __init__(
        self, cell: Any, edges: Mapping[Edge, nn.Module], mixture: MixtureWeights, always: bool
    ) -> None:
        self._cell = cell
        self._edges = dict(edges)
        self._mixture = mixture
        self._always = always
        self._targets = sorted({target for _, target in edges})
        self._members, self.left = read_edges(edges)
        self._plans: dict[bool, Plan] = {}
        self._said: set[str] = set()

    @property
    def refused(self) -> tuple[str, ...]:
        """Why forwards so far were not fused."""
        return tuple(sorted(self._said))

    def __call__(self, states: list[Tensor]) -> list[Tensor]:
        native = is_native(states[0])
        plan = self._plan(native)
        reason = self._obstacle(plan, states)
        if not (native or self._always) and states[0].device.type == "cpu":
            reason = "there are no kernels for this CPU and type, and without them it is not faster"
        if reason is not None:
            if reason not in self._said:
                level = logging.WARNING if self._always else logging.INFO
                logger.log(level, "This forward of a cell is not fused: %s.", reason)
                self._said.add(reason)
            return type(self._cell).node_states(self._cell, states)
        # The operators stack channels, the kernels read pixels.
        order = torch.channels_last if native else torch.contiguous_format
        return self._run(plan, [state.contiguous(memory_format=order) for state in states])

    def _run(self, plan: Plan, states: Sequence[Tensor]) -> list[Tensor]:
        known = list(states)
        norms = plan.book.statistics.norms
        dtype = torch.promote_types(states[0].dtype, torch.float32)
        page = plan.book.open(self._mixture, training=not norms or norms[0].training, dtype=dtype)
        for target in self._targets:
            for part in plan.parts.get(len(known) - 1, ()):
                part.run(page, known)
            for source, state in enumerate(known):
                if (source, target) in self.left:
                    page.add(target, self._edges[source, target](state))
            known.append(page.node(target))
        if page.statistics is None:
            plan.book.statistics.update([page.found[part] for part in sorted(page.found)])
        return known[len(states) :]

    def _plan(self, native: bool) -> Plan:
        if native not in self._plans:
            self._plans[native] = make_plan(self._members, self._targets[0], native)
        return self._plans[native]

    def _obstacle(self, plan: Plan, states: Sequence[Tensor]) -> str | None:
        if len({norm.training for norm in plan.book.statistics.norms}) > 1:
            return "some of its BatchNorms train and some do not"
        if len({state.shape for state in states}) > 1:
            return "its inputs differ in shape"
        if plan.halved & set(range(len(states))) and any(side % 2 for side in states[0].shape[2:]):
            return "its height and width cannot be halved"
        return None
