"""Kinds of fixtures, the function that checks each, and the files of a folder that are of a known kind."""

from __future__ import annotations

import logging
import math
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path

from nni_darts.check.comparison import Comparison
from nni_darts.check.fixture import Fixture
from nni_darts.check.supernet import implementation

Check = Callable[[Fixture], Iterable[Comparison]]

logger = logging.getLogger(__name__)
_CHECKERS: dict[str, Check] = {}


def checker(kind: str) -> Callable[[Check], Check]:
    """Register the function that checks files called ``{kind}.npz`` or ``{kind}_{suffix}.npz``."""

    def register(check: Check) -> Check:
        _CHECKERS[kind] = check
        return check

    return register


def checkers() -> dict[str, Check]:
    """All checkers by kind; every module of this package is imported first."""
    package = import_module("nni_darts.check")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name != "__main__":
            import_module(f"nni_darts.check.{module.name}")
    return _CHECKERS


def find_fixtures(folder: str | Path, suffix: str | None = None) -> list[tuple[Path, str]]:
    """Files of a known kind with their kind, by name.

    Parameters
    ----------
    suffix
        Of the sets of the same form (``cnn_cells_A.npz``, ``cnn_cells_B.npz``) take this one only; files
        without a suffix are always taken.
    """
    found = []
    for path in sorted(Path(folder).glob("*.npz")):
        for kind in checkers():
            match = re.fullmatch(rf"{kind}(?:_([A-Za-z0-9]+))?", path.stem)
            if match and (suffix is None or match[1] in (None, suffix)):
                found.append((path, kind))
    return found


def run_checks(path: str | Path, kind: str, supernet: str = "generic") -> Iterator[Comparison]:
    """Compare one file, quantity by quantity; a checker that breaks off is one failed quantity.

    Parameters
    ----------
    supernet
        The implementation to check: auto, fused or generic.
    """
    try:
        with implementation(supernet):
            yield from checkers()[kind](Fixture.load(path))
    except Exception as error:
        logger.debug("The check of %s broke off.", path, exc_info=True)
        yield Comparison(f"broke off with {type(error).__name__}: {error}", math.inf)
