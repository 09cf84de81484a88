"""Language models around one recurrent cell: the search form, the discrete form, and what they share."""

from __future__ import annotations

from search_spaces.recurrent.dropout import Dropouts
from search_spaces.recurrent.language_model import LanguageModel, Prediction
from search_spaces.recurrent.network import RecurrentNetwork

__all__ = ["Dropouts", "LanguageModel", "Prediction", "RecurrentNetwork"]
