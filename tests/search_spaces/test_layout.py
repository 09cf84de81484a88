"""Where cells stand, and which sizes are refused."""

from __future__ import annotations

import pytest

from nni_darts.errors import ConfigError
from search_spaces.layout import Place, check_image_size, check_macro, places, reductions, state_sizes

WIDTH = {"normal": 4, "reduce": 4}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [(1, (0,)), (2, (0, 1)), (3, (1, 2)), (5, (1, 3)), (8, (2, 5)), (14, (4, 9)), (20, (6, 13))],
)
def test_reductions_stand_at_one_and_two_thirds(layers: int, expected: tuple[int, ...]) -> None:
    assert reductions(layers) == expected


def test_channels_of_the_papers_search_network() -> None:
    row = places(16, 8, "cifar", WIDTH)
    assert [place.channels for place in row] == [16, 16, 32, 32, 32, 64, 64, 64]
    assert [place.channels_before_last for place in row] == [48, 48, 64, 64, 128, 128, 128, 256]
    assert [place.channels_last for place in row] == [48, 64, 64, 128, 128, 128, 256, 256]
    assert [place.reduction_prev for place in row] == [False] * 3 + [True] + [False] * 2 + [True, False]


def test_first_cell_behind_the_imagenet_stem_follows_a_reduction() -> None:
    first = places(48, 14, "imagenet", WIDTH)[0]
    assert first == Place("normal", 48, 48, 48, reduction=False, reduction_prev=True)


def test_cells_of_different_width() -> None:
    row = places(4, 3, "cifar", {"normal": 5, "reduce": 3})
    assert [place.channels_last for place in row] == [12, 20, 24]


def test_wrong_numbers_come_all_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        check_macro({"init_channels": 0, "layers": 2.5, "nodes": True}, "mnist")
    assert list(caught.value.problems) == [
        "init_channels must be a whole number of at least 1, got 0.",
        "layers must be a whole number of at least 1, got 2.5.",
        "nodes must be a whole number of at least 1, got True.",
        "stem must be one of cifar, imagenet, got 'mnist'.",
    ]


def test_the_imagenet_stem_needs_two_channels() -> None:
    check_macro({"init_channels": 1}, "cifar")
    with pytest.raises(ConfigError, match="at least 2 with the imagenet stem"):
        check_macro({"init_channels": 1}, "imagenet")


def test_sizes_of_the_states() -> None:
    assert state_sizes(32, 5, "cifar") == [(32, 32)] * 3 + [(16, 16)] * 2 + [(8, 8)] * 2
    assert state_sizes((224, 112), 2, "imagenet") == [(56, 28), (28, 14), (14, 7), (7, 4)]


@pytest.mark.parametrize(
    ("size", "layers", "stem", "skips", "fits"),
    [
        (32, 8, "cifar", True, True),
        (8, 8, "cifar", True, True),
        (6, 8, "cifar", True, False),  # 6 -> 3, and the second reduction meets 3
        (6, 3, "cifar", False, True),  # the last cell reduces 3 with pools and convolutions only
        (7, 1, "cifar", False, True),
        (7, 1, "cifar", True, False),
        ((32, 30), 8, "cifar", True, False),
        (224, 14, "imagenet", True, True),
        (36, 1, "imagenet", False, False),  # stem0 leaves 9, which cell 0 halves
    ],
)
def test_image_sizes(size: int | tuple[int, int], layers: int, stem: str, skips: bool, fits: bool) -> None:
    if fits:
        check_image_size(size, layers, stem, skips)
    else:
        with pytest.raises(ConfigError, match="needs an even height and width"):
            check_image_size(size, layers, stem, skips)
