"""Which of the diagnostics that take time are measured, and how often."""

from __future__ import annotations

from dataclasses import dataclass, fields

from nni_darts.errors import ConfigError
from nni_darts.parts.relaxation import Relaxation


@dataclass(frozen=True)
class Diagnostics:
    """Epochs between two measurements, the first after as many epochs, one more after the last; None: never.

    Attributes
    ----------
    eigenvalue_every
        Of the largest eigenvalue of the validation loss's Hessian in the architecture.
    discretisation_every
        Of the validation accuracy of the supernet cut down to the derived architecture.
    """

    eigenvalue_every: int | None = None
    discretisation_every: int | None = 5

    def __post_init__(self) -> None:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        problems = [
            f"search.{name}: got {every}; it must be 1 or more, or null for never."
            for name, every in given.items()
            if every is not None and every < 1
        ]
        if problems:
            raise ConfigError(*problems)

    def check(self, relaxation: Relaxation) -> None:
        """Refuse what is not defined for a relaxation.

        Raises
        ------
        ConfigError
            Every forward draws another mixture: the loss is no function of alpha that has a Hessian.
        """
        if self.eigenvalue_every is not None and relaxation.draws:
            raise ConfigError(
                f"search.eigenvalue_every: got {self.eigenvalue_every}; {type(relaxation).__name__} draws "
                "another mixture in every forward, so that no loss has a Hessian in alpha; write null."
            )


def is_due(every: int | None, epoch: int, last: bool) -> bool:
    """Whether something is measured after ``epoch``, counted from 0."""
    return every is not None and (last or (epoch + 1) % every == 0)
