"""What a dry run says of a search."""

from __future__ import annotations

from typing import Any

import pytest
from torch import Tensor, nn

from nni_darts.config import Settings
from nni_darts.errors import ConfigError
from nni_darts.explain import Explanation, explain_search
from search_spaces import DartsSpace


@pytest.fixture(autouse=True)
def _without_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNI_DARTS_KERNELS", "off")


def explained(memory: bool = False, **sections: Any) -> Explanation:
    settings = {
        "stages": ["search"],
        "data": {"name": "digits"},
        "space": {"args": {"init_channels": 2, "layers": 3, "nodes": 2}},
        "search": {"supernet": "fused", "batch_size": 100},
        "trainer": {"device": "cpu", "threads": 1},
    }
    for name, values in sections.items():
        settings[name] = {**settings.get(name, {}), **values}  # type: ignore[dict-item]
    return explain_search(Settings.from_dict(settings), memory)


def cells(explanation: Explanation) -> dict[str, Any]:
    found: dict[str, Any] = explanation.facts["supernet"]["cells"]
    return found


def test_a_space_that_is_fused_whole() -> None:
    explanation = explained(method={"name": "darts", "order": 2}, search={"epochs": 7, "warmup_epochs": 3})
    assert [cell["implementation"] for cell in cells(explanation).values()] == ["fused"] * 3
    assert all(cell["generic_edges"] == [] for cell in cells(explanation).values())
    assert "  cells.0, cells.1, cells.2: fused, 5 of 5 edges" in explanation.lines
    facts = explanation.facts
    assert facts["data"]["classes"] == 10
    assert facts["data"]["shape"] == [1, 8, 8]
    # 1,438 images in halves of 719: eight batches of 100.
    assert facts["steps"] == {
        "an_epoch": 8,
        "epochs": 7,
        "all": 56,
        "validation_batches": 8,
        "batch_size": 100,
    }
    assert (facts["method"]["passes"]["forwards"], facts["method"]["passes"]["backwards"]) == (5, 5)
    assert "  the first 3 epochs train weights only" in explanation.lines
    assert facts["parameters"]["architecture"] == 2 * 5 * 8
    assert (facts["device"]["device"], facts["device"]["threads"]) == ("cpu", 1)
    assert facts["memory"] is None
    assert any("not captured" in line for line in facts["capture"])


@pytest.mark.parametrize(
    ("options", "forwards", "backwards"),
    [({"order": 1}, 2, 2), ({"order": 2}, 5, 5), ({"order": 2, "hvp": "exact"}, 3, 4)],
)
def test_passes_of_the_orders(options: dict[str, Any], forwards: int, backwards: int) -> None:
    passes = explained(method={"name": "darts", **options}).facts["method"]["passes"]
    assert (passes["forwards"], passes["backwards"]) == (forwards, backwards)


def test_parts_that_are_named_count_and_are_shown() -> None:
    explanation = explained(method={"name": "darts", "order": 1, "parts": {"architect": "unrolled"}})
    assert explanation.facts["method"]["passes"]["forwards"] == 5
    assert explanation.facts["method"]["parts"] == {"architect": "unrolled"}
    assert any("architect" in line and "unrolled" in line for line in explanation.lines)


def test_passes_of_a_weight_step_that_needs_more() -> None:
    """Card s-darts, item 5: 2 forwards become 11, with 7 backwards more; random smoothing adds none."""
    adversarial = explained(method={"name": "s-darts", "perturbation": "adversarial"})
    passes = adversarial.facts["method"]["passes"]
    assert (passes["forwards"], passes["backwards"]) == (11, 9)
    assert passes["what"].endswith("current weights, the attack on the mixture, then the weights")
    passes = explained(method={"name": "s-darts"}).facts["method"]["passes"]
    assert (passes["forwards"], passes["backwards"]) == (2, 2)


def test_a_method_with_its_own_architect() -> None:
    explanation = explained(method={"name": "random-search"})
    assert explanation.facts["method"]["passes"] is None


class MyOperation(nn.Module):
    """Nobody knows how to fuse it."""

    def forward(self, x: Tensor) -> Tensor:
        return x.tanh()


class MySpace(DartsSpace):
    """One edge of every normal cell has an operation of the user's."""

    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__(2, 3, 2, num_classes=num_classes, in_channels=in_channels)
        for cell in self.cells:
            if "normal/edge_1_2" in (edge.label for edge in cell.edges.values()):
                cell.edges["1_2"]._modules["sep_conv_3x3"] = MyOperation()


def test_an_operation_of_the_users_leaves_its_edge_to_the_generic_path() -> None:
    explanation = explained(space={"name": f"{__name__}:MySpace", "args": {}})
    found = cells(explanation)
    # Reductions at 3 // 3 and 2 * 3 // 3: the first cell alone is a normal one.
    assert [len(cell["generic_edges"]) for cell in found.values()] == [1, 0, 0]
    (edge,) = found["cells.0"]["generic_edges"]
    assert edge == {"edge": "1 to 2", "why": '"sep_conv_3x3" (MyOperation) declares no form'}
    assert "  cells.0: fused, 4 of 5 edges" in explanation.lines
    said = '    edge 1 to 2 is left to the generic path: "sep_conv_3x3" (MyOperation) declares no form'
    assert said in explanation.lines


def test_a_generic_supernet_is_what_was_asked_for() -> None:
    found = cells(explained(search={"supernet": "generic"}))
    assert {(cell["implementation"], cell["why"]) for cell in found.values()} == {("generic", "")}


def test_a_space_without_cells_says_so() -> None:
    explanation = explained(space={"name": "tests.outsider.plain_net:PlainNet", "args": {}})
    assert cells(explanation) == {}
    assert "  PlainNet has no cells that declare their edges." in explanation.lines


def test_what_only_a_forward_shows_is_said() -> None:
    # Without kernels for the CPU, "auto" leaves the cells as they are.
    found = cells(explained(search={"supernet": "auto"}))
    assert {cell["implementation"] for cell in found.values()} == {"generic"}
    assert all(cell["why"].startswith("there are no kernels for this CPU") for cell in found.values())


class TooSmall(MySpace):
    """Takes no grey images."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes, in_channels=3)


def test_a_space_that_does_not_take_the_images_is_a_sentence() -> None:
    with pytest.raises(ConfigError, match=r"space: TooSmall does not take images of 1x8x8: .* channels"):
        explained(space={"name": f"{__name__}:TooSmall", "args": {}})


def test_memory_is_estimated_on_request() -> None:
    memory = explained(memory=True, search={"batch_size": 16}).facts["memory"]
    assert memory["total"] > memory["resident"] > 0
    assert memory["batch"] == 16
