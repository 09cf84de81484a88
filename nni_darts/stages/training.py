"""A discrete network, trained from scratch: what selection and retraining share."""

from __future__ import annotations

from torch import nn

from nni_darts.config.training import Training
from nni_darts.data import BatchLoader, Images, transforms
from nni_darts.genotype import Architecture
from nni_darts.run.reporter import Reporter
from nni_darts.stages.context import Context
from nni_darts.stages.space import build_network
from nni_darts.training.retrain import train_network


def train_architecture(
    context: Context,
    stage: Training,
    name: str,
    architecture: Architecture,
    train: Images,
    valid: Images | None,
    reporter: Reporter,
) -> tuple[nn.Module, dict[str, float]]:
    """Train ``architecture`` on ``train`` as the section ``stage`` says; measure on ``valid`` every epoch.

    Returns
    -------
    The trained network and the numbers of the last epoch, ``params_millions`` among them.
    """
    settings, info = context.settings, context.data.info
    network = context.placed(build_network(settings, dict(stage.network), architecture, info))
    augment, plain = transforms(settings.data, info, stage.cutout_length)
    context.run.write_architecture(architecture)
    metrics = train_network(
        network,
        BatchLoader(train, stage.batch_size, augment, shuffle=True, seed=context.seed),
        None if valid is None else BatchLoader(valid, stage.batch_size, plain, shuffle=False),
        stage,
        context.run,
        reporter,
        seed=context.seed,
        device=context.device,
        precision=settings.trainer.precision,
        limit_batches=settings.trainer.limit_batches,
        metadata=context.metadata(name, architecture=architecture.to_json()),
    )
    return network, {**metrics, "params_millions": parameters_of(network) / 1e6}


def parameters_of(network: nn.Module) -> int:
    """Number of weights, without the auxiliary head, which is gone after training."""
    head = getattr(network, "aux", None)
    return sum(weight.numel() for weight in network.parameters()) - (
        sum(weight.numel() for weight in head.parameters()) if isinstance(head, nn.Module) else 0
    )
