"""Pictures: cells in the classic look, alphas and curves over the epochs. Needs the extra ``plot``."""

from __future__ import annotations

from nni_darts.draw.alphas import plot_alphas
from nni_darts.draw.cell import cell_figure, draw_architecture, draw_cells
from nni_darts.draw.curves import plot_curves
from nni_darts.draw.run import draw_run

__all__ = ["cell_figure", "draw_architecture", "draw_cells", "draw_run", "plot_alphas", "plot_curves"]
