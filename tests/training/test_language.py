"""Hidden states that go on, learning rates that follow the windows, and resuming across the averaging."""

from __future__ import annotations

import math
import signal
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from nni_darts.config.training import Retrain
from nni_darts.data.text import Lengths, Windows, columns
from nni_darts.errors import Interrupted, RunError
from nni_darts.run.directory import Run
from nni_darts.run.reporter import NullReporter
from nni_darts.training.checkpoint import read_checkpoint
from nni_darts.training.language import LanguageModule, evaluate_text
from nni_darts.training.likelihood import Likelihood, perplexity
from nni_darts.training.retrain import train_network

WORDS, WIDTH, BATCH = 7, 3, 2


class Prediction(NamedTuple):
    logits: Tensor
    hidden: Tensor
    raw: Tensor
    dropped: Tensor


class TinyModel(nn.Module):
    """A plain recurrent network that draws random numbers, as dropout does."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(WORDS, WIDTH)
        self.cell = nn.RNN(WIDTH, WIDTH)
        self.decoder = nn.Linear(WIDTH, WORDS)
        self.began: list[Tensor] = []

    def initial_hidden(self, batch: int) -> Tensor:
        return torch.zeros(batch, WIDTH)

    def forward(self, tokens: Tensor, hidden: Tensor) -> Prediction:
        self.began.append(hidden.clone())
        raw, last = self.cell(self.embedding(tokens), hidden[None])
        keep = (torch.rand(raw.shape[1:]) > 0.3).float() if self.training else torch.ones(raw.shape[1:])
        return Prediction(self.decoder(raw * keep), last[0], raw, raw * keep)


def text(tokens: int = 60) -> Tensor:
    return torch.randint(WORDS, (tokens,), generator=torch.Generator().manual_seed(1))


def module_of(**options) -> LanguageModule:
    module = LanguageModule(BATCH, **{"lr": 0.5, **options})
    module.set_model(TinyModel())
    module.configure_optimizers()
    return module


def test_losses_of_one_window_begin_with_one_state_and_the_last_leaves_its_own():
    module = module_of()
    first, second = list(Windows(columns(text(), BATCH), 10))[:2]
    batch = {"train": first, "val": first}
    module.on_train_batch_start(batch, 0)
    with module.muted():
        module.training_step(first, 0)
        with torch.no_grad():
            module.model.cell.weight_hh_l0.add_(0.1)
        module.training_step(first, 0)
    expected = module._left["weights"]
    module.on_train_batch_end(None, batch, 0)
    with module.muted():
        module.training_step(second, 0)  # between two steps: an estimate, a diagnosis
    module.model.began.pop()
    module.on_train_batch_start({"train": second, "val": second}, 1)
    module.training_step(second, 1)
    began = module.model.began
    assert torch.equal(began[0], torch.zeros(BATCH, WIDTH))
    assert torch.equal(began[0], began[1])
    assert torch.equal(began[2], expected)
    assert not began[2].requires_grad
    module.on_train_batch_start({"train": first, "val": first}, 0)  # a new epoch
    assert torch.equal(module.get_buffer("hidden_weights"), torch.zeros(BATCH, WIDTH))


def test_each_text_carries_its_own_state():
    module = module_of()
    rows = columns(text(), BATCH)
    weights = next(iter(Windows(rows, 10)))
    alphas = next(iter(Windows(rows.flip(0), 10, follow=len(rows))))
    module.on_train_batch_start({"train": weights, "val": alphas}, 0)
    for window in (alphas, weights):
        module.training_step(window, 0)
    saved = module.state_dict()  # what a checkpoint holds is what the next window begins with
    assert set(module._left) == set()
    assert not torch.equal(saved["hidden_weights"], saved["hidden_architecture"])
    assert saved["hidden_architecture"].abs().sum() > 0


def test_the_rate_of_a_window_is_scaled_by_its_length():
    """The architect reads it too: it is set before the step begins."""
    module = module_of(lr=20.0)
    for window in Windows(columns(text(), BATCH), 10, Lengths(whole=10, share=0.5)):
        module.on_train_batch_start(window, 0)
        assert module._optimizer.param_groups[0]["lr"] == 20.0 * window.scale


def test_regularisers_are_of_the_weight_step_alone():
    """beta mean (h_{t+1} - h_t)^2 of the outputs, alpha mean h^2 of the dropped ones (AWD-LSTM)."""
    window = next(iter(Windows(columns(text(), BATCH), 10)))

    def loss(**options) -> tuple[float, Prediction]:
        module = module_of(**options)
        torch.manual_seed(3)
        value = float(module.training_step(window, 0))
        torch.manual_seed(3)
        return value, module.model(window.x, torch.zeros(BATCH, WIDTH))

    plain, prediction = loss(temporal=0.0)
    slow = float((prediction.raw[1:] - prediction.raw[:-1]).pow(2).mean())
    small = float(prediction.dropped.pow(2).mean())
    assert loss(temporal=2.0)[0] - plain == pytest.approx(2 * slow, rel=1e-4)
    assert loss(temporal=0.0, activation=3.0)[0] - plain == pytest.approx(3 * small, rel=1e-4)
    module = module_of(temporal=2.0, activation=3.0)
    torch.manual_seed(3)
    with module.muted():
        assert float(module.training_step(window, 0)) == plain
    assert module.train_scores.compute() == {}


def test_the_likelihood_of_an_evaluation_counts_the_first_row_as_the_official_one_does():
    scores, official = Likelihood(), Likelihood(bare_rows=1)
    for part in (scores, official):
        part.update(torch.tensor(2.0), 3)
        part.update(torch.tensor(5.0), 1)
    assert scores.compute() == {"loss": 11 / 4, "perplexity": math.exp(11 / 4)}
    assert official.compute()["loss"] == 11 / 5
    assert math.isfinite(perplexity(1e9))


SETTINGS = Retrain(epochs=6, lr=2.0, weight_decay=1e-6, grad_clip=0.25, batch_size=BATCH)


class Interrupting(Windows):
    """A signal comes while batch ``at`` of all is served."""

    at = -1

    def __iter__(self):
        for window in super().__iter__():
            Interrupting.at -= 1
            if Interrupting.at == 0:
                signal.raise_signal(signal.SIGINT)
            yield window


def trained(path: Path, at: int = -1, resume: bool = False, in_valid: bool = False) -> LanguageModule:
    Interrupting.at = at
    run = Run.create(path, "retrain/0", resume=resume)
    lengths = Lengths(whole=6, share=0.5, spread=1.0, least=2)
    train = (Windows if in_valid else Interrupting)(columns(text(), BATCH), 6, lengths, seed=3)
    valid = (Interrupting if in_valid else Windows)(columns(text(40).flip(0), BATCH), 6)
    module = LanguageModule(BATCH, lr=2.0, nonmono=1)
    torch.manual_seed(99 if resume else 7)
    train_network(TinyModel(), train, valid, SETTINGS, run, NullReporter(), module=module)
    return module


def outcome(path: Path) -> tuple:
    checkpoint = read_checkpoint(path / "last.ckpt")
    state = [
        value for entry in checkpoint["optimizer_states"][0]["state"].values() for value in entry.values()
    ]
    tensors = [*checkpoint["state_dict"].values(), *(v for v in state if isinstance(v, Tensor))]
    return (
        (path / "model.safetensors").read_bytes(),
        [tensor.numpy().tobytes() for tensor in tensors],
        checkpoint["averaging"],
    )


def test_interrupted_anywhere_and_resumed_ends_in_the_same_bytes(tmp_path: Path):
    module = trained(tmp_path / "whole")
    losses = module.averaging.losses
    switched = next(e for e in range(2, 6) if losses[e] > min(losses[: e - 1]))
    assert switched < 5, "the test needs a run that begins to average"
    assert isinstance(module._optimizer, torch.optim.ASGD)
    for at, in_valid in ((4, False), (20, False), (26, False), (2, True), (19, True)):
        path = tmp_path / f"stopped-{at}-{in_valid}"
        with pytest.raises(Interrupted):
            trained(path, at, in_valid=in_valid)
        trained(path, resume=True)
        assert outcome(path) == outcome(tmp_path / "whole"), (at, in_valid)


def test_a_loss_that_is_no_number_is_said(tmp_path: Path):
    module = module_of(lr=0.5)
    with torch.no_grad():
        module.model.decoder.bias.fill_(math.nan)
    window = next(iter(Windows(columns(text(), BATCH), 10)))
    module.training_step(window, 0)
    with pytest.raises(RunError, match="became NaN or infinite"):
        module.on_train_batch_end(None, window, 0)


def test_an_evaluation_carries_the_hidden_state_through_the_text():
    """Cut into windows or read as a whole, a text has one likelihood, in the module and outside of it."""
    module = module_of()
    module.eval()
    rows = columns(text(), BATCH)
    whole = evaluate_text(module.model, Windows(rows, len(rows)))
    assert evaluate_text(module.model, Windows(rows, 4))["loss"] == pytest.approx(whole["loss"], rel=1e-6)
    for index, window in enumerate(Windows(rows, 4)):
        module.validation_step(window, index)
    assert module.valid_scores.compute()["loss"] == pytest.approx(whole["loss"], rel=1e-6)
    answers = [part for part, _ in module.answers(Windows(rows, 4))]
    together = next(module.answers(Windows(rows, len(rows))))[0]
    torch.testing.assert_close(torch.cat(answers), together)
