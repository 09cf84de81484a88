"""What a trial, or a verb of the command line, does: one stage with its settings, in its run directory.

Every stage gives the same result for the same settings and seed, with a manager around it or not.
"""

from __future__ import annotations

from nni_darts.stages.derive import run_derive
from nni_darts.stages.retrain import run_retrain
from nni_darts.stages.search import run_search
from nni_darts.stages.select import run_select
from nni_darts.stages.test import run_test

__all__ = ["run_derive", "run_retrain", "run_search", "run_select", "run_test"]
