"""The interchangeable parts of a search method.

A part is a plain callable of one :class:`~nni_darts.state.SearchState` (the relaxation is a module,
because it owns parameters). A part that only one method uses lives in that method's file.
"""

import nni.nas.strategy  # noqa: F401  # first: see nni_darts.supernet
