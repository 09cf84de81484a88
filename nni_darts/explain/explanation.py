"""What is found out, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Explanation:
    """``facts`` by topic, as JSON values; ``lines``: the same in words."""

    facts: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def add(self, topic: str, fact: Any, *lines: str) -> None:
        """One topic: its facts and how to say them; the first line gets the topic in front."""
        self.facts[topic] = fact
        self.lines += [f"{topic}: {lines[0]}", *(f"  {line}" for line in lines[1:])] if lines else []


def listed(names: list[str], most: int = 6) -> str:
    """Names in a row, of many the first and the last."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])}, ... {names[-1]} ({len(names)})"
