"""A run: one stage of one task on disk."""
