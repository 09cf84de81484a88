"""The authors' discrete network, cnn/model.py, from a checkout of quark0/darts that the user has made."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.harness.peers.original import folder_of

FILES = ("genotypes", "operations", "utils", "model")


def missing(checkout: Path | None) -> str | None:
    """Why it cannot take part."""
    if checkout is None:
        return "give --peer-darts PATH, a checkout of quark0/darts."
    absent = [f"{name}.py" for name in FILES if not (folder_of(checkout) / f"{name}.py").is_file()]
    return f"{folder_of(checkout)} has no {', '.join(absent)}." if absent else None


@cache
def original_network(folder: Path, channels: int, layers: int) -> Any:
    """Its ``NetworkCIFAR`` of DARTS_V2 with the auxiliary head; no name stays in ``sys.modules``."""
    before = {name: sys.modules.pop(name) for name in FILES if name in sys.modules}
    sys.path.insert(0, str(folder.resolve()))
    try:
        code = {name: import_module(name) for name in FILES}
    finally:
        sys.path.remove(str(folder.resolve()))
        for name in FILES:
            sys.modules.pop(name, None)
        sys.modules.update(before)
    return code["model"].NetworkCIFAR(channels, 10, layers, True, code["genotypes"].DARTS_V2)
