"""Logging of the command line; as a library the package installs no handler."""

from __future__ import annotations

import logging
import sys
import warnings

PACKAGES = ("nni_darts", "search_spaces")
_HANDLER = "nni-darts"


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
    # NNI 3.0 wonders about a class that newer torch has; it harms nothing.
    warnings.filterwarnings("ignore", message=".*is found to be not a nn.Module", category=RuntimeWarning)
    # NNI and Lightning tell of themselves at length; their warnings are enough.
    for name in ("nni", "pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.DEBUG if verbose else logging.WARNING)
