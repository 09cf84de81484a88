"""Numbers that tell how a search is going, for every method: docs/diagnostics.md lists them."""

from nni_darts.diagnostics.options import Diagnostics
from nni_darts.diagnostics.skips import SKIP

__all__ = ["SKIP", "Diagnostics"]
