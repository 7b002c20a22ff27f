"""Which candidate won the search, and what is left of it on scenarios that the search has not seen?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from contagion.errors import SchemaError
from contagion.plot import style
from contagion.plot.labels import CORNERS, Labels
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NAMES = 6
"""Names written beside the marks: the winner's, and those of the frontier."""


def choice(found: Any, *, ax: Axes | None = None) -> Axes:
    """Draw benefit against cost of every candidate, the frontier, and the winner's effect on new scenarios.

    Parameters
    ----------
    found : Choice
        What `contagion.optimise_policy` returned.
    ax : Axes, optional
        Where to draw; default a new figure.

    Raises
    ------
    SchemaError
        If it is something else.
    """
    if isinstance(found, type) or not (hasattr(found, "winner") and hasattr(found, "confirmation")):
        allowed = "a result of ct.optimise_policy(net, shock, model, policies)"
        raise SchemaError("can't be drawn", where="found", value=found, allowed=allowed)
    ax = style.axes(ax, 8.0, 4.8)
    table: pd.DataFrame = found.table
    cost, benefit = table["cost"].fillna(0.0).to_numpy(np.float64), table["benefit"].to_numpy(np.float64)
    best = table["frontier"].to_numpy(bool)
    held = _held_out(found)
    across = style.metric_scale("policy_cost", [*cost, *held[:1]], found.unit)
    up = style.metric_scale(found.metric, [*benefit, *held[1:]], found.unit)
    colour = style.COLOURS[0]
    marks: Look = {"s": 36.0, "edgecolors": colour, "zorder": 2.0}
    ax.scatter(cost[~best], benefit[~best], facecolors="white", **marks)
    order = np.flatnonzero(best)[np.argsort(cost[best], kind="stable")]
    ax.plot(cost[order], benefit[order], color=colour, linewidth=1.0, linestyle="--", zorder=1.8)
    ax.scatter(cost[best], benefit[best], facecolors=colour, **marks)
    if held:
        _confirmed(ax, found, held)
    ax.axhline(0.0, color=style.DARK, linewidth=0.8, zorder=0.5)
    ax.margins(0.12)
    ax.set_xlabel(across.label("mean cost"))
    ax.set_ylabel(up.label(f"mean fall of {style.words(found.metric)}"))
    across.tick(ax.xaxis)
    up.tick(ax.yaxis)
    note = f"{len(table):,} candidates on the scenarios of the search"
    if held:
        note += f"; the winner again on {found.confirmation['n']:,.0f} new ones"
    style.title(ax, f"The choice: {style.shown(found.winner, 50)}", note)
    style.legend_right(ax, _handles(bool(held), bool(best.any()), bool((~best).any())))
    names = [found.winner] if found.winner in table.index else []
    names += [str(name) for name in table.index[best] if name != found.winner]
    names = names[:MOST_NAMES]
    rows = table.index.get_indexer(pd.Index(names))
    place = np.column_stack([cost, benefit])
    near: Look = {"obstacles": place, "obstacle_radii": np.full(len(place), 3.5), "sides": CORNERS}
    if held:
        near["obstacles"] = np.vstack([place, held[:2]])
        near["obstacle_radii"] = np.full(len(place) + 1, 5.0)
    Labels(ax, names, place[rows], np.full(len(rows), 4.5), needed=1, **near)
    return style.finish(ax)


def _held_out(found: Any) -> tuple[float, ...]:
    """Cost, benefit and the ends of its interval on held-out scenarios, as far as they are known."""
    one = found.confirmation
    if found.held_out is None or not np.isfinite(one["benefit"]):
        return ()
    cost = float(one["cost"]) if np.isfinite(one["cost"]) else 0.0
    ends = [float(one[name]) for name in ("low", "high") if np.isfinite(one[name])]
    return cost, float(one["benefit"]), *(ends if len(ends) == 2 else ())


def _confirmed(ax: Axes, found: Any, held: tuple[float, ...]) -> None:
    """Join the winner's mark of the search to its mark on new scenarios."""
    row = found.table.loc[found.winner]
    start = (0.0 if pd.isna(row["cost"]) else float(row["cost"]), float(row["benefit"]))
    look: Look = {"color": style.HARM, "linewidth": 1.2}
    ax.plot([start[0], held[0]], [start[1], held[1]], linestyle=":", zorder=2.1, **look)
    if len(held) == 4:
        ax.plot([held[0]] * 2, held[2:], zorder=2.2, **look)
    ax.scatter([start[0]], [start[1]], s=110.0, facecolors="none", edgecolors=style.HARM, zorder=2.4)
    ax.scatter([held[0]], [held[1]], s=52.0, marker="D", color=style.HARM, zorder=2.5)


def _handles(held: bool, best: bool, other: bool) -> list[Line2D]:
    ring: Look = {"linestyle": "", "marker": "o", "markeredgecolor": style.COLOURS[0], "markersize": 6.5}
    handles = []
    if best:
        handles.append(
            Line2D([], [], markerfacecolor=style.COLOURS[0], label="on the frontier, search", **ring)
        )
    if other:
        handles.append(Line2D([], [], markerfacecolor="white", label="another beats it, search", **ring))
    if held:
        mark: Look = {"linestyle": "", "markeredgecolor": style.HARM}
        handles.append(
            Line2D(
                [], [], marker="o", markerfacecolor="none", markersize=10.0, label="winner, search", **mark
            )
        )
        handles.append(
            Line2D(
                [],
                [],
                marker="D",
                markerfacecolor=style.HARM,
                label="winner, new scenarios\n(line: interval)",
                **mark,
            )
        )
    return handles
