"""What the fused cell does not know it leaves to the generic one, and says so."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import nn

from nni_darts.errors import ConfigError
from nni_darts.parts.forward import weighted_sum
from nni_darts.recipe import build_recipe
from nni_darts.strategy import DifferentiableStrategy
from nni_darts.supernet.fused.nodes import FusedNodes
from search_spaces import DartsSpace
from search_spaces.operations import Identity, SepConv
from tests.supernet.fused.pairs import (
    PLACES,
    CellSpace,
    assert_equal,
    inputs,
    pair,
    results,
    search_module,
)

pytestmark = pytest.mark.usefixtures("computed_by")


class Doubled(nn.Module):
    """A user's operation."""

    def forward(self, x):
        return 2 * x


class LouderConv(SepConv):
    """Inherits the declaration of its form, but computes something else."""

    def forward(self, x):
        return 3 * super().forward(x)


def left(search):
    return search.model.cell.node_states.left


def _replace(edge, name, operation):
    def change(cell):
        cell.edges[edge]._modules[name] = operation

    return change


@pytest.mark.parametrize("operation", [Doubled, lambda: LouderConv(3, 3, 1, False)])
def test_an_unknown_operation_drops_its_edge_alone(operation):
    def change(cell):
        torch.manual_seed(3)
        cell.edges["2_3"]._modules["skip_connect"] = operation()

    generic, fused = pair("normal", nodes=3, change=change)
    (reason,) = left(fused).values()
    assert list(left(fused)) == [(2, 3)]
    assert '"skip_connect"' in reason and "declares no form" in reason
    images = inputs("normal")
    assert_equal(results(generic, images), results(fused, images))


def test_an_operation_of_the_users_own_may_declare_a_form():
    class Same(Identity):
        def forward(self, x):
            return x.clone()

        def form(self):
            return super().form()

    generic, fused = pair("normal", nodes=2, change=_replace("0_2", "skip_connect", Same()))
    assert left(fused) == {}
    images = inputs("normal")
    assert_equal(results(generic, images), results(fused, images))


def _reflecting(cell):
    cell.edges["0_2"]["dil_conv_3x3"].dw.padding_mode = "reflect"


def _instance_norm(cell):
    cell.edges["0_2"]["dil_conv_3x3"].bn = nn.InstanceNorm2d(3)


def _hooked(cell):
    cell.edges["0_2"]["dil_conv_3x3"].register_forward_hook(lambda module, args, out: 2 * out)


def _parametrised(cell):
    nn.utils.parametrizations.weight_norm(cell.edges["0_2"]["dil_conv_3x3"].pw)


def _cumulative(cell):
    cell.edges["0_2"]["dil_conv_3x3"].bn.momentum = None


def _affine_pool(cell):
    cell.edges["0_2"]["max_pool_3x3"].bn = nn.BatchNorm2d(3)


@pytest.mark.parametrize(
    "change", [_reflecting, _instance_norm, _hooked, _parametrised, _cumulative, _affine_pool]
)
def test_a_changed_operation_drops_its_edge(change):
    generic, fused = pair("normal", nodes=2, change=change)
    assert list(left(fused)) == [(0, 2)]
    images = inputs("normal")
    assert_equal(results(generic, images), results(fused, images))


def test_an_edge_of_none_alone():
    generic, fused = pair("reduction", nodes=2, primitives=("none",))
    images = inputs("reduction")
    assert_equal(results(generic, images), results(fused, images))


def test_norms_that_do_not_train_beside_norms_that_do():
    generic, fused = pair("normal", nodes=2)
    for search in (generic, fused):
        search.model.cell.edges["0_2"]["sep_conv_3x3"].bn1.eval()
    images = inputs("normal")
    assert_equal(results(generic, images), results(fused, images))


def test_different_eps_and_momentum():
    def change(cell):
        cell.edges["0_2"]["sep_conv_3x3"].bn1.eps = 0.1
        cell.edges["1_2"]["sep_conv_3x3"].bn2.momentum = 0.3
        cell.edges["0_3"]["max_pool_3x3"].bn.momentum = 0.5
        cell.edges["1_3"]["avg_pool_3x3"].bn.eps = 1.0

    generic, fused = pair("normal", nodes=2, change=change)
    assert left(fused) == {}
    images = inputs("normal")
    assert_equal(results(generic, images), results(fused, images))


def test_shared_modules_leave_the_cell_generic(caplog):
    def change(cell):
        cell.edges["1_2"]["sep_conv_3x3"].bn1 = cell.edges["0_2"]["sep_conv_3x3"].bn1

    with caplog.at_level(logging.WARNING):
        generic, fused = pair("normal", nodes=2, change=change)
    assert "cell: edges share modules" in caplog.text
    images = inputs("normal")
    assert_equal(results(generic, images), results(fused, images))


def test_a_size_that_cannot_be_halved_is_refused_with_the_same_sentence():
    for search in pair("reduction", nodes=2):
        with pytest.raises(ConfigError, match="needs an even height and width"):
            search.model(*inputs("reduction", side=5))


def test_odd_sizes_without_a_factorised_reduction():
    generic, fused = pair("reduction", nodes=2, primitives=("sep_conv_3x3", "max_pool_3x3", "none"))
    images = inputs("reduction", side=5)
    assert_equal(results(generic, images), results(fused, images))


def test_a_method_with_a_forward_of_its_own_is_generic(caplog):
    def only_best(candidates, weights):
        return weighted_sum(candidates, weights)

    strategy = DifferentiableStrategy(build_recipe("darts").but(forward=only_best), supernet="fused")
    with caplog.at_level(logging.WARNING):
        model = strategy.mutate_model(CellSpace(PLACES["normal"]))
    assert "forward part is only_best, which has no fused form" in caplog.text
    assert "node_states" not in vars(model.cell)


def test_generic_means_generic():
    generic, fused = pair("normal")
    assert "node_states" not in vars(generic.model.cell)
    assert "node_states" in vars(fused.model.cell)


def test_a_space_that_is_wholly_fused_has_nothing_to_say(caplog):
    with caplog.at_level(logging.INFO):
        DifferentiableStrategy(build_recipe("darts"), supernet="fused").mutate_model(
            DartsSpace(init_channels=2, layers=3, nodes=2)
        )
    assert "Not fused" not in caplog.text


def test_an_unknown_kind_of_supernet():
    with pytest.raises(ConfigError, match='search.supernet: got "fast"; write auto, fused, generic'):
        DifferentiableStrategy(build_recipe("darts"), supernet="fast")


@pytest.mark.parametrize("kind", ["auto", "fused"])
def test_a_cpu_without_kernels_is_fused_only_on_demand(kind, computed_by, monkeypatch, caplog):
    runs = []
    run = FusedNodes._run
    monkeypatch.setattr(FusedNodes, "_run", lambda self, *given: runs.append(1) or run(self, *given))
    search = search_module(CellSpace(PLACES["normal"], nodes=1), kind)
    with caplog.at_level(logging.INFO):
        search.model(*inputs("normal"))
    assert bool(runs) == (kind == "fused" or computed_by == "kernels")
    assert ("there are no kernels for this CPU" in caplog.text) != bool(runs)


def test_alphas_of_another_precision():
    generic, fused = pair("normal", nodes=2)
    for search in (generic, fused):
        search.relaxation.float()
    images = inputs("normal")
    assert_equal(results(generic, images), results(fused, images))
