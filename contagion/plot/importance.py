"""Which nodes lead by which measure, and how sure is that? Ranks with their intervals over networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.plot import style
from contagion.plot.rows import MOST_ROWS, intervals, label_rows, legend_below, numbers, right_column
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_MEASURES = 4
LABELS = {
    "default_loss": "loss of others at its default",
    "contagion_defaults": "defaults its default causes",
    "debtrank": "DebtRank",
    "claims_concentration": "concentration of claims",
    "debts_concentration": "concentration of debts",
    "degree": "number of links",
    "core": "member of the core",
    "debts": "debts inside the network",
    "claims": "claims inside the network",
    "spectral_radius_drop": "fall of the spectral radius without it",
}


def ranking(
    found: Any, *, measures: Sequence[str] | None = None, most: int = 15, ax: Axes | None = None
) -> Axes:
    """Draw the ranks of nodes by up to four measures, with their intervals over networks; rank 1 is at the left.

    Parameters
    ----------
    found : NodeRanking
        What `contagion.rank_nodes` returned.
    measures : sequence of str, optional
        Which measures; default the first four that tell nodes apart. Nodes are sorted by the first.
    most : int, default 15
        How many nodes to draw, 1 to 30: the leading ones.
    ax : Axes, optional
        Where to draw; default a new figure.

    Raises
    ------
    SchemaError, ValueRangeError
        If it is something else, or a measure is not in it.
    """
    if not hasattr(found, "leading") or not hasattr(found, "correlations"):
        raise SchemaError("can't be drawn", where="found", value=found, allowed="a result of ct.rank_nodes()")
    if isinstance(most, bool) or not isinstance(most, (int, np.integer)) or not 1 <= most <= MOST_ROWS:
        raise ValueRangeError("is no number of rows", where="most", value=most, allowed=f"1 to {MOST_ROWS}")
    names = _chosen(found, measures)
    table = found.to_frame()
    nodes = table.loc[names[0]].index[:most]
    n_nodes, many = len(table.loc[names[0]]), found.n_networks > 1
    ax = style.axes(ax, 8.6, 2.0 + (0.14 * len(names) + 0.16) * max(len(nodes), 3))
    sure = f"marks: median of {found.n_networks:,} networks; lines: {found.level:.0%} of them" if many else ""
    style.title(
        ax, f"Who matters most: {len(nodes)} of {n_nodes:,} nodes", sure or "one network; no intervals"
    )
    ax.set_xlabel("rank (1 = most important)")
    place = np.arange(len(nodes), dtype=np.float64)
    handles = [
        _mark(ax, place, table.loc[name].loc[nodes], i, len(names), name) for i, name in enumerate(names)
    ]
    for line in place[1:]:
        ax.axhline(line - 0.5, color=style.PALE, linewidth=0.6)
    label_rows(ax, list(nodes))
    highest = float(numbers(table.loc[names].reset_index().query("node in @nodes"), ["rank_high"]).max())
    ax.set_xlim(0.5, max(highest, 2.0) + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if many:
        chance = numbers(table.loc[names[0]].loc[nodes], ["in_top"])[:, 0]
        right_column(ax, f"in top {found.top}", [f"{100.0 * one:.0f} %" for one in chance], 60)
    legend_below(ax, handles, 2, "by" + (f" (top {found.top}: the first)" if many and len(names) > 1 else ""))
    return style.finish(ax)


def _chosen(found: Any, measures: Sequence[str] | None) -> list[str]:
    known = found.measures
    if measures is None:
        telling = [name for name in known if found.ranks[name].nunique() > 1]
        return (telling or known)[:MOST_MEASURES]
    names = [measures] if isinstance(measures, str) else list(measures)
    for name in names:
        if name not in known:
            hint = nearest(str(name), known)
            raise ValueRangeError(
                f"is not ranked{hint}", where="measures", value=name, allowed=", ".join(known)
            )
    if not 1 <= len(names) <= MOST_MEASURES:
        raise ValueRangeError("are too many or none", where="measures", value=names, allowed="1 to 4")
    return names


def _mark(ax: Axes, place: Any, rows: pd.DataFrame, i: int, n: int, name: str) -> Line2D:
    """Marks and intervals of one measure, a little above or below the middle of each row."""
    at = place + 0.2 * (i - (n - 1) / 2.0)
    look: Look = {"color": style.COLOURS[i], "linestyle": "", "marker": style.MARKERS[i], "markersize": 6.0}
    intervals(ax, at, numbers(rows, ["rank_low", "rank_high"]), style.COLOURS[i])
    ax.plot(numbers(rows, ["rank"])[:, 0], at, zorder=3.0, clip_on=False, **look)
    return Line2D([], [], label=LABELS.get(name, style.words(name)), **look)
