"""Export of an experiment, whether it runs, was stopped or is done; its manager is not needed."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from nni_darts.draw.cell import draw_architecture
from nni_darts.draw.figures import MissingMatplotlib
from nni_darts.export.database import read_database
from nni_darts.export.folder import new_folder
from nni_darts.export.location import Location, locate
from nni_darts.export.outcome import Outcome, outcomes, results
from nni_darts.export.summary import summary
from nni_darts.export.tables import stage_table, trial_table
from nni_darts.export.winner import Winner, winner_of
from nni_darts.pipeline.task import STAGES
from nni_darts.run.architecture import write_architecture
from nni_darts.run.files import PARTIAL, write_json, write_text

logger = logging.getLogger(__name__)


def export_experiment(
    experiment: str | Path, out: str | Path, nni_home: str | Path | None = None, *, force: bool = False
) -> Path:
    """Collect an experiment in the folder ``out`` and return its path.

    It holds ``trials.csv`` (every trial), ``stages.csv`` (mean and spread over the tasks of each stage),
    ``summary.json``, the winner as ``genotype.json``, ``genotype.txt``, ``sample.json`` and drawings, and,
    for trials that ran on this machine, the run folders of the winner's search and selection and of every
    retraining (``retrain-0``: checkpoint, metrics, settings, pictures).

    Parameters
    ----------
    experiment
        An id that ``nnictl experiment list --all`` knows, or the path of an experiment's folder.
    out
        A folder that does not exist or is empty; with ``force`` also an earlier export, which is replaced.
    nni_home
        The folder of NNI's list of experiments, ``~/nni-experiments`` when left out.

    Raises
    ------
    ConfigError
        An unknown experiment, or a folder that is in the way.
    RunError
        A database that cannot be read.
    """
    location = locate(experiment, nni_home)
    with new_folder(Path(out).resolve(), force) as folder:
        record = read_database(location.database)
        found = outcomes(record.trials)
        settings = (record.config.get("tuner") or {}).get("classArgs") or {}
        winner = winner_of(found, settings.get("stages", STAGES))
        write_text(folder / "trials.csv", trial_table(found).to_csv(index=False))
        write_text(folder / "stages.csv", stage_table(found).to_csv(index=False))
        if winner:
            write_architecture(folder, winner.architecture)
            _draw(winner, folder / "figures")
        for outcome in _worth_keeping(found, winner):
            _copy_run(location, outcome, folder)
        write_json(folder / "summary.json", summary(location, record, found, winner))
    return Path(out)


def _draw(winner: Winner, folder: Path) -> None:
    try:
        draw_architecture(winner.architecture, folder)
    except MissingMatplotlib as error:
        logger.warning("No pictures: %s", error)


def _worth_keeping(found: Sequence[Outcome], winner: Winner | None) -> list[Outcome]:
    """The trials of the winner; a selection has the number of the search that found its architecture."""
    judged = [*results(found, "search"), *results(found, "select")]
    kept = [outcome for outcome in judged if winner and outcome.index == winner.index]
    return [*kept, *results(found, "retrain")]


def _copy_run(location: Location, outcome: Outcome, folder: Path) -> None:
    source = location.folder / "environments" / "local-env" / "trials" / outcome.trial.id
    if not source.is_dir():
        logger.warning("The files of %s (trial %s) are not on this machine.", outcome.task, outcome.trial.id)
        return
    name = f"{outcome.stage}-{outcome.index}"
    shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns(f"*{PARTIAL}", "previous-*"))
