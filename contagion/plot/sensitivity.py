"""Which numbers matter? Shares of variance after Sobol or by source, and effects after Morris."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from contagion.errors import SchemaError
from contagion.plot import style
from contagion.plot.labels import CORNERS, Labels
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARES = ("first", "first_se", "total", "total_se")
EFFECTS = ("mu_star", "sigma", "mu_star_se")
ERRORS = 2.0
"""Standard errors that a line reaches to either side."""
MOST_BARS = 20


def sensitivity(table: Any, *, unit: str = "", ax: Axes | None = None) -> Axes:
    """Draw shares of variance as bars with errors, or elementary effects as points.

    Parameters
    ----------
    table : pandas.DataFrame
        What `contagion.sobol`, `contagion.variance_split` (bars) or `contagion.morris` (points) returned.
    unit : str, optional
        Unit of money, for elementary effects.
    ax : Axes, optional
        Where to draw; default a new figure. At most twenty bars are drawn, the largest.

    Raises
    ------
    SchemaError
        If it is something else.
    """
    if isinstance(table, pd.DataFrame) and set(SHARES) <= set(table.columns):
        return _shares(table, ax)
    if isinstance(table, pd.DataFrame) and set(EFFECTS) <= set(table.columns):
        return _effects(table, unit, ax)
    allowed = "a table of ct.sobol, ct.variance_split or ct.morris"
    raise SchemaError("can't be drawn", where="table", value=table, allowed=allowed)


def _shares(table: pd.DataFrame, ax: Axes | None) -> Axes:
    """Two bars a row: alone, and with all interactions."""
    rows = table.sort_values("total", ascending=False, kind="stable").iloc[:MOST_BARS]
    ax = style.axes(ax, 8.0, 1.6 + 0.45 * max(len(rows), 3))
    place = np.arange(len(rows), dtype=np.float64)
    for offset, name, look in zip((-0.19, 0.19), ("total", "first"), _LOOKS, strict=True):
        value, error = (100.0 * rows[column].to_numpy(np.float64) for column in (name, f"{name}_se"))
        ax.barh(place + offset, value, height=0.36, **look)
        spread: Look = {"fmt": "none", "ecolor": style.DARK, "elinewidth": 1.0, "capsize": 2.5}
        ax.errorbar(value, place + offset, xerr=ERRORS * error, **spread)
    ax.set_yticks(place, [style.shown(name, 34) for name in rows.index])
    ax.invert_yaxis()
    ax.axvline(0.0, color=style.DARK, linewidth=0.8)
    style.Scale(1.0, "%").tick(ax.xaxis)
    ax.set_xlabel("share of the variance (%)")
    metric = style.words(str(table.attrs["metric"])) if table.attrs.get("metric") else "the result"
    style.title(
        ax, f"Where the variance of {metric} comes from", "lines reach two standard errors to either side"
    )
    handles = [Patch(label=label, **look) for label, look in zip(_WORDS, _LOOKS, strict=True)]
    style.legend_right(ax, handles, "share of the variance")
    return style.finish(ax)


_LOOKS: tuple[Look, Look] = (
    {"facecolor": "#A9CBE3", "edgecolor": style.COLOURS[0], "linewidth": 0.8},
    {"facecolor": style.COLOURS[0], "edgecolor": style.COLOURS[0], "linewidth": 0.8},
)
_WORDS = ("with its interactions (total)", "alone (first)")


def _effects(table: pd.DataFrame, unit: str, ax: Axes | None) -> Axes:
    """One point a parameter: how large its effects are, and how much they differ."""
    ax = style.axes(ax, 8.0, 4.8)
    metric = str(table.attrs.get("metric", ""))
    size, spread, error = (table[name].to_numpy(np.float64) for name in EFFECTS)
    scale = style.metric_scale(metric, [*size, *spread], unit)
    look: Look = {"fmt": "none", "ecolor": style.MIDDLE, "elinewidth": 1.0, "capsize": 2.0}
    ax.errorbar(size, spread, xerr=ERRORS * error, **look)
    ax.scatter(size, spread, s=42.0, color=style.COLOURS[0], zorder=2.5)
    top = float(np.nanmax([*(size + ERRORS * np.nan_to_num(error)), *spread, 0.0])) or 1.0
    ax.plot([0.0, top], [0.0, top], color=style.DARK, linewidth=0.8, linestyle=":")
    ax.set_xlim(-0.04 * top, 1.12 * top)
    ax.set_ylim(
        -0.06 * max(float(np.nanmax(spread)), 0.25 * top), 1.15 * max(float(np.nanmax(spread)), 0.25 * top)
    )
    ax.set_xlabel(
        scale.label(f"mean size of the change of {style.words(metric or 'the result')} over the range (μ*)")
    )
    ax.set_ylabel(scale.label("its standard deviation (σ)"))
    for axis in (ax.xaxis, ax.yaxis):
        scale.tick(axis)
    style.title(
        ax,
        "Which parameters move the result",
        "above the dotted line the effect depends on the others or on the place; lines: two standard errors",
    )
    handles = [
        Line2D([], [], linestyle="", marker="o", color=style.COLOURS[0], label="parameter"),
        Line2D([], [], color=style.DARK, linewidth=0.8, linestyle=":", label="σ = μ*"),
    ]
    style.legend_right(ax, handles)
    place = np.column_stack([size, spread])
    Labels(
        ax,
        [str(name) for name in table.index],
        place,
        np.full(len(table), 4.5),
        needed=len(table),
        sides=CORNERS,
    )
    return style.finish(ax)
