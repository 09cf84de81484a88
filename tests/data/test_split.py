from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nni_darts.data import split
from nni_darts.errors import ConfigError


def test_half_of_class_sorted_cifar_is_exactly_stratified() -> None:
    labels = np.repeat(np.arange(10), 5000)
    train, valid = split(torch.from_numpy(labels), 0.5, seed=0)
    assert np.bincount(labels[train]).tolist() == np.bincount(labels[valid]).tolist() == [2500] * 10
    assert sorted([*train, *valid]) == list(range(50000))


def test_the_split_is_pinned_to_the_published_permutation() -> None:
    # The first numbers of PCG64(0).permutation(50000), and the classes of its first half, as counted
    # independently. A change of numpy's stream, which would silently change every split, fails here.
    permutation = np.random.Generator(np.random.PCG64(0)).permutation(50000)
    assert permutation[:8].tolist() == [25461, 5892, 10377, 28814, 9578, 43565, 28804, 22391]
    labels = np.repeat(np.arange(10), 5000)
    assert np.bincount(labels[permutation[:25000]]).tolist() == [
        2517, 2501, 2521, 2528, 2450, 2551, 2476, 2516, 2413, 2527,
    ]  # fmt: skip
    train, _ = split(labels, 0.5, seed=0)
    assert set(permutation[:8]) <= set(train)
    assert train[:6].tolist() == [0, 2, 9, 11, 12, 14]


def test_seeds_give_different_splits_and_one_seed_the_same() -> None:
    labels = np.repeat(np.arange(4), 50)
    assert split(labels, 0.5, 1)[0].tolist() == split(labels, 0.5, 1)[0].tolist()
    assert split(labels, 0.5, 1)[0].tolist() != split(labels, 0.5, 2)[0].tolist()


@given(
    st.lists(st.integers(2, 30), min_size=1, max_size=5),
    st.floats(0.01, 0.99),
    st.integers(0, 2**32 - 1),
    st.randoms(use_true_random=False),
)
def test_parts_are_disjoint_complete_and_hold_every_class(counts, portion, seed, random) -> None:
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    random.shuffle(labels)
    first, second = split(np.array(labels), portion, seed)
    assert sorted([*first, *second]) == list(range(len(labels)))
    for label, count in enumerate(counts):
        share = sum(labels[i] == label for i in first)
        assert 1 <= share <= count - 1
        assert abs(share - portion * count) <= 1


@pytest.mark.parametrize("portion", [0.0, 1.0, -1, 2])
def test_a_portion_that_leaves_nothing_is_refused(portion: float) -> None:
    with pytest.raises(ConfigError, match="train_portion"):
        split(np.array([0, 0, 1, 1]), portion, 0)


def test_a_class_of_one_image_is_refused() -> None:
    with pytest.raises(ConfigError, match="class number 1 has 1 image"):
        split(np.array([0, 0, 1]), 0.5, 0)
