"""Card r-darts, "How a test proves it", item 4, and the search's drop path."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nni_darts.capture import step
from nni_darts.config import Settings
from nni_darts.errors import ConfigError
from nni_darts.methods.darts import darts_first_order, darts_second_order
from nni_darts.methods.r_darts_dp import PROB, DropPathRamp, drop_path, dropped
from nni_darts.recipe import build_recipe
from nni_darts.run import Run
from nni_darts.stages.context import prepared
from nni_darts.strategy import DifferentiableStrategy
from nni_darts.supernet.fused import nodes
from nni_darts.supernet.layer import MixedLayer
from nni_darts.training.classifier import Classifier
from search_spaces import DartsSpace, NasBench201Space
from tests.capture import searches
from tests.capture.fakes import Tape
from tests.methods.tiny import is_equal, searched, state_of, tiny_space
from tests.stages.test_stages import TINY


def layers_of(strategy: DifferentiableStrategy) -> list[MixedLayer]:
    return [module for module in strategy.oneshot_module.modules() if isinstance(module, MixedLayer)]


def mutated(prob: float, space: DartsSpace) -> tuple[DifferentiableStrategy, torch.nn.Module]:
    """The supernet of a space with this probability on its edges."""
    strategy = DifferentiableStrategy(build_recipe("r-darts-dp"), supernet="generic")
    supernet = strategy.mutate_model(space)
    strategy.configure_oneshot_module(Classifier(1)).set_model(supernet)
    for layer in supernet.modules():
        if isinstance(layer, MixedLayer):
            getattr(layer, PROB).fill_(prob)
    return strategy, supernet


@pytest.mark.parametrize("last", [0.2, 0.4, 0.6])
def test_the_probability_grows_to_that_of_the_last_epoch(last):
    """Item 4: p_e = DP e / 49; at e = 49 p = DP."""
    strategy = searched(build_recipe("r-darts-dp", drop_path_prob=last, order=1), epochs=1)
    state, seen = strategy.oneshot_module.state, []
    state.epochs = 50
    for epoch in (0, 7, 49):
        state.clock.fill_(epoch)
        DropPathRamp(last)(state)
        seen.append({float(getattr(layer, PROB)) for layer in layers_of(strategy)})
    assert [len(values) for values in seen] == [1, 1, 1]
    assert [values.pop() for values in seen] == pytest.approx([0, last * 7 / 49, last])


def edge(prob: float, count: int = 20000) -> tuple[Tensor, Tensor]:
    """Input and output of one edge whose only operation is the identity, in training."""
    _, supernet = mutated(prob, tiny_space(("skip_connect",), layers=3))
    layer = next(m for m in supernet.modules() if isinstance(m, MixedLayer))
    supernet.train()
    layer.mixture.refresh()
    x = torch.rand(count, 2, 2, 2) + 0.5
    return x, layer(x)


def test_kept_samples_are_scaled_so_that_the_mean_stays():
    """Item 4: times 1.25 at p = 0.2; a sample is kept or dropped as a whole, the identity as well."""
    x, y = edge(0.2)
    kept, gone = (((y == factor * x).flatten(1)).all(1) for factor in (1.25, 0))
    assert bool((kept ^ gone).all())
    assert float(gone.float().mean()) == pytest.approx(0.2, abs=0.012)  # 4 sigma
    assert (y.mean() / x.mean()).item() == pytest.approx(1, abs=0.016)


def test_with_probability_0_the_network_is_that_of_darts_and_in_evaluation_always():
    """Item 4: p_e = 0."""
    x = torch.rand(4, 1, 8, 8)
    plain = DifferentiableStrategy(darts_first_order(), supernet="generic")
    network = plain.mutate_model(tiny_space())
    plain.configure_oneshot_module(Classifier(1)).set_model(network)
    _, none = mutated(0.0, tiny_space())
    assert torch.equal(network.train()(x), none.train()(x))
    _, dropping = mutated(0.5, tiny_space())
    dropping.load_state_dict(network.state_dict(), strict=False)
    assert torch.equal(network.eval()(x), dropping.eval()(x))
    assert not torch.equal(network.train()(x), dropping.train()(x))


def test_every_edge_and_every_sample_has_its_own_mask():
    _, supernet = mutated(0.5, DartsSpace(2, layers=3, nodes=2, num_classes=3, in_channels=1))
    supernet.train()(torch.rand(64, 1, 8, 8))
    masks = [layer.mask.flatten() for layer in supernet.modules() if isinstance(layer, MixedLayer)]
    assert len(masks) == 15
    assert len({tuple(mask.tolist()) for mask in masks}) == 15


def test_without_drop_path_it_is_darts_to_the_bit_and_with_it_is_not():
    plain = state_of(searched(darts_second_order()))
    assert is_equal(state_of(searched(build_recipe("r-darts-dp", drop_path_prob=0))), plain)
    found = state_of(searched(build_recipe("r-darts-dp", drop_path_prob=0.6)))
    assert not is_equal({name: found[name] for name in plain}, plain)
    assert all(bool(torch.isfinite(tensor).all()) for tensor in found.values())


def test_both_sides_of_a_finite_difference_are_of_one_network(monkeypatch):
    """Masks are drawn for w', for v, for the first side and for the weight step; the second side has the
    first one's."""
    seen: list[Tensor] = []

    def watched(layer, inputs, output):
        result = dropped(layer, inputs, output)
        if layer.training:
            seen.append(layer.mask)
        return result

    def watch(layer: MixedLayer, structure: object) -> MixedLayer:
        layer.register_buffer(PROB, torch.tensor(0.5))
        layer.register_forward_hook(watched)
        return layer

    searched(darts_second_order().but(edges=(watch,)), epochs=1, space=tiny_space(layers=3))
    edges, passes = 6, 5
    assert len(seen) == 2 * edges * passes
    for start in (0, edges * passes):
        first = [seen[start + edges * number] for number in range(passes)]
        assert first[3] is first[2]
        assert len({id(mask) for mask in first}) == 4


