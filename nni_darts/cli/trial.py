"""``nni-darts trial``: what NNI starts for every task of an experiment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nni_darts.cli.results import as_data, as_lines
from nni_darts.cli.verb import Outcome, verb
from nni_darts.config import Settings
from nni_darts.config.machine import importable_from
from nni_darts.errors import ConfigError, Interrupted, NniDartsError
from nni_darts.genotype import Architecture
from nni_darts.run import Reporter, Run


@verb("trial", hidden=True)
def trial_command() -> Outcome:
    """Do the task that NNI's manager gave to this trial, in NNI's directory for it.

    A trial that was stopped and is started again finds its checkpoint there and continues.
    """
    from nni_darts.pipeline.trial import NniReporter, own_task

    task = own_task()
    if task is None:
        raise ConfigError("trial: only NNI starts this; use nni-darts search, retrain, ... by hand.")
    reporter = NniReporter()
    try:
        # Files of another task can only be there when NNI mixed up two trials: they are moved aside.
        run = Run.create(os.environ["NNI_OUTPUT_DIR"], task["task"], resume=True, force=True)
        with importable_from(Path.cwd()):
            result = _run(task, run, reporter)
    except Interrupted:
        raise
    except NniDartsError as error:
        reporter.final({"task": task["task"], "error": str(error)})
        raise
    reporter.final({**result, "task": task["task"]})
    return Outcome(as_data(result, run.path), as_lines(result, run.path))


def _run(task: Mapping[str, Any], run: Run, reporter: Reporter) -> dict[str, Any]:
    settings, seed, stage = Settings.from_dict(task["settings"]), int(task["seed"]), task["stage"]
    run.write_settings(settings.to_dict())
    from nni_darts import stages

    if stage == "search":
        return stages.run_search(settings, seed, run, reporter)
    trained = {"select": stages.run_select, "retrain": stages.run_retrain}
    if stage not in trained:
        raise ConfigError(f'trial: unknown stage "{stage}"; known are search, {", ".join(trained)}.')
    return trained[stage](settings, seed, Architecture.from_dict(task["architecture"]), run, reporter)
