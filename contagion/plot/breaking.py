"""At which sizes, and where in a plane of two parameters, does the system break?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from contagion.errors import SchemaError
from contagion.plot import style
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_SETS = 8
SHADES = {"below": "#D9E8F3", "boundary": "#F3D9A4", "above": "#E6A08A"}
"""Phase -> colour; lighter to darker in grey as well."""
PHASE_WORDS = {
    "below": "does not hold",
    "boundary": "corners disagree: the boundary is here",
    "above": "holds",
}


def reverse_stress(found: Any, *, ax: Axes | None = None) -> Axes:
    """Draw a metric over the size of a shock, with every size at which the condition begins or ceases to hold.

    Parameters
    ----------
    found : ReverseStress
        What `contagion.reverse_stress` returned.
    ax : Axes, optional
        Where to draw; default a new figure. At most eight policy sets are drawn, in their order.

    Raises
    ------
    SchemaError
        If it is something else.
    """
    _check(found, "crossings", "a result of ct.reverse_stress(net, direction)")
    ax = style.axes(ax)
    table = found.to_frame()
    scale = style.metric_scale(found.metric, [*table["value"], found.limit], found.unit)
    handles = []
    for i, name in enumerate(list(dict.fromkeys(table["policy"]))[:MOST_SETS]):
        rows = table[table["policy"] == name].sort_values("size")
        look: Look = {"color": style.COLOURS[i], "linestyle": style.LINES[i], "linewidth": 1.5}
        ax.plot(rows["size"], rows["value"], drawstyle="steps-mid", **look)
        handles.append(Line2D([], [], label=style.shown(name), **look))
        for row in found.crossings[found.crossings["policy"] == name].to_dict("records"):
            ax.axvspan(row["low"], row["high"], facecolor=style.COLOURS[i], alpha=0.25, edgecolor="white")
            ax.axvline(row["size"], color=style.COLOURS[i], linewidth=0.8)
    ax.axhline(found.limit, color=style.DARK, linewidth=0.8, linestyle=":")
    handles.append(Line2D([], [], color=style.DARK, linewidth=0.8, linestyle=":", label="limit"))
    ax.set_xlabel("size of the shock (multiple of its log changes)")
    ax.set_ylabel(scale.label(style.words(found.metric)))
    scale.tick(ax.yaxis)
    if scale.unit == "count":
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    style.Scale(1.0, "").tick(ax.xaxis)
    count = len(found.crossings)
    note = f"{count} change{'s' if count != 1 else ''} found; bands show within what width each is known"
    style.title(ax, f"Reverse stress: {style.shown(found.condition, 60)}", note)
    style.legend_right(ax, handles, "policy set")
    return style.finish(ax)


def phases(found: Any, *, ax: Axes | None = None) -> Axes:
    """Draw where a condition holds over two parameters, with the squares in which its boundary lies.

    Parameters
    ----------
    found : PhaseDiagram
        What `contagion.phase_diagram` returned.
    ax : Axes, optional
        Where to draw; default a new figure.

    Raises
    ------
    SchemaError
        If it is something else.
    """
    _check(found, "cells", "a result of ct.phase_diagram(cmp, x, y)")
    ax = style.axes(ax, 7.5, 5.0)
    cells: pd.DataFrame = found.cells
    for row in cells.to_dict("records"):
        place = (row["x_low"], row["y_low"])
        width, height = row["x_high"] - row["x_low"], row["y_high"] - row["y_low"]
        look: Look = {"facecolor": SHADES[row["phase"]], "edgecolor": "white", "linewidth": 0.4}
        ax.add_patch(Rectangle(place, width, height, **look))
    table = found.to_frame()
    marks: Look = {"s": 9.0, "linewidths": 0.6, "edgecolors": style.DARK, "zorder": 3, "clip_on": False}
    for holds, face in ((False, "white"), (True, style.DARK)):
        rows = table[table["holds"] == holds]
        ax.scatter(rows["x"], rows["y"], facecolors=face, **marks)
    ax.set_xlim(cells["x_low"].min(), cells["x_high"].max())
    ax.set_ylim(cells["y_low"].min(), cells["y_high"].max())
    ax.set_xlabel(_axis_label(found.x))
    ax.set_ylabel(_axis_label(found.y))
    title = f"Where {style.shown(found.condition, 50)} ({style.shown(found.policy)})"
    scenarios = int(table["n"].max())
    style.title(
        ax,
        title,
        f"mean of {scenarios:,} scenario{'s' if scenarios != 1 else ''} at each of {len(table):,} points",
    )
    present = [phase for phase in SHADES if (cells["phase"] == phase).any()]
    handles = [Patch(facecolor=SHADES[phase], label=PHASE_WORDS[phase]) for phase in present]
    style.legend_right(ax, handles, "condition")
    return style.finish(ax)


def _axis_label(name: str) -> str:
    from contagion.network.schema import TABLES

    owner, _, item = name.partition(".")
    if name == "shock.size":
        return "size of the shock (multiple of its log moves)"
    unit = {one.name: one.unit for one in TABLES[owner].columns}.get(item, "") if owner in TABLES else ""
    unit = unit or ("s" if item in ("step", "horizon", "length", "window") else "")
    return f"{style.words(name)} ({unit})" if unit else style.words(name)


def _check(found: Any, attribute: str, allowed: str) -> None:
    if not (hasattr(found, attribute) and hasattr(found, "condition")):
        raise SchemaError("can't be drawn", where="found", value=found, allowed=allowed)
