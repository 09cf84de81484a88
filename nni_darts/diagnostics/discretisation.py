"""What the supernet loses when it is cut down to the architecture that is derived from it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from nni_darts.parts.edge_weights import edge_places
from nni_darts.parts.paths import Path
from nni_darts.state import SearchState

PREFIX = "valid_"


def gates(state: SearchState, sample: dict[str, Any]) -> dict[str, Tensor]:
    """The supernet's weights that say what a sample says, whatever the relaxation is.

    An operation that is kept on an edge that is kept weighs 1 and all others weigh 0; so do whole edges,
    where edges have weights. Of n inputs that enter together each weighs 1/n.
    """
    found = Path.of(state.structure, sample).gates()
    rows: dict[str, list[float]] = {}
    for edge, (label, _) in edge_places(state.structure).items():
        rows.setdefault(label, []).append(float(found[edge].any()))
    found.update((label, torch.tensor(row)) for label, row in rows.items())
    device = next(state.objective.parameters()).device
    return {label: row.to(device) for label, row in found.items()}


@torch.no_grad()
def discretised(
    state: SearchState, sample: dict[str, Any], validating: Callable[[], AbstractContextManager[Any]]
) -> dict[str, float]:
    """The evaluator's ``valid_*`` metrics on the validation data with the mixture replaced by a sample.

    The evaluator must have ``epoch_metrics()`` and keep what it sums up in buffers, which return to what
    they were, as do all running statistics; an evaluator without it gives nothing.

    Parameters
    ----------
    validating
        Makes the context of a validation step, of mixed precision for example.
    """
    module: Any = state.objective.training_module
    if not hasattr(module, "epoch_metrics"):
        return {}
    with (
        state.restored_statistics(),
        state.evaluating(),
        state.mute(),
        validating(),
        state.weights.replaced(gates(state, sample)),
    ):
        module.on_validation_start()
        module.on_validation_epoch_start()
        for index, batch in enumerate(state.validation()):
            module.validation_step(batch, index)
        module.on_validation_epoch_end()
        return {key: value for key, value in module.epoch_metrics().items() if key.startswith(PREFIX)}


def gap(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """``discretised_accuracy``, ``_loss``, ``_perplexity``, those there are, and ``discretisation_gap``.

    That is the accuracy before minus the one after; where there is a perplexity instead, how much it grows.
    """
    found = {
        f"discretised_{name}": after[PREFIX + name]
        for name in ("loss", "accuracy", "perplexity")
        if PREFIX + name in before and PREFIX + name in after
    }
    if "discretised_accuracy" in found:
        found["discretisation_gap"] = before[PREFIX + "accuracy"] - found["discretised_accuracy"]
    elif "discretised_perplexity" in found:
        found["discretisation_gap"] = found["discretised_perplexity"] - before[PREFIX + "perplexity"]
    return found
