"""Both levels' loss, as the evaluator defines it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


class Objective(nn.Module):
    """A Lightning module's ``training_step`` as a function of its weights: batch -> scalar loss."""

    def __init__(self, training_module: nn.Module) -> None:
        super().__init__()
        self.training_module = training_module

    def forward(self, batch: Any, batch_index: int) -> Tensor:
        result = self.training_module.training_step(batch, batch_index)  # type: ignore[operator]
        return result["loss"] if isinstance(result, Mapping) else result

    @contextmanager
    def muted(self) -> Iterator[None]:
        """The architect evaluates ``training_step`` up to four times a step: none of them is a metric."""
        module: Any = self.training_module
        logs = module.log, module.log_dict
        module.log = module.log_dict = _ignore
        try:
            if hasattr(module, "muted"):
                with module.muted():
                    yield
            else:
                yield
        finally:
            module.log, module.log_dict = logs


def _ignore(*args: Any, **kwargs: Any) -> None:
    return None
