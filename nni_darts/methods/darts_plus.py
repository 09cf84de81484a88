"""DARTS+ (Liang et al., arXiv 2019): DARTS that stops before it collapses to skip connections.

The paper's body was not available: what its abstract and later surveys leave open is decided here, see the
options of :func:`darts_plus`.
"""

from __future__ import annotations

from typing import Any

from nni_darts.config.section import Count, Index
from nni_darts.diagnostics import SKIP
from nni_darts.errors import ConfigError
from nni_darts.methods.darts import darts
from nni_darts.parts.architect import RADIUS
from nni_darts.parts.derivation import NONE, rank_edges, settled_weights
from nni_darts.parts.requirement import NODES, Requirement, cells_of_type, operation, requires
from nni_darts.parts.stopping import Sample, Stop, Stopping
from nni_darts.recipe import Recipe, method
from nni_darts.state import SearchState
from nni_darts.supernet.structure import Structure

NORMAL = "normal/"
WITHOUT_WEIGHTS = (NONE, SKIP, "max_pool_3x3", "avg_pool_3x3", "noise")
"""Operations whose order says nothing; a skip has none even where it halves the image by convolutions."""


@requires(NODES, cells_of_type("normal"), operation(SKIP))
class SkipLimit(Stopping):
    """Criterion 1: the derived normal cell has ``limit`` or more skip connections.

    Only edges that DARTS's derivation keeps count. By chance alone 8 derived operations of 7 kinds hold two
    skips with probability 0.32, so the first ``min_epochs`` epochs pass unasked.
    """

    def __init__(self, limit: Count = 2, min_epochs: Index = 10) -> None:
        super().__init__()
        self.limit, self.min_epochs = limit, min_epochs

    def __call__(self, state: SearchState, sample: Sample) -> Stop | None:
        asked = self.memory.get("asked", 0)
        self.memory["asked"] = asked + 1
        count = skips_of_normal_cells(state)
        if asked < self.min_epochs or count < self.limit:
            return None
        return Stop(f"the normal cell has {count} skip connections", state.epoch, sample)


class StableRanking(Stopping):
    """Criterion 2: nowhere has the order of the operations with weights changed for ``patience`` epochs.

    Compared are snapshots at the ends of epochs, by the order of alphas; ties keep the lower index.

    Parameters
    ----------
    patience
        Number of transitions between epochs that leave the order as it is.
    only_best
        Compare which operation is the best, not the full order.
    everywhere
        Look at all choices, not at those of normal cells alone.
    """

    def __init__(self, patience: Count = 10, only_best: bool = False, everywhere: bool = False) -> None:
        super().__init__()
        self.patience, self.only_best = patience, only_best
        self.prefix = "" if everywhere else NORMAL
        where = "" if everywhere else " in normal cells (method.scope: all looks everywhere)"
        self.requirements = (
            Requirement(
                f"a choice between two operations with weights{where}",
                lambda structure: any(len(found) > 1 for found in self._learnable(structure).values()),
            ),
        )

    def __call__(self, state: SearchState, sample: Sample) -> Stop | None:
        ranking = self._ranking(state)
        same = ranking == self.memory.get("ranking")
        unchanged = self.memory.get("unchanged", 0) + 1 if same else 0
        self.memory = {"ranking": ranking, "unchanged": unchanged}
        if unchanged < self.patience:
            return None
        return Stop(
            f"the order of the operations has not changed for {unchanged} epochs", state.epoch, sample
        )

    def metrics(self) -> dict[str, float]:
        return {"unchanged_epochs": float(self.memory["unchanged"])} if self.memory else {}

    def _ranking(self, state: SearchState) -> dict[str, list[int]]:
        found = {}
        for label, candidates in self._learnable(state.structure).items():
            row = state.relaxation.alpha(label).tolist()
            order = sorted(candidates, key=lambda k: -row[k])
            found[label] = order[:1] if self.only_best else order
        return found

    def _learnable(self, structure: Structure) -> dict[str, list[int]]:
        """Label -> candidates that are operations with weights."""
        return {
            label: [k for k, v in enumerate(choice.values) if isinstance(v, str) and v not in WITHOUT_WEIGHTS]
            for label, choice in structure.choices.items()
            if label.startswith(self.prefix)
        }


def skips_of_normal_cells(state: SearchState) -> int:
    """How many skip connections DARTS's derivation would put into the normal cell now."""
    weights, structure = settled_weights(state), state.structure
    nodes = [node for node in structure.nodes if node.edges[0].startswith(NORMAL)]
    pairs = [pair for node in nodes for pair in rank_edges(node, weights, structure.choices)]
    return sum(name == SKIP for _, name in pairs)


@method(
    "darts-plus",
    summary="DARTS with early stopping: by the ranking of operations, or by the number of skips",
    paper="DARTS+: Improved Differentiable Architecture Search with Early Stopping (arXiv 2019)",
)
def darts_plus(
    criterion: str = "ranking",
    patience: int = 10,
    compare: str = "order",
    scope: str = "normal",
    skip_limit: int = 2,
    min_epochs: int = 10,
    order: int = 2,
    hvp: str = "fd",
    radius: float = RADIUS,
) -> Recipe:
    """DARTS that ends after the first epoch in which the criterion holds, with that epoch's architecture.

    The criteria are alternatives. Epochs in which only the weights learn count for neither; the learning
    rate follows its schedule for all epochs, wherever the search ends.

    ========== =================== ==================================================================
    option     default             source
    ========== =================== ==================================================================
    criterion  ranking             the more accurate one (survey); ``skips`` for searches on ImageNet
    patience   10                  the paper's example; for ``ranking``
    compare    order               our choice; ``best`` compares the best operation of an edge alone
    scope      normal              our choice; ``all`` looks at every choice
    skip_limit 2                   the paper; for ``skips``
    min_epochs 10                  our choice, as DARTS-ES; for ``skips``
    ========== =================== ==================================================================
    """
    allowed = {"criterion": ("ranking", "skips"), "compare": ("order", "best"), "scope": ("normal", "all")}
    words: dict[str, Any] = {"criterion": criterion, "compare": compare, "scope": scope}
    problems = [
        f'method.{name}: got "{words[name]}"; write "{first}" or "{second}".'
        for name, (first, second) in allowed.items()
        if words[name] not in (first, second)
    ]
    numbers = {"patience": (patience, 1), "skip_limit": (skip_limit, 1), "min_epochs": (min_epochs, 0)}
    problems += [
        f"method.{name}: got {value}; it must be {least} or more."
        for name, (value, least) in numbers.items()
        if value < least
    ]
    if problems:
        raise ConfigError(*problems)
    rule = (
        StableRanking(patience, compare == "best", scope == "all")
        if criterion == "ranking"
        else SkipLimit(skip_limit, min_epochs)
    )
    return darts(order, hvp, radius).but(stopping=rule)
