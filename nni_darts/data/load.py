"""One door to every data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nni_darts.data.cifar import load_cifar
from nni_darts.data.dataset import Dataset
from nni_darts.data.digits import load_digits
from nni_darts.data.folder import load_folder
from nni_darts.data.info import DataInfo
from nni_darts.data.own import load_own
from nni_darts.data.text.corpus import Corpus, find_texts
from nni_darts.data.text.info import CorpusInfo
from nni_darts.errors import ConfigError

if TYPE_CHECKING:
    from nni_darts.config.data import Data

Info = DataInfo | CorpusInfo


def info_from_dict(values: dict[str, Any]) -> Info:
    """What a checkpoint remembers of its data."""
    return CorpusInfo(**values) if "words" in values else DataInfo.from_dict(values)


def load_corpus(settings: Data) -> Corpus:
    """The three texts that ``settings`` names.

    Raises
    ------
    ConfigError
        A text that is missing, empty or not UTF-8.
    """
    folder = settings.folder()
    assert folder is not None, "checked with the settings"
    return Corpus(settings.name, find_texts(folder), settings.lines)


def load(settings: Data) -> Dataset:
    """The images that ``settings`` names.

    Raises
    ------
    ConfigError
        Missing folder, empty class folder, unreadable image, gaps in the labels, unknown name.
    """
    name = settings.name
    if name == "digits":
        return load_digits()
    if name in ("cifar10", "cifar100"):
        return load_cifar(settings)
    if name == "image_folder":
        return load_folder(settings)
    if ":" in name:
        return load_own(name)
    raise ConfigError(
        f'data.name: "{name}" is not known; give digits, cifar10, cifar100, image_folder, or '
        "package.module:function of your own."
    )
