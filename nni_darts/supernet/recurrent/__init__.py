"""Recurrent cells as a whole: all time steps of a sequence as one differentiable function."""
