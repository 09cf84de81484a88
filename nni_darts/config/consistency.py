"""What must agree between the sections of the settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nni_darts.config.data import DATASETS, SCALED, TEXTS, Data
from nni_darts.config.problem import Problem, suggestion
from nni_darts.config.search import Search
from nni_darts.config.space import KNOWN, SPACES
from nni_darts.config.training import CIFAR_SIZE, Training
from nni_darts.genotype.names import OPERATION_NAMES

if TYPE_CHECKING:
    from nni_darts.config.settings import Settings


def inconsistencies(settings: Settings) -> list[Problem]:
    """Every disagreement, as problems."""
    return [
        *_names(settings),
        *_operations(settings),
        *_stages(settings),
        *_data(settings),
        *_text(settings),
        *_training(settings),
        *_trainer(settings),
    ]


def _names(settings: Settings) -> Iterator[Problem]:
    for section, given, known in (
        ("data", settings.data.name, DATASETS),
        ("space", settings.space.name, SPACES),
    ):
        if given in known or is_dotted(given):
            continue
        hint = "a package.module:name of your own works too"
        yield Problem((section, "name"), f'unknown "{given}". {suggestion(given, known)} ({hint})')


def _operations(settings: Settings) -> Iterator[Problem]:
    names = settings.space.args.get("primitives") if settings.space.is_known else None
    for place, name in enumerate(names or ()):
        if name not in OPERATION_NAMES:
            hint = suggestion(name, OPERATION_NAMES)
            yield Problem(("space", "args", "primitives", place), f'unknown operation "{name}". {hint}')
    if names is not None and (len(set(names)) < len(names) or not set(names) - {"none"}):
        text = f"expected different operations, one of them not none, got {names}."
        yield Problem(("space", "args", "primitives"), text)


def is_dotted(name: str) -> bool:
    """Whether ``name`` has the form ``package.module:attribute``."""
    module, colon, attribute = name.partition(":")
    return bool(colon) and all(part.isidentifier() for part in [*module.split("."), attribute])


def _stages(settings: Settings) -> Iterator[Problem]:
    stages, order = settings.stages, ["search", "select", "retrain"]
    if stages != sorted(set(stages), key=order.index):
        yield Problem(
            ("stages",), f"expected each stage once, in the order {', '.join(order)}; got {stages}."
        )
        return
    searches = "search" in stages
    if "select" in stages and not searches:
        yield Problem(("stages",), "select needs search before it: it chooses among what was searched.")
    if "retrain" in stages and not searches and settings.genotype is None:
        yield Problem(("genotype",), "is missing: retrain without search needs a name, file or text here.")
    if searches and settings.genotype is not None:
        yield Problem(("genotype",), "is only for stages without search; leave it out or drop search.")


def _data(settings: Settings) -> Iterator[Problem]:
    data = settings.data
    if data.name == "image_folder" and data.root is None:
        yield Problem(("data", "root"), "is missing: the folder that holds train/<class>/ or <class>/.")
    if data.name == "text" and data.root is None:
        yield Problem(("data", "root"), "is missing: the folder that holds the train, valid and test text.")
    if data.name == "digits" and data.root is not None:
        yield Problem(("data", "root"), "digits is built in and has no folder; leave it out.")
    if data.download and data.name not in ("cifar10", "cifar100"):
        yield Problem(("data", "download"), f"only cifar10 and cifar100 can be fetched, not {data.name}.")
    if data.image_size is not None and data.name not in SCALED:
        yield Problem(("data", "image_size"), f"image folders and CIFAR are scaled, not {data.name}.")
    if data.augmentation == "imagenet":
        yield from _imagenet(data)
    elif data.crop_size is not None:
        yield Problem(("data", "crop_size"), "is only for data.augmentation imagenet; leave it out.")


def _text(settings: Settings) -> Iterator[Problem]:
    """Texts and images have spaces and settings of their own."""
    data, space = settings.data, KNOWN.get(settings.space.name)
    if not (data.is_known or is_dotted(data.name)):
        return  # nobody knows which of them it is
    if space is not None and space.text is not data.is_text:
        wanted, those = ("texts", TEXTS) if space.text else ("images", sorted(set(DATASETS) - set(TEXTS)))
        text = f"the space {settings.space.name} is for {wanted} ({', '.join(those)}), not for {data.name}."
        yield Problem(("space", "name"), text)
    if data.lines is not None and not data.is_text:
        yield Problem(("data", "lines"), "is only for texts; leave it out.")
    for name in ("search", "select", "retrain") if not data.is_text else ():
        if getattr(settings, name).text is not None:
            yield Problem((name, "text"), f"is only for texts, not for {data.name}; leave it out.")
    for name in ("search", "select", "retrain") if data.is_text else ():
        yield from _constant_rate(name, getattr(settings, name))


def _constant_rate(name: str, stage: Search | Training) -> Iterator[Problem]:
    """Language models learn by SGD without momentum, at a rate that only the length of a window scales."""
    if stage.momentum:
        yield Problem(
            (name, "momentum"), f"SGD on texts has no momentum; set 0 instead of {stage.momentum:g}."
        )
    if stage.nesterov:
        yield Problem((name, "nesterov"), "SGD on texts has no momentum; set false instead of true.")
    if stage.lr_min != stage.lr:
        text = f"the rate on texts stays; leave it out, or give lr ({stage.lr:g}), not {stage.lr_min:g}."
        yield Problem((name, "lr_min"), text)


def _imagenet(data: Data) -> Iterator[Problem]:
    if data.name not in SCALED:
        yield Problem(
            ("data", "augmentation"), f"imagenet is for image folders and CIFAR; take cifar for {data.name}."
        )
        return
    if data.image_size is None:
        yield Problem(
            ("data", "image_size"),
            "is missing: augmentation imagenet needs the side in pixels of the stored images, such as 256.",
        )
    if data.crop_size is None:
        yield Problem(
            ("data", "crop_size"),
            "is missing: augmentation imagenet needs the side in pixels that the network sees, such as 224.",
        )
    elif data.image_size is not None and data.crop_size > data.image_size:
        yield Problem(
            ("data", "crop_size"),
            f"must not exceed data.image_size ({data.image_size}), got {data.crop_size}.",
        )
    if data.crop_padding:
        yield Problem(
            ("data", "crop_padding"),
            f"augmentation imagenet crops without padding; leave {data.crop_padding} out.",
        )


def _training(settings: Settings) -> Iterator[Problem]:
    search = settings.search
    if "search" in settings.stages:
        if search.lr_min > search.lr:
            yield Problem(
                ("search", "lr_min"), f"must not exceed search.lr ({search.lr:g}), got {search.lr_min:g}."
            )
        if search.arch_schedule == "cosine" and search.arch_lr_min > search.arch_lr:
            yield Problem(
                ("search", "arch_lr_min"),
                f"must not exceed search.arch_lr ({search.arch_lr:g}), got {search.arch_lr_min:g}.",
            )
        if search.arch_schedule == "constant" and search.arch_lr_min:
            yield Problem(
                ("search", "arch_lr_min"),
                f"is the end of arch_schedule cosine; set that, or leave {search.arch_lr_min:g} out.",
            )
        if search.warmup_epochs >= search.epochs:
            yield Problem(
                ("search", "warmup_epochs"),
                f"must be below search.epochs ({search.epochs}), got {search.warmup_epochs}.",
            )
        yield from _nesterov(settings, search, "search")
        yield from _cutout(settings, search.cutout_length, "search")
    if "select" in settings.stages:
        yield from _recipe(settings, settings.select, "select")
    if "retrain" in settings.stages:
        yield from _recipe(settings, settings.retrain, "retrain")
        seeds = settings.retrain.seeds
        if len(set(seeds)) < len(seeds):
            yield Problem(("retrain", "seeds"), f"names a seed twice: {seeds}.")


def _trainer(settings: Settings) -> Iterator[Problem]:
    trainer = settings.trainer
    if trainer.device != "cpu":
        return
    if trainer.capture == "on":
        yield Problem(("trainer", "capture"), "on needs a GPU, but trainer.device is cpu; write auto or off.")
    if trainer.tf32:
        yield Problem(("trainer", "tf32"), "is of GPUs, but trainer.device is cpu; leave it out.")


def _nesterov(settings: Settings, section: Search | Training, stage: str) -> Iterator[Problem]:
    if section.nesterov and not section.momentum and not settings.data.is_text:
        text = f"needs a momentum, but {stage}.momentum is 0; set false instead of true."
        yield Problem((stage, "nesterov"), text)


def _cutout(settings: Settings, length: int, stage: str) -> Iterator[Problem]:
    size, where = settings.data.size, (stage, "cutout_length")
    if length and settings.data.augmentation == "imagenet":
        yield Problem(where, f"augmentation imagenet erases nothing; set 0 instead of {length}.")
    elif size is not None and settings.space.is_known and length >= size:
        text = f"{length} pixels cover the whole {size}x{size} image; take at most {size // 2}."
        yield Problem(where, text)


def _recipe(settings: Settings, training: Training, stage: str) -> Iterator[Problem]:
    if training.lr_min > training.lr:
        yield Problem(
            (stage, "lr_min"), f"must not exceed {stage}.lr ({training.lr:g}), got {training.lr_min:g}."
        )
    yield from _nesterov(settings, training, stage)
    yield from _cutout(settings, training.cutout_length, stage)
    if training.cutout_length and settings.data.augmentation == "imagenet":
        return
    if training.drop_path_prob and settings.space.name == "nasbench201":
        text = f"networks of NAS-Bench-201 have no drop path; set 0 instead of {training.drop_path_prob:g}."
        yield Problem((stage, "drop_path_prob"), text)
    size = settings.data.size
    if size is None or not settings.space.is_known:
        return
    stem = training.network.get("stem", settings.space.args.get("stem"))
    if training.network.get("auxiliary") and stem == "cifar" and size != CIFAR_SIZE:
        yield Problem(
            (stage, "network", "auxiliary"),
            f"the head needs {CIFAR_SIZE}x{CIFAR_SIZE} images, these are {size}x{size}; set it to false.",
        )
