"""Logging of the command line; as a library the package installs no handler."""

from __future__ import annotations

import logging
import sys
import warnings

PACKAGES = ("nni_darts", "search_spaces")
_HANDLER = "nni-darts"

LIGHTNING = ("pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities.rank_zero")
"""Its loggers that speak; it sets the levels of those above when it is imported."""

HARMLESS: tuple[tuple[str, type[Warning]], ...] = (
    (".*is found to be not a nn.Module", RuntimeWarning),  # NNI 3.0, of a class that newer torch has
    ("You defined a `validation_step` but have no", UserWarning),  # retraining has no validation on purpose
    ("`isinstance\\(treespec, LeafSpec\\)` is deprecated", Warning),  # Lightning with newer torch
)


def set_up_logging(*, quiet: bool = False, verbose: bool = False) -> None:
    """Plain lines on standard error, so that standard output holds results only."""
    for name in PACKAGES:
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)
        for handler in [old for old in logger.handlers if old.name == _HANDLER]:
            logger.removeHandler(handler)
        handler = logging.StreamHandler(sys.stderr)
        handler.name = _HANDLER
        logger.addHandler(handler)
    for message, category in HARMLESS:
        warnings.filterwarnings("ignore", message=message, category=category)
    # NNI and Lightning tell of themselves at length; their warnings are enough.
    for name in ("nni", *LIGHTNING):
        logging.getLogger(name).setLevel(logging.DEBUG if verbose else logging.WARNING)
