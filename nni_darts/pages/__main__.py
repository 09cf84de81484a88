"""``python -m nni_darts.pages docs/methods``."""

from __future__ import annotations

import sys
from pathlib import Path

from nni_darts.pages.method_pages import COMMAND, main

if len(sys.argv) != 2:
    sys.exit(f"usage: {COMMAND}")
main(Path(sys.argv[1]))
