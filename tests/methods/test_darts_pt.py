"""Card darts-pt, "How a test proves it", items 5 and 6, and whole searches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from nni_darts.errors import ConfigError, Interrupted
from nni_darts.methods.darts import darts_first_order, darts_second_order
from nni_darts.parts.tail import Tail
from nni_darts.recipe import Recipe, build_recipe
from nni_darts.run.directory import Run
from nni_darts.state import SearchState
from nni_darts.strategy import DifferentiableStrategy
from nni_darts.training.callbacks import EpochCheckpoint
from nni_darts.training.classifier import Classifier
from search_spaces import S3, NasBench201Space
from tests.methods.tiny import is_equal, searched, state_of, tiny_space
from tests.parts.test_tail import Interrupt, StopOnSignal

OPERATIONS = ("skip_connect", "max_pool_3x3", "avg_pool_3x3")


def space(**macro: Any) -> Any:
    """A cell of two nodes: the second one has an edge too many."""
    return tiny_space(OPERATIONS, nodes=2, **macro)


class Until(Tail):
    """Keeps what a search is when its last epoch is over, and selects from then on."""

    def __init__(self) -> None:
        super().__init__()
        self.state: dict[str, Tensor] = {}

    def epochs(self, structure: Any) -> int:
        return 1

    def begin(self, state: SearchState, epoch: int) -> None:
        self.state = {name: value.clone() for name, value in state.objective.state_dict().items()}
        self.state |= {label: state.relaxation.alpha(label).clone() for label in state.relaxation.labels}


@pytest.mark.parametrize("order", [1, 2])
def test_the_search_before_the_selection_is_its_parent_to_the_bit(order: int):
    recipe = build_recipe("darts-pt", order=order)
    parent = darts_first_order() if order == 1 else darts_second_order()
    ends = []
    for candidate in (recipe, parent):
        tail = Until()
        module = searched(candidate.but(tail=tail), space()).oneshot_module
        ends.append(module.epochs.tail.state)
    assert is_equal(*ends)


def test_at_the_end_every_edge_is_one_hot_or_zero():
    """Item 5, after a real selection; the derived genotype is in the order of the edges."""
    module = searched(
        build_recipe("darts-pt", interval=1, criterion="loss"), space(), epochs=1
    ).oneshot_module
    assert module.trainer.current_epoch == 1 + 6  # 5 edges and a node, in both cells
    rows = {label: list(row.values()) for label, row in module.export_probs().items()}
    for node in module.state.structure.nodes:
        sums = [sum(rows[edge]) for edge in node.edges]
        assert sorted(sums) == [*[0] * (len(sums) - 2), 1, 1]
        assert all(set(rows[edge]) <= {0, 1} for edge in node.edges)
    sample = module.export()
    inputs = [value for label, value in sample.items() if "input" in label]
    assert inputs == [sorted(chosen) for chosen in inputs]
    assert space().freeze(sample)(torch.randn(2, 1, 8, 8)).shape == (2, 3)
    metrics = module.epoch_metrics()
    assert (metrics["decided_edges"], metrics["decided_nodes"]) == (5, 1)
    assert metrics["entropy"] == 0


def alphas(strategy: DifferentiableStrategy) -> dict[str, Tensor]:
    return {name: value for name, value in state_of(strategy).items() if name.startswith("relaxation")}


def test_blank_leaves_alpha_alone():
    """Item 6: bit-identical before and after search and tuning; the parent moves it in both."""
    begin = Until()
    untrained = searched(
        build_recipe("darts-pt", alpha="blank").but(tail=begin), space(), epochs=1
    ).oneshot_module
    blank = searched(build_recipe("darts-pt", interval=1, alpha="blank"), space(), epochs=2)
    start = untrained.epochs.tail.state
    relaxation = blank.oneshot_module.relaxation
    assert all(torch.equal(relaxation.alpha(label), start[label]) for label in relaxation.labels)
    assert 0 < float(max(relaxation.alpha(label).abs().max() for label in relaxation.labels)) < 0.01
    trained = searched(build_recipe("darts-pt", interval=1), space(), epochs=2)
    assert not is_equal(alphas(blank), alphas(trained))


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_selection_is_resumed_in_its_middle_to_the_bit(epoch: int, tmp_path: Path):
    """In the epoch of the first decision, and in one between two decisions."""
    recipe = build_recipe("darts-pt", interval=2)

    def search(*callbacks: Any, **fit: Any) -> DifferentiableStrategy:
        return searched(recipe, tiny_space(OPERATIONS), epochs=1, callbacks=callbacks, fit=fit)

    def stopped(resume: bool) -> DifferentiableStrategy:
        checkpoint = EpochCheckpoint(Run.create(tmp_path / "run", "search/0", resume=resume))
        stop = StopOnSignal(checkpoint) if resume else Interrupt(checkpoint, epoch)
        return search(checkpoint, stop, ckpt_path=checkpoint.resume_path())

    whole = search()
    with pytest.raises(Interrupted):
        stopped(resume=False)
    resumed = stopped(resume=True)
    assert is_equal(state_of(resumed), state_of(whole))
    memories = [strategy.oneshot_module.epochs.tail.memory for strategy in (whole, resumed)]
    assert memories[0] == memories[1]
    assert resumed.oneshot_module.export() == whole.oneshot_module.export()


def test_on_nasbench201_the_last_operation_is_decided_before_the_last_epoch():
    torch.manual_seed(0)
    built = NasBench201Space(4, cells=1, num_classes=3, in_channels=1)
    module = searched(build_recipe("darts-pt", interval=1), built, epochs=1).oneshot_module
    assert module.trainer.current_epoch == 1 + 6
    assert module.epoch_metrics()["decided_edges"] == 6
    one_hot = {label: max(row, key=row.get) for label, row in module.export_probs().items()}
    assert module.export() == one_hot
    assert all(sorted(row.values()) == [0, 0, 0, 0, 1] for row in module.export_probs().values())


def named(parent: str, space_of: Any, parts: dict[str, Any] | None = None, **options: Any) -> Any:
    """Another method with this derivation, which is named as in a file."""
    tail = {"tail": {"name": "perturbation", "interval": 1}}
    return searched(build_recipe(parent, {**tail, **(parts or {})}, **options), space_of).oneshot_module


def test_smoothed_darts_keeps_its_largest_epsilon_and_its_decisions():
    """Defaults of the card: SDARTS-RS+PT perturbs with the constant maximum of 0.3."""
    seen = []

    class Watched(Tail):
        def epochs(self, structure: Any) -> int:
            return 2

        def begin(self, state: SearchState, epoch: int) -> None:
            seen.append(float(recipe.weight_step.radius(state)))

    recipe = build_recipe("s-darts")
    searched(recipe.but(tail=Watched()), tiny_space(OPERATIONS))
    assert seen == pytest.approx([0.3, 0.3])
    module = named("s-darts", tiny_space(OPERATIONS))
    assert all(sorted(row.values()) == [0, 0, 1] for row in module.export_probs().values())
    mixed = []
    module.state.apply = lambda loss: mixed.extend(module.state.weights.current.values())
    module.recipe.weight_step(module.state)
    assert [sorted(row.tolist()) for row in mixed] == [[0, 0, 1]] * 2


def test_pc_darts_of_second_order_with_beta_decay_is_decided_by_perturbation():
    parts = {"architect": "unrolled", "outer_regularisers": ["beta-decay"]}
    module = named("pc-darts", space(init_channels=4), parts, k=2, warmup_epochs=0)
    rows = {label: sum(row.values()) for label, row in module.export_probs().items()}
    assert sorted(rows.values()) == [0, 1, 1, 1, 1]
    module.state.weights.refresh()
    for edge, (label, position) in module.relaxation.places.items():
        assert (float(module.state.weights[label][position]) > 0) is (rows[edge] == 1)


def test_what_draws_its_mixtures_is_refused():
    with pytest.raises(ConfigError, match=r"Perturbation \(tail\) needs a relaxation that draws"):
        named("snas", tiny_space(OPERATIONS))


def test_s3_derives_a_skip_where_none_won():
    """Pitfall of the card: none is a candidate there."""
    recipe = build_recipe("darts-pt", interval=1)
    recipe.tail.harm = only_none
    torch.manual_seed(0)
    built = S3(init_channels=2, layers=3, num_classes=3, in_channels=1)
    module = decided(recipe, built)
    sample = module.export()
    kept = {label for label, row in module.export_probs().items() if row["none"] == 1}
    assert kept
    assert {sample[label] for label in kept} == {"skip_connect"}


def only_none(state: SearchState) -> float:
    """Largest where a ``none`` is taken away."""
    state.weights.refresh()
    return float(any(row[0] == 0 and row.sum() > 0 for row in state.weights.current.values()))


def decided(recipe: Recipe, built: Any) -> Any:
    """The selection alone, without any training."""
    strategy = DifferentiableStrategy(recipe)
    model = strategy.mutate_model(built)
    module = strategy.configure_oneshot_module(Classifier(epochs=1))
    module.set_model(model)
    sgd = torch.optim.SGD(model.parameters(), 0.1)
    module.state.optimizer = lambda: sgd
    for epoch in range(module.epochs.added):
        module.epochs.tail.begin(module.state, epoch)
    return module


def test_wrong_options_are_sentences_all_at_once():
    with pytest.raises(ConfigError) as caught:
        build_recipe("darts-pt", interval=0, criterion="speed", alpha="white", lr_factor=-1)
    assert caught.value.problems == (
        'method.alpha: got "white"; write "train" or "blank".',
        "method.interval: got 0; it must be 1 or more.",
        'method.criterion: got "speed"; write "accuracy" or "loss".',
        "method.lr_factor: got -1; it must be greater than 0.",
    )
