"""Who causes the loss, and which mechanism? Contributions as bars with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from contagion.errors import SchemaError
from contagion.plot import style
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

REST = "rest"
MOST_BARS = 20
RULES = {"first_in": "first in", "last_in": "last in", "shapley": "mean over all orders"}


def attribution(table: Any, *, unit: str = "", ax: Axes | None = None) -> Axes:
    """Draw what each player, or each stage of the model, contributes to a metric.

    Parameters
    ----------
    table : pandas.DataFrame
        What `contagion.attribute` or `contagion.attribute_stages` returned.
    unit : str, optional
        Unit of money.
    ax : Axes, optional
        Where to draw; default a new figure. At most twenty rows are drawn.

    Raises
    ------
    SchemaError
        If it is something else.
    """
    if not isinstance(table, pd.DataFrame) or not (
        {"contribution"} <= set(table) or set(RULES) <= set(table)
    ):
        allowed = "a table of ct.attribute or ct.attribute_stages"
        raise SchemaError("can't be drawn", where="table", value=table, allowed=allowed)
    stages = set(RULES) <= set(table.columns)
    rows = _largest(table)
    ax = style.axes(ax, 8.0, 1.7 + (0.55 if stages else 0.32) * max(len(rows), 3))
    columns = list(RULES) if stages else ["contribution"]
    metric = str(table.attrs.get("metric", "system_loss"))
    scale = style.metric_scale(metric, rows[columns].to_numpy(np.float64).ravel(), unit)
    if stages:
        _stages(ax, rows)
    else:
        _players(ax, rows)
    ax.set_yticks(np.arange(len(rows)), [style.shown(name, 30) for name in rows.index])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.axvline(0.0, color=style.DARK, linewidth=0.8)
    ax.set_xlabel(scale.label(f"contribution to mean {style.words(metric)}"))
    scale.tick(ax.xaxis)
    what = "Which mechanism makes the loss" if stages else "Who causes the loss"
    total = float(table.attrs.get("total", np.nan))
    note = f"total {scale.text(total)}; " if np.isfinite(total) else ""
    style.title(ax, what, f"{note}lines are intervals; left of zero it spares others")
    return style.finish(ax)


def _largest(table: pd.DataFrame) -> pd.DataFrame:
    """At most twenty rows; what remains without anybody stays the last."""
    own = table[table.index != REST].iloc[:MOST_BARS]
    return pd.concat([own, table[table.index == REST]])


def _players(ax: Axes, rows: pd.DataFrame) -> None:
    value = rows["contribution"].to_numpy(np.float64)
    colours = [style.PALE if name == REST else style.COLOURS[0] for name in rows.index]
    ax.barh(np.arange(len(rows)), value, height=0.62, color=colours)
    ends = (
        rows[["low", "high"]].to_numpy(np.float64)
        if {"low", "high"} <= set(rows)
        else np.full((len(rows), 2), np.nan)
    )
    _lines(ax, np.arange(len(rows), dtype=np.float64), ends, style.DARK)


def _stages(ax: Axes, rows: pd.DataFrame) -> None:
    handles = []
    place = np.arange(len(rows), dtype=np.float64)
    for i, (rule, label) in enumerate(RULES.items()):
        at = place + 0.24 * (i - 1)
        look: Look = {
            "color": style.COLOURS[i],
            "linestyle": "",
            "marker": style.MARKERS[i],
            "markersize": 6.0,
        }
        names = [f"{rule}_low", f"{rule}_high"]
        if set(names) <= set(rows):
            _lines(ax, at, rows[names].to_numpy(np.float64), style.COLOURS[i])
        ax.plot(rows[rule].to_numpy(np.float64), at, **look)
        handles.append(Line2D([], [], label=label, **look))
    for line in place[1:]:
        ax.axhline(line - 0.5, color=style.PALE, linewidth=0.6)
    style.legend_right(ax, handles, "switched on")


def _lines(ax: Axes, place: np.ndarray, ends: np.ndarray, colour: str) -> None:
    """Draw intervals where there are any."""
    for at, (low, high) in zip(place, ends, strict=True):
        if np.isfinite([low, high]).all():
            ax.plot([low, high], [at, at], color=colour, linewidth=1.3, solid_capstyle="butt")
