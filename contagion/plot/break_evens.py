"""Where does the effect of a policy change its sign as one number varies?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter

from contagion.errors import SchemaError
from contagion.plot import style
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE = 8.0
"""Values further apart than this factor get a logarithmic axis."""


def break_even(found: Any, *, unit: str = "", ax: Axes | None = None) -> Axes:
    """Draw an effect over a parameter with its interval, every crossing and every stretch without effect.

    Parameters
    ----------
    found : BreakEven
        What `contagion.break_even` returned.
    unit : str, optional
        Unit of money of the network.
    ax : Axes, optional
        Where to draw; default a new figure.

    Raises
    ------
    SchemaError
        If it is something else.
    """
    if isinstance(found, type) or not (hasattr(found, "crossings") and hasattr(found, "flats")):
        allowed = "a result of ct.break_even(cmp, parameter)"
        raise SchemaError("can't be drawn", where="found", value=found, allowed=allowed)
    ax = style.axes(ax)
    table: pd.DataFrame = found.table
    value, effect, low, high = (
        table[name].to_numpy(np.float64) for name in ("value", "effect", "low", "high")
    )
    scale = style.metric_scale(found.metric, [*effect, *low, *high], unit)
    ax.fill_between(value, low, high, color=style.COLOURS[0], alpha=0.18, linewidth=0)
    ax.plot(value, effect, color=style.COLOURS[0], marker="o", markersize=4.0, linewidth=1.4)
    ax.axhline(0.0, color=style.DARK, linewidth=0.8)
    if value.min() > 0.0 and value.max() / value.min() > WIDE:
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.xaxis.set_minor_formatter(NullFormatter())
    handles: list[Any] = [
        Line2D([], [], color=style.COLOURS[0], marker="o", markersize=4.0, label="mean paired change"),
        Patch(facecolor=style.COLOURS[0], alpha=0.18, label=f"{100.0 * found.level:g} % interval"),
    ]
    handles += _places(ax, found)
    style.Scale(1.0, "").tick(ax.xaxis)
    ax.set_xlabel(
        f"{style.words(found.parameter)} ({style.shown(found.unit, 20)})"
        if found.unit
        else style.words(found.parameter)
    )
    ax.set_ylabel(scale.label(f"change of mean {style.words(found.metric)}"))
    scale.tick(ax.yaxis)
    title = f"Where {style.shown(found.policy)} begins and ceases to help"
    scenarios = int(table["n"].max())
    style.title(
        ax, title, f"against {style.shown(found.against)!r}, {scenarios:,} scenarios; below zero is less"
    )
    style.legend_right(ax, handles)
    return style.finish(ax)


def _places(ax: Axes, found: Any) -> list[Any]:
    handles: list[Any] = []
    line: Look = {"color": style.HARM, "linewidth": 1.1, "linestyle": "--"}
    for row in found.crossings.to_dict("records"):
        ax.axvspan(row["low"], row["high"], color=style.HARM, alpha=0.15, linewidth=0)
        ax.axvline(row["crossing"], **line)
    if len(found.crossings):
        handles.append(Line2D([], [], label="the sign changes", **line))
    for row in found.flats.to_dict("records"):
        ax.axvspan(row["low"], row["high"], color=style.PALE, alpha=0.6, linewidth=0, zorder=0.2)
    if len(found.flats):
        handles.append(Patch(facecolor=style.PALE, alpha=0.6, label="nothing changes"))
    return handles
