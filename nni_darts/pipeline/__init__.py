"""The experiment: which trials are due, the advisor that NNI runs, and the trial's end of the line."""
