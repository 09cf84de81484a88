"""Windows follow each other down the text, and a resumed epoch sees the very same ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nni_darts.data.text.windows import Lengths, Windows, columns
from nni_darts.errors import ConfigError


def text(rows: int, batch: int = 3) -> torch.Tensor:
    return columns(torch.arange(rows * batch), batch)


def test_columns_continue_downwards():
    rows = columns(torch.arange(8), 3)
    assert rows.tolist() == [[0, 2, 4], [1, 3, 5]]
    with pytest.raises(ConfigError, match="9 columns of a text of 10 tokens"):
        columns(torch.arange(10), 9)


def test_an_evaluation_sees_every_target_once():
    windows = list(Windows(text(8), bptt=3))
    assert [window.y[:, 0].tolist() for window in windows] == [[1, 2, 3], [4, 5, 6], [7]]
    assert [window.number for window in windows] == [0, 1, 2]
    for window in windows:
        assert torch.equal(window.y, window.x + 1)
        assert window.scale == 1.0 or window.number == 2


def test_lengths_are_those_of_the_protocol():
    draws = np.random.Generator(np.random.PCG64(0))
    searching = [Lengths().draw(draws) for _ in range(4000)]
    assert set(searching) == {35, 17}
    assert searching.count(17) / 4000 == pytest.approx(0.05, abs=0.01)
    training = [Lengths(share=1.0, spread=5.0).draw(draws) for _ in range(4000)]
    assert min(training) >= 5
    assert max(training) <= 55
    assert np.mean(training) == pytest.approx(34.5, abs=0.3)  # int() takes half a row on average
    assert np.std(training) == pytest.approx(5.0, abs=0.2)
    assert {Lengths(whole=4, spread=99.0).draw(draws) for _ in range(99)} >= {5, 24}


def test_windows_depend_on_the_seed_and_the_epoch_alone():
    def spans(loader: Windows) -> list[tuple[int, int]]:
        return [(int(window.x[0, 0]), len(window.x)) for window in loader]

    lengths = Lengths(whole=4, share=0.5)
    one, two = Windows(text(60), 4, lengths, seed=1), Windows(text(60), 4, lengths, seed=1)
    first = spans(one)
    assert spans(two) == first
    assert sum(length for _, length in first) in (58, 59)  # the official loop ends before a single row
    two.set_epoch(1)
    assert spans(two) != first
    assert spans(Windows(text(60), 4, lengths, seed=2)) != first


def test_the_scale_is_of_the_drawn_length():
    lengths = Lengths(whole=4, share=0.0)
    assert {window.scale for window in Windows(text(20), 4, lengths)} == {0.5}


def test_the_text_of_the_architecture_follows_in_a_circle():
    """The official search reads row i modulo the number of rows but one."""
    lengths = Lengths(whole=4, share=0.5)
    weights = Windows(text(60), 4, lengths, seed=3)
    alphas = Windows(text(11), 4, lengths, seed=3, follow=60)
    pairs = list(zip(weights, alphas, strict=True))
    assert [w.scale for w, _ in pairs] == [a.scale for _, a in pairs]
    for w, a in pairs:
        assert int(a.x[0, 0]) == int(w.x[0, 0]) % 10
        assert torch.equal(a.y, a.x + 1)


def test_a_resumed_epoch_goes_on_with_the_next_window():
    lengths = Lengths(whole=4, share=0.5)

    def loader() -> Windows:
        made = Windows(text(60), 4, lengths, seed=1)
        made.set_epoch(2)
        return made

    whole = [window.x for window in loader()]
    interrupted = loader()
    served = iter(interrupted)
    seen = [next(served).x for _ in range(3)]
    resumed = Windows(text(60), 4, lengths, seed=1)
    resumed.load_state_dict(interrupted.state_dict())
    resumed.set_epoch(2)
    rest = [window.x for window in resumed]
    assert len(whole) == len(seen) + len(rest)
    assert all(torch.equal(a, b) for a, b in zip(whole, [*seen, *rest], strict=True))
    resumed.set_epoch(3)
    assert next(iter(resumed)).number == 0
