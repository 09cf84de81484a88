"""One candidate of one edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nni_darts.supernet.fused.forms import Form, Halved, Pooled


@dataclass(frozen=True)
class Member:
    """The candidate at ``index`` of the edge ``label`` from state ``source`` to state ``target``."""

    source: int
    target: int
    label: str
    index: int
    form: Form

    @property
    def place(self) -> tuple[str, int]:
        """Where its mixture weight stands."""
        return self.label, self.index

    @property
    def signature(self) -> Any:
        """Equal for candidates of one form that can be computed by one call; chains have their own rule."""
        if isinstance(self.form, Halved):
            return self.form.even.out_channels, self.form.odd.out_channels, *_constants(self.form.norm)
        if isinstance(self.form, Pooled):
            constants = None if self.form.norm is None else _constants(self.form.norm)
            return type(self.form.pool), repr(self.form.pool), constants
        return None


def _constants(norm: Any) -> tuple[float, bool]:
    return norm.eps, norm.affine
