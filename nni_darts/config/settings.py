"""All settings of an experiment: read from a plain mapping, checked as a whole, written back losslessly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from nni_darts.config.consistency import inconsistencies
from nni_darts.config.data import TEXTS, Data, data_defaults
from nni_darts.config.defaults import search_defaults
from nni_darts.config.method import Method
from nni_darts.config.problem import Problem, checked, shown
from nni_darts.config.search import Search
from nni_darts.config.section import Count, Section, Text, numbers_within
from nni_darts.config.space import FROM_THE_DATA, KNOWN, Space
from nni_darts.config.text import text_defaults
from nni_darts.config.trainer import Trainer
from nni_darts.config.training import Retrain, Select, network_defaults, training_defaults
from nni_darts.errors import ConfigError

Stage = Literal["search", "select", "retrain"]


class Settings(Section):
    """Everything that decides what an experiment computes.

    Make one with ``from_dict``: it also checks and completes what depends on a name (the method's
    options, the space's arguments) and what must agree between sections.
    """

    stages: list[Stage] = Field(
        default=["search", "select", "retrain"], min_length=1, description="in this order"
    )
    max_attempts: Count = Field(default=2, description="tries of a task before it counts as failed")
    data: Data = Data()
    space: Space = Space()
    method: Method = Method()
    search: Search = Search()
    select: Select = Select()
    retrain: Retrain = Retrain()
    genotype: Text | None = Field(
        default=None, description="what to retrain when nothing is searched: name, file or text"
    )
    trainer: Trainer = Trainer()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Settings:
        """Settings from nested plain values; a missing or empty section takes its defaults.

        Raises
        ------
        ConfigError
            With every problem there is: key path, given value, what is allowed.
        """
        found = cls.checked(data)
        if isinstance(found, list):
            raise ConfigError(*map(str, found))
        return found

    @classmethod
    def checked(cls, data: Mapping[str, Any]) -> Settings | list[Problem]:
        """As ``from_dict``, with the problems returned instead of raised."""
        if not isinstance(data, Mapping):
            return [
                Problem((), f"expected groups of settings such as search and retrain, got {shown(data)}.")
            ]
        data = {str(key): value for key, value in data.items() if value is not None or key == "genotype"}
        unsaid = _unsaid(data)
        data, problems = _completed(data, unsaid)
        settings = checked(cls, data)
        if isinstance(settings, list):
            return [*settings, *problems]
        assert isinstance(settings, Settings)
        settings.search.model_fields_set.difference_update(unsaid)
        problems = problems or inconsistencies(settings)
        return problems or settings

    def to_dict(self, implied: bool = True) -> dict[str, Any]:
        """Plain nested values that ``from_dict`` reads back to equal settings.

        ``implied`` False leaves out what the section ``search`` has from its method, its space or DARTS:
        with another method it is another.
        """
        data = self.model_dump(mode="json")
        return (
            data if implied else {**data, "search": self.search.model_dump(mode="json", exclude_unset=True)}
        )


def _unsaid(data: Mapping[str, Any]) -> dict[str, Any]:
    """What the method and the space imply for the section ``search`` and the data leave open."""

    def section(name: str) -> Mapping[str, Any]:
        value = data.get(name)
        return value if isinstance(value, Mapping) else {}

    method = str(section("method").get("name", Method().name))
    space = str(section("space").get("name", Space().name))
    given = section("search")
    if str(section("data").get("name")) in TEXTS:
        return {key: value for key, value in text_defaults("search", given).items() if key not in given}
    return {key: it.value for key, it in search_defaults(method, space).items() if key not in given}


def _completed(data: dict[str, Any], unsaid: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """``data`` with the options and arguments that depend on a name checked and filled in."""
    problems: list[Problem] = []

    def section(name: str) -> dict[str, Any] | None:
        value = data.get(name, {})
        return {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else None

    def complete(model: type[Section], values: dict[str, Any], *path: str) -> dict[str, Any]:
        found = checked(model, values)
        if isinstance(found, list):
            problems.extend(problem.under(*path) for problem in found)
            return {}
        return found.model_dump(mode="json", exclude_none=True)

    if (method := section("method")) is not None:
        data["method"] = numbers_within(method)
    if (given := section("data")) is not None:
        data["data"] = {**data_defaults(given), **given}
    if unsaid and (search := section("search")) is not None:
        data["search"] = {**unsaid, **search}
    space = section("space")
    if space is None:
        return data, problems
    ours = KNOWN.get(str(space.get("name", Space().name)))
    data["space"] = {**space, "args": _arguments(space.get("args") or {}, ("space", "args"), problems)}
    if ours:
        data["space"]["args"] = complete(ours.arguments, data["space"]["args"], "space", "args")
    images = checked(Data, section("data") or {})
    size, augmentation = (images.size, images.augmentation) if isinstance(images, Data) else (None, "cifar")
    for stage in ("select", "retrain"):
        training = section(stage)
        if training is not None:
            path = (stage, "network")
            network = _arguments(training.get("network") or {}, path, problems)
            if ours:
                stem = network.get("stem", data["space"]["args"].get("stem"))
                fitting = network_defaults(size, stem) if "auxiliary" in ours.network.model_fields else {}
                network = complete(ours.network, {**fitting, **network}, *path)
            defaults = {**training_defaults(size, augmentation), **(ours.training if ours else {})}
            data[stage] = {**defaults, **training, "network": network}
    if isinstance(images, Data) and images.is_text:
        found = {stage: section(stage) for stage in ("select", "retrain")}
        data.update({name: text_defaults(name, given) for name, given in found.items() if given is not None})
    return data, problems


def _arguments(values: Any, path: tuple[str, ...], problems: list[Problem]) -> Any:
    """Numbers written as text understood; arguments that come from the data refused and left out."""
    if not isinstance(values, Mapping):
        problems.append(Problem(path, f"expected a group of keys, one per argument, got {shown(values)}."))
        return {}
    for name in set(FROM_THE_DATA) & set(values):
        problems.append(Problem((*path, name), "comes from the data set; leave it out."))
    return {str(key): numbers_within(value) for key, value in values.items() if key not in FROM_THE_DATA}
