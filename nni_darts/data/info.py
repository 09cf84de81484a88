"""What a network and an augmentation need to know of a data set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import Tensor

from nni_darts.errors import ConfigError


@dataclass(frozen=True)
class DataInfo:
    """``size`` is (H, W) in pixels as a network sees them; ``mean``, ``std`` per channel, of [0, 1]."""

    name: str
    num_classes: int
    channels: int
    size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    class_names: tuple[str, ...]

    def arguments(self) -> dict[str, Any]:
        """Of a space, where it takes them."""
        return {"num_classes": self.num_classes, "in_channels": self.channels, "image_size": self.size}

    def refuse_other(self, stored: DataInfo) -> None:
        """Refuse a network made for images of another kind.

        Raises
        ------
        ConfigError
            With what differs.
        """
        for field in ("num_classes", "channels", "size"):
            if getattr(self, field) != getattr(stored, field):
                raise ConfigError(
                    f"data: the network was trained for {field} {getattr(stored, field)}, "
                    f"these data have {getattr(self, field)}."
                )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DataInfo:
        """The inverse of :meth:`to_dict`."""
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**fields)


def channel_statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel of uint8 [N, C, H, W], scaled to [0, 1].

    Exact, from the counts of the 256 values, and without a float copy of the images. A channel that is
    constant gets deviation 1, so that normalising leaves it finite.
    """
    values = np.arange(256) / 255.0
    mean, std = [], []
    for channel in range(images.shape[1]):
        counts = np.zeros(256)
        for chunk in images[:, channel].split(4096):
            counts += np.bincount(chunk.reshape(-1).cpu().numpy(), minlength=256)
        share = counts / counts.sum()
        average = float(share @ values)
        deviation = float(np.sqrt(share @ (values - average) ** 2))
        mean.append(average)
        std.append(deviation or 1.0)
    return tuple(mean), tuple(std)
