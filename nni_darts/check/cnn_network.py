"""A whole supernet: logits, first-order gradients, running statistics, and one Adam step of the alphas."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from nni_darts.check.comparison import Comparison, close, exact
from nni_darts.check.fixture import Fixture
from nni_darts.check.registry import checker
from nni_darts.check.supernet import KINDS, set_alphas, supernet, table
from nni_darts.check.weights import grads, load_weights, tensor
from nni_darts.parts.outer import OuterOptimiser
from search_spaces import DartsSpace


@checker("cnn_network")
def check(fixture: Fixture) -> Iterator[Comparison]:
    """C = 4, as many cells as the file says."""
    reduction = fixture["reduction"]
    search = supernet(DartsSpace(init_channels=4, layers=len(reduction)))
    model = search.model
    weights = load_weights(model, fixture)
    for kind in KINDS:
        set_alphas(search, kind, fixture[f"alpha_{kind}"])

    seen: dict[str, torch.Tensor] = {}
    for index, cell in enumerate(model.cells):
        cell.register_forward_hook(lambda m, i, out, index=index: seen.update({f"cell{index}_out": out}))
    model.stem.register_forward_hook(lambda m, i, out: seen.update(stem_out=out[1]))
    logits = model(fixture["x"])
    loss = nn.functional.cross_entropy(logits, fixture["y"])
    loss.backward()

    yield exact(
        "reduction", [cell.pre0.__class__.__name__ for cell in model.cells], _preprocessing(reduction)
    )
    yield exact("num_params", [sum(p.numel() for p in model.parameters())], [int(fixture["num_params"])])
    yield close("logits", logits, fixture["logits"])
    yield close("loss", loss, fixture["loss"])
    for name, value in seen.items():
        yield close(name, value, fixture[name])
    gradients = [alpha.grad for alpha in search.relaxation.alphas if alpha.grad is not None]
    for kind in KINDS:
        yield close(f"d_alpha_{kind}", table(search, kind, gradients), fixture[f"d_alpha_{kind}"])
    names = fixture.strings("param_names")
    found = grads(model, names)
    norms = torch.stack([found[name].norm() for name in names])
    yield close("d_w_norm", norms, fixture["d_w_norm"])
    products = torch.stack([(found[name] * weights[name]).sum() for name in names])
    yield close("d_w_dot_w", products, fixture["d_w_dot_w"])
    yield close("d_w_total_norm", norms.norm(), fixture["d_w_total_norm"])

    model.eval()
    with torch.no_grad():
        evaluated = model(fixture["x"])
    yield close(
        "logits_eval_after_one_train_forward", evaluated, fixture["logits_eval_after_one_train_forward"]
    )
    for statistic in ("mean", "var"):
        found_statistic = tensor(model, f"stem/bn_{statistic}")
        yield close(f"eval_probe_stem_{statistic}", found_statistic, fixture[f"eval_probe_stem_{statistic}"])

    OuterOptimiser()(search.state.outer_parameters).step()
    for kind in KINDS:
        yield close(f"alpha_{kind}_after_adam", table(search, kind), fixture[f"alpha_{kind}_after_adam"])


def _preprocessing(reduction: torch.Tensor) -> list[str]:
    """What cells begin with: a factorised reduction after every reduction cell."""
    before = [False, *reduction.bool().tolist()[:-1]]
    return ["FactorizedReduce" if previous else "ReLUConvBN" for previous in before]
