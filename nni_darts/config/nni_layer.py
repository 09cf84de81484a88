"""NNI's own fields of an experiment file: what it would refuse late, or not at all, is said before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nni_darts.config.nni_fields import TOP, TUNER
from nni_darts.config.problem import Path as KeyPath
from nni_darts.config.problem import Problem, shown, suggestion
from nni_darts.config.section import numbers_within
from nni_darts.config.tuner import tuner_problems

if TYPE_CHECKING:
    from nni_darts.config.experiment import Experiment

PLATFORMS = ("local", "remote")
"""What trials were run on; NNI's other platforms need storage or fail in version 3.0."""

DEVICE = "the device is chosen in the trial (trainer.device); NNI's own placement can hang the manager."


def nni_problems(nni: dict[str, Any], folder: Path, experiment: Experiment | None) -> list[Problem]:
    """Problems of NNI's fields, given in their documented spelling.

    ``folder`` is what relative paths are relative to; ``experiment`` is our layer where it is sound.
    """
    problems = [
        *_unknown(nni),
        *_missing(nni),
        *_durations(nni),
        *_counts(nni),
        *_not_for_us(nni),
        *_training_service(nni),
        *tuner_problems(nni.get("tuner"), folder),
        *_command(nni),
    ]
    if experiment is not None:
        problems += _too_few_trials(nni, experiment)
    return [*problems, *_nnis_own(nni, folder, problems)]


def _unknown(nni: Mapping[str, Any]) -> Iterator[Problem]:
    for key in nni:
        if key not in TOP:
            yield Problem((key,), f"unknown field. {_near(key, TOP)}")
    if isinstance(nni.get("tuner"), Mapping):
        for key in nni["tuner"]:
            if key not in TUNER:
                yield Problem(("tuner", key), f"unknown field. {_near(key, TUNER)}")


def _near(key: str, known: tuple[str, ...]) -> str:
    text = suggestion(key, known)
    return text if text.startswith("Did") or len(known) < 8 else "See NNI's experiment config reference."


def _missing(nni: Mapping[str, Any]) -> Iterator[Problem]:
    for key, example in (
        ("trialCommand", "python3 -m nni_darts trial"),
        ("trialConcurrency", "1"),
        ("trainingService", "{platform: local}"),
    ):
        if nni.get(key) is None:
            yield Problem((key,), f"is missing; for example {key}: {example}")
    spaces = [key for key in ("searchSpace", "searchSpaceFile") if nni.get(key) is not None]
    if not spaces:
        yield Problem(
            ("searchSpace",), "is missing; for example searchSpace: {seed: {_type: choice, _value: [0, 1]}}"
        )
    elif len(spaces) == 2:
        yield Problem(("searchSpaceFile",), "give this or searchSpace, not both.")


def _durations(nni: Mapping[str, Any]) -> Iterator[Problem]:
    for key in ("maxExperimentDuration", "maxTrialDuration"):
        value = nni.get(key)
        if value is None or (type(value) is int and value > 0):
            continue
        text = str(value).strip().lower()
        number = numbers_within(text[:-1])
        if (
            not isinstance(value, str)
            or text[-1:] not in "smhd"
            or not isinstance(number, int | float)
            or number <= 0
        ):
            yield Problem(
                (key,), f"expected a number and one unit, such as 90m, 24h or 7d, got {shown(value)}."
            )


def _counts(nni: Mapping[str, Any]) -> Iterator[Problem]:
    for key in ("trialConcurrency", "maxTrialNumber"):
        value = nni.get(key)
        if value is not None and (type(value) is not int or value < 1):
            yield Problem((key,), f"expected a whole number >= 1, got {shown(value)}.")
    levels = ("fatal", "error", "warning", "info", "debug", "trace")
    if nni.get("logLevel") is not None and nni["logLevel"] not in levels:
        yield Problem(("logLevel",), f"expected {', '.join(levels)}, got {shown(nni['logLevel'])}.")


