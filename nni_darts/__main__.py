"""``python -m nni_darts`` is the same as ``nni-darts``."""

from nni_darts.cli import main

main()
