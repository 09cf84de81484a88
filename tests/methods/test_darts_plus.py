"""Card darts-plus, "How a test proves it"."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest
import torch

from nni_darts.course.ending import Ending
from nni_darts.errors import ConfigError
from nni_darts.genotype import PRIMITIVES, PUBLISHED, Genotype
from nni_darts.genotype.sample import edge_label
from nni_darts.methods.darts import darts_first_order
from nni_darts.methods.darts_plus import SkipLimit, StableRanking, skips_of_normal_cells
from nni_darts.parts.derivation import strongest
from nni_darts.parts.relaxation import Softmax
from nni_darts.recipe import build_recipe
from nni_darts.state import SearchState
from nni_darts.strategy import DifferentiableStrategy
from nni_darts.supernet.space import read_structure
from search_spaces import S1, S2, DartsSpace, NasBench201Space
from tests.methods.tiny import is_equal, searched, state_of, tiny_space
from tests.toy import state_of as toy_state

SKIP, SEP3, SEP5, POOL, NONE = "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "max_pool_3x3", "none"


def state() -> SearchState:
    structure, _ = read_structure(DartsSpace(init_channels=2, layers=3))
    module = torch.nn.Linear(1, 1)
    relaxation = Softmax(structure.sizes).double()
    with torch.no_grad():
        for alpha in relaxation.alphas:
            alpha.zero_()
    return toy_state(module, torch.optim.SGD(module.parameters(), 0.1), relaxation, structure)


def put(found: SearchState, label: str, **values: float) -> None:
    with torch.no_grad():
        for name, value in values.items():
            found.relaxation.alpha(label)[PRIMITIVES.index(name)] = value


def with_alphas_of(genotype: Genotype) -> SearchState:
    found = state()
    for cell in ("normal", "reduce"):
        for index, (name, source) in enumerate(genotype.edges(cell)):
            put(found, edge_label(cell, source, 2 + index // 2), **{name: 3.0})
    return found


def cell(skips: int, kept: int = 8) -> list[tuple[str, int]]:
    return [(SKIP if index < skips else SEP3, index % 2) for index in range(kept)]


def stopped(rule: Any, found: SearchState) -> bool:
    return copy.deepcopy(rule)(found, strongest(found)) is not None


@pytest.mark.parametrize(("skips", "stops"), [(0, False), (1, False), (2, True), (3, True)])
def test_two_skips_in_the_normal_cell_are_too_many(skips, stops):
    """Item 2."""
    found = with_alphas_of(Genotype.of(cell(skips), cell(8)))
    assert skips_of_normal_cells(found) == skips
    assert stopped(SkipLimit(min_epochs=0), found) == stops


@pytest.mark.parametrize(("name", "skips"), [("DARTS_V1", 3), ("DARTS_V2", 2)])
def test_the_published_cells_would_have_stopped(name, skips):
    """Item 2."""
    found = with_alphas_of(PUBLISHED[name])
    assert skips_of_normal_cells(found) == skips
    assert stopped(SkipLimit(min_epochs=0), found)


def test_a_skip_on_an_edge_that_is_not_kept_does_not_count():
    """Item 2; counting by arg max over all 14 edges stops here."""
    found = with_alphas_of(Genotype.of(cell(1), cell(8)))
    for label in ("normal/edge_2_3", "normal/edge_2_4", "normal/edge_3_4"):
        put(found, label, skip_connect=1.0)
    assert skips_of_normal_cells(found) == 1
    assert not stopped(SkipLimit(min_epochs=0), found)


def test_the_first_epochs_pass_unasked():
    found = with_alphas_of(Genotype.of(cell(8), cell(8)))
    rule = SkipLimit(min_epochs=3)
    answers = []
    for found.epoch in range(4):
        answers.append(rule(found, strongest(found)))
    assert answers[:3] == [None] * 3
    assert (answers[3].epoch, answers[3].sample) == (3, strongest(found))
    assert answers[3].reason == "the normal cell has 8 skip connections"


def first_stop(rule: StableRanking, changes: set[int], epochs: int, swap: tuple[str, str]) -> int | None:
    """After which epoch the rule stops where ``swap`` change places in the epochs ``changes``."""
    found, high = state(), 0.1
    label = "normal/edge_0_3"
    put(found, label, **{SEP3: 0.0, SEP5: 0.0, POOL: 0.0, SKIP: 0.0})
    for found.epoch in range(epochs):
        if found.epoch in changes:
            high = -high
        put(found, label, **{swap[0]: high + 0.01 * found.epoch, swap[1]: 0.01 * found.epoch})
        if rule(found, strongest(found)) is not None:
            return found.epoch
    return None


@pytest.mark.parametrize(
    ("changes", "epoch"), [(set(), 10), ({0, 1, 2, 5}, 15), ({0, 1, 2, 5, 15}, 25), ({9, 18, 27}, None)]
)
def test_ten_transitions_without_a_change(changes, epoch):
    """Item 3: values move all the time, their order only in the epochs named."""
    assert first_stop(StableRanking(10), changes, 31, (SEP3, SEP5)) == epoch


@pytest.mark.parametrize("swap", [(POOL, SKIP), (NONE, SKIP), ("avg_pool_3x3", NONE)])
def test_operations_without_weights_never_reset_the_count(swap):
    """Item 4."""
    assert first_stop(StableRanking(10), {3, 5, 8, 9, 10}, 31, swap) == 10


def test_a_checkpoint_keeps_the_count():
    found, rule = state(), StableRanking(2)
    first, second = Ending(rule), Ending(rule)
    first.ask(found, strongest)
    first.ask(found, strongest)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    second.ask(found, strongest)
    assert second.stop is not None
    assert first.stop is None


def test_none_above_everything_never_resets_the_count():
    """Item 4."""
    rule, found = StableRanking(2), state()
    answers = []
    for found.epoch in range(3):
        put(found, "normal/edge_0_2", none=float(found.epoch))
        answers.append(rule(found, strongest(found)) is not None)
    assert answers == [False, False, True]


def test_reduction_cells_count_only_if_they_are_asked_for():
    for everywhere, expected in ((False, True), (True, False)):
        rule, found = StableRanking(1, everywhere=everywhere), state()
        rule(found, strongest(found))
        put(found, "reduce/edge_0_2", sep_conv_5x5=1.0)
        assert stopped(rule, found) == expected


def test_the_best_operation_may_be_all_that_is_compared():
    for only_best, expected in ((True, True), (False, False)):
        rule, found = StableRanking(1, only_best=only_best), state()
        put(found, "normal/edge_0_2", sep_conv_3x3=3.0, sep_conv_5x5=1.0)
        rule(found, strongest(found))
        put(found, "normal/edge_0_2", dil_conv_3x3=2.0)
        assert stopped(rule, found) == expected


@pytest.mark.parametrize("options", [{"criterion": "skips"}, {"criterion": "ranking"}])
def test_a_rule_that_never_fires_leaves_the_search_as_it_is(options):
    """Items 1 and 5: to the bit, because it reads alphas and nothing else."""
    plus = build_recipe("darts-plus", order=1, patience=50, min_epochs=50, **options)
    space = {"layers": 3, "nodes": 2}
    plain = searched(darts_first_order(), tiny_space(**space), epochs=2)
    watched = searched(plus, tiny_space(**space), epochs=2)
    assert is_equal(state_of(plain), state_of(watched))


def test_the_architecture_is_that_of_the_epoch_of_the_stop():
    """Item 6: the search ends there; a run of that many epochs derives the same."""
    plus = build_recipe("darts-plus", order=1, patience=1)
    space = {"layers": 3, "nodes": 2}
    stopped_early = searched(plus, tiny_space(**space), epochs=6, arch_lr=1e-9)
    module = stopped_early.oneshot_module
    assert (module.trainer.current_epoch, module.ending.stop.epoch) == (2, 1)
    assert module.export() == strongest(module.state)
    # The learning rate still followed the schedule for six epochs.
    assert module.trainer.optimizers[0].param_groups[0]["lr"] > 0.1


@pytest.mark.parametrize("criterion", ["ranking", "skips"])
def test_where_the_criteria_are_defined(criterion):
    recipe = build_recipe("darts-plus", criterion=criterion)
    DifferentiableStrategy(recipe).mutate_model(S1(init_channels=2, layers=3))
    with pytest.raises(ConfigError, match="in normal cells|type .normal."):
        DifferentiableStrategy(recipe).mutate_model(NasBench201Space(init_channels=2, cells=1))


def test_a_space_without_an_order_of_operations_is_refused():
    with pytest.raises(ConfigError, match="a choice between two operations with weights"):
        DifferentiableStrategy(build_recipe("darts-plus")).mutate_model(S2(init_channels=2, layers=3))
    everywhere = DifferentiableStrategy(build_recipe("darts-plus", scope="all"))
    everywhere.mutate_model(NasBench201Space(init_channels=2, cells=1))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"criterion": "both"}, 'method.criterion: got "both"; write "ranking" or "skips"'),
        ({"compare": "x"}, 'method.compare: got "x"; write "order" or "best"'),
        ({"scope": "x"}, 'method.scope: got "x"; write "normal" or "all"'),
        ({"patience": 0}, "method.patience: got 0; it must be 1 or more"),
        ({"skip_limit": 0}, "method.skip_limit: got 0"),
        ({"min_epochs": -1}, "method.min_epochs: got -1; it must be 0 or more"),
    ],
)
def test_wrong_options_are_one_sentence(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        build_recipe("darts-plus", **options)
