"""Settings of the search method: its name, and the options that this method has."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from nni_darts.config.section import Section, Text


class Method(Section):
    """A method and its options. Which options there are, and their defaults, is the method's own business."""

    model_config = ConfigDict(extra="allow")

    name: Text = Field(default="darts", description="one of: nni-darts list methods")

    parts: dict[str, Any] = Field(
        default={}, description="slot -> part that replaces the method's, or is added: nni-darts list parts"
    )

    @property
    def options(self) -> dict[str, Any]:
        """Everything but the name and the parts: the keyword arguments of the method's recipe."""
        return dict(self.model_extra or {})
