"""Where does one failure bring down many, as simulated and by theory?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from contagion.errors import SchemaError, nearest
from contagion.experiments.stability_results import borders, is_wide
from contagion.plot import style
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES: Final = 6
AXES: Final = {
    "bank_degree": ("diversification: assets held by a bank (count)", 1.0),
    "banks_per_asset": ("crowding: banks per asset (ratio)", 1.0),
    "leverage": ("leverage: assets over equity (ratio)", 1.0),
    "mean_degree": ("mean number of debtors of a bank (count)", 1.0),
    "capital": ("capital (% of total assets)", 100.0),
}
VALUES: Final = {
    "probability": "runs with contagion (%)",
    "low": "runs with contagion, low end of the interval (%)",
    "high": "runs with contagion, high end of the interval (%)",
    "extent": "banks that fail in runs with contagion, mean (%)",
    "theory": "contagion among infinitely many banks (%)",
}
SHADES: Final = ListedColormap([str(shade) for shade in np.linspace(1.0, 0.4, 256)], "shades")
"""White to grey: lines and marks stay visible on the darkest cell, in print too."""


def stability_map(
    found: Any, ax: Axes | None = None, value: str = "probability", *, level: float = 0.5
) -> Axes:
    """Draw a map of contagion, simulated cells beneath the edges of theory.

    Parameters
    ----------
    found : StabilityMap
        What `contagion.overlap_stability_map` or `contagion.claims_stability_map` returned.
    ax : Axes, optional
        Where to draw; default a new figure.
    value : str, default "probability"
        What the shade of a cell says: ``probability``, its interval's ends ``low`` and ``high``, ``extent`` or
        ``theory``.
    level : float, default 0.5
        Where the simulated probability crosses this level stands a mark in each column, with its band: it ends at the
        last cells whose intervals lie on one side of the level.

    Returns
    -------
    Axes
        A cross marks cells away from the edge whose interval misses what theory says.

    Raises
    ------
    InputError
        If it is something else, the value is unknown, or the level is no number between 0 and 1.
    """
    if not (hasattr(found, "edges") and hasattr(found, "crossings")):
        allowed = "a result of ct.overlap_stability_map() or ct.claims_stability_map()"
        raise SchemaError("can't be drawn", where="found", value=found, allowed=allowed)
    if value not in VALUES:
        hint = nearest(str(value), VALUES)
        raise SchemaError(f"is no value{hint}", where="value", value=value, allowed=", ".join(VALUES))
    crossings = found.crossings(level)
    ax = style.axes(ax, 7.5, 5.4)
    handles = [
        *_cells(ax, found, value),
        *_edges(ax, found),
        *_marks(ax, found, crossings, level),
        *_misses(ax, found),
    ]
    fixed = ", ".join(f"{style.words(name)} {number:g}" for name, number in found.fixed.items())
    note = f"{found.n_banks:,} banks, {found.runs:,} networks per column; {fixed}"
    style.title(ax, f"Contagion through {found.title}", note)
    _frame(ax, found)
    legend = ax.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.0, -0.15),
        ncols=2,
        frameon=False,
        fontsize="small",
        borderaxespad=0.0,
    )
    style.plain(legend.get_texts())
    return style.finish(ax)


def _cells(ax: Axes, found: Any, value: str) -> list[Patch]:
    """Shades, with a bar that says what they mean."""
    wide = found.table.pivot(index=found.y, columns=found.x, values=value).sort_index().sort_index(axis=1)
    x, y = _borders(found)
    shares = np.ma.masked_invalid(100.0 * wide.to_numpy(np.float64))
    mesh = ax.pcolormesh(x, y, shares, cmap=SHADES, vmin=0.0, vmax=100.0, edgecolors="white", linewidth=0.3)
    bar = ax.figure.colorbar(mesh, ax=ax, label=VALUES[value])
    bar.outline.set_visible(False)
    style.plain([bar.ax.yaxis.label])
    if not np.ma.getmaskarray(shares).any():
        return []
    ax.patch.set(hatch="////", edgecolor=style.PALE)
    words = "no run with contagion" if value == "extent" else "theory does not say"
    return [Patch(facecolor="white", edgecolor=style.PALE, hatch="////", label=words)]


def _borders(found: Any) -> tuple[Any, Any]:
    """Borders of the cells along both axes, in the unit of the axis."""
    return (
        AXES[found.x][1] * borders(np.unique(found.table[found.x])),
        AXES[found.y][1] * borders(np.unique(found.table[found.y])),
    )


def _edges(ax: Axes, found: Any) -> list[Line2D]:
    """Lines of theory; parts of one border are joined."""
    handles: dict[str, Line2D] = {}
    for name, part in found.edges.groupby("edge", sort=False):
        least = str(name).startswith("least")
        label = f"theory: {name if least or name == 'critical leverage' else 'window of contagion'}"
        look: Look = {
            "color": style.HELP,
            "linestyle": (0, (2, 1.2)) if least else "-",
            "linewidth": 2.0,
            "path_effects": [withStroke(linewidth=4.0, foreground="white")],
        }
        places = AXES[found.x][1] * part[found.x], AXES[found.y][1] * part[found.y]
        lone: Look = {"marker": "_", "markersize": 14.0} if len(part) == 1 else {}
        ax.plot(*places, zorder=3.0, **look, **lone)
        x, y = _borders(found)
        inside = places[0].between(x[0], x[-1]) & places[1].between(y[0], y[-1])
        if inside.any():
            handles.setdefault(label, Line2D([], [], label=label, **look))
    return list(handles.values())


def _marks(ax: Axes, found: Any, crossings: pd.DataFrame, level: float) -> list[Line2D]:
    """Where the simulation crosses the level, with its band; a band that leaves the map ends at its border."""
    factor = AXES[found.y][1]
    low, high = _borders(found)[1][[0, -1]]
    seen = crossings[crossings[found.y].notna()]
    if seen.empty:
        return []
    x = (AXES[found.x][1] * seen[found.x]).to_numpy(np.float64)
    y = (factor * seen[found.y]).to_numpy(np.float64)
    ends = (factor * seen["low"]).fillna(low), (factor * seen["high"]).fillna(high)
    halo = [withStroke(linewidth=3.4, foreground="white")]
    ax.vlines(x, *ends, color=style.HARM, linewidth=1.4, path_effects=halo, zorder=3.5)
    mark: Look = {
        "marker": "o",
        "markersize": 5.5,
        "markerfacecolor": style.HARM,
        "markeredgecolor": "white",
        "linestyle": "none",
    }
    ax.plot(x, y, zorder=3.6, **mark)
    label = f"simulated: {level:.0%} of runs, {found.confidence:.0%} band"
    return [Line2D([], [], label=label, **mark)]


def _misses(ax: Axes, found: Any) -> list[Line2D]:
    """Crosses in the cells that theory does not explain."""
    table = found.table
    cells = table[~table["agrees"] & ~table["near_edge"] & table["theory"].notna()]
    if cells.empty:
        return []
    mark: Look = {
        "marker": "x",
        "markersize": 4.5,
        "markeredgewidth": 1.0,
        "color": "black",
        "linestyle": "none",
    }
    ax.plot(AXES[found.x][1] * cells[found.x], AXES[found.y][1] * cells[found.y], zorder=3.2, **mark)
    return [Line2D([], [], label="away from the edge, theory missed", **mark)]


def _frame(ax: Axes, found: Any) -> None:
    """Labels, scales and limits of the axes."""
    for axis, name, ends, scale in (
        (ax.xaxis, found.x, _borders(found)[0], ax.set_xscale),
        (ax.yaxis, found.y, _borders(found)[1], ax.set_yscale),
    ):
        values = np.unique(found.table[name])
        if is_wide(values):
            scale("log")
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_minor_locator(NullLocator())
        else:
            axis.set_major_locator(MaxNLocator(9, integer=bool((values == np.floor(values)).all())))
        style.Scale(1.0, "").tick(axis)
        axis.set_label_text(AXES[name][0])
        (ax.set_xlim if axis is ax.xaxis else ax.set_ylim)(ends[0], ends[-1])


def contagion_by_size(found: Any, ax: Axes | None = None) -> Axes:
    """Draw how often one failure brings down many, over the number of banks.

    Parameters
    ----------
    found : SizeEffect
        What `contagion.contagion_by_size` returned.
    ax : Axes, optional
        Where to draw; default a new figure. At most six leverages are drawn, the lowest ones.

    Returns
    -------
    Axes
        One line per leverage with exact intervals; the dotted line is the chance that the first failure shares two
        assets with another bank.

    Raises
    ------
    SchemaError
        If it is something else.
    """
    if "expected_in_pair" not in getattr(found, "table", ()):
        allowed = "a result of ct.contagion_by_size()"
        raise SchemaError("can't be drawn", where="found", value=found, allowed=allowed)
    ax = style.axes(ax)
    handles = []
    for i, (leverage, rows) in enumerate(found.table.groupby("leverage")):
        if i == MOST_LINES:
            break
        look: Look = {"color": style.COLOURS[i], "linestyle": style.LINES[i], "linewidth": 1.6}
        mark: Look = {"marker": style.MARKERS[i], "markersize": 4.5}
        x = rows["n_banks"] * (1.0 + 0.025 * i)  # beside one another
        ax.plot(x, 100.0 * rows["probability"], clip_on=False, **look, **mark)
        ax.vlines(x, 100.0 * rows["low"], 100.0 * rows["high"], color=style.COLOURS[i], linewidth=0.9)
        theory = rows["theory"].iloc[0]
        label = f"{leverage:.4g}" + ("" if np.isnan(theory) else f" (theory {theory:.0%})")
        handles.append(Line2D([], [], label=label, **look, **mark))
    rows = found.table[found.table["leverage"] == found.table["leverage"].min()]
    dotted: Look = {"color": style.DARK, "linestyle": ":", "linewidth": 1.2}
    ax.plot(rows["n_banks"], 100.0 * rows["expected_in_pair"], **dotted)
    handles.append(Line2D([], [], label="first failure shares\ntwo assets with a bank", **dotted))
    ax.set_xscale("log")
    sizes = np.unique(found.table["n_banks"])
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=0 if len(sizes) < 7 else 45)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_ylim(0.0, 100.0)
    ax.set_xlabel("banks (count)")
    ax.set_ylabel("runs with contagion (%)")
    fixed = ", ".join(f"{style.words(name)} {number:g}" for name, number in found.fixed.items())
    edge = "" if np.isnan(found.critical_leverage) else f"; critical leverage {found.critical_leverage:.4g}"
    style.title(ax, f"Contagion by size: {found.title}", f"{fixed}{edge}")
    style.legend_right(ax, handles, f"leverage\n({found.runs:,} runs, {found.confidence:.0%} intervals)")
    return style.finish(ax)
