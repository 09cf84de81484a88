"""Card darts, "How a test proves it", item 2."""

from __future__ import annotations

import torch

from nni_darts.parts.forward import weighted_sum
from nni_darts.parts.relaxation import INITIAL_SCALE, Softmax


def filled(values: dict[str, list[float]]) -> Softmax:
    relaxation = Softmax({label: len(row) for label, row in values.items()}).double()
    with torch.no_grad():
        for label, row in values.items():
            relaxation.alpha(label).copy_(torch.tensor(row, dtype=torch.float64))
    return relaxation


def test_softmax_mixture_has_the_closed_form():
    relaxation = filled({"edge": [0.5, -0.2, 0.1]})
    outputs = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    mixed = weighted_sum([lambda k=k: outputs[k] for k in range(3)], relaxation()["edge"])
    mixed.backward()
    expected = torch.tensor([-0.5340340253501394, -0.0360254770569827, 0.5700595024071219]).double()
    assert abs(mixed.item() - 2.157201186520891) < 1e-14
    assert torch.allclose(relaxation.alpha("edge").grad, expected, atol=1e-7)
    assert abs(relaxation.alpha("edge").grad.sum()) < 1e-15


def test_labels_of_different_sizes_are_relaxed_each_on_its_own():
    rows = {"a": [1.0, 2.0, 3.0], "b": [0.0, 5.0], "c.d/e": [-1.0, 0.0, 4.0]}
    weights = filled(rows)()
    assert list(weights) == list(rows)
    for label, row in rows.items():
        assert torch.equal(weights[label], torch.softmax(torch.tensor(row, dtype=torch.float64), -1))


def test_alphas_start_small_and_in_the_order_of_the_labels():
    torch.manual_seed(0)
    relaxation = Softmax({"wide": 4000, "narrow": 3})
    assert [len(alpha) for alpha in relaxation.parameters()] == [4000, 3]
    assert abs(relaxation.alpha("wide").std().item() / INITIAL_SCALE - 1) < 0.05


def test_weighted_sum_handles_nested_outputs():
    weights = torch.tensor([0.25, 0.75])
    candidates = [
        lambda: [torch.ones(1), {"x": torch.zeros(1)}],
        lambda: [torch.ones(1) * 5, {"x": torch.ones(1)}],
    ]
    first, rest = weighted_sum(candidates, weights)
    assert (first.item(), rest["x"].item()) == (4.0, 0.75)
