"""A training step recorded once as a CUDA graph and then repeated without a launch from Python.

The whole training step is one recording: architect, outer optimiser, weight step, clipping, running
statistics and the sums that metrics are made of. What changes from step to step lies in tensors that stay
where they are: the batch is copied into static buffers, learning rates are read from the device, random
numbers come from the default generator, whose position CUDA graphs advance. What changes more rarely
(shapes of a batch, warm-up epochs, momenta, whatever a part names by ``capture_key``) is the key of a
recording: another value is another one. The first steps of every key run as they are, so that optimisers,
cuDNN and the plans of the fused cells are ready; they are ordinary steps of the training, none is repeated.
The validation of a batch, a forward of many small kernels, is recorded in the same way.

Gradients live inside: they are set to None at the end of the step, so their memory belongs to the
recording's pool, all recordings share one pool, and nothing outside ever sees a gradient.
"""

from __future__ import annotations

from nni_darts.capture.graphs import CudaGraphs, Graph, Graphs
from nni_darts.capture.parts import capturable
from nni_darts.capture.rates import DeviceRates
from nni_darts.capture.step import CapturedStep

__all__ = ["CapturedStep", "CudaGraphs", "DeviceRates", "Graph", "Graphs", "capturable"]
