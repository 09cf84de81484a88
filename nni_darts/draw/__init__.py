"""Pictures: cells in the classic look, alphas and curves over the epochs. Needs the extra ``plot``."""

from __future__ import annotations

from nni_darts.draw.cell import cell_figure, draw_cells

__all__ = ["cell_figure", "draw_cells"]
