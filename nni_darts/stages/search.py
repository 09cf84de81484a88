"""The search stage: train the supernet, derive an architecture."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import pytorch_lightning as pl
from nni.nas.evaluator.pytorch import Lightning
from nni.nas.nn.pytorch import ModelSpace
from pytorch_lightning.callbacks import Callback

from nni_darts.config.settings import Settings
from nni_darts.course.origin import Rebuild
from nni_darts.diagnostics import Diagnostics
from nni_darts.draw.run import draw_run
from nni_darts.engine import SearchModule
from nni_darts.genotype import Architecture
from nni_darts.memory import Estimate, MemoryReport
from nni_darts.recipe import OUTER_OPTIONS, Recipe, build_recipe, with_outer_options
from nni_darts.run.directory import Run
from nni_darts.run.epoch_table import ATTEMPT
from nni_darts.run.reporter import Reporter
from nni_darts.run.score import ranked
from nni_darts.stages.context import Context, prepared
from nni_darts.stages.space import build_space
from nni_darts.strategy import DifferentiableStrategy
from nni_darts.training.callbacks import EpochCheckpoint, EpochLength, EpochReport, StopOnSignal
from nni_darts.training.trainer import make_trainer


class AlphaHistory(Callback):
    """Alphas and mixture weights of every candidate, and how decided every choice is, after every epoch."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        attempt = pl_module.rollback.metrics().get(ATTEMPT)
        self.run.log_alphas(trainer.current_epoch, pl_module.export_alphas(), attempt)
        self.run.log_mixture(trainer.current_epoch, pl_module.export_probs(), attempt)
        found = {label: asdict(edge) for label, edge in pl_module.export_edges().items()}
        self.run.log_edges(trainer.current_epoch, found, attempt)
        scalars = {
            f"edge_{name}/{label}": edge[name]
            for label, edge in found.items()
            for name in ("entropy", "margin")
            if edge[name] is not None
        }
        for log in trainer.loggers:
            log.log_metrics(scalars, step=trainer.current_epoch)


def recipe_of(settings: Settings) -> Recipe:
    """The method of the settings with the outer options that every method has."""
    recipe = build_recipe(settings.method.name, settings.method.parts, **settings.method.options)
    return with_outer_options(recipe, **{name: getattr(settings.search, name) for name in OUTER_OPTIONS})


def strategy_of(
    settings: Settings,
    validation: Any = None,
    snapshots: Path | None = None,
    rebuild: Rebuild | None = None,
) -> DifferentiableStrategy:
    """The strategy that the settings describe; ``rebuild`` as there."""
    return DifferentiableStrategy(
        recipe_of(settings),
        gradient_clip_val=settings.search.grad_clip,
        validation_dataloader=validation,
        supernet=settings.search.supernet,
        checkpoint_cells=settings.search.checkpoint_cells,
        capture=settings.trainer.capture,
        snapshots=snapshots,
        diagnostics=Diagnostics(settings.search.eigenvalue_every, settings.search.discretisation_every),
        rebuild=rebuild,
    )


def run_search(settings: Settings, seed: int, run: Run, reporter: Reporter) -> dict[str, Any]:
    """Search with one seed; the run directory gets the architecture and its pictures.

    Returns
    -------
    Finite numbers with ``default`` (the supernet's validation accuracy in percent, or minus
    its perplexity) first, and
    ``architecture``, the JSON text of the derived architecture.
    """
    with prepared(settings, seed, run) as context:
        space = context.placed(build_space(settings, context.task.info))
        checkpoint = EpochCheckpoint(run, context.metadata("search"))
        memory = MemoryReport()
        trainer = make_trainer(
            run,
            settings.search.epochs,
            context.device,
            [
                EpochLength(),
                AlphaHistory(run),
                EpochReport(run, reporter),
                checkpoint,
                StopOnSignal(checkpoint),
                memory,
            ],
            settings.trainer.precision,
            limit_batches=settings.trainer.limit_batches,
        )
        weights_loader, alphas_loader, validation = context.task.search_loaders(context.device, context.seed)
        evaluator = Lightning(
            context.task.search_module(settings.search),
            trainer,
            train_dataloaders=weights_loader,
            val_dataloaders=alphas_loader,
            fit_kwargs={"ckpt_path": checkpoint.resume_path()},
        )

        def rebuild(**changed: Any) -> ModelSpace:
            return cast(ModelSpace, context.placed(build_space(settings, context.task.info, changed)))

        strategy = strategy_of(settings, validation, run.snapshots, rebuild)
        sample = strategy.search(space, evaluator)
        module: Any = strategy.oneshot_module
        return _finish(context, module, sample, memory.estimate)


def _finish(
    context: Context, module: SearchModule, sample: dict[str, Any], memory: Estimate | None
) -> dict[str, Any]:
    run, settings = context.run, context.settings
    metrics = module.epoch_metrics()
    architecture = architecture_of(sample, settings, run.task, context.seed)
    run.write_architecture(architecture)
    result = ranked(metrics, "valid")
    # A search that was resumed after its last step made no estimate.
    estimated = {"memory_estimate": memory.to_dict()} if memory else {}
    stop = module.ending.stop
    stopped = {"stopped": {"reason": stop.reason, "architecture_epoch": stop.epoch}} if stop else {}
    returned = {"returned": module.rollback.returns} if module.rollback.returns else {}
    run.write_summary({"status": "done", "task": run.task, **result, **estimated, **stopped, **returned})
    shutil.rmtree(run.snapshots, ignore_errors=True)  # nothing goes back any more
    draw_run(run)
    return {**result, "architecture": architecture.to_json()}


def architecture_of(sample: dict[str, Any], settings: Settings, task: str, seed: int) -> Architecture:
    """A derived sample with what it was derived from."""
    return Architecture.from_sample(
        sample,
        space=settings.space.name,
        method=settings.method.name,
        macro=dict(settings.space.args),
        provenance={"task": task, "seed": seed, "data": settings.data.name},
    )
