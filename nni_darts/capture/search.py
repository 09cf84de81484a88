"""The search's steps, captured."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nni_darts.capture.counter import OptimizerSteps
from nni_darts.capture.graphs import CudaGraphs
from nni_darts.capture.parts import capture_keys
from nni_darts.capture.rates import DeviceRates
from nni_darts.capture.step import CapturedStep
from nni_darts.capture.why import obstacles
from nni_darts.errors import ConfigError

if TYPE_CHECKING:
    from nni_darts.engine import SearchModule

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Captured:
    """A step of both levels, and the measurement of a validation batch."""

    train: CapturedStep
    validate: CapturedStep


def captured(search: SearchModule) -> Captured | None:
    """The steps of ``search`` as recordings; None where they run as they are, which may be said in the log.

    Raises
    ------
    ConfigError
        Capture is required and cannot be.
    """
    if search.capture == "off":
        return None
    graphs = search.graphs
    if graphs is None and search.device.type == "cuda":
        graphs = CudaGraphs(search.device)
    reasons = ["CUDA graphs need a GPU"] if graphs is None else obstacles(search)
    if reasons and search.capture == "on":
        raise ConfigError(*(f'trainer.capture: "on" is not possible: {reason}.' for reason in reasons))
    if graphs is None:
        return None
    if reasons:
        logger.warning("The search step is not captured: %s.", "; ".join(reasons))
        return None

    def of_parts() -> tuple[Hashable, ...]:
        own = getattr(search.training_module, "capture_key", tuple)
        return own(), *capture_keys(search.recipe, search.state)

    def of_training() -> Hashable:
        # Steps of the weights alone are one kind, in warm-up epochs and between architecture steps.
        return search.state.architecture_steps, *of_parts()

    def of_validation() -> Hashable:
        return search.state.architecture_moves, *of_parts()

    required = search.capture == "on"
    train = CapturedStep(
        search.step_on,
        DeviceRates(search.trainer.optimizers, graphs.fused),
        graphs,
        host_values=of_training,
        counter=OptimizerSteps(search.trainer),
        required=required,
    )
    validate = CapturedStep(
        search.measure, DeviceRates([], graphs.fused), graphs, host_values=of_validation, required=required
    )
    return Captured(train, validate)
