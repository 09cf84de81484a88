"""What a training from scratch would compute."""

from __future__ import annotations

import torch

from nni_darts.config.settings import Settings
from nni_darts.explain.explanation import Explanation
from nni_darts.explain.subject import subject_of
from nni_darts.explain.surroundings import add_device, likely_device
from nni_darts.genotype import Architecture
from nni_darts.stages.space import build_network
from nni_darts.stages.training import parameters_of
from search_spaces import DiscreteNetwork


def explain_training(settings: Settings, architecture: Architecture) -> Explanation:
    """Of the section ``retrain``.

    Raises
    ------
    ConfigError
        The architecture does not fit the space or the images.
    """
    explanation, stage = Explanation(), settings.retrain
    subject = subject_of(settings)
    subject.describe(explanation)
    add_device(explanation, settings, likely_device(settings))
    with torch.device("meta"):  # its weights are not needed
        network = build_network(settings, dict(stage.network), architecture, subject.info)
    kept = parameters_of(network)
    trained = sum(weight.numel() for weight in network.parameters())
    line = f"{kept:,} weights"
    if trained > kept:
        line += f", and {trained - kept:,} of the auxiliary head, which is there in training only"
    explanation.add("parameters", {"weights": kept, "auxiliary": trained - kept}, line)
    ours = isinstance(network, DiscreteNetwork)
    lines = [
        f"{len(network.cells)} cells" if isinstance(network, DiscreteNetwork) else type(network).__name__
    ]
    lines.append(
        "one ReLU for all that read a state, all masks of drop path in one call"
        if ours
        else "computed by its own forward"
    )
    if ours and stage.drop_path_prob:
        lines.append(f"drop path grows to {stage.drop_path_prob:g} over the epochs")
    explanation.add("network", {"class": type(network).__name__, "shared": ours}, *lines)
    subject.length_of_training(explanation, stage)
    return explanation
