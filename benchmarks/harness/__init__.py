"""What the benchmark commands share: the case, the peers, and how a step is timed, counted and weighed."""
