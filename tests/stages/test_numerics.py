from __future__ import annotations

import pytest
import torch

from nni_darts.stages.numerics import numerics


def state() -> tuple:
    cudnn = torch.backends.cudnn
    products = torch.get_float32_matmul_precision()
    return products, cudnn.allow_tf32, cudnn.benchmark, torch.get_num_threads()


@pytest.mark.parametrize(("tf32", "products"), [(True, "high"), (False, "highest")])
def test_all_switches_move_together_and_come_back(tf32: bool, products: str) -> None:
    before = state()
    with pytest.raises(KeyError), numerics(tf32, cudnn_benchmark=True, threads=before[3] + 1):
        assert state() == (products, tf32, True, before[3] + 1)
        raise KeyError
    assert state() == before


def test_the_default_is_exact_though_torch_s_is_not() -> None:
    with numerics():
        assert state()[:3] == ("highest", False, False)
