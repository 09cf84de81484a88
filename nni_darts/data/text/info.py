"""What a language model needs to know of a corpus."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from nni_darts.errors import ConfigError


@dataclass(frozen=True)
class CorpusInfo:
    """``fingerprint`` tells vocabularies of ``words`` words apart."""

    name: str
    words: int
    fingerprint: str

    def arguments(self) -> dict[str, Any]:
        """Of a space, where it takes them."""
        return {"vocabulary": self.words}

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def refuse_other(self, stored: CorpusInfo) -> None:
        """Refuse a network whose numbers mean other words than those of this corpus.

        Raises
        ------
        ConfigError
            With both vocabularies.
        """
        if (stored.words, stored.fingerprint) != (self.words, self.fingerprint):
            raise ConfigError(
                f"data: the network was trained with another vocabulary ({stored.words} words of "
                f"{stored.name}, {stored.fingerprint}) than that of this training text ({self.words} words, "
                f"{self.fingerprint}); give its own text, with the same data.lines."
            )
