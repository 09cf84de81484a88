"""NNI's manager as the advisor sees it: messages, the record of each trial, its way with parameters."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nni
import pytest
from nni.runtime import msg_dispatcher_base
from nni.runtime.tuner_command_channel import CommandType

from nni_darts.pipeline.advisor import Advisor

SEEDS = {"seed": {"_type": "choice", "_value": [0, 1, 2]}}


@dataclass
class FakeTrial:
    """``record`` is what the manager wrote down, ``received`` what the process got (None: it never asked)."""

    id: str
    record: dict[str, Any]
    received: dict[str, Any] | None = None
    status: str = "RUNNING"
    final: str | None = None

    @property
    def task(self) -> str:
        return str((self.received or self.record)["parameters"]["task"])


@dataclass
class FakeManager:
    """Stands for both ends: the REST interface (``profile``, ``finish``, ...) and the message channel."""

    platform: str = "local"
    concurrency: int = 2
    own_record: bool = True
    waiting: list[dict[str, Any]] = field(default_factory=list)
    queue: list[dict[str, Any]] = field(default_factory=list)
    jobs: list[FakeTrial] = field(default_factory=list)
    commands: list[CommandType] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    status_now: str = "RUNNING"
    error: str = ""
    advisor: Advisor | None = None

    # The REST side.
    def profile(self) -> dict[str, Any]:
        return {
            "params": {"trainingService": {"platform": self.platform}, "trialCodeDirectory": str(Path.cwd())}
        }

    def trials(self) -> list[dict[str, Any]]:
        return [
            {"trialJobId": job.id, "status": job.status, "hyperParameters": [json.dumps(job.record)]}
            for job in self.jobs
        ]

    def finals(self) -> list[dict[str, Any]]:
        return [{"trialJobId": job.id, "data": json.dumps(job.final)} for job in self.jobs if job.final]

    def finish(self) -> None:
        self.status_now = "DONE"

    def fail(self, sentence: str) -> bool:
        self.status_now, self.error = "ERROR", sentence
        return True

    # The channel.
    def sent(self, command: CommandType, data: str) -> None:
        self.commands.append(command)
        if command is CommandType.NewTrialJob:
            self.waiting.append(json.loads(data))
        elif command is CommandType.KillTrialJob:
            self.killed.append(json.loads(data))
        elif command is CommandType.Error:
            self.status_now, self.error = "ERROR", data

    def tell(self, command: CommandType, content: str) -> None:
        """A message to the advisor, through its own loop's way of reading and ordering."""
        assert self.advisor is not None
        self.advisor.enqueue_command(command, nni.load(content))
        while not self.advisor.default_command_queue.empty():
            self.advisor.process_command(*self.advisor.default_command_queue.get())

    # What happens to trials.
    @property
    def running(self) -> list[FakeTrial]:
        return [job for job in self.jobs if job.status == "RUNNING"]

    def start_trials(self) -> None:
        while self.waiting and len(self.running) < self.concurrency and self.status_now == "RUNNING":
            record = self.waiting.pop(0)
            self.queue.append(record)
            self.jobs.append(FakeTrial(f"T{len(self.jobs)}", record, record if self.own_record else None))

    def ask(self, job: FakeTrial) -> None:
        """The trial's process asks for its parameters: the queue's first, where it cannot see its record."""
        if job.received is None:
            job.received = self.queue.pop(0)

    def report(self, job: FakeTrial, value: Any, kind: str = "FINAL") -> None:
        self.ask(job)
        assert job.received is not None
        metric = {
            "parameter_id": job.received["parameter_id"],
            "trial_job_id": job.id,
            "type": kind,
            "sequence": 0,
            "value": json.dumps(value),
        }
        if kind == "FINAL":
            job.final = metric["value"]
        self.tell(CommandType.ReportMetricData, json.dumps(metric))

    def end(self, job: FakeTrial, event: str = "SUCCEEDED") -> None:
        job.status = event
        message = {"trial_job_id": job.id, "event": event, "hyper_params": json.dumps(job.record)}
        self.tell(CommandType.TrialEnd, json.dumps(message))

    def resumed(self, **classargs: Any) -> FakeManager:
        """Stop it and resume: a new advisor that is told of the finished and the running trials."""
        again = FakeManager(self.platform, self.concurrency, self.own_record)
        again.jobs = self.jobs
        done = [
            {"parameter": job.record["parameters"], "value": job.final, "trialJobId": job.id}
            for job in self.jobs
            if job.status == "SUCCEEDED" and job.final
        ]
        for job in self.running:
            job.received = job.record  # after a resume NNI keeps the two together
        records = [{**job.record, "parameter_source": "resumed"} for job in self.running]
        make_advisor(again, resume=True, **classargs)
        again.tell(CommandType.ImportData, json.dumps(done))
        again.tell(CommandType.AddCustomizedTrialJob, json.dumps(records))
        again.tell(CommandType.RequestTrialJobs, str(self.concurrency))
        return again


def make_advisor(
    manager: FakeManager, *, space: Any = SEEDS, resume: bool = False, **classargs: Any
) -> Advisor:
    """An advisor that talks to ``manager``, told to initialize."""
    with pytest.MonkeyPatch.context() as patch:
        url = "ws://_unittest_:8080/tuner"
        env = msg_dispatcher_base.dispatcher_env_vars._replace(NNI_TUNER_COMMAND_CHANNEL=url)
        patch.setattr(msg_dispatcher_base, "dispatcher_env_vars", env)
        patch.setenv("NNI_TUNER_COMMAND_CHANNEL", url)
        patch.setenv("NNI_MODE", "resume" if resume else "start")
        advisor = Advisor(**classargs)
        advisor.manager = manager  # type: ignore[assignment]
        advisor.send = manager.sent
        manager.advisor = advisor
        manager.tell(CommandType.Initialize, json.dumps(space))
    return advisor