def test_it_acts_in_recorded_steps(monkeypatch):
    """The probability and the masks of every repetition are its own."""
    monkeypatch.setattr(step, "WARM_UP", 1)
    monkeypatch.setattr(nodes, "is_native", lambda state: False)
    recipe = build_recipe("r-darts-dp", drop_path_prob=0.6)
    parts = {"edges": recipe.edges, "schedules": recipe.schedules}
    tape = Tape(fused=False)
    plain, taped = (searches.search(graphs, order=2, recipe_parts=parts) for graphs in (None, tape))
    assert sum(recording.replays for recording in tape.tapes) > 0
    assert searches.largest_difference(state_of(plain), state_of(taped)) < 1e-4


def test_cells_that_are_computed_again_drop_the_same():
    recipe = build_recipe("r-darts-dp", drop_path_prob=0.6)
    plain, again = (searched(recipe, checkpoint_cells=again) for again in (False, True))
    assert is_equal(state_of(plain), state_of(again))


def test_the_fused_supernet_says_why_it_leaves_the_edges():
    strategy = DifferentiableStrategy(build_recipe("r-darts-dp"), supernet="fused")
    strategy.mutate_model(tiny_space(layers=3))
    assert len(strategy.unfused) == 6
    assert all(
        "the choice itself has hooks, which only its own forward would run" in s for s in strategy.unfused
    )


def test_spaces_without_nodes_have_it_too():
    space = NasBench201Space(4, cells=1, num_classes=3, in_channels=1)
    found = searched(build_recipe("r-darts-dp", order=1), space, epochs=2)
    assert [float(getattr(layer, PROB)) for layer in layers_of(found)] == pytest.approx([0.4] * 18)


def test_it_goes_with_partial_channels_in_one_order():
    after = build_recipe("pc-darts").with_parts({"edges": "scheduled-drop-path"})
    assert after.conflicts() == []
    assert all(
        layer.mask is not None for layer in layers_of(searched(after, tiny_space(init_channels=8), epochs=1))
    )
    before = build_recipe("r-darts-dp").with_parts({"edges": "partial-channels"})
    assert before.conflicts() == [
        "drop_path (edges) needs to stand after the part of edges that makes a layer of its own"
    ]


@pytest.mark.parametrize("prob", [-0.1, 1, float("nan")])
def test_wrong_probabilities_are_one_sentence(prob):
    with pytest.raises(ConfigError, match=f"method.drop_path_prob: got {prob}; it must be at least 0"):
        build_recipe("r-darts-dp", drop_path_prob=prob)


def test_an_edge_that_gives_no_tensor_is_refused():
    _, supernet = mutated(0.5, tiny_space())
    layer = next(m for m in supernet.modules() if isinstance(m, MixedLayer))
    with pytest.raises(ConfigError, match="drop path is of edges that give one tensor; .* gives a tuple"):
        dropped(layer.train(), (), (torch.zeros(1),))
    assert drop_path.capturable


@pytest.mark.parametrize(("schedule", "share"), [("linear", [0, 1]), ("constant", [1, 1])])
def test_the_searchs_cutout_is_on_the_batches_of_the_weights(tmp_path, schedule, share):
    """Card, pitfalls: as the paper means it, and as the official code does."""
    settings = Settings.from_dict(
        {**TINY, "search": {"epochs": 2, "cutout_length": 4, "cutout_schedule": schedule}}
    )
    with prepared(settings, 0, Run.create(tmp_path / "run", "search/0")) as context:
        weights, alphas, plain = context.task.search_loaders(context.device, context.seed)
        found = []
        for epoch in range(2):
            for loader in (weights, alphas):
                loader.sampler.set_epoch(epoch)
            x, other = next(iter(weights))[0], next(iter(alphas))[0]
            found.append(float((x == 0).flatten(1).any(1).float().mean()))
            assert not (other == 0).any()
        assert found == share
        assert not (next(iter(plain))[0] == 0).any()
