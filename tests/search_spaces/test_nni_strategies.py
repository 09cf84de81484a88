"""NNI's own multi-trial strategies on the space, unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nni
import pytest
import torch
from nni.nas.evaluator import FunctionalEvaluator
from nni.nas.experiment import NasExperiment
from nni.nas.experiment.config import NasExperimentConfig
from nni.nas.strategy import Random, RegularizedEvolution

from search_spaces import DartsSpace, DiscreteNetwork

TRIALS = 6


@pytest.mark.parametrize("model_format", ["raw", "simplified"])
@pytest.mark.parametrize(
    "strategy",
    [
        lambda: Random(seed=0),
        # Fewer individuals than trials, so that some are mutated from others.
        lambda: RegularizedEvolution(population_size=3, sample_size=2, mutation_prob=0.3, seed=0),
    ],
    ids=["Random", "RegularizedEvolution"],
)
def test_multi_trial_search(strategy: Any, model_format: str, tmp_path: Path) -> None:
    built: list[DiscreteNetwork] = []

    def evaluate(model: DiscreteNetwork) -> None:
        built.append(model)
        logits = model.eval()(torch.zeros(1, 3, 8, 8))
        nni.report_final_result(float(logits.detach().sum()))

    config = NasExperimentConfig(
        execution_engine="sequential", model_format=model_format, training_service="local"
    )
    config.max_trial_number = TRIALS
    config.experiment_working_directory = tmp_path
    space = DartsSpace(init_channels=2, layers=3, nodes=2)
    experiment = NasExperiment(space, FunctionalEvaluator(evaluate), strategy(), config)
    experiment.run()
    # NNI stops experiments at exit too, when the test run's output is closed already.
    experiment.stop()

    assert [type(model) for model in built] == [DiscreteNetwork] * TRIALS
    (best,) = experiment.export_top_models(formatter="dict")
    assert space.contains(best)
    assert space.freeze(best).genotype in [model.genotype for model in built]
