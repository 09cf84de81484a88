from __future__ import annotations

import pytest
import torch
from torchmetrics.classification import MulticlassAccuracy

from nni_darts.training.scores import Scores


def test_scores_are_torchmetrics_micro_averages_over_uneven_batches() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = Scores()
    top1, top5 = (MulticlassAccuracy(8, top_k=k, average="micro") for k in (1, 5))
    losses = []
    for count in (16, 16, 3):
        logits = torch.randn(count, 8, generator=generator)
        labels = torch.randint(8, (count,), generator=generator)
        loss = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
        scores.update(logits, labels, loss.mean())
        losses.append(loss)
        top1.update(logits, labels)
        top5.update(logits, labels)
    found = scores.compute()
    assert found["accuracy"] == pytest.approx(100 * top1.compute().item())
    assert found["top5"] == pytest.approx(100 * top5.compute().item())
    assert found["loss"] == pytest.approx(torch.cat(losses).mean().item())
    assert found["accuracy"] < found["top5"] < 100


def test_few_classes_and_no_batches() -> None:
    scores = Scores()
    assert scores.compute() == {}
    scores.update(torch.tensor([[1.0, 0.0]]), torch.tensor([1]), torch.tensor(1.0))
    assert scores.compute() == {"loss": 1.0, "accuracy": 0.0, "top5": 100.0}
    scores.reset()
    assert scores.compute() == {}
