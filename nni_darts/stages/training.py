"""A discrete network, trained from scratch: what selection and retraining share."""

from __future__ import annotations

from torch import nn

from nni_darts.config.training import Training
from nni_darts.genotype import Architecture
from nni_darts.run.reporter import Reporter
from nni_darts.stages.context import Context
from nni_darts.stages.space import build_network
from nni_darts.training.retrain import train_network
from nni_darts.training.weights import read_weights


def train_architecture(
    context: Context, stage: Training, name: str, architecture: Architecture, reporter: Reporter
) -> tuple[nn.Module, dict[str, float]]:
    """Train ``architecture`` as the section ``stage`` says, in the stage called ``name``.

    Returns
    -------
    The network with the weights that were kept, and the numbers of the last epoch, ``params_millions``
    among them.
    """
    settings, task = context.settings, context.task
    network = context.placed(build_network(settings, dict(stage.network), architecture, task.info))
    context.run.write_architecture(architecture)
    train, valid = task.training_loaders(stage, context.device, context.seed, select=name == "select")
    metrics = train_network(
        network,
        train,
        valid,
        stage,
        context.run,
        reporter,
        seed=context.seed,
        device=context.device,
        precision=settings.trainer.precision,
        limit_batches=settings.trainer.limit_batches,
        metadata=context.metadata(name, architecture=architecture.to_json()),
        module=task.training_module(stage),
    )
    read_weights(network, context.run.path)
    return network, {**metrics, "params_millions": parameters_of(network) / 1e6}


def parameters_of(network: nn.Module) -> int:
    """Number of weights, without the auxiliary head, which is gone after training."""
    head = getattr(network, "aux", None)
    return sum(weight.numel() for weight in network.parameters()) - (
        sum(weight.numel() for weight in head.parameters()) if isinstance(head, nn.Module) else 0
    )