def _not_for_us(nni: Mapping[str, Any]) -> Iterator[Problem]:
    kind = nni.get("experimentType")
    if kind is not None and kind != "hpo":
        yield Problem(
            ("experimentType",), f'leave it out: nnictl cannot run "{kind}"; each trial is a whole search.'
        )
    if nni.get("assessor") is not None:
        yield Problem(
            ("assessor",), "leave it out: it would stop trials in the middle, and they would be tried again."
        )
    if nni.get("advisor") is not None:
        yield Problem(("advisor",), "NNI dropped this field; the advisor stands under tuner.")
    if nni.get("useAnnotation"):
        yield Problem(("useAnnotation",), "NNI 3.0 no longer supports it; leave it out.")
    if nni.get("trialGpuNumber") is not None:
        yield Problem(("trialGpuNumber",), f"leave it out: {DEVICE}")


def _training_service(nni: Mapping[str, Any]) -> Iterator[Problem]:
    services = nni.get("trainingService")
    for service in services if isinstance(services, list) else [services]:
        if service is None:
            continue
        platform = service.get("platform") if isinstance(service, Mapping) else None
        if platform not in PLATFORMS:
            yield Problem(
                ("trainingService", "platform"), f"expected {' or '.join(PLATFORMS)}, got {shown(platform)}."
            )
            continue
        for key, instead in (
            ("trialGpuNumber", DEVICE),
            ("gpuIndices", DEVICE),
            ("maxTrialNumberPerGpu", "how many trials share a GPU is trainer.trials_per_gpu."),
        ):
            if service.get(key) is not None:
                yield Problem(("trainingService", key), f"leave it out: {instead}")
        if platform == "local" and service.get("reuseMode"):
            yield Problem(
                ("trainingService", "reuseMode"), "leave it out: NNI 3.0 fails with it on this machine alone."
            )
        if platform == "remote" and nni.get("nniManagerIp") is None:
            yield Problem(("nniManagerIp",), "is missing: the remote machines report to this address.")


def _command(nni: Mapping[str, Any]) -> Iterator[Problem]:
    command = nni.get("trialCommand")
    if command is None:
        return
    if not isinstance(command, str) or not ("nni_darts trial" in command or "nni-darts trial" in command):
        yield Problem(("trialCommand",), f"expected python3 -m nni_darts trial, got {shown(command)}.")
    elif any(sign in command for sign in ";&|"):
        yield Problem(
            ("trialCommand",),
            "make it one command: NNI stops the first process only, the rest would live on.",
        )


def _too_few_trials(nni: Mapping[str, Any], experiment: Experiment) -> list[Problem]:
    settings, limit = experiment.settings, nni.get("maxTrialNumber")
    searches = len(experiment.points)
    parts = {"search": searches, "select": searches, "retrain": len(settings.retrain.seeds)}
    needed = sum(parts[stage] for stage in settings.stages)
    if type(limit) is not int or limit < 1 or limit >= needed:
        return []
    text = f"the stages need {needed} trials, and some more for repeated ones; got {limit}."
    return [Problem(("maxTrialNumber",), text)]


_HARMLESS = {
    "trialCommand": "true",
    "trialConcurrency": 1,
    "searchSpace": {},
    "tuner": {"name": "Random"},
    "trainingService": {"platform": "local"},
    "nniManagerIp": "127.0.0.1",  # without one NNI looks for the machine's address
}


def _nnis_own(nni: dict[str, Any], folder: Path, problems: list[Problem]) -> list[Problem]:
    """What NNI itself finds beyond ``problems``, whose fields are replaced by harmless ones."""
    from nni.experiment.config import ExperimentConfig, utils

    fields = {key: value for key, value in nni.items() if (key,) not in _tops(problems)}
    fields.pop("searchSpaceFile", None)  # our own layer has read it
    fields.update({key: value for key, value in _HARMLESS.items() if fields.get(key) is None})

    def load() -> None:
        utils.set_base_path(folder)
        try:
            config = ExperimentConfig(**fields)
        finally:
            utils.unset_base_path()
        config.validate()

    return _complaint(load)


def _tops(problems: list[Problem]) -> set[KeyPath]:
    return {problem.path[:1] for problem in problems}


def _complaint(load: Callable[[], None]) -> list[Problem]:
    try:
        load()
    except Exception as error:  # NNI raises whatever its checks happen to raise
        reason = str(error) or "a field has a value that it does not allow"
        return [Problem((), f"NNI refuses the file: {reason.rstrip('.')}.")]
    return []
