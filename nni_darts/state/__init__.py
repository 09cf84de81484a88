"""What parts see of a search, and what it is made of."""

from nni_darts.state.objective import Objective
from nni_darts.state.search_state import Regulariser, SearchState

__all__ = ["Objective", "Regulariser", "SearchState"]
