"""A search goes back to the end of an earlier epoch, and goes on from there.

Rules say when, and which epochs may be needed (:class:`~nni_darts.parts.stopping.Stopping`). At the end of
those epochs a snapshot is taken: into a folder if there is one, a file each, written atomically and before
the checkpoint of its epoch; otherwise into memory and every checkpoint. Going back happens between an
epoch's report and its checkpoint, so that a checkpoint is of before or of after, and a run that was killed
anywhere does the same again.
"""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from nni_darts.errors import RunError
from nni_darts.parts.stopping import Ending, Return
from nni_darts.run.epoch_table import ATTEMPT
from nni_darts.run.files import write_bytes

if TYPE_CHECKING:
    from nni_darts.engine import SearchModule

logger = logging.getLogger(__name__)


class Rollback:
    """What one search may go back to, and how often it did.

    Attributes
    ----------
    returns
        ``{"after", "to", "reason"}`` of every return so far, with the epochs as numbers.
    """

    def __init__(self, ending: Ending, folder: Path | None = None) -> None:
        self.ending = ending
        self.returns: list[dict[str, Any]] = []
        self._snapshots = InMemory() if folder is None else InFolder(folder)

    @property
    def attempt(self) -> int:
        """How often the search has gone back."""
        return len(self.returns)

    def at_epoch_end(self, search: SearchModule) -> None:
        """Keep this epoch if it may be needed, forget what is not, and go back where the rule said so."""
        rule, epoch = self.ending.rule, search.trainer.current_epoch
        if rule is None or not rule.may_return:
            return
        needed = set(rule.needs(search.state))
        self._snapshots.keep(needed)
        if epoch in needed:
            self._snapshots.put(epoch, _taken(search))
        if self.ending.back is not None:
            self._go(search, self.ending.back)

    def _go(self, search: SearchModule, back: Return) -> None:
        epoch = search.trainer.current_epoch
        logger.info("after epoch %d back to the end of epoch %d: %s", epoch, back.epoch, back.reason)
        _put_back(search, self._snapshots.get(back.epoch))
        self.ending.back = None
        self.returns.append({"after": epoch, "to": back.epoch, "reason": back.reason})
        _continue_after(search, back.epoch)

    def metrics(self) -> dict[str, float]:
        """The attempt, of rules that may go back."""
        may_return = self.ending.rule is not None and self.ending.rule.may_return
        return {ATTEMPT: float(self.attempt)} if may_return else {}

    def state_dict(self) -> dict[str, Any]:
        """Plain values and tensors, which a checkpoint may hold."""
        return {"returns": self.returns, "snapshots": self._snapshots.state_dict()}

    def load_state_dict(self, content: dict[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave."""
        self.returns = content["returns"]
        self._snapshots.load_state_dict(content["snapshots"])


class InMemory:
    """Snapshots by epoch, on the CPU."""

    def __init__(self) -> None:
        self._kept: dict[int, Any] = {}

    def put(self, epoch: int, content: Any) -> None:
        self._kept[epoch] = content

    def get(self, epoch: int) -> Any:
        if epoch not in self._kept:
            raise _missing(epoch, "in memory")
        return _copied(self._kept[epoch])  # it may be needed again, and optimisers write into what they get

    def keep(self, epochs: set[int]) -> None:
        """Forget all others."""
        self._kept = {epoch: content for epoch, content in self._kept.items() if epoch in epochs}

    def state_dict(self) -> dict[int, Any]:
        return self._kept

    def load_state_dict(self, content: dict[int, Any]) -> None:
        self._kept = content


class InFolder:
    """Snapshots as files ``epoch-0010.ckpt``, of tensors and plain values."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, epoch: int, content: Any) -> None:
        buffer = io.BytesIO()
        torch.save(content, buffer)
        write_bytes(self._path(epoch), buffer.getvalue())

    def get(self, epoch: int) -> Any:
        if not self._path(epoch).is_file():
            raise _missing(epoch, f"as {self._path(epoch)}")
        return torch.load(self._path(epoch), map_location="cpu", weights_only=True)

    def keep(self, epochs: set[int]) -> None:
        """Remove all others."""
        kept = {self._path(epoch) for epoch in epochs}
        for path in self.folder.glob("epoch-*.ckpt"):
            if path not in kept:
                path.unlink(missing_ok=True)

    def state_dict(self) -> dict[int, Any]:
        return {}

    def load_state_dict(self, content: dict[int, Any]) -> None:
        for epoch, snapshot in content.items():  # of a search that had no folder
            self.put(epoch, snapshot)

    def _path(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch:04d}.ckpt"


def _missing(epoch: int, where: str) -> RunError:
    return RunError(
        f"the search must go back to the end of epoch {epoch}, whose state is not there {where}; "
        "restore it, or begin the search anew."
    )


def _taken(search: SearchModule) -> dict[str, Any]:
    """All that a search goes on from, apart from random generators and counts, on the CPU."""
    trainer = search.trainer
    return _copied(
        {
            "module": dict(search.state_dict()),
            "optimizers": [optimizer.state_dict() for optimizer in trainer.optimizers],
            "schedulers": [config.scheduler.state_dict() for config in trainer.lr_scheduler_configs],
            "memory": search.ending.state_dict()["memory"],
        }
    )


def _put_back(search: SearchModule, content: dict[str, Any]) -> None:
    """Into the tensors where they lie; optimisers get tensors of their own."""
    trainer = search.trainer
    search.load_state_dict(content["module"])
    for optimizer, state in zip(trainer.optimizers, content["optimizers"], strict=True):
        optimizer.load_state_dict(state)
    for config, state in zip(trainer.lr_scheduler_configs, content["schedulers"], strict=True):
        config.scheduler.load_state_dict(state)
    assert search.ending.rule is not None
    search.ending.rule.memory = content["memory"]


def _continue_after(search: SearchModule, epoch: int) -> None:
    """Lightning's count of epochs, and loaders, as they are when this epoch has just ended."""
    trainer = search.trainer
    current = trainer.fit_loop.epoch_progress.current
    current.ready = current.started = current.processed = epoch + 1
    current.completed = epoch
    for loader in pytree.tree_leaves(trainer.train_dataloader):
        # A loader that is told of the epoch it is in stays where it is in it.
        set_epoch = getattr(getattr(loader, "sampler", None), "set_epoch", None)
        if callable(set_epoch):
            set_epoch(epoch)


def _copied(content: Any) -> Any:
    return pytree.tree_map_only(Tensor, lambda tensor: tensor.detach().to("cpu", copy=True), content)
