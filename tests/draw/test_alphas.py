from __future__ import annotations

import re
from pathlib import Path

import pytest

from nni_darts.draw.alphas import plot_alphas
from nni_darts.errors import ConfigError
from nni_darts.genotype import PRIMITIVES
from nni_darts.run import Run


def texts(svg: Path) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg.read_text())


def test_a_figure_per_cell_with_a_panel_per_edge(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "search/0")
    for epoch in range(3):
        values = dict.fromkeys(PRIMITIVES, epoch / 10)
        run.log_mixture(
            epoch,
            {f"{c}/edge_{j}_{i}": values for c in ("normal", "reduce") for i in (2, 3) for j in range(i)},
        )
    paths = plot_alphas(tmp_path, ("svg",))
    assert [path.name for path in paths] == ["alphas_normal.svg", "alphas_reduce.svg"]
    written = texts(paths[0])
    arrow = "\N{RIGHTWARDS ARROW}"
    titles = [
        f"{a} {arrow} {b}"
        for a, b in (("c_{k-2}", 0), ("c_{k-1}", 0), ("c_{k-2}", 1), ("c_{k-1}", 1), (0, 1))
    ]
    assert [text for text in written if arrow in text] == titles
    assert [text for text in written if text in PRIMITIVES] == list(PRIMITIVES)
    assert paths[0].read_bytes() == plot_alphas(tmp_path, ("svg",))[0].read_bytes()


def test_labels_of_a_users_space(tmp_path: Path) -> None:
    """Lone labels share a figure, one epoch is enough, and no name is read as a formula."""
    run = Run.create(tmp_path, "search/0")
    lone = {"conv$_{": {"3x3": 0.1, "$x^{": 0.2}, "depth": [0.0, 1.0], "only/one": [0.0, 1.0]}
    run.log_mixture(0, {**lone, "block 1/a": [1.0, 2.0], "block 1/b": [1.0, 2.0]})
    paths = plot_alphas(tmp_path, ("svg",))
    assert [path.name for path in paths] == ["alphas.svg", "alphas_block_1.svg"]
    assert {"conv$_{", "depth", "only/one", "$x^{"} <= set(texts(paths[0]))
    assert {"block 1/a", "block 1/b"} <= set(texts(paths[1]))


def test_a_choice_named_like_a_missing_value_is_drawn(tmp_path: Path) -> None:
    Run.create(tmp_path, "search/0").log_mixture(0, {"k": {"None": 0.5, "NA": 0.1}})
    assert {"None", "NA"} <= set(texts(plot_alphas(tmp_path, ("svg",))[0]))


def test_a_run_without_alphas_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mixture.csv: missing; only a search writes it"):
        plot_alphas(tmp_path)


def test_edges_of_a_cell_with_one_input_have_its_states_as_titles(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "search/0")
    run.log_mixture(0, {f"cell/edge_{j}_{i}": {"none": 0.5} for i in (1, 2, 3) for j in range(i)})
    (path,) = plot_alphas(tmp_path, ("svg",))
    arrow = "\N{RIGHTWARDS ARROW}"
    titles = [f"{j} {arrow} {i}" for i in (1, 2, 3) for j in range(i)]
    assert [text for text in texts(path) if arrow in text] == titles
