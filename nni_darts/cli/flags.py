"""Flags that set a setting: their names, and the path of the setting each stands for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from nni_darts.config import Settings
from nni_darts.config.points import leaves

# The defaults shown are those for CIFAR; smaller images have a smaller cutout and no auxiliary head.
DEFAULTS = dict(leaves(Settings.from_dict({"data": {"name": "cifar10"}}).to_dict())) | {"data.name": "digits"}


@dataclass(frozen=True)
class Flag:
    """One setting's flag; the first name is its own, the others are what people type from habit."""

    path: str
    names: tuple[str, ...]
    help: str
    metavar: str = "X"
    is_switch: bool = False

    @property
    def parameter(self) -> str:
        """Name of click's parameter; no dots."""
        return "setting__" + self.path.replace(".", "__")

    def option(self) -> Callable[[Any], Any]:
        """The option; values stay text, which the settings check all at once."""
        shown = f"{self.help}{self._default()}"
        if self.is_switch:
            names = f"{self.names[0]}/--no-{self.names[0].removeprefix('--')}"
            return click.option(names, self.parameter, default=None, help=shown)
        return click.option(*self.names, self.parameter, metavar=self.metavar, help=shown)

    def _default(self) -> str:
        value = DEFAULTS.get(self.path)
        if value is None:
            return ""
        return f"  [default: {str(value).lower() if isinstance(value, bool) else value}]"


DATA = (
    Flag("data.name", ("--dataset",), "Data set: nni-darts list datasets.", "NAME"),
    Flag("data.root", ("--data-dir",), "Folder of the images.", "DIR"),
    Flag("data.download", ("--download",), "Fetch CIFAR where it is missing.", is_switch=True),
)
TRAINER = (
    Flag("trainer.device", ("--device",), "auto, cpu, cuda or cuda:N."),
    Flag("trainer.precision", ("--precision",), "32 or bf16-mixed."),
    Flag("trainer.threads", ("--threads",), "Threads of the CPU.", "N"),
    Flag("trainer.limit_batches", ("--limit-batches",), "Batches an epoch, for a quick look.", "N"),
)
SEARCH = (
    Flag(
        "method.name",
        ("--method",),
        "Method: nni-darts list methods. Some have defaults of their own: --dry-run.",
        "NAME",
    ),
    Flag(
        "method.order", ("--order",), "Architecture step: 1 or 2 (unrolled).  [default: that of the method]"
    ),
    Flag("space.name", ("--space",), "Space: nni-darts list spaces.", "NAME"),
    *DATA,
    Flag("data.train_portion", ("--train-portion",), "Share of the images that trains weights."),
    Flag("search.epochs", ("--epochs",), "Epochs.", "N"),
    Flag("search.batch_size", ("--batch-size",), "Images a step, of each half.", "N"),
    Flag("search.lr", ("--lr", "--learning-rate"), "Learning rate of the weights."),
    Flag("search.lr_min", ("--lr-min", "--learning-rate-min"), "Where its cosine schedule ends."),
    Flag("search.momentum", ("--momentum",), "Momentum of the weights."),
    Flag("search.nesterov", ("--nesterov",), "Whether it is Nesterov's.", is_switch=True),
    Flag("search.weight_decay", ("--weight-decay",), "Decay of the weights."),
    Flag("search.grad_clip", ("--grad-clip",), "Largest norm of the weights' gradient."),
    Flag("search.arch_lr", ("--arch-lr", "--arch-learning-rate"), "Learning rate of the architecture."),
    Flag("search.arch_weight_decay", ("--arch-weight-decay",), "Decay of the architecture parameters."),
    Flag("search.warmup_epochs", ("--warmup-epochs",), "First epochs that train weights only.", "N"),
    Flag("search.supernet", ("--supernet",), "How mixtures are computed: generic or fused."),
    Flag("space.args.init_channels", ("--init-channels",), "Channels of the first cell.", "N"),
    Flag("space.args.layers", ("--layers",), "Cells of the network.", "N"),
    Flag("space.args.nodes", ("--nodes",), "Nodes of a cell.", "N"),
    *TRAINER,
)
RETRAIN = (
    Flag("genotype", ("--genotype", "--arch"), "Name, file, run folder or text of the architecture."),
    *DATA,
    Flag("retrain.epochs", ("--epochs",), "Epochs.", "N"),
    Flag("retrain.batch_size", ("--batch-size",), "Images a step.", "N"),
    Flag("retrain.lr", ("--lr", "--learning-rate"), "Learning rate."),
    Flag("retrain.lr_min", ("--lr-min", "--learning-rate-min"), "Where its cosine schedule ends."),
    Flag("retrain.momentum", ("--momentum",), "Momentum."),
    Flag("retrain.nesterov", ("--nesterov",), "Whether it is Nesterov's.", is_switch=True),
    Flag("retrain.weight_decay", ("--weight-decay",), "Weight decay."),
    Flag("retrain.grad_clip", ("--grad-clip",), "Largest norm of the gradient."),
    Flag("retrain.drop_path_prob", ("--drop-path-prob",), "Drop path at the last epoch."),
    Flag("retrain.cutout_length", ("--cutout-length",), "Side of the erased square in pixels.", "N"),
    Flag("retrain.label_smoothing", ("--label-smoothing",), "Label smoothing."),
    Flag("retrain.network.auxiliary", ("--auxiliary",), "Auxiliary head in training.", is_switch=True),
    Flag("retrain.auxiliary_weight", ("--auxiliary-weight",), "Weight of its loss."),
    Flag("retrain.network.init_channels", ("--init-channels",), "Channels of the first cell.", "N"),
    Flag("retrain.network.layers", ("--layers",), "Cells of the network.", "N"),
    *TRAINER,
)


def settings_flags(flags: tuple[Flag, ...]) -> Callable[[Any], Any]:
    """All flags of a verb, ``--config`` and ``--set`` with them."""

    def decorate(function: Any) -> Any:
        options = [
            click.option("--config", "config", metavar="FILE", help="Experiment file or bare settings."),
            *(flag.option() for flag in flags),
            click.option(
                "--set",
                "assignments",
                metavar="PATH=VALUE",
                multiple=True,
                help="Any setting by its path, such as search.arch_betas=[0.5,0.9]; may be repeated.",
            ),
            click.option(
                "--report-freq", "report_freq", hidden=True, help="Understood; reports are per epoch."
            ),
        ]
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def given_flags(flags: tuple[Flag, ...], arguments: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    """Take the flags out of click's ``arguments``: path -> (value, name of the flag) of those given."""
    given = {}
    for flag in flags:
        value = arguments.pop(flag.parameter)
        if value is not None:
            given[flag.path] = (value, flag.names[0])
    return given
