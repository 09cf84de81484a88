"""The fused recurrent supernet against the generic one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nni_darts.darts import DARTS
from nni_darts.engine import SearchModule
from nni_darts.explain.cells import cells_of
from nni_darts.supernet.checkpoint import checkpoint_each_cell
from nni_darts.supernet.recurrent.sequence import FusedSequence
from search_spaces import DartsRnnSpace
from search_spaces.recurrent.activations import Highway
from search_spaces.recurrent.cell import Masks
from tests.search_spaces.recurrent.cells import CellSpace, supernet_of
from tests.supernet.fused.pairs import assert_equal, distance, results

WIDTH = 4


def inputs(masked: bool = True) -> list[Tensor]:
    torch.manual_seed(11)
    return [0.5 * torch.randn(5, 3, WIDTH).double(), 0.5 * torch.randn(3, WIDTH).double()]


class Masked(CellSpace):
    """With masks of its own, so that only tensors go in."""

    def forward(self, x: Tensor, hidden: Tensor, masks: Masks = Masks()) -> Tensor:  # noqa: B008
        generator = torch.Generator().manual_seed(2)
        return self.cell(x, hidden, Masks(*torch.rand(2, 3, WIDTH, generator=generator).to(x)))


def pair(kind: str = "fused", **cell: object) -> tuple[SearchModule, SearchModule]:
    generic, fused = supernet_of(Masked(WIDTH, 4), "generic"), supernet_of(Masked(WIDTH, 4), kind)
    assert isinstance(fused.model.cell.sequence, FusedSequence)
    return generic, fused


@pytest.mark.parametrize("kind", ["fused", "auto"])
@pytest.mark.parametrize("kernels", ["on", "off"])
@pytest.mark.parametrize("training", [True, False])
def test_outputs_gradients_and_statistics_are_those_of_the_generic_supernet(
    training, kernels, kind, monkeypatch
):
    monkeypatch.setenv("NNI_DARTS_KERNELS", kernels)
    found = []
    for search in pair(kind):
        search.model(*inputs())  # running statistics away from their beginning
        found.append(results(search if training else search.eval(), inputs()))
    assert_equal(*found)


def test_gradients_of_the_mixture_alone_and_of_the_weights_alone():
    found = []
    for search in pair():
        with search.state.constant_weights():
            loss = search.model(*inputs()).square().sum()
            found.append(search.state.gradient(loss, search.state.outer_parameters))
        with search.state.constant_architecture():
            loss = search.model(*inputs()).square().sum()
            found[-1] += search.state.gradient(loss, list(search.model.parameters()))
    assert max(map(distance, *found)) < 1e-12


def test_a_space_with_other_candidates_in_another_order():
    primitives = ["identity", "none", "sigmoid"]
    found = []
    for kind in ("generic", "fused"):
        search = supernet_of(DartsRnnSpace(6, WIDTH, 3, 0, 0, 0, 0, 0, primitives=primitives), kind)
        tokens = torch.arange(6).view(3, 2)
        out = search.model(tokens, search.model.initial_hidden(2))
        loss = out.logits.logsumexp(-1).sum()
        found.append([out.logits, *search.state.gradient(loss, search.state.outer_parameters)])
    assert max(map(distance, *found)) < 1e-12


def test_with_checkpointing_nothing_changes():
    generic, fused = pair()
    want = results(generic, inputs())
    assert checkpoint_each_cell(fused.model, fused.state.weights) == 1
    assert_equal(want, results(fused, inputs()))


def test_bfloat16_goes_through_the_operators():
    _, fused = pair()
    fused.float()
    with torch.autocast("cpu", torch.bfloat16):
        out = fused.model(*(tensor.float() for tensor in inputs()))
    assert torch.isfinite(out.float()).all()


class Doubled(nn.Module):
    """A candidate of a user's own."""

    def forward(self, incoming):
        return 2 * incoming.state


def own_candidate(cell) -> None:
    cell.edges["0_1"]["relu"] = Doubled()


def hooked(cell) -> None:
    cell.edges["1_2"]["tanh"].register_forward_hook(lambda *_: None)


def affine(cell) -> None:
    cell.bn = nn.BatchNorm1d(WIDTH)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (own_candidate, '"relu" (Doubled) declares no form'),
        (hooked, '"tanh" has hooks'),
        (affine, "its BatchNorm has weights"),
    ],
)
def test_what_is_not_known_is_left_to_the_generic_path_with_the_reason(change, reason):
    space = CellSpace(WIDTH, 2)
    change(space.cell)
    strategy = DARTS(order=1)
    model = strategy.mutate_model(space)
    (note,) = strategy.unfused
    assert note.startswith("cell: ")
    assert reason in note
    (fact,) = cells_of(model).values()
    assert fact.implementation == "generic"


def test_a_dry_run_says_how_the_cell_is_computed():
    for kind, implementation in (("auto", "fused"), ("fused", "fused"), ("generic", "generic")):
        model = supernet_of(DartsRnnSpace(6, WIDTH, 3), kind).model
        ((name, fact),) = cells_of(model).items()
        assert (name, fact.implementation, fact.edges, fact.left) == ("network.cell", implementation, 6, ())


def test_one_sequence_alone_cannot_be_normalised():
    for kind in ("generic", "fused"):
        search = supernet_of(CellSpace(WIDTH, 2), kind)
        with pytest.raises(ValueError, match="Expected more than"):
            search.model(inputs()[0][:, :1], inputs()[1][:1])


def test_candidates_share_nothing_with_what_is_fused():
    """The highways stay in their places: NNI, checkpoints and users find them."""
    _, fused = pair()
    assert type(fused.model.cell.edges["0_1"]["tanh"]) is Highway
