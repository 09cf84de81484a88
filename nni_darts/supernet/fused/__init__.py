"""Cells computed level by level: all candidates that read the same states at once, the same mathematics."""
