"""The advisor: what NNI runs in the tuner's place. It feeds a plan with NNI's messages and sends trials."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nni
import requests
from nni.runtime.msg_dispatcher_base import MsgDispatcherBase
from nni.runtime.tuner_command_channel import CommandType

from nni_darts.config import Settings, expand
from nni_darts.errors import ConfigError, NniDartsError, RunError
from nni_darts.pipeline import gpu
from nni_darts.pipeline.ledger import Ledger
from nni_darts.pipeline.manager import Manager, recorded
from nni_darts.pipeline.parameters import parameters_of, plan_of, task_of
from nni_darts.pipeline.plan import Plan
from nni_darts.pipeline.result import Result, decoded, read_result
from nni_darts.pipeline.task import State, Task

log = logging.getLogger(__name__)


class Advisor(MsgDispatcherBase):
    """Search, select and retrain as trials of one experiment.

    Named in an experiment file as ``tuner: {className: nni_darts.pipeline.advisor.Advisor}``; its
    ``classArgs`` are the settings. They are checked once the manager listens, so that a problem ends the
    experiment with its sentence instead of a tuner that never connects.

    All messages are handled on one thread, in the order in which the manager sent them.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.manager = Manager.of_tuner()
        self.ledger = Ledger()
        self.given = settings
        self.settings: Settings
        self.plan: Plan
        self.started = False
        self.over = False
        self.errors: dict[str, str] = {}

    def enqueue_command(self, command: CommandType, data: Any) -> None:
        """Keep messages in line: NNI's two queues let a trial's end overtake its result."""
        self.default_command_queue.put((command, data))

    def process_command(self, command: CommandType, data: Any) -> None:
        """Handle a message; whatever goes wrong ends the experiment with a sentence, never in silence."""
        if self.over:
            return
        try:
            super().process_command(command, data)
        except ConfigError as error:
            self.fail(*error.problems)
        except NniDartsError as error:
            self.fail(str(error))
        except Exception as error:
            log.exception("Unexpected error while handling %s", command)
            self.fail(f"Internal error of the advisor, see dispatcher.log: {error!r}")

    def handle_initialize(self, data: Mapping[str, Any]) -> None:
        """Check the settings and lay out the plan; ``data`` is the search space."""
        self.settings = Settings.from_dict(self.given)
        config = self.manager.profile()["params"]
        problems = gpu.experiment_problems(self.settings.trainer.device, config)
        if problems:
            raise ConfigError(*problems)
        points = expand(data or {})
        self.plan = plan_of(self.settings, points, Path(config["trialCodeDirectory"]))
        log.info("Plan: stages %s, %d search point(s)", ", ".join(self.plan.stages), len(points))
        if os.environ.get("NNI_MODE") == "resume":
            self._restore_results()
        self.send(CommandType.Initialized, "")

    def handle_update_search_space(self, data: Any) -> None:
        """The web page changed the search space: too late for a plan that is under way."""
        log.warning("The new search space is ignored: this experiment goes on with the one it began with.")

    def handle_import_data(self, data: list[dict[str, Any]]) -> None:
        """What a resume or a user imports is ignored: results are read from this experiment's own metrics."""

    def _restore_results(self) -> None:
        """After ``nnictl resume``: every result that this experiment has seen.

        NNI would import those of trials that it has seen end. A trial that was stopped between its result
        and its end starts again instead, and its stage may be over already.
        """
        records = {trial["trialJobId"]: recorded(trial) or {} for trial in self.manager.trials()}
        ids = [record.get("parameter_id") for record in records.values()]
        self.ledger.skip(number for number in ids if isinstance(number, int))
        for metric in self.manager.finals():
            parameters = records.get(metric["trialJobId"], {}).get("parameters")
            self._restore_done(parameters, decoded(metric["data"]))

    def _restore_done(self, parameters: Any, value: Any) -> None:
        # The record may hold another trial's parameters; the name in the result is right.
        named = task_of(value)
        task = task_of(parameters)
        if named is None:
            return
        result = read_result(value, named.stage)
        if isinstance(result, Result):
            if task is None or task.name != named.name:
                task = named
                task.architecture = result.architecture if task.stage != "search" else None
            task.finish(result)
            self.plan.restore(task)
            log.info("Resumed: %s was done (%g)", task.name, result.score)

    def handle_add_customized_trial(self, data: list[dict[str, Any]]) -> None:
        """After ``nnictl resume``: the trials that were running and start again, under their old ids."""
        for record in data:
            task = task_of(record.get("parameters"))
            if task is not None and isinstance(record.get("parameter_id"), int):
                self.ledger.adopt(record["parameter_id"], task.name, task.attempts)
                self.plan.restore(task)
                log.info("Resumed: %s is running", task.name)

    def handle_request_trial_jobs(self, data: int) -> None:
        """The manager has room for trials; it queues whatever is sent, so all that are due are sent."""
        self.started = True
        self.pump()

    def handle_report_metric_data(self, data: dict[str, Any]) -> None:
        """A trial reported. Only its final result counts, under the task name that it carries."""
        if not isinstance(data.get("parameter_id"), int):
            return  # a trial that was added by hand
        self.ledger.reported(data["trial_job_id"], data["parameter_id"])
        if data["type"] != "FINAL":
            return
        value = decoded(data["value"])
        task = self._task(value)
        if task is None:
            log.warning("Ignored: a final result of trial %s for no task of this plan", data["trial_job_id"])
            return
        result = read_result(value, task.stage)
        if isinstance(result, str):
            log.error("%s: %s", task.name, result)
            self.errors[data["trial_job_id"]] = result
        elif self.plan.receive(task.name, result):
            log.info("%s is done: %g", task.name, result.score)
            self.pump()

    def handle_trial_end(self, data: dict[str, Any]) -> None:
        """A trial ended, for whatever reason: without a result it used up one attempt of its task."""
        trial, event = data["trial_job_id"], data["event"]
        number = json.loads(data["hyper_params"]).get("parameter_id")
        ended = self.ledger.ended(trial, number) if isinstance(number, int) else None
        if ended is None:
            return
        reason = self.errors.pop(trial, f"its trial {trial} ended as {event} without a result, see its log.")
        self._lose(*ended, reason)
        if self.ledger.live == 0:
            # Where parameters were swapped, the end of a trial can be booked on the wrong task.
            for task in self.plan.running:
                self._lose(task.name, task.attempts, "none of its trials is left.")
        self.pump()

    def _lose(self, name: str, attempt: int, reason: str) -> None:
        if self.plan.lose(name, attempt, reason):
            task = self.plan.tasks[name]
            most = self.plan.max_attempts
            then = "given up" if task.state is State.FAILED else "trying again"
            log.warning("%s, attempt %d of %d failed (%s): %s", name, attempt, most, then, reason)

    def pump(self) -> None:
        """Send every trial that is due; end the experiment when none will be."""
        for task in self.plan.advance():
            self._send(task)
        if not self.plan.finished:
            return
        for task in self.plan.failed:
            log.error("%s was given up after %d attempt(s): %s", task.name, task.attempts, task.reason)
        if self.plan.failure:
            raise RunError(self.plan.failure)
        self.over = True
        if self.plan.winner:
            log.info("Winner: the architecture of %s", self.plan.winner.name)
        log.info("All stages are done")
        self.manager.finish()

    def _send(self, task: Task) -> None:
        record = {
            "parameter_id": self.ledger.issue(task.name, task.attempts),
            "parameters": parameters_of(task, self.settings),
            "parameter_source": "algorithm",
            "parameter_index": 0,
        }
        log.info("Sending %s, attempt %d", task.name, task.attempts)
        self.send(CommandType.NewTrialJob, nni.dump(record))

    def _task(self, value: Any) -> Task | None:
        return self.plan.tasks.get(str(value.get("task"))) if isinstance(value, Mapping) else None

    def fail(self, *sentences: str) -> None:
        """End the experiment as ERROR, with its sentences where the user looks, and stop its trials."""
        self.over = True
        for sentence in sentences:
            log.error("%s", sentence)
        shown = False
        try:
            shown = self.manager.fail(" ".join(sentences))
            for trial in self.manager.trials():
                # In this state the manager no longer looks after trials: it would let them run for nothing.
                # It does not record the kill either, so that nnictl resume starts them again where they were.
                if trial["status"] == "RUNNING":
                    self.send(CommandType.KillTrialJob, nni.dump(trial["trialJobId"]))
        except requests.RequestException:
            log.exception("The manager does not answer")
        if not shown:
            self.report_error(" ".join(sentences))
