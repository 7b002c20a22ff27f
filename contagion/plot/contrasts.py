"""Do rules add up? Main effects and interactions of a factorial design with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D

from contagion.plot import style
from contagion.plot.rows import MOST_ROWS, intervals, label_rows, legend_below, numbers, require, right_column
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SURE = 0.05
KINDS = ((1, "o", style.COLOURS[0], "main effect"), (2, "D", style.HARM, "interaction"))


def interactions(table: Any, *, unit: str = "", ax: Axes | None = None) -> Axes:
    """Draw main effects and interactions, each with its interval; filled where its adjusted p-value is below 0.05.

    Parameters
    ----------
    table : pandas.DataFrame
        What ``cmp.interactions`` returned.
    unit : str, optional
        Unit of money.
    ax : Axes, optional
        Where to draw; default a new figure. At most thirty terms are drawn.

    Raises
    ------
    SchemaError
        If it is something else.
    """
    frame = require(table, ("order", "effect", "low", "high"), "cmp.interactions")[:MOST_ROWS]
    metric = str(frame.attrs.get("metric", "system_loss"))
    ax = style.axes(ax, 8.0, 1.8 + 0.36 * max(len(frame), 3))
    value, ends = numbers(frame, ["effect"])[:, 0], numbers(frame, ["low", "high"])
    scale = style.metric_scale(metric, [*value, *ends.ravel()], unit)
    ax.set_xlabel(scale.label(f"effect on mean {style.words(metric)}"))
    style.title(
        ax,
        "Do the rules add up?",
        "an interaction above zero: rules do the same work twice",
    )
    if frame.empty:
        return style.say_empty(ax, "no term to draw")
    place = np.arange(len(frame), dtype=np.float64)
    order, p_value = numbers(frame, ["order", "p_adjusted"]).T
    handles = []
    for kind, marker, colour, label in KINDS:
        own = order == 1 if kind == 1 else order > 1
        intervals(ax, place[own], ends[own], colour, 2.0)
        look: Look = {"linestyle": "", "marker": marker, "markersize": 7.5, "markeredgecolor": colour}
        for sure in (True, False):
            chosen = own & ((p_value < SURE) == sure)
            face = colour if sure else ax.get_facecolor()
            ax.plot(value[chosen], place[chosen], markerfacecolor=face, zorder=3.0, **look)
        handles.append(Line2D([], [], markerfacecolor=colour, label=f"{label}, p < 0.05", **look))
        handles.append(Line2D([], [], markerfacecolor="white", label=f"{label}, not clear", **look))
    if (order == 1).any() and (order > 1).any():
        ax.axhline(float(place[order == 1].max()) + 0.5, color=style.MIDDLE, linewidth=0.8, linestyle=":")
    scale.tick(ax.xaxis)
    label_rows(ax, list(frame.index))
    right_column(ax, "effect", ["+" * (one > 0.0) + scale.text(one) for one in value.tolist()])
    legend_below(ax, handles, 2)
    return style.finish(ax)
