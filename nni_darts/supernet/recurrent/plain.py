"""All time steps by PyTorch's operators, every node's edges at once; differentiable any number of times."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from nni_darts.supernet.recurrent.wiring import Found, Matrices, Norm, Wiring


def plain_sequence(
    wiring: Wiring,
    projected: Tensor,
    hidden: Tensor,
    matrices: Matrices,
    weights: Tensor,
    mask: Tensor | None = None,
    norm: Norm | None = None,
) -> Found:
    """Outputs from the tokens' products with W_init, [T, B, 2n], and the hidden state before, [B, n].

    Parameters
    ----------
    weights
        Of every edge, [edges, 4]: its activations in the order of ``ACTIVATIONS``.
    mask
        Of the states, [B, n].
    """
    normal = _Normaliser(norm)
    outputs = []
    for token in projected:
        gate, candidate = (token + _masked(hidden, mask) @ matrices.hidden).chunk(2, -1)
        states = [normal(hidden + gate.sigmoid() * (candidate.tanh() - hidden))]
        masked = [_masked(states[0], mask)]
        for node, sources in enumerate(wiring.sources):
            own = weights[wiring.rows[node] : wiring.rows[node + 1]].unbind(-1)
            tanh, relu, sigmoid, identity = (column[:, None, None] for column in own)
            product = torch.stack([masked[source] for source in sources]) @ matrices.nodes[node]
            gate, x = product.chunk(2, -1)
            kept = (tanh + relu + sigmoid + identity) * torch.stack([states[source] for source in sources])
            mixed = tanh * x.tanh() + relu * x.relu() + sigmoid * x.sigmoid() + identity * x
            states.append(normal((kept + gate.sigmoid() * (mixed - kept)).sum(0)))
            masked.append(_masked(states[-1], mask))
        hidden = torch.stack([states[node] for node in wiring.outputs]).mean(0)
        outputs.append(hidden)
    return Found(torch.stack(outputs), *normal.statistics())


class _Normaliser:
    def __init__(self, norm: Norm | None) -> None:
        self.norm = norm
        self.seen: list[tuple[Tensor, Tensor]] = []

    def __call__(self, x: Tensor) -> Tensor:
        if self.norm is None:
            return x
        if self.norm.given is not None:
            return functional.batch_norm(x, *self.norm.given, eps=self.norm.eps)
        with torch.no_grad():
            variance, mean = torch.var_mean(x, 0, correction=0)
        self.seen.append((mean, variance))
        return functional.batch_norm(x, None, None, training=True, eps=self.norm.eps)

    def statistics(self) -> tuple[Tensor | None, Tensor | None]:
        if not self.seen:
            return None, None
        mean, variance = zip(*self.seen, strict=True)
        return torch.stack(mean), torch.stack(variance)


def _masked(x: Tensor, mask: Tensor | None) -> Tensor:
    return x if mask is None else x * mask
