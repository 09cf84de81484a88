"""Search spaces written with NNI's mutables: an installed package of its own beside ``nni_darts``."""
