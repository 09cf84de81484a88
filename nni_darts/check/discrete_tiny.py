"""Small discrete networks: logits, losses, cell outputs, gradients; and drop path."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from nni_darts.check.comparison import Comparison, close, exact
from nni_darts.check.fixture import Fixture
from nni_darts.check.registry import checker
from nni_darts.check.weights import grads, load_weights
from nni_darts.genotype import Genotype
from search_spaces.discrete import DiscreteNetwork
from search_spaces.drop_path import masked_sum, scaled
from search_spaces.layout import reductions

#: Weight of the auxiliary loss in the paper's recipe.
AUXILIARY_WEIGHT = 0.4

#: The ImageNet images are stored at 32 x 32; every pixel stands for 7 x 7.
_PIXEL = 7


@checker("discrete_tiny")
def check(fixture: Fixture) -> Iterator[Comparison]:
    """Every ``{stem}/{genotype}`` and ``drop_path``."""
    for stem in [folder for folder in fixture.folders() if folder != "drop_path"]:
        for name in fixture.under(stem).folders():
            yield from _network(f"{stem}/{name}", stem, fixture.under(f"{stem}/{name}"))
    if "drop_path/x" in fixture:
        case = fixture.under("drop_path")
        mask = scaled(case["mask"], case.number("p"))
        out = masked_sum(case["x"], mask, torch.zeros_like(case["x"]), None)
        yield close("drop_path out", out, case["out"])


def _network(label: str, stem: str, case: Fixture) -> Iterator[Comparison]:
    network = DiscreteNetwork(
        Genotype(**case.json("genotype_json")),
        init_channels=int(case.number("C")),
        layers=int(case.number("layers")),
        num_classes=case["logits_train"].shape[1],
        stem=stem,
        auxiliary=bool(case.number("auxiliary")),
    )
    weights = load_weights(network, case)
    reduction = [index in reductions(len(network.cells)) for index in range(len(network.cells))]
    yield exact(f"{label} reduction", reduction, case["reduction"].bool().tolist())
    outputs: list[Tensor] = []
    for cell in network.cells:
        cell.register_forward_hook(lambda module, args, out: outputs.append(out))
    x, y = _images(case, stem), case["y"]
    result = network(x)
    logits = result[0] if network.aux is not None else result
    loss = cross_entropy(logits, y)
    yield close(f"{label} logits_train", logits, case["logits_train"])
    if network.aux is not None:
        auxiliary = result[1]
        loss_auxiliary = cross_entropy(auxiliary, y)
        loss = loss + AUXILIARY_WEIGHT * loss_auxiliary
        yield close(f"{label} logits_aux", auxiliary, case["logits_aux"])
        yield close(f"{label} loss_aux", loss_auxiliary, case["loss_aux"])
    moments = torch.stack([torch.stack([out.mean(), out.std(unbiased=False)]) for out in outputs])
    yield close(f"{label} cell_out_mean_std", moments, case["cell_out_mean_std"])
    loss.backward()
    yield close(f"{label} loss_total", loss, case["loss_total"])
    yield exact(f"{label} param_names", sorted(weights), sorted(case.strings("param_names")))
    norms = torch.stack([grad.norm() for grad in grads(network, case.strings("param_names")).values()])
    yield close(f"{label} d_w_norm", norms, case["d_w_norm"])
    with torch.no_grad():
        logits = network.eval()(x)
    key = "logits_eval_after_one_train_forward"
    yield close(f"{label} {key}", logits, case[key])


def _images(case: Fixture, stem: str) -> Tensor:
    x = case["x"]
    if stem == "imagenet":
        x = x.repeat_interleave(_PIXEL, 2).repeat_interleave(_PIXEL, 3)
    return x
