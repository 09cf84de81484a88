"""The network computes what one operation after the other would, in fewer passes over memory."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.plain_discrete import PlainNetwork
from nni_darts.genotype import PUBLISHED, Genotype
from search_spaces import DiscreteNetwork
from search_spaces.drop_path import draw_masks

EVERYTHING = Genotype.of(
    [
        *(("sep_conv_5x5", 0), ("dil_conv_3x3", 0), ("sep_conv_7x7", 1), ("skip_connect", 2)),
        *(("max_pool_3x3", 0), ("dil_conv_5x5", 3), ("none", 1), ("conv_7x1_1x7", 4)),
    ],
    [
        *(("skip_connect", 0), ("sep_conv_3x3", 0), ("skip_connect", 1), ("avg_pool_3x3", 0)),
        *(("dil_conv_5x5", 1), ("sep_conv_5x5", 2), ("max_pool_3x3", 1), ("conv_7x1_1x7", 0)),
    ],
)


def make(kind: type[DiscreteNetwork], genotype: Genotype, **options: Any) -> DiscreteNetwork:
    torch.manual_seed(0)
    return kind(genotype, num_classes=3, **options).double()


def images(side: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, side, side, generator=generator, dtype=torch.float64).requires_grad_()


def loss_of(result: Any) -> Tensor:
    logits, auxiliary = result if isinstance(result, tuple) else (result, result.new_zeros(1))
    return logits.square().sum() + 0.4 * auxiliary.square().sum()


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
@pytest.mark.parametrize("genotype", [EVERYTHING, PUBLISHED["NASNet"]], ids=["everything", "NASNet"])
def test_outputs_gradients_and_running_statistics(genotype: Genotype, stem: str, channels_last: bool) -> None:
    auxiliary = stem == "cifar"
    options = {"init_channels": 4, "layers": 4, "stem": stem, "auxiliary": auxiliary}
    plain, ours = (make(kind, genotype, **options) for kind in (PlainNetwork, DiscreteNetwork))
    assert isinstance(plain, PlainNetwork)
    torch.manual_seed(2)
    masks = draw_masks(sum(len(cell.dropped()) for cell in plain.cells), images(32), 0.3)
    plain.masks = iter(masks)
    assert 0 < masks.count_nonzero() < masks.numel()
    results = []
    for network in (plain, ours):
        network.drop_path_prob = 0.3
        if channels_last:
            network.to(memory_format=torch.channels_last)
        torch.manual_seed(2)
        x = images(32)
        result = network(x)
        loss_of(result).backward()
        results.append((result, x.grad, network))
    (a, of_a, _), (b, of_b, _) = results
    for one, other in zip(a if auxiliary else [a], b if auxiliary else [b], strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(of_b, of_a, rtol=1e-9, atol=1e-12)
    for (name, one), other in zip(plain.named_parameters(), ours.parameters(), strict=True):
        assert one.grad is not None, name
        torch.testing.assert_close(other.grad, one.grad, rtol=1e-9, atol=1e-11, msg=name)
    assert list(plain.state_dict()) == list(ours.state_dict())
    for (name, one), other in zip(plain.named_buffers(), ours.buffers(), strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12, msg=name)
    assert next(plain.masks, None) is None


def test_evaluation_is_the_same_and_shares_nothing() -> None:
    plain, ours = (
        make(kind, EVERYTHING, init_channels=4, layers=3) for kind in (PlainNetwork, DiscreteNetwork)
    )
    ours.load_state_dict(plain.state_dict())
    with torch.no_grad():
        expected, found = plain.eval()(images(32)), ours.eval()(images(32))
    assert torch.equal(found, expected)


def test_hooks_on_the_modules_inside_an_operation_still_run() -> None:
    network = make(DiscreteNetwork, EVERYTHING, init_channels=4, layers=3)
    seen: list[str] = []
    wanted = [
        name
        for name, module in network.named_modules()
        if name.rpartition(".")[2] in ("dw", "dw1", "dw2", "conv_a", "conv_b", "pre0", "pre1")
    ]
    before = network(images(32))
    for name in wanted:
        network.get_submodule(name).register_forward_hook(lambda *_, name=name: seen.append(name))
    after = network(images(32))
    assert sorted(seen) == sorted(wanted)
    torch.testing.assert_close(after, before, rtol=1e-12, atol=1e-12)


class _Watch(TorchDispatchMode):
    """Counts calls, and notes images that do not hold a pixel's channels side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[str, int] = {}
        self.strays: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        self.calls[name] = self.calls.get(name, 0) + 1
        if any(value.alias_info and not value.alias_info.is_write for value in func._schema.returns):
            return result  # a view
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            is_image = isinstance(tensor, Tensor) and tensor.dim() == 4 and len(tensor) == 5
            if is_image and min(tensor.shape[1:]) > 1 and tensor.stride(1) != 1:
                self.strays.append(f"{name} {tuple(tensor.shape)} {tensor.stride()}")
        return result


@pytest.mark.parametrize("genotype", [EVERYTHING, PUBLISHED["DARTS_V2"]], ids=["everything", "DARTS_V2"])
def test_nothing_leaves_channels_last(genotype: Genotype) -> None:
    network = make(DiscreteNetwork, genotype, init_channels=4, layers=6, auxiliary=True).float()
    network.to(memory_format=torch.channels_last)
    network.drop_path_prob = 0.2
    x = torch.randn(5, 3, 32, 32).to(memory_format=torch.channels_last)
    with _Watch() as watch:
        loss_of(network(x)).backward()
    # Zeros are laid out as [B, H, W, C] where the gradient of a strided convolution is spread out.
    assert [stray for stray in watch.strays if not stray.startswith("new_zeros")] == []


def test_one_relu_a_state_and_one_call_for_all_masks() -> None:
    counts = {}
    for kind in (PlainNetwork, DiscreteNetwork):
        network = make(kind, PUBLISHED["DARTS_V2"], init_channels=4, layers=6)
        network.drop_path_prob = 0.2
        with _Watch() as watch:
            loss_of(network(images(32))).backward()
        counts[kind] = watch.calls
    plain, ours = counts[PlainNetwork], counts[DiscreteNetwork]
    assert ours["bernoulli_"] == 1 < plain["bernoulli_"]
    assert ours["relu"] < 0.7 * plain["relu"]
    assert ours["threshold_backward"] == ours["relu"]
