"""The Lightning module that trains a language model: a recurrent supernet in search, a network afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from nni_darts.data.text import STREAMS, Window, Windows
from nni_darts.training.averaging import Averaging
from nni_darts.training.likelihood import Likelihood
from nni_darts.training.scored import ScoredModule


class LanguageModule(ScoredModule):
    """Negative log likelihood of the next word, SGD without momentum, truncated back-propagation.

    As rnn/train_search.py and rnn/train.py of quark0/darts: the learning rate of a window is scaled by its
    length; the hidden state goes on from window to window, detached. The network comes by ``set_model``; it
    maps (tokens [T, B], hidden [B, n]) to ``logits``, ``hidden``, ``raw`` and ``dropped``.

    A search evaluates several losses of a window before the weights' step. All of them begin with the same
    hidden state, and the last one leaves its own for the next window, as in the official code.

    A window's rate is the optimiser's own times its length; between steps it is the optimiser's own again,
    which methods may change and checkpoints keep.

    Parameters
    ----------
    batch_size
        Columns of the training text, and of the architecture's.
    lr, weight_decay
        Of SGD.
    temporal, activation
        beta and alpha of AWD-LSTM: weight of the squared steps between outputs, and of squared outputs after
        dropout. In the weight step only.
    nonmono
        Evaluations to look back at before plain SGD becomes averaged SGD; None never averages.
    """

    remedy = " or grad_clip"

    def __init__(
        self,
        batch_size: int,
        lr: float = 20.0,
        weight_decay: float = 5e-7,
        temporal: float = 1e-3,
        activation: float = 0.0,
        nonmono: int | None = None,
    ) -> None:
        super().__init__()
        self.batch_size, self.lr, self.weight_decay = batch_size, lr, weight_decay
        self.temporal, self.activation = temporal, activation
        self.averaging = Averaging(nonmono)
        self.train_scores = Likelihood()
        self.valid_scores = Likelihood(bare_rows=1)
        self._optimizer: torch.optim.Optimizer | None = None
        self._left: dict[str, Tensor] = {}  # hidden states that the windows of this step end with
        self._rates: list[float] = []  # of the optimiser, while they are scaled
        self._evaluated: Tensor | None = None
        self.register_state_dict_pre_hook(lambda module, prefix, keep_vars: self._settle())

    def set_model(self, model: nn.Module) -> None:
        """Take the network, and make room for the hidden states."""
        super().set_model(model)
        for stream in STREAMS:
            self.register_buffer(f"hidden_{stream}", self._empty(self.batch_size))

    def _empty(self, columns: int) -> Tensor:
        hidden: Tensor = self.model.initial_hidden(columns)
        return hidden

    def forward(self, tokens: Tensor, hidden: Tensor) -> Any:
        return self.model(tokens, hidden)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        window: Window = batch["train"] if isinstance(batch, dict) else batch
        self._left.clear()  # of losses between two steps, such as those of an estimate
        if window.number == 0:
            for stream in STREAMS:
                self.get_buffer(f"hidden_{stream}").zero_()
        self._scale_rates(window.scale)

    def training_step(self, batch: Window, batch_idx: int) -> Tensor:
        # A part of a batch has fewer columns.
        hidden = self.get_buffer(f"hidden_{batch.stream}")[: batch.x.shape[1]]
        prediction = self.model(batch.x, hidden)
        self._left[batch.stream] = prediction.hidden.detach()
        loss = _likelihood(prediction.logits, batch.y)
        if self._is_muted:
            return loss
        self.train_scores.update(loss, len(batch.x))
        if self.activation:
            loss = loss + self.activation * prediction.dropped.square().mean()
        if self.temporal and len(batch.x) > 1:
            loss = loss + self.temporal * prediction.raw.diff(dim=0).square().mean()
        return loss

    def _scale_rates(self, scale: float) -> None:
        """For one step: the architect reads the rate too."""
        assert self._optimizer is not None
        self._restore_rates()
        for group in self._optimizer.param_groups:
            self._rates.append(group["lr"])
            group["lr"] *= scale

    def _restore_rates(self) -> None:
        if self._rates:
            assert self._optimizer is not None
            for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
                group["lr"] = rate
            self._rates.clear()

    def _carry_on(self) -> None:
        """The hidden states that this step left are those of the next."""
        for stream, hidden in self._left.items():
            self.get_buffer(f"hidden_{stream}").copy_(hidden)
        self._left.clear()

    def _settle(self) -> None:
        """What a checkpoint must hold: hidden states and rates for the next batch, no averaged weights."""
        self._carry_on()
        self._restore_rates()
        self.averaging.leave()

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._carry_on()
        self._restore_rates()
        self._check_finite()

    by_loss = True
    """Architectures are compared by their loss; see ``nni_darts.parts.measure``."""

    def answers(self, batches: Iterable[Window]) -> Iterator[tuple[Tensor, Tensor]]:
        """Logits [T B, words] and the next words [T B], the hidden state going on from window to window."""
        for window, prediction in predictions(self.model, batches):
            yield prediction.logits.flatten(0, 1), window.y.flatten()

    def validation_step(self, batch: Window, batch_idx: int) -> None:
        if batch.number == 0 or self._evaluated is None:
            self._evaluated = self._empty(batch.x.shape[1]).to(batch.x.device)
        prediction = self.model(batch.x, self._evaluated)
        self._evaluated = prediction.hidden.detach()
        loss = _likelihood(prediction.logits, batch.y)
        self.valid_scores.update(loss, len(batch.x))

    def test_step(self, batch: Window, batch_idx: int) -> None:
        self.validation_step(batch, batch_idx)

    def configure_optimizers(self) -> Any:
        kind = self.averaging.optimizer if self.averaging.active else torch.optim.SGD
        self._optimizer = kind(self.model.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        return [self._optimizer], []

    def on_validation_epoch_start(self) -> None:
        self.averaging.enter(self._optimizer)

    def on_validation_epoch_end(self) -> None:
        scores = self.valid_scores.compute()
        if self.averaging.observe(scores.get("loss", math.inf)):
            self.trainer.optimizers, _ = self.configure_optimizers()

    def on_validation_end(self) -> None:
        self.averaging.leave()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["averaging"] = self.averaging.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # Before the optimisers are made: theirs is the state that follows.
        self.averaging.load_state_dict(checkpoint["averaging"])

    @property
    def is_best(self) -> bool:
        """Whether the last evaluation was better than every one before it."""
        return self.averaging.is_best


def predictions(network: nn.Module, windows: Iterable[Window]) -> Iterator[tuple[Window, Any]]:
    """What the network says of every window, the hidden state going on from each to the next."""
    hidden: Tensor | None = None
    for window in windows:
        if window.number == 0 or hidden is None:
            hidden = network.initial_hidden(window.x.shape[1])  # type: ignore[operator]
        prediction = network(window.x, hidden.to(window.x.device))
        hidden = prediction.hidden.detach()
        yield window, prediction


@torch.inference_mode()
def evaluate_text(network: nn.Module, windows: Windows, device: str = "cpu") -> dict[str, float]:
    """``loss`` in nats a token and ``perplexity`` of windows that lie on the device."""
    network.to(device).eval()
    scores = Likelihood(bare_rows=1).to(device)
    for window, prediction in predictions(network, windows):
        scores.update(_likelihood(prediction.logits, window.y), len(window.x))
    return scores.compute()


def _likelihood(logits: Tensor, y: Tensor) -> Tensor:
    """Mean negative log likelihood of the tokens ``y`` [T, B]."""
    return functional.cross_entropy(logits.flatten(0, 1), y.flatten())
