"""One file a method: the part that only it has, and its recipe."""
