from __future__ import annotations

import copy
import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from nni_darts.config import Settings
from nni_darts.config.search import Search
from nni_darts.config.training import Retrain
from nni_darts.errors import RunError
from nni_darts.training.classifier import Classifier


class Fixed(nn.Module):
    """Returns what it was given, whatever it sees."""

    def __init__(self, output: Tensor | tuple[Tensor, Tensor]) -> None:
        super().__init__()
        self.output = output

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return self.output


LOGITS = torch.tensor([[2.0, 0.0, 0.0]], dtype=torch.float64)
AUXILIARY = torch.tensor([[0.0, 1.0, 0.0]], dtype=torch.float64)
BATCH = (torch.zeros(1, 1), torch.tensor([0]))


def classifier(output: Tensor | tuple[Tensor, Tensor], **options) -> Classifier:
    module = Classifier(epochs=10, **options)
    module.set_model(Fixed(output))
    return module


def test_label_smoothing_closed_form() -> None:
    smoothed = classifier(LOGITS, label_smoothing=0.1).training_step(BATCH, 0)
    assert smoothed.item() == pytest.approx(0.372878099555218, abs=1e-12)
    plain = classifier(LOGITS).training_step(BATCH, 0)
    assert plain.item() == pytest.approx(0.2395447662218847, abs=1e-12)


def test_validation_is_not_smoothed() -> None:
    module = classifier(LOGITS, label_smoothing=0.1)
    module.validation_step(BATCH, 0)
    assert module.valid_scores.compute()["loss"] == pytest.approx(0.2395447662218847, abs=1e-12)


def test_auxiliary_loss_is_weighted_and_smoothed_too() -> None:
    def smoothed(logits: list[float]) -> float:
        total = sum(math.exp(value) for value in logits)
        target = [0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3]
        return -sum(t * (value - math.log(total)) for t, value in zip(target, logits, strict=True))

    loss = classifier((LOGITS, AUXILIARY), label_smoothing=0.1).training_step(BATCH, 0)
    assert loss.item() == pytest.approx(smoothed([2, 0, 0]) + 0.4 * smoothed([0, 1, 0]), abs=1e-12)


def test_muted_steps_leave_no_trace() -> None:
    module = classifier(LOGITS)
    with module.muted():
        with module.muted():
            loss = module.training_step(BATCH, 0)
        module.training_step(BATCH, 0)
    assert loss.item() > 0
    assert module.epoch_metrics() == {}
    module.training_step(BATCH, 0)
    assert module.epoch_metrics()["train_accuracy"] == 100


def test_metrics_have_both_parts_once_there_was_validation() -> None:
    module = classifier(LOGITS)
    module.training_step(BATCH, 0)
    module.validation_step(BATCH, 0)
    assert list(module.epoch_metrics()) == [
        *("train_loss", "train_accuracy", "train_top5"),
        *("valid_loss", "valid_accuracy", "valid_top5"),
    ]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence(bad: float) -> None:
    module = classifier(torch.tensor([[bad, 0.0, 0.0]]))
    module.training_step(BATCH, 0)
    with pytest.raises(RunError, match=r"became NaN or infinite in epoch 0; lower lr \(now 0.025\)"):
        module.on_train_batch_end(None, BATCH, 0)


def test_settings_reach_the_module() -> None:
    module = Classifier.from_settings(
        Retrain(epochs=7, label_smoothing=0.3, schedule="exponential", gamma=0.5)
    )
    assert (module.epochs, module.label_smoothing, module.schedule, module.gamma) == (
        7,
        0.3,
        "exponential",
        0.5,
    )
    assert (module.drop_path_prob, module.auxiliary_weight, module.lr_min) == (0.2, 0.4, 0.0)
    search = Classifier.from_settings(Search())
    assert (search.epochs, search.lr_min, search.label_smoothing) == (50, 0.001, 0.0)


def test_the_optimizer_is_plain_sgd_over_the_network_alone() -> None:
    module = Classifier(epochs=3, lr=0.2, momentum=0.8, weight_decay=0.01)
    module.set_model(nn.Linear(2, 3))
    (optimizer,), _ = module.configure_optimizers()
    assert type(optimizer) is torch.optim.SGD
    group = optimizer.param_groups[0]
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.2, 0.8, 0.01)
    assert (group["nesterov"], group["dampening"]) == (False, 0)
    assert [id(p) for p in group["params"]] == [id(p) for p in module.model.parameters()]


@pytest.mark.parametrize("stage", ["search", "select", "retrain"])
def test_a_step_with_the_setting_is_one_of_torchs_sgd_with_nesterov(stage: str) -> None:
    """Three steps: the first has no buffer yet. Card gumbel-softmax, Defaults, "w optimiser" of GDAS."""
    data = {"stages": ["search", "select", "retrain"], "method": {"name": "gdas"}}
    settings = Settings.from_dict({**data, "select": {"nesterov": True}, "retrain": {"nesterov": True}})
    section = getattr(settings, stage)
    module = Classifier.from_settings(section)
    torch.manual_seed(0)
    module.set_model(nn.Linear(3, 3).double())
    mine = module.configure_optimizers()[0][0]
    expected, other = copy.deepcopy(module.model), copy.deepcopy(module.model)
    theirs, plain = (
        torch.optim.SGD(network.parameters(), 0.025, 0.9, weight_decay=section.weight_decay, nesterov=ahead)
        for network, ahead in ((expected, True), (other, False))
    )
    for _ in range(3):
        for network, optimizer in ((module.model, mine), (expected, theirs), (other, plain)):
            optimizer.zero_grad()
            network(torch.ones(2, 3).double()).square().sum().backward()
            optimizer.step()
    assert torch.equal(module.model.weight, expected.weight)
    assert not torch.allclose(module.model.weight, other.weight, rtol=1e-3)


@pytest.mark.parametrize(("weight", "wanted"), [(0.4, True), (0.0, False)])
def test_the_auxiliary_head_is_computed_where_its_loss_counts(weight: float, wanted: bool) -> None:
    module = classifier(LOGITS, auxiliary_weight=weight)
    module.model.auxiliary_wanted = True
    module.trainer = SimpleNamespace(current_epoch=0)
    module.on_train_start()
    assert module.model.auxiliary_wanted is wanted
