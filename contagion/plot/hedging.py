"""How well did hedges work? Variance taken away, beside what the best ratio would take away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from contagion.plot import style
from contagion.plot.rows import MOST_ROWS, label_rows, legend_below, numbers, require, right_column
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def hedges(table: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the share of the variance that each hedge takes away; the gap from mark to 100 % is basis risk.

    Parameters
    ----------
    table : pandas.DataFrame
        What `contagion.measures.hedge_table` returned.
    ax : Axes, optional
        Where to draw; default a new figure. At most thirty hedges are drawn, in the order of the table.

    Raises
    ------
    SchemaError
        If it is something else.
    """
    frame = require(table, ("variance_reduction", "within", "n"), "ct.measures.hedge_table")[:MOST_ROWS]
    ax = style.axes(ax, 8.0, 1.8 + 0.36 * max(len(frame), 3))
    style.title(ax, "How well hedges worked", "left of zero the hedge adds risk")
    ax.set_xlabel("variance taken away (%)")
    if frame.empty:
        return style.say_empty(ax, "no hedge to draw")
    place = np.arange(len(frame), dtype=np.float64)
    value, best, within, ratio = (
        100.0 * numbers(frame, ["variance_reduction", "r_squared", "within", "best_ratio"]).T
    )
    good = value >= 0.0
    ax.barh(place[good], value[good], height=0.6, color=style.HELP)
    bad = value < 0.0
    ax.barh(place[bad], value[bad], height=0.6, color=style.HARM, hatch="////", edgecolor="white")
    mark: Look = {"linestyle": "", "marker": "D", "markersize": 7.0, "markerfacecolor": "white"}
    ax.plot(best, place, markeredgecolor=style.DARK, zorder=3.0, **mark)
    ax.axvline(100.0, color=style.MIDDLE, linewidth=0.8, linestyle=":")
    style.Scale(1.0, "%").tick(ax.xaxis)
    label_rows(ax, list(frame.index))
    right_column(ax, "in 80–125 %", [_text(one, " %", 0) for one in within], 72)
    right_column(ax, "best ratio", [_text(one / 100.0, "", 2) for one in ratio], 130)
    handles = [
        Patch(color=style.HELP, label="takes variance away"),
        Patch(facecolor=style.HARM, hatch="////", edgecolor="white", label="adds variance"),
        Line2D([], [], markeredgecolor=style.DARK, label="at the best ratio (R²)", **mark),
    ]
    legend_below(ax, handles, 3)
    return style.finish(ax)


def _text(value: float, unit: str, digits: int) -> str:
    return f"{value:.{digits}f}{unit}".replace("-", "−") if np.isfinite(value) else "–"
