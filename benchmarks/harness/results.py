"""The file of results: one section for each measurement on each hardware, replaced when it is repeated."""

from __future__ import annotations

import re
from pathlib import Path

from nni_darts.run.files import write_text

PATH = Path(__file__).parents[1] / "RESULTS.md"

HEAD = """# Results

Written by the commands themselves; a section is replaced when its command runs again on the same hardware.
Ratios are other time over ours of the same round, their median and their range; times alone say little.
"""

_SECTION = re.compile(r"^## ", re.MULTILINE)


def write_section(heading: str, body: str, path: Path = PATH) -> None:
    """Put ``body`` under ``## heading``, in place of what stood there before, else at the end."""
    text = path.read_text(encoding="utf-8") if path.exists() else HEAD
    head, *sections = _SECTION.split(text)
    section = f"{heading}\n\n{body.strip()}\n"
    titles = [other.partition("\n")[0] for other in sections]
    if heading in titles:
        sections[titles.index(heading)] = section
    else:
        sections.append(section)
    parts = [head.strip(), *(f"## {other.strip()}" for other in sections)]
    write_text(path, "\n\n".join(parts) + "\n")
