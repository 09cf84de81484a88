"""The course of a search: its epochs and batches, how it ends or goes back, and its phases.

What the engine and the strategy ask and tell Lightning's trainer, apart from the steps.
"""
