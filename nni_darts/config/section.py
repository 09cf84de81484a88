"""Base class of the sections of the settings, and the kinds of value they are made of."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


class Section(BaseModel):
    """A frozen group of settings; a key that is not declared is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def number_of(value: Any) -> Any:
    """Text that is a number (YAML reads ``1e-4`` as text) becomes one; everything else passes unchanged."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        number = float(value)
        return int(number) if number.is_integer() and value.strip().lstrip("+-").isdigit() else number
    return value


def numbers_within(value: Any) -> Any:
    """``number_of`` for everything inside nested lists and mappings."""
    if isinstance(value, dict):
        return {key: numbers_within(item) for key, item in value.items()}
    if isinstance(value, list):
        return [numbers_within(item) for item in value]
    return number_of(value)


def _strict_number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")
    return number_of(value)


def text_of(value: Any) -> Any:
    """A whole number becomes text, so that names such as 32 need no quotes."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_number = BeforeValidator(_strict_number)

# The bound stands before the validator: pydantic then attaches it to the number, where messages find it.
Text: TypeAlias = Annotated[str, BeforeValidator(text_of)]
Count: TypeAlias = Annotated[int, Field(ge=1), _number]
Index: TypeAlias = Annotated[int, Field(ge=0), _number]
Seed: TypeAlias = Annotated[int, Field(ge=0, lt=2**32), _number]
Number: TypeAlias = Annotated[float, _number]
Positive: TypeAlias = Annotated[float, Field(gt=0), _number]
NotNegative: TypeAlias = Annotated[float, Field(ge=0), _number]
Share: TypeAlias = Annotated[float, Field(gt=0, lt=1), _number]
Probability: TypeAlias = Annotated[float, Field(ge=0, lt=1), _number]
"""A probability below 1: at 1 drop path would divide by zero."""
