"""The search step on a GPU that is not there: every tensor has a device and a shape, and no numbers.

What cannot be recorded shows without a GPU: a number that the host asks for raises, and a tensor that the
host sends in the middle of a step is noticed. Autograd alone needs a real device: gradients are empty
tensors here, so that its backward formulas, which are torch's own, do not run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from nni_darts.capture import DeviceRates
from nni_darts.darts import DARTS
from nni_darts.data import Augment, DataInfo
from nni_darts.supernet.fused import batched
from nni_darts.training.classifier import Classifier
from search_spaces import DartsSpace


class Sendings(TorchDispatchMode):
    """Operations that read a tensor of the host and give or change one of the device."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.operations = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        tensors = [leaf for leaf in pytree.tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)]
        self.operations += 1
        # A single number of the host goes along with the launch of a kernel.
        if {t.device.type for t in tensors if t.dim() or t.device.type != "cpu"} == {"cpu", "cuda"}:
            self.found.append(str(function))
        return result


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def gradients(outputs: Tensor, inputs: Any, **_: Any) -> tuple[Tensor, ...]:
        return tuple(torch.empty_like(tensor) for tensor in inputs)

    def fused(*lists: Any, lr: Tensor, **_: Any) -> None:
        """The fused kernels have no form without numbers; this is what they want to be given."""
        tensors = [lr, *pytree.tree_leaves(lists)]
        assert {tensor.device.type for tensor in tensors} == {"cuda"}
        assert lr.dtype is torch.float32

    monkeypatch.setattr(torch.autograd, "grad", gradients)
    monkeypatch.setattr(torch, "_fused_sgd_", fused)
    monkeypatch.setattr(torch, "_fused_adam_", fused)
    with ExitStack() as stack:
        stack.enter_context(FakeTensorMode())
        stack.enter_context(torch.device("cuda"))
        yield
    batched._belongs.cache_clear()  # it holds tensors of this device, which goes away


def descend(module: Any, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """``advance_optimization`` without Lightning."""
    optimizer.zero_grad()
    weights = list(module.training_module.parameters())
    for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        weight.grad = gradient
    torch.nn.utils.clip_grad_norm_(weights, 5.0)
    optimizer.step()


@pytest.mark.parametrize(
    ("order", "hvp", "supernet", "mixed"),
    [
        (1, "fd", "generic", False),
        (2, "fd", "fused", False),
        (2, "exact", "generic", False),
        (1, "fd", "fused", True),
    ],
)
@pytest.mark.usefixtures("gpu")
def test_a_step_sends_nothing_and_asks_for_nothing(order: int, hvp: str, supernet: str, mixed: bool) -> None:
    strategy = DARTS(order=order, hvp=hvp, supernet=supernet)
    model = strategy.mutate_model(DartsSpace(4, layers=3, nodes=1))
    module = strategy.configure_oneshot_module(Classifier(epochs=3))
    module.set_model(model)
    (weights,), _ = module.training_module.configure_optimizers()
    outer = module.configure_architecture_optimizers()
    module.architecture_optimizers = lambda: outer
    module.state.optimizer = lambda: weights
    module.state.apply = lambda loss: descend(module, weights, loss)
    batch = (torch.empty(4, 3, 16, 16), torch.empty(4, dtype=torch.int64))
    rates = DeviceRates([weights, outer], fused=True)

    def step() -> None:
        autocast = torch.autocast("cuda", torch.bfloat16, enabled=mixed, cache_enabled=False)
        with rates.installed(), autocast:
            module.step_on({"train": batch, "val": batch})
        rates.drop_gradients()

    step()
    with Sendings() as watch:
        step()
    assert watch.found == []
    assert watch.operations > 300
    assert {tensor.device.type for tensor in module.parameters()} == {"cuda"}


@pytest.mark.usefixtures("gpu")
def test_what_is_sent_or_asked_for_would_be_noticed() -> None:
    x = torch.empty(3)
    with Sendings() as watch:
        x + torch.zeros(3, device="cpu").to(x.device)
        x * torch.tensor(2.0, device="cpu")
    assert watch.found == ["aten._to_copy.default"]
    with pytest.raises(RuntimeError, match="local_scalar_dense"):
        x[0].item()


@pytest.mark.usefixtures("gpu")
def test_augmentation_sends_a_few_numbers_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """Indices of every pixel are worked out where the images are."""
    info = DataInfo("toy", 2, 3, (32, 32), (0.5,) * 3, (0.5,) * 3, ("a", "b"))
    with torch.device("cpu"):
        augment = Augment(info, cutout_length=16)
        augment.normalise.mean, augment.normalise.std = (
            tensor.to("cuda") for tensor in (augment.normalise.mean, augment.normalise.std)
        )
    monkeypatch.setattr(Tensor, "pin_memory", lambda tensor: tensor)  # has no form without numbers either
    sent: list[int] = []

    class Sizes(Sendings):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            before = len(self.found)
            result = super().__torch_dispatch__(function, types, args, kwargs)
            if len(self.found) > before:
                sent.append(result.numel())
            return result

    with torch.device("cpu"), Sizes():
        result = augment(torch.empty(64, 3, 32, 32, dtype=torch.uint8, device="cuda"), torch.Generator())
    assert result.device.type == "cuda"
    assert sent == [3 * 64, 2 * 64]
