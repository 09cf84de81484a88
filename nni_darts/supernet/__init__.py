"""The space after mutation: every choice is a mixed module that reads its weights from one place."""

# NNI's one-shot package and its strategies import each other. Entered from the one-shot side, NNI would for
# the rest of the process take its own one-shot strategies for not installed.
import nni.nas.strategy  # noqa: F401
