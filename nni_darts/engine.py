"""The only search loop. A method acts at the points named here and nowhere else::

    relaxation(sizes), beginning(relaxation)      the outer parameters and their first values
    setup(state)                                  once, before training
    for epoch:
        schedule(state)                           every schedule, in the recipe's order
        tail.begin(state, n)                      only in the epochs that the method adds at the end
        for train_batch, valid_batch:
            if state.architecture_steps:          every recipe.weight_steps-th batch of a moving epoch
                architect(state)                  one gradient per architecture parameter
                one step of outer_optimiser       with the gradient's norm at most outer_clip
            weight_step(state)                    the inner update
        the learning-rate schedules               of both levels (outer_schedule), but not in the tail
        stopping(state, derivation(state))        in epochs in which the architecture moves
        diagnostics                               and validation; no method acts in them
        the end, or back to an earlier epoch      where stopping has said so
    derivation(state)                             the architecture, as an NNI sample, or that of the stop

A recipe with phases is searched once for each of them (``nni_darts.course.phased``): ``phases.recipe`` gives
a phase its parts, ``phases.after`` says at its end which one follows. Parts of ``edges`` change the mixed
layers when the supernet is made, and the regularisers are in the losses that ``state`` gives.

Inside, every forward of the supernet begins with one call of the relaxation, and every choice combines
its candidates with the forward part. Lightning owns the loop, devices, precision and checkpoints. On a GPU
everything between the batches and the learning-rate schedules is recorded once and then repeated
(``nni_darts.capture``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nni.nas.strategy  # noqa: F401  # first: see nni_darts.supernet
import torch
from nni.nas.oneshot.pytorch.base_lightning import BaseOneShotLightningModule
from torch import Tensor

from nni_darts.capture import Graphs
from nni_darts.capture.recordings import Recordings
from nni_darts.course.ending import Ending
from nni_darts.course.epochs import Epochs
from nni_darts.course.rollback import Rollback
from nni_darts.course.trainer import check_fit, validation_batches, weight_optimizer
from nni_darts.diagnostics import Diagnostics
from nni_darts.diagnostics.edges import Edge, edges
from nni_darts.diagnostics.measurements import Measurements
from nni_darts.diagnostics.report import report
from nni_darts.diagnostics.values import ByChoice, alphas_of, mixture_of
from nni_darts.parts.outer import with_schedule
from nni_darts.recipe import Recipe
from nni_darts.state import Objective, SearchState
from nni_darts.supernet.structure import Structure
from nni_darts.supernet.weights import MixtureWeights


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
    state
        What the parts see.
    epochs, ending, rollback, measured
        Which epoch it is, how the search ends, where it may go back to, and the diagnostics of the epoch.
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
        self._recordings = Recordings()
        self.recipe = recipe
        self.gradient_clip_val = gradient_clip_val
        self.relaxation = recipe.relaxation(structure.sizes)
        self.relaxation.prepare(structure)
        if recipe.beginning is not None:
            recipe.beginning(self.relaxation)
        mixture.connect(self.relaxation)
        objective = Objective(training_module)
        self.state = SearchState(
            relaxation=self.relaxation,
            structure=structure,
            weights=mixture,
            objective=objective,
            optimizer=lambda: weight_optimizer(self.trainer),
            mute=objective.muted,
            apply=self._descend,
            outer_regularisers=recipe.outer_regularisers,
            inner_regularisers=recipe.inner_regularisers,
            validation=lambda: validation_batches(self.trainer),
            weight_steps=recipe.weight_steps,
            outer_optimizer=self.architecture_optimizers,
        )
        self.epochs = Epochs(recipe.tail, self.state)
        self.ending = Ending(recipe.stopping)
        self.rollback = Rollback(self.ending, snapshots)
        self.measured = Measurements(diagnostics or Diagnostics())
        self.measured.wanted.check(self.relaxation)

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
        epochs = self.epochs.own(self.trainer)
        return with_schedule(configured, lambda optimizer: schedule(optimizer, epochs))

    def on_fit_start(self) -> None:
        check_fit(self.trainer)
        super().on_fit_start()

    def on_train_start(self) -> None:
        check = getattr(self.recipe.architect, "check", None)
        if check is not None:
            check(self.state)
        self.state.clock = self.state.clock.to(self.device)
        if self.trainer.fit_loop.restarted_mid_epoch:
            self._begin_epoch()  # Lightning starts no epoch that it continues
        self._recordings.prepare(self)
        self.trainer.should_stop |= self.ending.over
        super().on_train_start()

    def _begin_epoch(self) -> None:
        self.epochs.begin(self.trainer)
        self.state.returns = self.rollback.attempt
        for schedule in self.recipe.schedules:
            schedule(self.state)

    def on_train_epoch_start(self) -> None:
        self._begin_epoch()
        self.epochs.begin_tail(self.trainer)
        self.measured.begin_epoch()
        super().on_train_epoch_start()
        self._recordings.follow(self)

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
        self.trainer.should_stop |= self.ending.finish(self.trainer.current_epoch)
        self.rollback.at_epoch_end(self)

    @property
    def _remembering(self) -> dict[str, Any]:
        """What has something to remember beside weights and optimisers, by its key in a checkpoint."""
        return {
            "ending": self.ending,
            **({} if self.epochs.tail is None else {"tail": self.epochs}),
            "rollback": self.rollback,
            "measured": self.measured,
            "search": self.state,
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint.update({key: found.state_dict() for key, found in self._remembering.items()})

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        for key, found in self._remembering.items():
            if key in checkpoint:  # earlier versions wrote fewer
                found.load_state_dict(checkpoint[key])

    def on_train_end(self) -> None:
        self._recordings.release()
        super().on_train_end()

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        self.state.step = batch_idx
        recorded = self._recordings.steps
        step = recorded.train if recorded else self.step_on
        step(batch)
        if not self.epochs.in_tail(self.trainer):
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

    def validation_step(self, batch: Any, batch_idx: int) -> Any:
        if self._recordings.steps is None:
            return self.training_module.validation_step(batch, batch_idx)
        self._recordings.steps.validate(batch)
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
        self.measured.after_validation(
            self.state, sample, own, self.trainer.precision_plugin.val_step_context
        )
        return {
            **own,
            **report(self.state, sample),
            **self.measured.values,
            **self.ending.metrics(),
            **self.epochs.metrics(),
            **self.rollback.metrics(),
            **self.state.report,
        }

    def export(self) -> dict[str, Any]:
        """The derived architecture: a sample that ``space.freeze`` accepts."""
        stop = self.ending.stop
        return self.recipe.derivation(self.state) if stop is None else stop.sample

    def export_edges(self) -> dict[str, Edge]:
        """Label -> how decided the choice is now."""
        return edges(self.state)

    def export_probs(self) -> ByChoice:
        """Label -> candidate -> its weight now."""
        return mixture_of(self.state)

    def export_alphas(self) -> ByChoice:
        """Label -> candidate -> its architecture parameter now."""
        return alphas_of(self.state)
