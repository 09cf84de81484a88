"""What a search would compute."""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import nn

from nni_darts.capture.why import explain as explain_capture
from nni_darts.config.settings import Settings
from nni_darts.engine import SearchModule
from nni_darts.errors import ConfigError
from nni_darts.explain.cells import cells_of, grouped
from nni_darts.explain.explanation import Explanation
from nni_darts.explain.passes import passes_of
from nni_darts.explain.subject import Subject, subject_of
from nni_darts.explain.surroundings import add_device, likely_device
from nni_darts.memory import estimate_step
from nni_darts.recipe import name_of
from nni_darts.stages.search import strategy_of
from nni_darts.stages.space import build_space
from nni_darts.stages.task import task_of
from nni_darts.strategy import DifferentiableStrategy

TRIED = 2
"""Images or columns of the forward that shows how the cells are computed."""


def explain_search(settings: Settings, memory: bool = False) -> Explanation:
    """Build the supernet and try one forward of it; nothing is trained.

    Parameters
    ----------
    memory
        Estimate the memory of a step too, which runs parts of steps.

    Raises
    ------
    ConfigError
        The data, the space or the method do not fit together.
    """
    explanation = Explanation()
    subject = subject_of(settings)
    device = likely_device(settings)
    subject.describe(explanation)
    add_device(explanation, settings, device)
    strategy = strategy_of(settings)
    supernet = strategy.mutate_model(build_space(settings, subject.info))
    module = strategy.configure_oneshot_module(task_of(settings).search_module(settings.search))
    module.set_model(supernet)
    search = settings.search
    if settings.trainer.channels_last:
        supernet.to(memory_format=torch.channels_last)
    _add_sizes(explanation, module)
    where = device if explanation.facts["device"]["here"] else "cpu"
    module.to(where)
    try:
        with _precision(settings, where), torch.no_grad():
            supernet(*subject.inputs(supernet, TRIED, where))
    except RuntimeError as error:
        name = type(supernet).__name__
        raise ConfigError(f"space: {name} does not take {subject.shape}: {error}") from error
    _add_supernet(explanation, settings, supernet, strategy.unfused)
    _add_method(explanation, settings, strategy, module.epochs.added)
    epochs = search.epochs * max(1, len(_outline(strategy))) + module.epochs.added
    subject.length_of_search(explanation, epochs)
    said = explain_capture(settings, device)
    explanation.add("capture", said, *said)
    if not memory:
        explanation.add("memory", None, "not estimated; --memory does, by parts of a step")
    elif where == device:
        _add_memory(explanation, settings, module, subject, where)
    return explanation


def _add_sizes(explanation: Explanation, module: SearchModule) -> None:
    weights = sum(weight.numel() for weight in module.state.objective.parameters())
    choices = module.state.structure.choices
    alphas = sum(alpha.numel() for alpha in module.state.outer_parameters)
    fact = {"weights": weights, "architecture": alphas, "choices": len(choices)}
    line = f"{weights:,} weights, {alphas:,} of the architecture in {len(choices)} choices"
    explanation.add("parameters", fact, line)


def _add_supernet(
    explanation: Explanation, settings: Settings, supernet: nn.Module, unfused: list[str]
) -> None:
    search, cells = settings.search, cells_of(supernet)
    lines = [f"search.supernet is {search.supernet}" + (", cells are checkpointed" * search.checkpoint_cells)]
    for fact, names in grouped(cells).items():
        lines += fact.lines(names)
    if not cells:
        lines += unfused or ["it has no cells that declare their edges: everything is generic"]
    facts: dict[str, Any] = {
        "wanted": search.supernet,
        "cells": {name: cell.to_dict() for name, cell in cells.items()},
        "notes": unfused,
        "checkpoint_cells": search.checkpoint_cells,
    }
    explanation.add("supernet", facts, *lines)


def _add_method(
    explanation: Explanation, settings: Settings, strategy: DifferentiableStrategy, tail_epochs: int
) -> None:
    method, passes = settings.method, passes_of(strategy.recipe)
    fact = {
        "name": method.name,
        "options": dict(method.options),
        "parts": dict(method.parts),
        "passes": passes and passes.to_dict(),
        "warmup_epochs": settings.search.warmup_epochs,
        "weight_steps": strategy.recipe.weight_steps,
        "tail_epochs": tail_epochs,
    }
    options = ", ".join(f"{key} {value}" for key, value in method.options.items())
    lines = [method.name + (f" ({options})" if options else "")]
    if method.parts:
        lines.append(f"with the parts {json.dumps(method.parts)}")
    if passes is None:
        lines.append("its architect is its own; how often it goes through the network is not known here")
    else:
        counted = f"{passes.forwards} forwards and {passes.backwards} backwards a step"
        lines.append(f"{counted}: {passes.what}")
    if strategy.recipe.weight_steps > 1:
        lines.append(f"the architecture moves in every {strategy.recipe.weight_steps}th step only")
    if settings.search.warmup_epochs:
        lines.append(f"the first {settings.search.warmup_epochs} epochs train weights only")
    if tail_epochs:
        searched = f"{settings.search.epochs} epochs of search"
        lines.append(f"{searched} are followed by {tail_epochs} of {name_of(strategy.recipe.tail)}")
    outline = _outline(strategy)
    for number, phase in enumerate(outline, start=1):
        said = ", ".join(f"{name} {value:g}" for name, value in phase.items())
        lines.append(f"phase {number} of {len(outline)}: {said}, {settings.search.epochs} epochs")
    if strategy.recipe.phases is not None and not outline:
        lines.append("it goes on in phases, whose number is decided as it goes; this is the first")
    explanation.add("method", {**fact, "phases": outline}, *lines)


def _outline(strategy: DifferentiableStrategy) -> list[dict[str, Any]]:
    """What is known of the phases of a search; the supernet is the first one's."""
    if strategy.recipe.phases is None or strategy.origin is None:
        return []
    return strategy.recipe.phases.outline(strategy.origin.arguments, strategy.structure)


def _add_memory(
    explanation: Explanation, settings: Settings, module: SearchModule, subject: Subject, device: str
) -> None:
    (optimizer,), _ = module.training_module.configure_optimizers()
    state = module.state
    state.optimizer = lambda: optimizer
    state.train_batch, state.valid_batch = subject.batches(settings.search.batch_size, device)
    found = estimate_step(state, module.recipe.architect, lambda: _precision(settings, device))
    explanation.add("memory", found.to_dict(), str(found))


def _precision(settings: Settings, device: str) -> torch.autocast:
    kind = device.partition(":")[0]
    return torch.autocast(kind, torch.bfloat16, settings.trainer.precision == "bf16-mixed")
