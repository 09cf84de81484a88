"""Where an NNI experiment lies on this machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from nni_darts.errors import ConfigError


@dataclass(frozen=True)
class Location:
    """An experiment's folder, and what NNI's list of experiments says of it (None for one not listed)."""

    folder: Path
    name: str | None
    status: str | None

    @property
    def database(self) -> Path:
        """NNI's record of the experiment."""
        return self.folder / "db" / "nni.sqlite"


def locate(experiment: str | Path, nni_home: str | Path | None = None) -> Location:
    """Find an experiment by its id in NNI's list, or by the path of its folder.

    Parameters
    ----------
    experiment
        An id as ``nnictl create`` prints it, or ``<experimentWorkingDirectory>/<id>``.
    nni_home
        The folder of NNI's list of experiments; ``~/nni-experiments`` when left out.

    Raises
    ------
    ConfigError
        With the ids that are known, or with what the folder lacks.
    """
    home = Path(nni_home) if nni_home else Path.home() / "nni-experiments"
    listed = _listed(home / ".experiment")
    entry = listed.get(str(experiment))
    if entry is not None:
        folder = Path(entry.get("logDir") or home) / str(experiment)
    else:
        folder = Path(experiment)
        if not folder.is_dir():
            raise ConfigError(_unknown(str(experiment), listed, home))
        folder = folder.resolve()
        entry = listed.get(folder.name, {})
    location = Location(folder, entry.get("experimentName"), entry.get("status"))
    if not location.database.is_file():
        raise ConfigError(
            f"experiment {experiment}: {location.database} is missing; its files are gone or elsewhere."
        )
    return location


def _listed(path: Path) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: NNI's list of experiments cannot be read ({error}).") from None
    return found if isinstance(found, dict) else {}


def _unknown(experiment: str, listed: dict[str, dict[str, Any]], home: Path) -> str:
    if not listed:
        return f"experiment {experiment!r}: {home} lists none, and there is no folder of this name."
    near = get_close_matches(experiment, listed, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    recent = sorted(listed, key=lambda key: -int(listed[key].get("startTime") or 0))[:20]
    return f"experiment {experiment!r}: unknown.{hint} Known, newest first: {', '.join(recent)}."
