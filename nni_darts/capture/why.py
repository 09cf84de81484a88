"""What will be captured, and why not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pytorch_lightning import Callback

from nni_darts.capture.parts import is_capturable, undeclared
from nni_darts.capture.rates import unsupported

if TYPE_CHECKING:
    from nni_darts.config.settings import Settings
    from nni_darts.engine import SearchModule

CHOICES = ("auto", "on", "off")

HOOKS = (
    *("on_before_backward", "on_after_backward"),
    *("on_before_optimizer_step", "on_before_zero_grad"),
)
"""Of callbacks, called inside a step: a repeated recording would leave them out."""


def obstacles(search: SearchModule) -> list[str]:
    """Why this search's step cannot be recorded, as phrases; empty if it can be tried."""
    trainer = search.trainer
    found = undeclared_parts(search.recipe, search.training_module)
    found += unsupported(trainer.optimizers)
    found += _hooked(trainer.callbacks)
    if getattr(trainer, "_detect_anomaly", False):
        found.append("detect_anomaly looks at every gradient")
    return found


def undeclared_parts(recipe: Any, training_module: Any) -> list[str]:
    """The evaluator's module and the method's parts, where they do not say that they can be recorded."""
    found = []
    if not is_capturable(training_module):
        found.append(
            f"{_name(training_module)}.training_step may log or read numbers back "
            "(set capturable = True in the class if it does not)"
        )
    found += [
        f"the method's {part} is not declared capturable (nni_darts.capture.capturable)"
        for part in undeclared(recipe)
    ]
    return found


def _name(module: Any) -> str:
    return (module if isinstance(module, type) else type(module)).__name__


def _hooked(callbacks: Iterable[Any]) -> list[str]:
    return [
        f"the callback {type(callback).__name__} acts inside a step ({name})"
        for callback in callbacks
        for name in HOOKS
        if getattr(type(callback), name) is not getattr(Callback, name)
    ]


def explain(settings: Settings, device: str | None = None) -> list[str]:
    """Sentences on what a search with these settings captures, or why not; for a dry run.

    Parameters
    ----------
    settings
        Complete and consistent.
    device
        ``cpu`` or ``cuda:N`` where it is known; None to ask torch what ``trainer.device`` leads to.
    """
    import torch

    from nni_darts.stages.search import recipe_of
    from nni_darts.stages.task import task_of

    trainer = settings.trainer
    if "search" not in settings.stages:
        return []
    cuda = torch.cuda.is_available() if device is None else device.startswith("cuda")
    cuda = cuda and trainer.device != "cpu"
    if trainer.capture == "off":
        return ["The search step is not captured: trainer.capture is off."]
    if not cuda:
        return ["The search step is not captured: the device is the CPU, and CUDA graphs need a GPU."]
    recipe = recipe_of(settings)
    reasons = undeclared_parts(recipe, task_of(settings).search_module(settings.search))
    if reasons:
        return [f"The search step is not captured: {reason}." for reason in reasons]
    without = ["in the warm-up epochs"] * bool(settings.search.warmup_epochs)
    without += ["between its steps"] * (recipe.weight_steps > 1)
    kinds = "with the architecture, " + (
        f"and without it {' and '.join(without)}" if without else "in every epoch"
    )
    return [
        f"The search step is captured as a CUDA graph ({kinds}), one for full batches and one for the "
        "smaller last batch, and so is validation; learning rates, batches and metrics stay on the device.",
    ]
