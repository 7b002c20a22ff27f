"""What does an attack on a price cost and bring, at every budget and under every policy set?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from contagion.errors import SchemaError
from contagion.experiments.attack_results import AttackProfile
from contagion.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE = 8.0
"""Budgets further apart than this factor get a logarithmic axis."""
MOST_SETS = len(style.COLOURS)


def attack(profile: AttackProfile, *, ax: Axes | None = None) -> Axes:
    """Draw an attack's profit (below) and how far it moves the index (above) over its budget.

    Lines are policy sets, at most eight in their order. The upright line is the money that reaches the next cluster of
    liquidations by the tables alone; where a profit line is above zero the attack pays.

    Parameters
    ----------
    profile : AttackProfile
        What `contagion.attack_profile` returned.
    ax : Axes, optional
        Where to draw; default a new figure. The upper panel is made inside it.

    Returns
    -------
    Axes
        The lower panel; the upper one is its first child axes.

    Raises
    ------
    SchemaError
        If it is something else.
    """
    if not isinstance(profile, AttackProfile):
        allowed = "a result of ct.attack_profile(net, asset)"
        raise SchemaError("can't be drawn", where="profile", value=profile, allowed=allowed)
    ax = style.axes(ax, 8.5, 5.5)
    upper = style.panel_above(ax, share=0.4)
    table = profile.table
    scale = style.money_scale(table["profit"], profile.unit)
    handles: list[Any] = []
    for i, name in enumerate(profile.policies[:MOST_SETS]):
        rows = table[table["policy"] == name]
        budget = rows["budget"].to_numpy(np.float64)
        look: style.Look = {
            "color": style.COLOURS[i],
            "linestyle": style.LINES[i],
            "marker": style.MARKERS[i],
            "markersize": 4.0,
            "linewidth": 1.4,
        }
        ax.plot(budget, rows["profit"].to_numpy(np.float64), **look)
        upper.plot(budget, 100.0 * rows["index_move"].to_numpy(np.float64), **look)
        handles.append(Line2D([], [], label=style.shown(name), **look))
    handles += _reach(ax, upper, profile)
    for panel in (ax, upper):
        panel.axhline(0.0, color=style.DARK, linewidth=0.8, zorder=0.5)
    _axes(ax, upper, profile, scale)
    style.legend_right(upper, handles)
    style.title(upper, f"Attack on {style.shown(profile.asset)}", _note(profile))
    style.finish(upper)
    return style.finish(ax)


def _reach(ax: Axes, upper: Axes, profile: AttackProfile) -> list[Any]:
    """Draw the money to the next cluster by the tables, if there is one."""
    money = float(profile.by_tables["money"])
    if not np.isfinite(money):
        return []
    line: style.Look = {"color": style.MIDDLE, "linewidth": 1.1, "linestyle": (0, (1, 2))}
    for panel in (ax, upper):
        panel.axvline(money, zorder=0.6, **line)
    return [Line2D([], [], label="next cluster, by tables", **line)]


def _axes(ax: Axes, upper: Axes, profile: AttackProfile, scale: style.Scale) -> None:
    """Name and scale the axes."""
    budget = profile.table["budget"]
    if budget.max() / budget.min() > WIDE:
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.xaxis.set_minor_formatter(NullFormatter())
    style.money_ticks(ax.xaxis)
    verb = "sold" if profile.attack.side == "sell" else "bought"
    ax.set_xlabel(f"coins {verb}, at opening prices ({profile.unit})" if profile.unit else f"coins {verb}")
    ax.set_ylabel(scale.label("attacker's profit"))
    scale.tick(ax.yaxis)
    upper.set_ylabel("furthest move\nof the index (%)")


def _note(profile: AttackProfile) -> str:
    """Say where it pays and what stops it."""
    begins = float(profile.break_even["none"])
    if not np.isfinite(begins):
        return "no budget looked at pays without policies"
    start = style.amount(begins, profile.unit)
    text = f"without policies it first pays from {start} on"
    return (
        f"{text}; never under {', '.join(map(style.shown, profile.protects))}" if profile.protects else text
    )
