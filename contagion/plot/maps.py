"""What waits at each price level before anything has happened?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.patches import Patch

from contagion.errors import SchemaError, nearest
from contagion.measures.early_warning import distance_to_divergence, open_interest_above
from contagion.measures.liquidation import liquidation_map as levels_of
from contagion.plot import style
from contagion.plot.expected import need
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from contagion.network.network import Network

MOST_GROUPS = 6
_GROUPS = ("venue", "asset", "side", "market")
_HEADROOM = 1.22


def liquidation_map(
    net: Network,
    *,
    direction: Mapping[str, float] | None = None,
    color: str = "venue",
    width: float = 0.01,
    lowest: float = -0.5,
    highest: float = 0.5,
    ax: Axes | None = None,
) -> Axes:
    """Draw the money that each level of a common price move would close by force.

    Parameters
    ----------
    net : Network
        A network with margin accounts.
    direction : mapping of str to float, optional
        Relative move of each asset when the common move is 1; default 1 for all but currencies.
    color : str
        What the bars are split by: ``venue``, ``asset``, ``side`` or ``market``; the largest six, and the rest.
    width : float
        Width of a level.
    lowest, highest : float
        Range of the common move.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        A dashed line marks where forced orders would set off as many again, if that lies in the range.

    Raises
    ------
    SchemaError
        It is no network, `color` is another word, or the direction names no asset of the network.
    """
    need("network", net, "plot.liquidation_map")
    if color not in _GROUPS:
        raise SchemaError(
            f"is no column of the map{nearest(color, _GROUPS)}",
            where="color",
            value=color,
            allowed=", ".join(_GROUPS),
        )
    table = levels_of(net, direction, width=width, lowest=lowest, highest=highest)
    ax = style.axes(ax)
    unit = style.unit_of(net)
    style.title(ax, "What waits at each level", _leverage_note(net))
    ax.set_xlabel(_move_label(net, direction))
    ax.set_xlim(100.0 * lowest, 100.0 * highest)
    style.Scale(1.0, "%").tick(ax.xaxis)
    if not table["money"].any():
        ax.set_ylabel(f"money closed per {100.0 * width:g} % ({style.shown(unit)})")
        ax.set_yticks([])
        return style.say_empty(ax, "no move within this range closes any account")
    scale = _bars(ax, table, color, width, unit)
    ax.set_ylabel(scale.label(f"money closed per {100.0 * width:g} %"))
    _sides(ax, lowest, highest)
    _mark_divergence(ax, net, direction, width, lowest)
    return style.finish(ax)


def _bars(ax: Axes, table: pd.DataFrame, color: str, width: float, unit: str) -> style.Scale:
    """Stack the money of each group at each level, the largest group at the bottom."""
    left = 100.0 * np.where(table["move"] == "fall", table["level"] - width, table["level"])
    size = table.groupby(color)["money"].sum().sort_values(ascending=False, kind="stable")
    kept = list(size.index[:MOST_GROUPS])
    group = table[color].where(table[color].isin(kept), "")
    names = [*kept, *([""] if len(size) > MOST_GROUPS else [])]
    heights = table.groupby([np.round(left, 6), group])["money"].sum().unstack().fillna(0.0)
    bottom = np.zeros(len(heights))
    handles = []
    for i, name in enumerate(names):
        money = heights[name].to_numpy(np.float64)
        look: Look = {
            "facecolor": style.COLOURS[i] if name else style.PALE,
            "hatch": style.HATCHES[i] if name else "",
            "edgecolor": "white",
            "linewidth": 0.3,
        }
        ax.bar(heights.index.to_numpy(), money, 100.0 * width, bottom, align="edge", **look)
        label = style.shown(name) if name else f"{len(size) - len(kept):,} more"
        handles.append(Patch(label=label, **look))
        bottom += money
    ax.set_ylim(0.0, _HEADROOM * float(bottom.max()))
    scale = style.money_scale([float(bottom.max())], unit)
    scale.tick(ax.yaxis)
    style.legend_right(ax, handles, style.words(color))
    return scale


def _sides(ax: Axes, lowest: float, highest: float) -> None:
    """Say what happens on either side of today's price."""
    ax.axvline(0.0, color=style.DARK, linewidth=0.8)
    look: Look = {"fontsize": "small", "color": style.DARK, "va": "top", "parse_math": False}
    middle = -lowest / (highest - lowest)
    if lowest < 0.0:
        ax.text(middle - 0.015, 0.985, "← longs are sold", ha="right", transform=ax.transAxes, **look)
    if highest > 0.0:
        ax.text(middle + 0.015, 0.985, "shorts are bought back →", ha="left", transform=ax.transAxes, **look)


def _mark_divergence(
    ax: Axes, net: Network, direction: Mapping[str, float] | None, width: float, lowest: float
) -> None:
    """Mark the fall from which the static cascade would feed itself."""
    if lowest >= -width:
        return
    found = distance_to_divergence(net, direction, width=width, furthest=lowest)
    if np.isnan(found.shock):
        return
    ax.axvline(100.0 * found.shock, ymax=0.9, color=style.HARM, linewidth=1.2, linestyle="--")
    where = style.shown(found.market)
    text = f"fall of {abs(100.0 * found.shock):.1f} %: the static cascade\nfeeds itself in {where}"
    inner = found.shock > 0.6 * lowest
    ax.annotate(
        text,
        (100.0 * found.shock, 0.9),
        xytext=(-4 if inner else 4, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="right" if inner else "left",
        va="top",
        fontsize="small",
        color=style.HARM,
        parse_math=False,
    )


def _leverage_note(net: Network) -> str:
    if not len(net.positions):
        return ""
    shares = open_interest_above(net)["share"].dropna()
    if shares.empty:
        return ""
    held = " · ".join(f"{100.0 * share:.0f} % above {step:g}×" for step, share in shares.items())
    return f"open interest by leverage of its holder: {held}"


def _move_label(net: Network, direction: Mapping[str, float] | None) -> str:
    if direction is None:
        return "common move of all prices but currencies (%)"
    if len(direction) == 1 and next(iter(direction.values())) == 1.0:
        return f"move of the price of {style.shown(next(iter(direction)))} (%)"
    moves = ", ".join(f"{style.shown(name, 10)} × {step:g}" for name, step in list(direction.items())[:5])
    return f"common move (%) of {moves}{', …' if len(direction) > 5 else ''}"
