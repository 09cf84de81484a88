"""Derive an architecture from the checkpoint of a search, finished or not."""

from __future__ import annotations

import json
from pathlib import Path

from pytorch_lightning import seed_everything

from nni_darts.config.settings import Settings
from nni_darts.course.progress import Progress
from nni_darts.data.load import info_from_dict
from nni_darts.errors import ConfigError
from nni_darts.genotype import Architecture
from nni_darts.run.architecture import write_architecture
from nni_darts.stages.search import architecture_of, strategy_of
from nni_darts.stages.space import build_space
from nni_darts.stages.task import task_of
from nni_darts.training.checkpoint import KEY, read_checkpoint, refuse_other_network


def run_derive(checkpoint: Path, out: Path) -> Architecture:
    """Write ``genotype.json`` and its other forms into ``out``.

    Raises
    ------
    ConfigError
        Not a checkpoint of a search.
    """
    content = read_checkpoint(checkpoint)
    written = content[KEY]
    if written.get("stage") != "search":
        raise ConfigError(
            f"checkpoint {checkpoint}: of task {written['task']}, which has nothing to derive; "
            "give the checkpoint of a search."
        )
    settings = Settings.from_dict(json.loads(written["settings"]))
    info = info_from_dict(json.loads(written["data"]))
    seed_everything(int(written["seed"]), verbose=False)
    strategy = strategy_of(settings)
    progress = Progress.of(content)
    space = build_space(settings, info, progress.phase.space if progress else None)
    supernet = strategy.mutate_model(space, progress.phase if progress else None)
    search = strategy.configure_oneshot_module(task_of(settings).search_module(settings.search))
    search.set_model(supernet)
    refuse_other_network(content, search, checkpoint)
    search.load_state_dict(content["state_dict"])
    search.on_load_checkpoint(content)
    architecture = architecture_of(search.export(), settings, str(written["task"]), int(written["seed"]))
    write_architecture(out, architecture)
    return architecture
