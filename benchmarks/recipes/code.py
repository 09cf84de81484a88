"""A fingerprint of the code that a search runs: results of different code are kept apart."""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import nni_darts
import search_spaces
from nni_darts.recipe import methods

PACKAGE = Path(nni_darts.__file__).parent
METHODS = PACKAGE / "methods"
MEASURING = Path(__file__).parent
WITHOUT_EFFECT = ("cli", "check", "draw", "explain", "export", "pages", "pipeline")
"""Subpackages that no search computes with."""


@cache
def fingerprint(method: str) -> str:
    """Of all that can change what a search with this method gives: other methods' files cannot.

    It is that of the moment when this process first asked for it.
    """
    files = {*_sources(PACKAGE), *_sources(Path(search_spaces.__file__).parent), *_own(method)}
    files |= {MEASURING / name for name in ("budget.py", "images.py", "search.py")}
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _sources(package: Path) -> Iterator[Path]:
    for path in package.rglob("*.*"):
        place = path.relative_to(package).parts[0]
        if path.suffix in (".py", ".c", ".h") and place not in (*WITHOUT_EFFECT, METHODS.name):
            yield path


def _own(method: str) -> set[Path]:
    """The file of the method and those of the methods that it builds on."""
    known = methods()
    if method not in known:
        return set()
    found: set[Path] = set()
    ahead = [Path(inspect.getfile(known[method].build))]
    while ahead:
        path = ahead.pop()
        if path not in found:
            found.add(path)
            ahead += _imported(path)
    return found


def _imported(path: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nni_darts.methods."):
            yield METHODS / f"{str(node.module).rpartition('.')[2]}.py"
