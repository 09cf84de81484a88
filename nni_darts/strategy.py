"""The NNI strategy: a space and a recipe in, an architecture out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import nni.nas.strategy  # noqa: F401  # first: see nni_darts.supernet
from nni.nas.evaluator.pytorch import Lightning
from nni.nas.nn.pytorch import ModelSpace
from nni.nas.oneshot.pytorch.strategy import OneShotStrategy
from nni.nas.space import RawFormatModelSpace
from torch import nn

from nni_darts.capture.why import CHOICES
from nni_darts.course.origin import Origin, Rebuild
from nni_darts.course.pairing import paired
from nni_darts.course.phased import recipe_in, run_phases
from nni_darts.course.trainer import check_accumulation, lengthen
from nni_darts.diagnostics import Diagnostics
from nni_darts.engine import SearchModule
from nni_darts.errors import ConfigError
from nni_darts.parts.forward import weighted_sum
from nni_darts.parts.phases import Phase
from nni_darts.recipe import Recipe, name_of
from nni_darts.supernet.cell import MixedCell
from nni_darts.supernet.checkpoint import checkpoint_each_cell
from nni_darts.supernet.fused.fuse import fuse
from nni_darts.supernet.inputs import MixedInput, NodeInput
from nni_darts.supernet.layer import MixedLayer
from nni_darts.supernet.repeat import MixedRepeat
from nni_darts.supernet.space import read_structure
from nni_darts.supernet.structure import Structure
from nni_darts.supernet.values import MixturePolicy, refuse_unknown, value_choice
from nni_darts.supernet.weights import MixtureWeights

logger = logging.getLogger(__name__)

SUPERNETS = ("auto", "fused", "generic")


class DifferentiableStrategy(OneShotStrategy):
    """Any recipe as a strategy of NNI: ``NasExperiment(space, evaluator, strategy).run()``.

    The space may hold ``LayerChoice``, ``InputChoice`` (reduction sum or mean), ``Repeat``, NNI's ``Cell``
    and ``nni.choice`` in the arguments that NNI's own DARTS supports, nested in any way; equal labels
    share their alphas. The evaluator is any Lightning evaluator with a training and a validation loader:
    weights learn from the one, the architecture from the other.

    Parameters
    ----------
    recipe
        The method, built by a function of ``nni_darts.methods`` or from parts; what all methods have in
        common is set with :func:`nni_darts.recipe.with_outer_options`.
    gradient_clip_val
        Largest norm of the weights' gradient in the weight step; None for no clipping.
    mutation_hooks
        As in NNI: hooks for a user's own mutable modules, asked before ours.
    validation_dataloader
        What the supernet is validated on after every epoch; None for the evaluator's validation loader.
    supernet
        ``"generic"`` computes one candidate after the other; ``"fused"`` computes candidates that read the
        same states together, with the same mathematics, where the space and the method allow it, and warns
        of what is not fused and why; ``"auto"`` is fused where that is known to be faster.
    capture
        Whether steps on a GPU are recorded as CUDA graphs and repeated: ``"auto"`` where the evaluator, the
        method and the optimisers allow it (else one warning says why not), ``"on"`` or an error, ``"off"``.
    checkpoint_cells
        Keep no activations inside cells and compute them again for the backward: exact, much less memory,
        about a third more arithmetic.
    snapshots
        Folder for the states of earlier epochs that a method may go back to; None keeps them in memory and
        in checkpoints. A search that is resumed needs the folder it had.
    diagnostics
        Which of them are measured that take time, and how often; None for its defaults.
    rebuild
        For methods that search in phases: changed arguments, by name, to the space built anew; None for
        calling the space's class with the arguments that NNI keeps of it.

    Raises
    ------
    ConfigError
        On parts that do not go together, on a choice that has no differentiable form, and on a space that
        lacks what the method needs, before training.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        gradient_clip_val: float | None = 5.0,
        mutation_hooks: list[Callable[..., Any]] | None = None,
        validation_dataloader: Any = None,
        supernet: str = "auto",
        capture: str = "auto",
        checkpoint_cells: bool = False,
        snapshots: Path | None = None,
        diagnostics: Diagnostics | None = None,
        rebuild: Rebuild | None = None,
    ) -> None:
        super().__init__(mutation_hooks=mutation_hooks)
        if supernet not in SUPERNETS:
            raise ConfigError(f'search.supernet: got "{supernet}"; write {", ".join(SUPERNETS)}.')
        if capture not in CHOICES:
            raise ConfigError(f'trainer.capture: got "{capture}"; write {", ".join(CHOICES)}.')
        recipe.check()
        self.supernet_kind = supernet
        self.capture = capture
        self.checkpoint_cells = checkpoint_cells
        self.snapshots = snapshots
        self.diagnostics = diagnostics
        self.recipe = recipe
        self.validation_dataloader = validation_dataloader
        self.gradient_clip_val = gradient_clip_val
        self.rebuild = rebuild
        self.origin: Origin | None = None
        self.phase: Phase | None = None
        self.unfused: list[str] = []
        self._mixture = MixtureWeights()
        self._structure = Structure()
        self._node_inputs: frozenset[str] = frozenset()

    def search(self, space: ModelSpace, evaluator: Lightning) -> dict[str, Any]:
        """Search without an experiment around it; returns the sample that ``space.freeze`` accepts."""
        self._mutated_model_space = RawFormatModelSpace(
            self.mutate_model(space), self.mutate_evaluator(evaluator)
        )
        self._mutated_model_space.evaluator.evaluate(self.supernet)
        return self.oneshot_module.export()

    @property
    def current(self) -> Recipe:
        """The recipe of the phase that the supernet is made for; of a search without phases the method's."""
        if self.recipe.phases is None or self.phase is None:
            return self.recipe
        return recipe_in(self.recipe.phases, self.phase, self.recipe)

    @property
    def structure(self) -> Structure:
        """The choices of the supernet."""
        return self._structure

    def exchange(self, supernet: ModelSpace, evaluator: Any) -> None:
        """What is searched from now on."""
        self._mutated_model_space = RawFormatModelSpace(supernet, evaluator)

    def mutate_model(self, model: ModelSpace, phase: Phase | None = None) -> ModelSpace:
        """Turn the space into a supernet, in place; one that has other sizes in ``phase`` is built again.

        ``phase`` only matters for a method that searches in phases; None is the first.
        """
        self._mixture = MixtureWeights()
        self._structure, self._node_inputs = read_structure(model)
        if self.recipe.phases is not None:
            self.origin = Origin(model, self.rebuild)
            self.phase = phase or self.recipe.phases.first(self.origin.arguments, self._structure)
            if self.origin.differs(self.phase.space):
                model = self.origin.build(self.phase.space)
                self._structure, self._node_inputs = read_structure(model)
        unmet = self.current.unmet(self._structure)
        if unmet:
            raise ConfigError(
                *(f"method: not defined on {type(model).__name__}: {need}, which it lacks." for need in unmet)
            )
        if self.phase is not None:
            self._structure = self._structure.narrowed(self.phase.candidates)
        supernet = super().mutate_model(model)
        mixture = self._mixture
        if self.supernet_kind != "generic":
            self._fuse(supernet)
        if self.checkpoint_cells:
            checkpoint_each_cell(supernet, mixture)
        supernet.register_forward_pre_hook(lambda module, inputs: mixture.refresh())
        return supernet

    def _fuse(self, supernet: ModelSpace) -> None:
        forward = self.current.forward
        if forward is not weighted_sum:
            reasons = [f"the method's forward part is {name_of(forward)}, which has no fused form."]
        else:
            reasons = fuse(supernet, self._mixture, always=self.supernet_kind == "fused")
        self.unfused = reasons
        for reason in reasons:
            logger.log(
                logging.WARNING if self.supernet_kind == "fused" else logging.INFO, "Not fused: %s", reason
            )

    def default_mutation_hooks(self) -> list[Callable[..., Any]]:
        mixed = (MixedLayer, NodeInput, MixedInput, MixedRepeat, MixedCell)
        return [*(module.mutate for module in mixed), value_choice, refuse_unknown]

    def run_hook(self, hook: Callable[..., Any], name: str, module: nn.Module, memo: dict[str, Any]) -> Any:
        recipe = self.current
        context = {
            "mixture": self._mixture,
            "combine": recipe.forward,
            "edges": recipe.edges,
            "structure": self._structure,
            "node_inputs": self._node_inputs,
            "mixed_op_sampling": MixturePolicy,
        }
        return hook(module, name, memo, context)

    def configure_oneshot_module(self, training_module: Any) -> SearchModule:
        return SearchModule(
            training_module,
            self.current,
            self._structure,
            self._mixture,
            self.gradient_clip_val,
            self.capture,
            snapshots=self.snapshots,
            diagnostics=self.diagnostics,
        )

    def mutate_evaluator(self, evaluator: Lightning) -> Lightning:
        """The evaluator of the search; its trainer gets the epochs that the method adds.

        Of a search in phases it trains all of them, one after the other.

        Raises
        ------
        ConfigError
            Its trainer would add up the gradients of several batches.
        """
        check_accumulation(evaluator.trainer)
        mutated = super().mutate_evaluator(evaluator)
        if self.recipe.phases is not None:
            mutated.evaluate = partial(run_phases, self, mutated, mutated.evaluate)
            return mutated
        lengthen(mutated.trainer, mutated.module.epochs.added)
        return mutated

    def train_dataloader(
        self, train_dataloader_fn: Callable[[], Any], val_dataloader_fn: Callable[[], Any]
    ) -> Any:
        return paired(train_dataloader_fn(), val_dataloader_fn(), self.recipe.weight_steps)

    def val_dataloader(
        self, train_dataloader_fn: Callable[[], Any], val_dataloader_fn: Callable[[], Any]
    ) -> Any:
        return val_dataloader_fn() if self.validation_dataloader is None else self.validation_dataloader
