"""What in the settings the text alone does not tell: folders, modules, methods, devices, genotypes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nni_darts.config.consistency import is_dotted
from nni_darts.config.problem import Problem
from nni_darts.config.settings import Settings
from nni_darts.errors import ConfigError

FILES = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python"}
"""Folder of torchvision's files."""


def machine_problems(settings: Settings, folder: Path) -> list[Problem]:
    """Everything of this kind that is wrong; modules are imported from ``folder``."""
    return [
        *_data_folder(settings),
        *_dotted_names(settings, folder),
        *method_problems(settings, folder),
        *_device(settings),
        *genotype_problems(settings),
    ]


def _data_folder(settings: Settings) -> Iterator[Problem]:
    data = settings.data
    folder = data.folder()
    if folder is None or data.download or not data.is_known:
        return
    if data.is_text:
        yield from _texts(settings, folder)
        return
    hint = "" if data.name == "image_folder" else ", or set data.download: true"
    if not folder.is_dir():
        yield Problem(("data", "root"), f"there is no folder {folder}; give the folder of the images{hint}.")
    elif data.name in FILES and not any((folder / name).is_dir() for name in ("train", FILES[data.name])):
        yield Problem(
            ("data", "root"),
            f"{folder} holds neither train/<class>/ nor {FILES[data.name]}/; give that folder{hint}.",
        )


def _texts(settings: Settings, folder: Path) -> Iterator[Problem]:
    from nni_darts.data.text.corpus import text_problems

    # A search and a selection leave the test text closed; a retraining should not find it damaged at its end.
    parts = ["train", "valid", *(["test"] if "retrain" in settings.stages else [])]
    yield from map(Problem.of, text_problems(folder, parts))


def _dotted_names(settings: Settings, folder: Path) -> Iterator[Problem]:
    for section, name in (("data", settings.data.name), ("space", settings.space.name)):
        if not is_dotted(name):
            continue
        module, attribute = name.split(":")
        try:
            with importable_from(folder):
                getattr(importlib.import_module(module), attribute)
        except Exception as error:  # a user's module may raise anything while it is imported
            reason = str(error) or type(error).__name__
            yield Problem((section, "name"), f'"{name}" cannot be imported: {reason}.')


def method_problems(settings: Settings, folder: Path) -> list[Problem]:
    """What the method itself says of its name, options and parts; needs torch."""
    if "search" not in settings.stages:
        return []
    from nni_darts.recipe import build_recipe

    try:
        with importable_from(folder):
            build_recipe(settings.method.name, settings.method.parts, **settings.method.options)
    except ConfigError as error:
        return [Problem.of(sentence) for sentence in error.problems]
    return []


def _device(settings: Settings) -> Iterator[Problem]:
    from nni_darts.pipeline import gpu

    problem = gpu.problem(settings.trainer.device)
    if problem is not None:
        yield Problem.of(problem)


@contextmanager
def importable_from(folder: Path) -> Iterator[None]:
    """Let modules in ``folder`` be imported, as they can in a trial, which runs there."""
    sys.path.insert(0, str(folder.resolve()))
    try:
        yield
    finally:
        sys.path.remove(str(folder.resolve()))


def genotype_problems(settings: Settings) -> list[Problem]:
    """Why the given genotype cannot be read, or does not fit the space."""
    if settings.genotype is None:
        return []
    from nni_darts.genotype import resolve

    try:
        architecture = resolve(settings.genotype)
    except ConfigError as error:
        return [Problem(("genotype",), text) for text in error.problems]
    if architecture.space != settings.space.name:
        text = f'is of the space "{architecture.space}", the settings ask for "{settings.space.name}".'
        return [Problem(("genotype",), text)]
    genotype, wanted = architecture.genotype, settings.space.args.get("nodes")
    if genotype is None or wanted is None:
        return []
    return [
        Problem(("genotype",), f"its {cell} cell has {count} nodes, space.args.nodes asks for {wanted}.")
        for cell in genotype.cells
        if (count := len(genotype.nodes(cell))) != wanted
    ]
