"""``nni-darts draw`` and ``nni-darts plot``."""

from __future__ import annotations

from pathlib import Path

import click

from nni_darts.cli.verb import Outcome, verb
from nni_darts.errors import ConfigError

FORMATS = ("svg", "png", "pdf")


@verb("draw", short_help="Draw the cells of a genotype.")
@click.option("--genotype", "--arch", required=True, help="Name, file, run folder or text.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(FORMATS),
    help="May be repeated.  [default: svg, png]",
)
@click.option("--out", default=".", show_default=True, metavar="DIR", help="Folder for the drawings.")
def draw_command(genotype: str, formats: tuple[str, ...], out: str) -> Outcome:
    """Draw the normal and the reduction cell, or the cell of NAS-Bench-201, or the recurrent cell.

    No graphviz needed.
    """
    from nni_darts.genotype import resolve

    found = resolve(genotype)
    if found.text is None:
        raise ConfigError("--genotype: this architecture has no cells to draw.")
    _need_matplotlib()
    from nni_darts.draw import draw_architecture

    paths = draw_architecture(found, Path(out), formats or FORMATS[:2])
    return _written(paths)


@verb("plot", short_help="Plot a run's architecture parameters and curves.")
@click.option("--run", "run", required=True, metavar="DIR", help="Folder of a run.")
def plot_command(run: str) -> Outcome:
    """Plot the architecture parameters over the epochs, and the curves of loss and accuracy."""
    from nni_darts.run import Run

    path = Run.open(run).path
    _need_matplotlib()
    from nni_darts.draw import plot_alphas, plot_curves

    alphas = plot_alphas(path) if (path / "mixture.csv").exists() else []
    return _written([*alphas, *plot_curves(path)])


def _need_matplotlib() -> None:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise ConfigError('matplotlib is not installed, pictures need it: pip install "nni-darts[plot]"')


def _written(paths: list[Path]) -> Outcome:
    files = [str(path) for path in paths]
    return Outcome({"status": "done", "files": files}, files)
