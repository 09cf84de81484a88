"""Card pc-darts, "How a test proves it", items 1 to 6; published cells are counted in tests/check."""

from __future__ import annotations

import pytest
import pytorch_lightning as pl
import torch
from nni.nas.nn.pytorch import LayerChoice
from torch import nn
from torch.nn import functional

from nni_darts.check.supernet import supernet
from nni_darts.errors import ConfigError
from nni_darts.methods.pc_darts import PartialLayer, pc_darts
from nni_darts.parts.edge_weights import EdgeNormalised
from nni_darts.parts.schedule import WarmUp
from nni_darts.strategy import DifferentiableStrategy
from search_spaces import DartsSpace, NasBench201Space
from search_spaces.operations import Identity, Zero
from tests.methods.tiny import searched, tiny_space
from tests.supernet.spaces import One


class Double(nn.Module):
    def forward(self, x):
        return 2 * x


def generic(**options) -> DifferentiableStrategy:
    return DifferentiableStrategy(pc_darts(**options), supernet="generic")


@pytest.mark.parametrize(
    ("channels", "k", "order"),
    [
        (8, 4, [0, 2, 4, 6, 1, 3, 5, 7]),
        (16, 4, [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15]),
        (8, 2, [0, 4, 1, 5, 2, 6, 3, 7]),
    ],
)
def test_item_1_the_shuffle(channels, k, order):
    space = One(lambda: LayerChoice({"skip": Identity()}, label="e"))
    search = supernet(space, strategy=generic(k=k, edge_weights=False))
    x = torch.arange(channels, dtype=torch.float64).reshape(1, channels, 1, 1)
    assert search.model(x).flatten().tolist() == order


def test_item_2_three_operations_in_closed_form():
    space = One(lambda: LayerChoice({"none": Zero(1), "one": Identity(), "two": Double()}, label="e"))
    search = supernet(space, strategy=generic(k=4, edge_weights=False))
    alpha = search.relaxation.alpha("e")
    with torch.no_grad():
        alpha.copy_(torch.tensor([0.1, -0.2, 0.3], dtype=torch.float64))
    out = search.model(torch.arange(1.0, 9.0, dtype=torch.float64).reshape(1, 8, 1, 1))
    want = [1.07474215, 3, 5, 7, 2.14948430, 4, 6, 8]
    assert out.flatten().tolist() == pytest.approx(want, abs=1e-8)
    assert out.sum().item() == pytest.approx(36.2242264433, abs=1e-9)
    out.sum().backward()
    assert alpha.grad.tolist() == pytest.approx([-1.0884489936, -0.0560765169, 1.1445255105], abs=1e-9)


def test_at_stride_2_the_others_go_through_a_max_pool():
    space = One(lambda: LayerChoice({"none": Zero(2)}, label="e"))
    search = supernet(space, strategy=generic(k=2, edge_weights=False))
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64)
    out = search.model(x)
    assert torch.equal(out[:, 1::2], functional.max_pool2d(x[:, 2:], 2))
    assert out[:, ::2].abs().max() == 0


@pytest.mark.parametrize(("k", "weights"), [(1, 1_930_618), (2, 671_482), (4, 299_578)])
def test_item_3_weights_of_the_official_supernet(k, weights):
    model = generic(k=k).mutate_model(DartsSpace())
    assert sum(parameter.numel() for parameter in model.parameters()) == weights


def test_item_3_every_operation_still_runs():
    search = supernet(DartsSpace(init_channels=4, layers=3, nodes=2), strategy=generic(k=2))
    calls = []
    for layer in search.model.modules():
        if isinstance(layer, PartialLayer):
            for name in layer.names:
                layer[name].register_forward_hook(lambda *_: calls.append(None))
    search.model(torch.randn(2, 3, 8, 8, dtype=torch.float64))
    assert len(calls) == 3 * 5 * 8


def test_item_4_a_whole_channel_edge_without_weight_is_that_of_darts():
    spaces = [DartsSpace(2, layers=2, nodes=2, num_classes=3) for _ in range(2)]
    darts = supernet(spaces[0])
    partial = supernet(spaces[1], strategy=generic(k=1))
    partial.model.load_state_dict(darts.model.state_dict())
    partial.relaxation.load_state_dict(darts.relaxation.state_dict(), strict=False)
    x = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    for layer in partial.model.modules():
        if isinstance(layer, PartialLayer):
            layer.place = None
    assert torch.equal(partial.model(x), darts.model(x))


def test_item_4_uniform_betas_are_the_mean_of_the_edges():
    space = tiny_space(nodes=4, layers=3)
    search = supernet(space, strategy=generic(k=1))
    with torch.no_grad():
        for beta in search.relaxation.betas:
            beta.zero_()
    cell = search.model.cells[0]
    cell.eval()
    search.model.eval()
    states = [torch.randn(2, 2, 4, 4, dtype=torch.float64) for _ in range(2)]
    search.state.weights.refresh()
    nodes = cell.node_states(states)
    for layer in cell.edges.values():
        layer.place = None
    for number, node in enumerate(nodes):
        inputs = [*states, *nodes[:number]]
        total = sum(cell.edges[f"{j}_{number + 2}"](state) for j, state in enumerate(inputs))
        assert torch.allclose(node, total / (number + 2), rtol=1e-12)


