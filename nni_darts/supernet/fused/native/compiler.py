"""C that is compiled on the machine it runs on, once."""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
SOURCES = ("chains.c", "fold.c", "pool.c", "recurrent.c")
HEADERS = ("base.h", "depthwise.h")
FLAGS = (
    *("-std=gnu11", "-O3", "-march=native", "-fno-trapping-math", "-fno-math-errno", "-fopenmp-simd"),
    *("-shared", "-fPIC"),
)


@cache
def library(real: str, integer: str, lanes: int) -> ctypes.CDLL | None:
    """The kernels for C types of one size and a multiple of channels; None where they cannot be had.

    They are compiled by ``$CC``, else ``cc``, and kept in the user's cache folder.
    """
    compiler = shutil.which(os.environ.get("CC") or "cc")
    if compiler is None:
        logger.info("No C compiler: the fused supernet computes with PyTorch's own operators.")
        return None
    options = (f"-DREAL={real}", f"-DINTEGER={integer}", f"-DLANES={lanes}")
    text = [(FOLDER / name).read_text() for name in (*SOURCES, *HEADERS)]
    key = hashlib.sha256(repr((text, FLAGS, options, compiler, _processor())).encode()).hexdigest()
    path = _folder() / f"{real}-{lanes}-{key[:16]}.so"
    try:
        if not path.exists():
            _compile(compiler, options, path)
        return ctypes.CDLL(str(path))
    except (OSError, subprocess.SubprocessError) as error:
        logger.warning("The CPU kernels were not compiled, PyTorch's operators serve instead: %s", error)
        return None


def switched_off() -> bool:
    """Whether ``NNI_DARTS_KERNELS=off`` asks to go without."""
    return os.environ.get("NNI_DARTS_KERNELS", "on").lower() in ("off", "0", "no", "false")


def _compile(compiler: str, options: tuple[str, ...], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        built = Path(folder) / path.name
        sources = [str(FOLDER / name) for name in SOURCES]
        command = [compiler, *FLAGS, *options, *sources, "-lm", "-o", str(built)]
        # Without OpenMP the pragmas are ignored: the same results on one thread.
        if subprocess.run([*command, "-fopenmp"], capture_output=True, timeout=120).returncode:
            subprocess.run(command, capture_output=True, check=True, timeout=120)
        built.replace(path)


def _folder() -> Path:
    own = os.environ.get("NNI_DARTS_CACHE")
    root = Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "nni-darts"
    return root.expanduser() / "kernels"


def _processor() -> str:
    """What code for "native" depends on: a home folder may be shared by different machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
