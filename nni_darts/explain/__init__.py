"""What a stage would compute with its settings, and why so: for dry runs."""

from nni_darts.explain.explanation import Explanation
from nni_darts.explain.search import explain_search
from nni_darts.explain.training import explain_training

__all__ = ["Explanation", "explain_search", "explain_training"]
