"""A search goes back to the end of an earlier epoch, and goes on from there.

Rules say when, and which epochs may be needed (:class:`~nni_darts.parts.stopping.Stopping`). At the end of
those epochs a snapshot is taken: into a folder if there is one, a file each, written atomically and before
the checkpoint of its epoch; otherwise into memory and every checkpoint. Going back happens between an
epoch's report and its checkpoint, so that a checkpoint is of before or of after, and a run that was killed
anywhere does the same again.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch.utils import _pytree as pytree

from nni_darts.course.ending import Ending
from nni_darts.course.snapshots import InFolder, InMemory, copied
from nni_darts.parts.stopping import Return
from nni_darts.run.epoch_table import ATTEMPT

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


def _taken(search: SearchModule) -> dict[str, Any]:
    """All that a search goes on from, apart from random generators and counts, on the CPU."""
    trainer = search.trainer
    return copied(
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
