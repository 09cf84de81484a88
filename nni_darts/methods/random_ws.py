"""Random search with weight sharing (Li, Talwalkar, UAI 2019): the baseline of one supernet."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch

from nni_darts.config.section import Count
from nni_darts.errors import ConfigError
from nni_darts.methods.random_search import leave, uniform
from nni_darts.parts.forward import only_chosen
from nni_darts.parts.measure import Measured, measure
from nni_darts.parts.paths import Path, UniformPaths, draw
from nni_darts.parts.stopping import Sample, Stop, Stopping
from nni_darts.recipe import Recipe, method
from nni_darts.state import SearchState


class Ranking(Stopping):
    """After the last epoch: the best of many random architectures with the shared weights.

    Each is scored by its errors on the next few validation batches, which are walked through in a circle;
    the best are scored again on all of them. On texts the score is the loss, and the hidden state goes on
    from each of the few windows to the next. BatchNorms evaluate on their running statistics, as the
    official code has it, although those are averages over random architectures.

    Parameters
    ----------
    candidates, batches, finalists
        How many architectures, on how many batches each, and how many of them are scored again.
    none
        Whether they may hold the operation ``none``.
    """

    def __init__(
        self, candidates: Count = 1000, batches: Count = 10, finalists: Count = 10, none: bool = True
    ) -> None:
        super().__init__()
        self.candidates, self.batches, self.finalists, self.none = candidates, batches, finalists, none

    def __call__(self, state: SearchState, sample: Sample) -> Stop | None:
        if state.epoch + 1 < state.epochs:
            return None
        generator = np.random.Generator(np.random.PCG64(torch.initial_seed()))
        paths = [draw(state.structure, generator, self.none) for _ in range(self.candidates)]
        whole = list(state.validation())
        scores = []
        for place, path in enumerate(paths):
            drawn = [whole[(place * self.batches + k) % len(whole)] for k in range(self.batches)]
            scores.append(measured(state, path, drawn).harm)
        order = sorted(range(len(paths)), key=scores.__getitem__)
        finals = {index: measured(state, paths[index], whole) for index in islice(order, self.finalists)}
        best = min(finals, key=lambda index: finals[index].harm)  # ties keep the better first score
        found = finals[best]
        says = f"has the loss {found.loss:.4g}" if found.by_loss else f"errs on {found.harm:.2%}"
        reason = f"the best of {len(paths)} random architectures {says} with shared weights"
        return Stop(reason, state.epoch, paths[best].sample())


def measured(state: SearchState, path: Path, batches: list[Any]) -> Measured:
    """How badly the path of the supernet does in evaluation mode."""
    with state.evaluating(), state.weights.replaced(path.gates(state.clock.device)):
        return measure(state, batches)


@method(
    "random-ws",
    summary="one supernet trained along random paths, then the best of many random architectures",
    paper="Random Search and Reproducibility for Neural Architecture Search (UAI 2019)",
)
def random_ws(candidates: int = 1000, batches: int = 10, finalists: int = 10, none: bool = True) -> Recipe:
    """Every batch trains the weights of one random architecture; the weights then rank others.

    ============ ======= ============================================================================
    option       default source
    ============ ======= ============================================================================
    candidates   1000    official code (one round, as for 50 epochs of CIFAR-10)
    batches      10      the same: 640 images for each candidate
    finalists    10      the same: scored again on all of the validation half
    none         true    the same: an edge that is kept may hold ``none``; 88 % of the architectures
                         of 8 operations have one. DARTS's baseline seems to leave it out.
    ============ ======= ============================================================================

    Training is whole epochs, where the official budget of 50 epochs ends 19 batches before. Validation after
    an epoch is of a random path for each batch. Nothing reads the alphas. What a search derives before its
    end is a random architecture.
    """
    problems = [
        f"method.{name}: got {value}; it must be 1 or more."
        for name, value in (("candidates", candidates), ("batches", batches), ("finalists", finalists))
        if value < 1
    ]
    if problems:
        raise ConfigError(*problems)
    return Recipe(
        architect=leave,
        relaxation=partial(UniformPaths, none=none),
        forward=only_chosen,
        derivation=uniform,
        stopping=Ranking(candidates, batches, finalists, none),
    )