def test_item_5_edges_are_ranked_by_the_product():
    """Alpha alone keeps edges 0 and 1."""
    search = supernet(tiny_space(("skip_connect", "max_pool_3x3"), nodes=2), strategy=generic(k=1))
    relaxation = search.relaxation
    assert isinstance(relaxation, EdgeNormalised)
    with torch.no_grad():
        for source, strongest in enumerate((0.5761, 0.4519, 0.3792)):
            # Of two operations one weighs at least a half: betas are set to make up for that.
            relaxation.alpha(f"reduce/edge_{source}_3").copy_(torch.tensor([4.0, 0.0]).double())
            weight = torch.softmax(torch.tensor([4.0, 0.0]).double(), 0)[0]
            beta = torch.tensor([-1.0, 0.5, 1.0]).double()[source]
            relaxation.beta("reduce/edge_0_3")[source] = beta + torch.log(strongest / weight)
    assert set(search.export()["reduce/input_3"]) == {1, 2}
    with torch.no_grad():
        relaxation.beta("reduce/edge_0_3").copy_(torch.tensor([0.5761, 0.4519, 0.3792]).log())
    assert set(search.export()["reduce/input_3"]) == {0, 1}


def test_item_5_scores_in_numbers():
    search = supernet(tiny_space(nodes=2), strategy=generic(k=1))
    relaxation = search.relaxation
    maxima, betas = (0.5761, 0.4519, 0.3792), (-1.0, 0.5, 1.0)
    with torch.no_grad():
        for source, largest in enumerate(maxima):
            rest = torch.full((8,), (1 - largest) / 7, dtype=torch.float64)
            rest[4] = largest
            relaxation.alpha(f"reduce/edge_{source}_3").copy_(rest.log())
        relaxation.beta("reduce/edge_1_3").copy_(torch.tensor(betas))
    scores = relaxation.probabilities()
    assert set(scores) == set(relaxation.labels)
    found = [scores[f"reduce/edge_{source}_3"].max().item() for source in range(3)]
    assert found == pytest.approx([0.0448, 0.1574, 0.2177], abs=5e-5)
    assert search.export()["reduce/input_3"] == [2, 1]


class AtEpochs(pl.Callback):
    """Architecture parameters, and how many of them Adam knows, at the end of every epoch."""

    def __init__(self) -> None:
        self.first: list[torch.Tensor] = []
        self.same: list[bool] = []
        self.known: list[int] = []

    def on_train_start(self, trainer, pl_module):
        self.first = [parameter.detach().clone() for parameter in pl_module.relaxation.parameters()]

    def on_train_epoch_end(self, trainer, pl_module):
        now = list(pl_module.relaxation.parameters())
        self.same.append(all(map(torch.equal, self.first, now)))
        self.known.append(len(trainer.optimizers[1].state))


@pytest.mark.parametrize(("warmup", "epochs", "resting"), [(2, 4, 2), (None, 7, 2), (0, 2, 0)])
def test_item_6_alphas_and_betas_rest_at_first(warmup, epochs, resting):
    at = AtEpochs()
    searched(pc_darts(k=2, warmup_epochs=warmup), tiny_space(init_channels=4), epochs, callbacks=[at])
    assert at.same == [True] * resting + [False] * (epochs - resting)
    assert at.known == [0] * resting + [3] * (epochs - resting)  # two alphas and the node's betas


@pytest.mark.parametrize("order", [1, 2])
def test_betas_learn_with_alphas_in_both_orders(order):
    strategy = searched(pc_darts(k=2, warmup_epochs=0, order=order), tiny_space(init_channels=4))
    relaxation = strategy.oneshot_module.relaxation
    assert all(parameter.abs().max() > 0.03 for parameter in relaxation.parameters())
    (_, outer) = strategy.oneshot_module.trainer.optimizers
    assert [p for group in outer.param_groups for p in group["params"]] == list(relaxation.parameters())


def test_cells_of_a_type_share_their_betas():
    search = supernet(DartsSpace(4, layers=5, nodes=3), strategy=generic(k=2))
    assert [len(beta) for beta in search.relaxation.betas] == [2, 3, 4, 2, 3, 4]
    weights = search.relaxation()
    sums = [
        weights[label].sum().item() for label in {label for label, _ in search.relaxation.places.values()}
    ]
    assert sums == pytest.approx([1.0] * 6)


def test_the_search_may_rest_longer_than_the_method():
    recipe = pc_darts(k=2, warmup_epochs=1)
    at = AtEpochs()
    longer = recipe.but(schedules=(WarmUp(2), *recipe.schedules))
    searched(longer, tiny_space(init_channels=4), 3, callbacks=[at])
    assert at.same == [True, True, False]


def test_a_fused_supernet_leaves_partial_edges_with_a_reason():
    strategy = DifferentiableStrategy(pc_darts(k=2), supernet="fused")
    strategy.mutate_model(tiny_space(init_channels=4))
    assert len(strategy.unfused) == 2 and "PartialLayer" in strategy.unfused[0]


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        (tiny_space, '"skip_connect" on the edge .* it has 2 channels'),
        (lambda: DartsSpace(6, layers=3), "channels, which 4 does not divide"),
        (lambda: NasBench201Space(4, cells=1), "EdgeNormalised needs nodes"),
    ],
)
def test_spaces_that_are_refused(space, sentence):
    with pytest.raises(ConfigError, match=sentence):
        DifferentiableStrategy(pc_darts()).mutate_model(space())


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        (nn.Conv2d(4, 8, 1), "leads from 4 to 8 channels"),
        (nn.Sequential(nn.Conv2d(4, 4, 1), nn.PReLU()), "it has a PReLU"),
    ],
)
def test_operations_that_are_refused(module, sentence):
    space = One(lambda: LayerChoice({"op": module}, label="e"))
    with pytest.raises(ConfigError, match=sentence):
        generic(k=2, edge_weights=False).mutate_model(space)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"k": 0}, "method.k: got 0"), ({"warmup_epochs": -1}, "method.warmup_epochs: got -1")],
)
def test_options_that_are_refused(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        pc_darts(**options)
