from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from nni_darts.draw.cell import FILL, draw_cells
from nni_darts.errors import ConfigError, RunError
from nni_darts.genotype import PUBLISHED, Genotype

V2 = PUBLISHED["DARTS_V2"]


def texts(svg: Path) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg.read_text())


def test_svg_holds_each_box_and_operation_as_text(tmp_path: Path) -> None:
    paths = draw_cells(V2, tmp_path)
    names = ["cell_normal.svg", "cell_normal.png", "cell_reduce.svg", "cell_reduce.png"]
    assert [path.name for path in paths] == names
    for cell in ("normal", "reduce"):
        drawn = sorted(texts(tmp_path / f"cell_{cell}.svg"))
        boxes = ["c_{k-2}", "c_{k-1}", "c_{k}", "0", "1", "2", "3"]
        assert drawn == sorted([*boxes, *(operation for operation, _ in V2.edges(cell))])


def test_colours_are_the_classic_ones(tmp_path: Path) -> None:
    draw_cells(V2, tmp_path, ("svg",))
    svg = (tmp_path / "cell_normal.svg").read_text()
    assert [svg.count(f"fill: {FILL[kind]}") for kind in ("input", "node", "output")] == [2, 4, 1]


def test_png_is_large_enough_to_read(tmp_path: Path) -> None:
    draw_cells(V2, tmp_path, ("png",))
    header = (tmp_path / "cell_normal.png").read_bytes()[16:24]
    assert int.from_bytes(header[:4], "big") > 1000


def test_equal_genotypes_give_equal_bytes_whatever_the_users_style(tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    formats = ("svg", "png", "pdf")
    first = draw_cells(V2, tmp_path / "a", formats)
    with matplotlib.rc_context({"text.color": "red", "font.family": "monospace", "lines.linewidth": 9}):
        again = draw_cells(Genotype.parse(str(V2)), tmp_path / "b", formats)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


def test_drawing_leaves_matplotlibs_settings_alone(tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    before = dict(matplotlib.rcParams)
    draw_cells(V2, tmp_path, ("svg",))
    assert dict(matplotlib.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or before["backend"] == matplotlib.rcParams["backend"]


def test_unknown_format_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'dot' is unknown; drawings are written as svg, png, pdf"):
        draw_cells(V2, tmp_path, ("svg", "dot"))
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(RunError, match=r'pip install "nni-darts\[plot\]"'):
        draw_cells(V2, tmp_path)
