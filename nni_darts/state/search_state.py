"""The one object that parts see: the current batches, the objectives, and the parameters of both levels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from nni_darts.parts.relaxation import Relaxation
from nni_darts.state.displacement import Displacement, Snapshot
from nni_darts.state.objective import Objective
from nni_darts.state.sgd import Sgd, read_sgd
from nni_darts.supernet.structure import Structure
from nni_darts.supernet.weights import MixtureWeights

Regulariser = Callable[["SearchState"], Tensor]


@dataclass
class SearchState:
    """Handed to every part. ``inner`` is the weights' level (training batch), ``outer`` the architecture's.

    Attributes
    ----------
    mute
        Context in which ``training_step`` leaves no trace in logs and metrics.
    apply
        Gradient of a loss, clipping, and one step of the evaluator's own optimiser.
    outer_optimizer
        The architecture's optimiser; None outside of a search.
    epoch, epochs
        This epoch, from 0, and how many the search has.
    returns
        How often the search went back to an earlier epoch so far.
    clock
        ``epoch`` as a tensor on the search's device, changed in place: what a recorded step may read.
    validation
        The batches that the supernet is validated on, on its device; empty without a trainer.
    architecture_moves
        Whether this epoch updates the architecture; schedules set it.
    step, weight_steps
        This step of the epoch, from 0, and how many of them begin with one architecture step.
    report
        Numbers that stand in every epoch's row beside the metrics; schedules and drivers write them.
    """

    relaxation: Relaxation
    structure: Structure
    weights: MixtureWeights
    objective: Objective
    optimizer: Callable[[], torch.optim.Optimizer]
    mute: Callable[[], AbstractContextManager[None]]
    apply: Callable[[Tensor], None]
    outer_regularisers: Sequence[Regulariser] = ()
    inner_regularisers: Sequence[Regulariser] = ()
    outer_optimizer: Callable[[], torch.optim.Optimizer | None] = lambda: None
    epoch: int = 0
    epochs: int = 1
    returns: int = 0
    clock: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64))
    step: int = 0
    weight_steps: int = 1
    architecture_moves: bool = True
    validation: Callable[[], Iterable[Any]] = tuple
    report: dict[str, float] = field(default_factory=dict)
    train_batch: Any = None
    valid_batch: Any = None

    @property
    def architecture_steps(self) -> bool:
        """Whether this very step updates the architecture."""
        return self.architecture_moves and self.step % self.weight_steps == 0

    @property
    def outer_parameters(self) -> list[nn.Parameter]:
        """The architecture parameters, in a stable order."""
        return list(self.relaxation.parameters())

    def outer_loss(self) -> Tensor:
        """L_val(w, alpha) plus the outer regularisers, as a function of both, leaving no trace in logs."""
        with self.mute():
            loss = self.objective(self.valid_batch, self.step)
        return loss + sum(regulariser(self) for regulariser in self.outer_regularisers)

    def inner_loss(self) -> Tensor:
        """L_train(w, alpha) plus the inner regularisers, as a function of both, leaving no trace in logs."""
        with self.mute():
            loss = self.objective(self.train_batch, self.step)
        return loss + sum(regulariser(self) for regulariser in self.inner_regularisers)

    def training_loss(self) -> Tensor:
        """L_train for the weight step: logged, and constant in alpha."""
        with self.constant_architecture():
            loss = self.objective(self.train_batch, self.step)
        return loss + sum(regulariser(self) for regulariser in self.inner_regularisers)

    def joint_loss(self) -> Tensor:
        """L_train plus the inner regularisers as a function of both, logged: the one loss of one level."""
        loss = self.objective(self.train_batch, self.step)
        return loss + sum(regulariser(self) for regulariser in self.inner_regularisers)

    def constant_architecture(self) -> AbstractContextManager[None]:
        """Forwards inside see the mixture weights as constants: nothing is kept or computed for them."""
        return self.weights.held_fixed()

    @contextmanager
    def constant_weights(self) -> Iterator[None]:
        """Forwards inside see the network's weights as constants: nothing is kept or computed for them.

        Gradients are taken inside as well: a checkpointed cell runs again for them.
        """
        weights = [weight for weight in self.objective.parameters() if weight.requires_grad]
        for weight in weights:
            weight.requires_grad_(False)
        try:
            yield
        finally:
            for weight in weights:
                weight.requires_grad_(True)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Forwards inside run in evaluation mode: BatchNorm reads its running statistics."""
        modules = [module for module in self.objective.modules() if module.training]
        for module in modules:
            module.training = False
        try:
            yield
        finally:
            for module in modules:
                module.training = True

    @contextmanager
    def displaced(self, weights: Sequence[Tensor], keep_graphs: bool = False) -> Iterator[Displacement]:
        """Inside, ``weights`` of the network may be moved; afterwards they are what they were, to the bit.

        Losses at other weights and their gradients are both computed inside, and the gradients of losses
        from before outside, which needs ``keep_graphs``. The cost is one copy of the weights.
        """
        displacement = Displacement(weights, keep_graphs)
        try:
            yield displacement
        finally:
            displacement.restore()

    @contextmanager
    def restored_statistics(self) -> Iterator[None]:
        """Forwards inside leave no trace in running statistics: all buffers return, in their own memory."""
        owned = [
            (module, name, buffer)
            for module in self.objective.modules()
            for name, buffer in module.named_buffers(recurse=False)
        ]
        # BatchNorm saves its statistics for a backward that reads them only when it evaluates.
        before = Snapshot([buffer for *_, buffer in owned], silently=True)
        try:
            yield
        finally:
            before.restore()
            for module, name, buffer in owned:
                if getattr(module, name) is not buffer:  # replaced instead of written to
                    setattr(module, name, buffer)

    def step_weights(self, loss: Tensor) -> None:
        """Descend ``loss`` with the evaluator's optimiser, gradients clipped as it is configured."""
        self.apply(loss)

    def gradient(
        self,
        loss: Tensor,
        parameters: Sequence[Tensor],
        create_graph: bool = False,
        keep_graph: bool = False,
    ) -> list[Tensor]:
        """d loss / d parameters; zeros where the loss does not depend on one.

        ``create_graph`` makes the result differentiable, ``keep_graph`` the loss once more.
        """
        if not loss.requires_grad:
            return [torch.zeros_like(parameter) for parameter in parameters]
        keep = create_graph or keep_graph
        gradients = torch.autograd.grad(
            loss, parameters, retain_graph=keep, create_graph=create_graph, allow_unused=True
        )
        return [
            torch.zeros_like(parameter) if gradient is None else gradient
            for parameter, gradient in zip(parameters, gradients, strict=True)
        ]

    def sgd(self) -> Sgd:
        """The weights with what SGD knows of them.

        Raises
        ------
        ConfigError
            The weight optimiser is not SGD, or has dampening or ascends.
        """
        return read_sgd(self.optimizer())

    def state_dict(self) -> dict[str, Any]:
        """What is reported of a training that is over; one that goes on begins its next epoch instead."""
        return {"epoch": self.epoch, "epochs": self.epochs, "report": dict(self.report)}

    def load_state_dict(self, content: dict[str, Any]) -> None:
        """Report what :meth:`state_dict` gave."""
        self.epoch, self.epochs = content["epoch"], content["epochs"]
        self.report.update(content["report"])
