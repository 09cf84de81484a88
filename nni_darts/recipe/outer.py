"""The options that every method has for its architecture's level, whatever its parts are."""

from __future__ import annotations

import inspect

from nni_darts.errors import ConfigError
from nni_darts.parts.outer import Beginning, Cosine, OuterOptimiser
from nni_darts.parts.schedule import WarmUp
from nni_darts.recipe.recipe import Recipe

SCHEDULES = ("constant", "cosine")


def with_outer_options(
    recipe: Recipe,
    *,
    arch_lr: float = 3e-4,
    arch_betas: tuple[float, float] = (0.5, 0.999),
    arch_weight_decay: float = 1e-3,
    arch_optimizer: str = "adam",
    arch_schedule: str = "constant",
    arch_lr_min: float = 0.0,
    arch_init: float | None = None,
    arch_init_mean: float | None = None,
    arch_grad_clip: float | None = None,
    unrolled_clip: float | None = None,
    warmup_epochs: int = 0,
    weight_steps: int | None = None,
) -> Recipe:
    """A recipe with the settings of the section ``search`` that bear these names.

    Parameters
    ----------
    arch_lr, arch_betas, arch_weight_decay, arch_optimizer
        Of the outer optimiser: "adam", "adamw" or "sgd", which is plain and has no betas.
    arch_schedule, arch_lr_min
        "constant", or "cosine" from ``arch_lr`` to ``arch_lr_min`` over the epochs.
    arch_init, arch_init_mean
        Standard deviation and mean of the normal distribution of the first alphas; None for those of the
        method's relaxation.
    arch_grad_clip
        Largest norm of the architecture's gradient; None for that of the recipe.
    unrolled_clip
        Largest norm of the weights' gradients inside the unrolled step; None for that of the method. It
        matters to architects that unroll one.
    warmup_epochs
        Epochs at the beginning in which only the weights learn, whatever the method's schedules say.
    weight_steps
        Weight steps for every architecture step; None for those of the recipe.

    Raises
    ------
    ConfigError
        An unknown optimiser or schedule.
    """
    if arch_schedule not in SCHEDULES:
        raise ConfigError(f'search.arch_schedule: got "{arch_schedule}"; write {" or ".join(SCHEDULES)}.')
    limited = getattr(recipe.architect, "limited", None)
    given = arch_init is not None or arch_init_mean is not None
    return recipe.but(
        architect=recipe.architect if limited is None else limited(unrolled_clip),
        outer_optimiser=OuterOptimiser(arch_lr, arch_betas, arch_weight_decay, arch_optimizer),
        outer_schedule=Cosine(arch_lr_min) if arch_schedule == "cosine" else None,
        outer_clip=recipe.outer_clip if arch_grad_clip is None else arch_grad_clip,
        beginning=Beginning(arch_init, arch_init_mean) if given else recipe.beginning,
        schedules=(WarmUp(warmup_epochs), *recipe.schedules),
        weight_steps=recipe.weight_steps if weight_steps is None else weight_steps,
    )


OUTER_OPTIONS = tuple(inspect.signature(with_outer_options).parameters)[1:]
"""Their names."""
