"""From what a user types for a genotype to an architecture."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from nni_darts.errors import ConfigError
from nni_darts.genotype.architecture import Architecture
from nni_darts.genotype.genotype import KINDS, parse_genotype
from nni_darts.genotype.nasbench201 import BenchmarkCell
from nni_darts.genotype.published import EVERY_PUBLISHED
from nni_darts.genotype.sample import is_cell_sample


def resolve(text: str | Path) -> Architecture:
    """A published name, a file (.json or .txt), a run's folder, a text of one line, or a JSON string.

    A text is a classic one or a cell of NAS-Bench-201: its string (``|nor_conv_3x3~0|+|...``) or its six
    digits. JSON may be an architecture, NNI's sample of a cell space or of NAS-Bench-201, or the
    classic fields.

    Raises
    ------
    ConfigError
        For anything else, with the nearest published names.
    """
    given = str(text).strip()
    if given in EVERY_PUBLISHED:
        provenance = {"published": given}
        return Architecture.from_genotype(EVERY_PUBLISHED[given], provenance=provenance)
    if "Genotype(" in given or BenchmarkCell.is_text(given):
        return _from_text(given)
    if given.startswith("{"):
        return _from_json(given)
    path = Path(given)
    if given and path.is_dir():
        path = path / "genotype.json"
    if path.suffix in (".json", ".txt"):
        return _from_file(path)
    raise ConfigError(
        f"{given!r} is neither a published genotype nor a .json or .txt file nor a genotype text; "
        + _suggestion(given)
    )


def _suggestion(given: str) -> str:
    by_lower = {name.lower(): name for name in EVERY_PUBLISHED}
    near = [by_lower[match] for match in get_close_matches(given.lower(), by_lower)]
    return f"did you mean {' or '.join(near)}?" if near else f"the names are {', '.join(EVERY_PUBLISHED)}."


def _from_file(path: Path) -> Architecture:
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"genotype: {path} cannot be read ({error}).") from None
    try:
        if path.suffix == ".json":
            return _from_json(content)
        return _from_text(content.strip())
    except ConfigError as error:
        raise ConfigError(*(f"{path}: {problem}" for problem in error.problems)) from None


def _from_text(text: str) -> Architecture:
    if BenchmarkCell.is_text(text):
        return Architecture.from_benchmark_cell(BenchmarkCell.parse(text))
    return Architecture.from_genotype(parse_genotype(text))


def _from_json(content: str) -> Architecture:
    try:
        data: Any = json.loads(content)
    except (ValueError, RecursionError):
        data = None
    if isinstance(data, dict) and is_cell_sample(data):
        return Architecture.from_sample(data)
    if isinstance(data, dict) and BenchmarkCell.is_sample(data):
        return Architecture.from_benchmark_cell(BenchmarkCell.of_sample(data))
    for kind in KINDS:
        if isinstance(data, dict) and set(data) == set(kind.fields):
            return Architecture.from_genotype(kind.from_fields(data))
    return Architecture.from_json(content)
