"""The only search loop. A method acts at the points named here and nowhere else::

    setup(state)                                  once, before training
    for epoch:
        schedule(state)                           every schedule, in the recipe's order
        tail.begin(state, n)                      only in the epochs that the method adds at the end
        for train_batch, valid_batch:
            if state.architecture_steps:          every recipe.weight_steps-th batch of a moving epoch
                architect(state)                  one gradient per architecture parameter
                one step of the outer optimiser
            weight_step(state)                    the inner update
        stopping(state, derivation(state))        in epochs in which the architecture moves; it may send
                                                  the search back to the end of an earlier epoch
        the learning-rate schedules of both levels but not in the tail
    derivation(state)                             the architecture, as an NNI sample, or that of the stop

Inside, every forward of the supernet begins with one call of the relaxation, and every choice combines
its candidates with the forward part. Lightning owns the loop, devices, precision and checkpoints. On a GPU
everything between the batches and the learning-rate schedule is recorded once and then repeated
(``nni_darts.capture``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from copy import copy, deepcopy
from itertools import islice
from pathlib import Path
from typing import Any

import nni.nas.strategy  # noqa: F401  # first: see nni_darts.supernet
import torch
from nni.nas.oneshot.pytorch.base_lightning import BaseOneShotLightningModule
from torch import Tensor

from nni_darts.capture import Graphs
from nni_darts.capture.search import Addresses, Captured, captured
from nni_darts.diagnostics import Diagnostics
from nni_darts.diagnostics.edges import Edge, edges
from nni_darts.diagnostics.measurements import Measurements
from nni_darts.diagnostics.report import report
from nni_darts.errors import ConfigError
from nni_darts.parts.outer import with_schedule
from nni_darts.parts.stopping import Ending
from nni_darts.plain import plain
from nni_darts.recipe import Recipe
from nni_darts.rollback import Rollback
from nni_darts.state import Objective, SearchState
from nni_darts.supernet.structure import Structure
from nni_darts.supernet.weights import MixtureWeights

logger = logging.getLogger(__name__)


class SearchModule(BaseOneShotLightningModule):
    """Trains weights and architecture of a supernet in turns, as the recipe says.

    Batches are dictionaries with the keys ``train`` and ``val``.

    Parameters
    ----------
    training_module
        The evaluator's Lightning module; its ``training_step`` defines both objectives.
    recipe, structure, mixture
        The method, the space's choices, and where the mixed modules read their weights.
    gradient_clip_val
        Largest norm of the weights' gradient in the weight step; None for no clipping.
    capture
        Whether steps are recorded and repeated: ``"auto"`` where that is possible, ``"on"`` or not at all,
        ``"off"``.
    graphs
        What records; None for CUDA graphs on a GPU and nothing elsewhere.
    snapshots
        Folder for the states that the method may go back to; None keeps them in memory and checkpoints.
    diagnostics
        Which of them are measured that take time.

    Attributes
    ----------
    first_epoch
        The trainer's epoch in which this search begins: epoch 0 of its parts.
    """

    def __init__(
        self,
        training_module: Any,
        recipe: Recipe,
        structure: Structure,
        mixture: MixtureWeights,
        gradient_clip_val: float | None = None,
        capture: str = "auto",
        graphs: Graphs | None = None,
        snapshots: Path | None = None,
        diagnostics: Diagnostics | None = None,
    ) -> None:
        super().__init__(training_module)
        self.capture = capture
        self.graphs = graphs
        self._captured: Captured | None = None
        self._addresses: Addresses | None = None
        self.recipe = recipe
        self.ending = Ending(recipe.stopping)
        self.tail = deepcopy(recipe.tail)
        self.tail_epochs = 0 if self.tail is None else self.tail.epochs(structure)
        self.rollback = Rollback(self.ending, snapshots)
        self.gradient_clip_val = gradient_clip_val
        self.first_epoch = 0
        self.relaxation = recipe.relaxation(structure.sizes)
        self.relaxation.prepare(structure)
        if recipe.beginning is not None:
            recipe.beginning(self.relaxation)
        self.measured = Measurements(diagnostics or Diagnostics())
        self.measured.wanted.check(self.relaxation)
        mixture.connect(self.relaxation)
        self.state = SearchState(
            relaxation=self.relaxation,
            structure=structure,
            weights=mixture,
            objective=Objective(training_module),
            optimizer=lambda: self._weight_optimizer,
            mute=self._muted,
            apply=self._descend,
            outer_regularisers=recipe.outer_regularisers,
            inner_regularisers=recipe.inner_regularisers,
            validation=self._validation_batches,
            weight_steps=recipe.weight_steps,
            outer_optimizer=self.architecture_optimizers,
        )

    @property
    def _weight_optimizer(self) -> torch.optim.Optimizer:
        found = [o for o in self.trainer.optimizers if not getattr(o, "is_arch_optimizer", False)]
        if len(found) != 1:
            raise ConfigError(f"the evaluator must configure one weight optimiser; it has {len(found)}.")
        return found[0]

    def _validation_batches(self) -> Iterator[Any]:
        loader = self.trainer.val_dataloaders or ()
        if hasattr(loader, "state_dict"):
            loader = copy(loader)  # its position is the training's, where it serves the architecture too
        limit = next(iter(self.trainer.num_val_batches), 0)
        for batch in islice(loader, None if limit == float("inf") else int(limit)):
            yield self.trainer.strategy.batch_to_device(batch)

    def setup(self, stage: str) -> None:
        super().setup(stage)
        for prepare in self.recipe.setup:
            prepare(self.state)

    def configure_architecture_optimizers(self) -> torch.optim.Optimizer:
        return self.recipe.outer_optimiser(self.state.outer_parameters)

    def configure_optimizers(self) -> Any:
        configured, schedule = super().configure_optimizers(), self.recipe.outer_schedule
        if schedule is None:
            return configured
        epochs = (self.trainer.max_epochs or 1) - self.first_epoch - self.tail_epochs
        return with_schedule(configured, lambda optimizer: schedule(optimizer, epochs))

    def on_fit_start(self) -> None:
        if self.trainer.world_size > 1:
            raise ConfigError(
                f"the search runs on one device; the trainer has {self.trainer.world_size}. "
                "Write devices=1 and search several seeds side by side instead."
            )
        if self.trainer.precision == "16-mixed":
            raise ConfigError(
                'precision "16-mixed" rescales losses, which the architecture gradient does not follow; '
                'write "32-true" or "bf16-mixed".'
            )
        super().on_fit_start()

    def on_train_start(self) -> None:
        check = getattr(self.recipe.architect, "check", None)
        if check is not None:
            check(self.state)
        self.state.clock = self.state.clock.to(self.device)
        if self.trainer.fit_loop.restarted_mid_epoch:
            self._begin_epoch()  # Lightning starts no epoch that it continues
        self._prepare_capture()
        self.trainer.should_stop |= self.ending.over
        super().on_train_start()

    def _prepare_capture(self) -> None:
        self._captured = captured(self)
        self._addresses = None if self._captured is None else Addresses(self)

    @property
    def _tail_epoch(self) -> int:
        """Number of this epoch in the tail, from 0; negative before it."""
        return self.trainer.current_epoch - self.first_epoch - self.state.epochs

    def _begin_epoch(self) -> None:
        self.state.epochs = (self.trainer.max_epochs or 1) - self.first_epoch - self.tail_epochs
        # What grows or fades with the epochs stays in the tail at what it came to.
        self.state.epoch = min(self.trainer.current_epoch - self.first_epoch, self.state.epochs)
        self.state.clock.fill_(self.state.epoch)
        self.state.returns = self.rollback.attempt
        self.state.architecture_moves = True
        for schedule in self.recipe.schedules:
            schedule(self.state)

    def on_train_epoch_start(self) -> None:
        self._begin_epoch()
        if self.tail is not None and self._tail_epoch >= 0:
            with self.trainer.precision_plugin.forward_context():
                self.tail.begin(self.state, self._tail_epoch)
        self.measured.begin_epoch()
        super().on_train_epoch_start()
        if self._addresses is not None and self._addresses.moved():
            self._prepare_capture()  # weights or optimiser states were replaced: recordings would miss them

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_end(outputs, batch, batch_idx)
        if self.trainer.is_last_batch:
            # A repeated recording leaves the batches of another kind of step here.
            self.state.train_batch, self.state.valid_batch = batch["train"], batch["val"]
            self.ending.ask(self.state, self.recipe.derivation)
            epoch = self.trainer.current_epoch
            last = epoch + 1 >= (self.trainer.max_epochs or 1) or self.ending.stop is not None
            self.measured.after_training(self.state, epoch, last)

    def on_train_epoch_end(self) -> None:
        super().on_train_epoch_end()
        if self.measured.discretisation_due and hasattr(self.training_module, "epoch_metrics"):
            self.epoch_metrics()  # no callback has asked for them, and soon the model leaves its device
        stop = self.ending.stop
        if stop is not None:
            self.ending.over = self.trainer.should_stop = True
            logger.info(
                "stopped after epoch %d: %s; the architecture is that of epoch %d",
                *(self.trainer.current_epoch, stop.reason, stop.epoch),
            )
        self.rollback.at_epoch_end(self)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["ending"] = self.ending.state_dict()
        if self.tail is not None:
            checkpoint["tail"] = plain(self.tail.memory)
        checkpoint["rollback"] = self.rollback.state_dict()
        checkpoint["measured"] = self.measured.state_dict()
        state = self.state
        checkpoint["search"] = {"epoch": state.epoch, "epochs": state.epochs, "report": dict(state.report)}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if "ending" in checkpoint:  # earlier versions wrote none
            self.ending.load_state_dict(checkpoint["ending"])
        if self.tail is not None and "tail" in checkpoint:
            self.tail.memory = checkpoint["tail"]
            self.tail.restore(self.state)
        if "rollback" in checkpoint:
            self.rollback.load_state_dict(checkpoint["rollback"])
        if "measured" in checkpoint:
            self.measured.load_state_dict(checkpoint["measured"])
        if "search" in checkpoint:  # for a training that is over: another one begins its next epoch
            found = checkpoint["search"]
            self.state.epoch, self.state.epochs = found["epoch"], found["epochs"]
            self.state.report.update(found["report"])

    def on_train_end(self) -> None:
        self._captured = self._addresses = None  # their memory with them
        super().on_train_end()

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        self.state.step = batch_idx
        step = self._captured.train if self._captured else self.step_on
        step(batch)
        if self._tail_epoch < 0:
            self.advance_lr_schedulers(batch_idx)

    def step_on(self, batch: dict[str, Any]) -> None:
        """One step of both levels; on a GPU this is what is recorded."""
        self.state.train_batch, self.state.valid_batch = batch["train"], batch["val"]
        if self.state.architecture_steps:
            self._step_architecture()
        self.recipe.weight_step(self.state)

    def _step_architecture(self) -> None:
        optimizer = self.architecture_optimizers()
        gradients = self.recipe.architect(self.state)
        for parameter, gradient in zip(self.state.outer_parameters, gradients, strict=True):
            parameter.grad = gradient.contiguous()  # fused optimisers take no strides of zero
        if self.recipe.outer_clip is not None:
            torch.nn.utils.clip_grad_norm_(self.state.outer_parameters, self.recipe.outer_clip)
        optimizer.step()
        optimizer.zero_grad()

    def _descend(self, loss: Tensor) -> None:
        self.advance_optimization(loss, self.state.step, self.gradient_clip_val, "norm")

    @contextmanager
    def _muted(self) -> Iterator[None]:
        """The architect evaluates ``training_step`` up to four times a step: none of them is a metric."""
        module = self.training_module
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

    def validation_step(self, batch: Any, batch_idx: int) -> Any:
        if self._captured is None:
            return self.training_module.validation_step(batch, batch_idx)
        self._captured.validate(batch)
        return None

    def measure(self, batch: Any) -> None:
        """``validation_step`` of a module whose steps can be recorded: it keeps its sums itself."""
        self.training_module.validation_step(batch, 0)

    def on_validation_epoch_start(self) -> None:
        self.training_module.on_validation_epoch_start()

    def on_validation_epoch_end(self) -> None:
        self.training_module.on_validation_epoch_end()

    def epoch_metrics(self) -> dict[str, float]:
        """Numbers of this epoch: those of the evaluator, if it has any, and of the architecture."""
        own: dict[str, float] = getattr(self.training_module, "epoch_metrics", dict)()
        sample = self.export()
        self.measured.after_validation(self.state, sample, own, self._validating)
        return {
            **own,
            **report(self.state, sample),
            **self.measured.values,
            **self.ending.metrics(),
            **(self.tail.metrics() if self.tail is not None else {}),
            **self.rollback.metrics(),
            **self.state.report,
        }

    def _validating(self) -> AbstractContextManager[Any]:
        return self.trainer.precision_plugin.val_step_context()

    def export_edges(self) -> dict[str, Edge]:
        """Label -> how decided the choice is now."""
        return edges(self.state)

    def _weights(self) -> dict[str, Tensor]:
        """Label -> weights as they are reported, what is decided included."""
        return self.state.weights.gates(self.relaxation.probabilities())

    def export(self) -> dict[str, Any]:
        """The derived architecture: a sample that ``space.freeze`` accepts."""
        stop = self.ending.stop
        return self.recipe.derivation(self.state) if stop is None else stop.sample

    def export_probs(self) -> dict[str, dict[Any, float]]:
        """Label -> candidate -> its weight now."""
        with torch.no_grad():
            return self._by_choice(self._weights().__getitem__)

    def export_alphas(self) -> dict[str, dict[Any, float]]:
        """Label -> candidate -> its architecture parameter now."""
        return self._by_choice(self.relaxation.alpha)

    def _by_choice(self, values_of: Callable[[str], Tensor]) -> dict[str, dict[Any, float]]:
        return {
            label: dict(zip(choice.values, values_of(label).tolist(), strict=True))
            for label, choice in self.state.structure.choices.items()
        }


def _ignore(*args: Any, **kwargs: Any) -> None:
    return None
