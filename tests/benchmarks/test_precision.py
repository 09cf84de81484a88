from __future__ import annotations

import json

import pytest
import torch
from click.testing import CliRunner

from benchmarks.precision import QUANTITIES, RoundedFactors, as_tf32, main


def test_ten_bits_of_mantissa_ties_to_even() -> None:
    bit = 2.0**-10
    given = torch.tensor(
        [1 + bit, 1 + 0.5 * bit, 1 + 1.5 * bit, 1 + 0.51 * bit, -(1 + 0.51 * bit), 0.0, 3e-39]
    )
    wanted = [1 + bit, 1, 1 + 2 * bit, 1 + bit, -(1 + bit), 0.0]
    assert as_tf32(given)[:6].tolist() == wanted
    assert as_tf32(given)[6].item() == pytest.approx(3e-39, rel=1e-3)
    double = given.double()
    assert as_tf32(double) is double


def test_factors_are_rounded_and_sums_are_not() -> None:
    x = torch.tensor([[1 + 2.0**-12, 2.0**-20]])
    with RoundedFactors():
        product, total = x @ torch.ones(2, 1), x + 0
    assert product.item() == 1 + 2.0**-20
    assert torch.equal(total, x)


def test_every_format_is_measured_against_float64() -> None:
    sizes = {"channels": 2, "layers": 1, "nodes": 1, "batch": 4, "image-size": 8, "steps": 2}
    options = [f"--{name}={size}" for name, size in sizes.items()]
    result = CliRunner().invoke(main, [*options, "--json"])
    assert result.exit_code == 0, result.output
    rows = json.loads(result.output.splitlines()[-1])["rows"]
    assert [(row["format"], row["quantity"]) for row in rows] == [
        (name, quantity) for name in ("float32", "TF32", "bf16-mixed") for quantity in QUANTITIES
    ]
    first = {row["format"]: row["error"] for row in rows if row["quantity"] == "first order"}
    assert 0 < first["float32"] < 1e-4 < first["TF32"] < first["bf16-mixed"] < 1
    assert all(row["error"] <= row["error_max"] and row["cosine_min"] <= row["cosine"] for row in rows)
