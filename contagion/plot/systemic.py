"""Who suffers with the system, and who would lack capital? MES, ΔCoVaR, SRISK and SES, firm by firm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from contagion.plot import style
from contagion.plot.rows import MOST_ROWS, intervals, label_rows, legend_below, numbers, require, right_column
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEASURES = (
    ("mes", "MES: mean return in the system's tail"),
    ("delta_covar", "ΔCoVaR: what its distress adds to the system's"),
    ("var_firm", "own value at risk"),
)


def market_measures(table: Any, *, ax: Axes | None = None) -> Axes:
    """Draw marginal expected shortfall, ΔCoVaR and own value at risk of every firm, with intervals.

    Parameters
    ----------
    table : pandas.DataFrame
        What `contagion.measures.market_measures` returned.
    ax : Axes, optional
        Where to draw; default a new figure. At most thirty firms are drawn, in the order of the table.

    Raises
    ------
    SchemaError
        If it is something else.
    """
    frame = require(table, ("mes", "delta_covar", "var_firm"), "ct.measures.market_measures")[:MOST_ROWS]
    ax = style.axes(ax, 8.6, 1.9 + 0.55 * max(len(frame), 3))
    told = frame.attrs
    tail = f"worst {100.0 * told['q']:.3g} % of {told['n']:,} returns; " if {"q", "n"} <= set(told) else ""
    style.title(ax, "Distress with the system", f"{tail}left of zero is a loss; lines are intervals")
    ax.set_xlabel("return (%)")
    if frame.empty:
        return style.say_empty(ax, "no firm to draw")
    place, handles = np.arange(len(frame), dtype=np.float64), []
    for i, (name, label) in enumerate(MEASURES):
        at = place + 0.24 * (i - 1)
        look: Look = {
            "color": style.COLOURS[i],
            "linestyle": "",
            "marker": style.MARKERS[i],
            "markersize": 6.0,
        }
        intervals(ax, at, 100.0 * numbers(frame, [f"{name}_low", f"{name}_high"]), style.COLOURS[i])
        ax.plot(100.0 * numbers(frame, [name])[:, 0], at, zorder=3.0, **look)
        handles.append(Line2D([], [], label=label, **look))
    for line in place[1:]:
        ax.axhline(line - 0.5, color=style.PALE, linewidth=0.6)
    style.Scale(1.0, "%").tick(ax.xaxis)
    label_rows(ax, list(frame.index))
    legend_below(ax, handles, 1)
    return style.finish(ax)


def capital(table: Any, *, unit: str = "", ax: Axes | None = None) -> Axes:
    """Draw the capital that every firm would lack in a crisis, the most lacking first.

    Parameters
    ----------
    table : pandas.DataFrame
        What `contagion.measures.srisk_table` or `contagion.measures.ses_table` returned; the latter has intervals.
    unit : str, optional
        Unit of money.
    ax : Axes, optional
        Where to draw; default a new figure. At most thirty firms are drawn.

    Raises
    ------
    SchemaError
        If it is something else.
    """
    made_by = "ct.measures.srisk_table or ses_table"
    name = "ses" if hasattr(table, "columns") and "ses" in table.columns else "srisk"
    frame = require(table, (name, "share"), made_by).sort_values(name, ascending=False, kind="stable")[
        :MOST_ROWS
    ]
    ax = style.axes(ax, 8.0, 1.8 + 0.36 * max(len(frame), 3))
    value, ends = numbers(frame, [name])[:, 0], numbers(frame, ["low", "high"])
    scale = style.money_scale([*value, *ends.ravel()], unit)
    ax.set_xlabel(scale.label(f"{name.upper()}: capital lacking in a crisis"))
    note = "right of zero it is missing, left some is over" + (
        "; lines are intervals" if name == "ses" else ""
    )
    style.title(ax, "Capital that firms would lack", note)
    if frame.empty:
        return style.say_empty(ax, "no firm to draw")
    place = np.arange(len(frame), dtype=np.float64)
    missing = value > 0.0
    ax.barh(place[missing], value[missing], height=0.62, color=style.HARM)
    ax.barh(
        place[~missing], value[~missing], height=0.62, color=style.PALE, hatch="////", edgecolor=style.MIDDLE
    )
    intervals(ax, place, ends)
    scale.tick(ax.xaxis)
    label_rows(ax, list(frame.index))
    right_column(ax, "share", [f"{100.0 * one:.0f} %" for one in numbers(frame, ["share"])[:, 0]], 44)
    if "lrmes" in frame:
        falls = numbers(frame, ["lrmes"])[:, 0]
        right_column(ax, "LRMES", [style.Scale(0.01, "%").text(one) for one in falls], 96)
    handles = [
        Patch(color=style.HARM, label="missing"),
        Patch(facecolor=style.PALE, hatch="////", edgecolor=style.MIDDLE, label="over"),
    ]
    legend_below(ax, handles, 2)
    return style.finish(ax)
