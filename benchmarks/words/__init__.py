"""Language models side by side: a derived cell, random cells and an LSTM."""
