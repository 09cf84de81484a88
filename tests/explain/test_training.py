"""What a dry run says of a training from scratch."""

from __future__ import annotations

from nni_darts.config import Settings
from nni_darts.explain import explain_training
from nni_darts.genotype import PUBLISHED, Architecture


def test_sizes_and_steps_of_the_papers_network() -> None:
    settings = Settings.from_dict(
        {
            "stages": ["retrain"],
            "genotype": "DARTS_V2",
            "data": {"name": "cifar10"},
            "trainer": {"device": "cpu"},
        }
    )
    explanation = explain_training(settings, Architecture.from_genotype(PUBLISHED["DARTS_V2"]))
    facts = explanation.facts
    assert facts["parameters"] == {"weights": 3_349_342, "auxiliary": 476_426}
    assert (facts["steps"]["an_epoch"], facts["steps"]["all"]) == (521, 312_600)
    assert facts["data"]["training_images"] == 50_000
    assert facts["network"] == {"class": "DiscreteNetwork", "shared": True}
    assert "  drop path grows to 0.2 over the epochs" in explanation.lines
