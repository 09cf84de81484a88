"""Settings of the search method: its name, and the options that this method has."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from nni_darts.config.section import Section, Text, number_of

_number = BeforeValidator(number_of)


class Method(Section):
    """A method and its options; which options there are depends on the name."""

    model_config = ConfigDict(extra="allow")

    name: Text = Field(default="darts", description="a known method")

    @property
    def options(self) -> dict[str, Any]:
        """Everything but the name: the keyword arguments of the method's recipe."""
        return dict(self.model_extra or {})


class DartsOptions(Section):
    """DARTS (Liu, Simonyan and Yang, ICLR 2019)."""

    order: Annotated[Literal[1, 2], _number] = Field(
        default=2, description="2: one-step unrolled, 3.2 of the paper"
    )
    hvp: Literal["fd", "exact"] = Field(
        default="fd", description="finite difference as in architect.py, or autograd"
    )


METHODS: dict[str, type[Section]] = {"darts": DartsOptions}
"""Every method by name, with its options; the first line of the options' docstring is the summary."""
