"""What happened in one run: round by round, and who hit whom?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from contagion.plot import style
from contagion.plot.expected import need, need_time
from contagion.plot.flows import draw_flows
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from contagion.results import Run

MOST_PRICES = 6
LOGARITHMIC = 400.0  # per cent of the opening: above it a straight axis would flatten the others


def rounds(run: Run, *, ax: Axes | None = None) -> Axes:
    """Draw a run round by round: prices above, forced money below.

    The upper panel shows for each asset, the most liquidated first and at most six, the last price of the
    market where most was liquidated (solid) and the outside price (dashed), both in per cent of the opening.
    The lower one shows what was sold or bought by force in the market, what was deleveraged, and what was
    held back; grey stripes are rounds in which a market was halted.

    Parameters
    ----------
    run : Run
        A run with its records.
    ax : Axes, optional
        Where to draw; default a new figure. The upper panel is made inside it.

    Returns
    -------
    Axes
        The lower panel; the upper one is its first child axes.

    Raises
    ------
    SchemaError
        It is no run, or one of balance sheets, which has neither clock nor prices.
    """
    need_time(run, "plot.rounds")
    ax = style.axes(ax, 8.5, 5.5)
    table = run.rounds
    upper = style.panel_above(ax)
    clock = style.time_scale(float(table["time"].max()) if len(table) else 0.0)
    times = table["time"].to_numpy(np.float64) / clock.factor
    edges = _edges(times)
    unit = style.unit_of(run)
    ax.set_xlabel(clock.label("time since the shock began"))
    ax.set_xlim(max(edges[0], 0.0), max(edges[-1], 1.0))
    ax.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 3, 5, 6, 10]))
    handles = _halts(ax, upper, table, edges)
    _prices(upper, run, clock)
    top = float(
        np.nanmax([0.0, *(table["liquidated_notional"] + table["adl_notional"]), *table["deferred_notional"]])
    )
    scale = style.money_scale([top], unit)
    ax.set_ylabel(scale.label("forced, per round"))
    scale.tick(ax.yaxis)
    style.title(upper, "Round by round", _sums(table, unit))
    if top > 0.0:
        handles = _money(ax, table, edges, times) + handles
        ax.set_ylim(0.0, 1.08 * top)
    else:
        ax.set_yticks([0.0])
        ax.text(0.5, 0.5, "nobody was forced to trade", transform=ax.transAxes, ha="center", color=style.DARK)
    style.legend_right(ax, handles)
    style.finish(upper)
    return style.finish(ax)


def cascade(run: Run, *, most: int = 12, ax: Axes | None = None) -> Axes:
    """Draw who hit whom: ribbons run from who caused a loss to who bore it, as wide as the money.

    What nodes lost in markets by nobody's name (channel `cost` of the graph) has no ribbon: `plot.losses_by_layer`
    tells it.

    Parameters
    ----------
    run : Run
        A run with its records.
    most : int
        So many names have a place of their own on either side; the rest is put together by kind.
    ax : Axes, optional
        Where to draw; default a new figure.

    Raises
    ------
    SchemaError
        It is no run.
    """
    need("run", run, "plot.cascade")
    ax = style.axes(ax, 9.0, 6.0)
    return draw_flows(ax, run.contagion_graph(), style.unit_of(run), most=most)


def _edges(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where the rounds begin and end; a round's time is its end."""
    if len(times) == 0:
        return np.array([0.0, 1.0])
    step = float(times[-1] - times[-2]) if len(times) > 1 else 1.0
    return np.concatenate([[times[0] - step], times])


def _prices(upper: Axes, run: Run, clock: style.Scale) -> None:
    """Draw the price of each asset where most was liquidated, and the outside price."""
    upper.set_ylabel("price\n(% of opening)")
    style.Scale(1.0, "%").tick(upper.yaxis)
    markets = run.markets.copy()
    markets["perpetual"] = markets["kind"] == "perp"
    order = markets.sort_values(
        ["liquidated_notional", "perpetual"], ascending=False, kind="stable"
    ).drop_duplicates("asset")
    handles: list[Artist] = []
    paths = run.paths[run.paths["market"].isin(order.index[:MOST_PRICES])]
    for i, (name, market) in enumerate(order.iloc[:MOST_PRICES].iterrows()):
        own = paths[paths["market"] == name]
        time, opening = own["time"].to_numpy(np.float64) / clock.factor, float(market["opening_price"])
        look: Look = {"color": style.COLOURS[i], "zorder": 3.0 - 0.1 * i}
        upper.plot(time, 100.0 * own["last"].to_numpy(np.float64) / opening, linewidth=1.5, **look)
        upper.plot(
            time, 100.0 * own["outside"].to_numpy(np.float64) / opening, linewidth=0.9, linestyle="--", **look
        )
        marker = style.MARKERS[i]
        step = max(len(own) // 8, 1)
        upper.plot(
            time[i % step :: step], 100.0 * own["last"].to_numpy(np.float64)[i % step :: step] / opening,
            linestyle="", marker=marker, markersize=4.0, **look,
        )  # fmt: skip
        handles.append(
            Line2D([], [], marker=marker, markersize=4.0, label=style.shown(name), color=style.COLOURS[i])
        )
    if upper.get_ylim()[1] > LOGARITHMIC:
        upper.set_yscale("log")
        upper.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        upper.yaxis.set_minor_formatter(NullFormatter())
        style.Scale(1.0, "%").tick(upper.yaxis)
    if handles:
        handles.append(
            Line2D([], [], color=style.MIDDLE, linestyle="--", linewidth=0.9, label="outside price")
        )
    style.legend_right(upper, handles)


def _money(
    ax: Axes, table: pd.DataFrame, edges: NDArray[np.float64], times: NDArray[np.float64]
) -> list[Artist]:
    """Draw forced money per round: sold or bought in the market, deleveraged on top, held back as a line."""
    sold = table["liquidated_notional"].to_numpy(np.float64)
    cut = table["adl_notional"].to_numpy(np.float64)
    held = table["deferred_notional"].to_numpy(np.float64)
    ax.stairs(sold, edges, fill=True, color=style.COLOURS[0], linewidth=0.0)
    handles: list[Artist] = [Patch(facecolor=style.COLOURS[0], label="liquidated in the market")]
    if cut.any():
        look: Look = {"facecolor": style.COLOURS[1], "hatch": "////", "edgecolor": "white", "linewidth": 0.0}
        ax.stairs(sold + cut, edges, baseline=sold, fill=True, **look)
        handles.append(Patch(label="deleveraged (ADL)", **look))
    if held.any():
        ax.plot(times, held, color="black", linestyle=":", linewidth=1.4)
        handles.append(Line2D([], [], color="black", linestyle=":", linewidth=1.4, label="held back"))
    return handles


def _halts(ax: Axes, upper: Axes, table: pd.DataFrame, edges: NDArray[np.float64]) -> list[Artist]:
    """Shade the rounds in which a market was halted."""
    shut = table["halted_markets"].to_numpy(np.float64) > 0.0
    if not shut.any():
        return []
    starts = np.flatnonzero(shut & ~np.concatenate([[False], shut[:-1]]))
    ends = np.flatnonzero(shut & ~np.concatenate([shut[1:], [False]]))
    for panel in (ax, upper):
        for start, end in zip(starts, ends, strict=True):
            panel.axvspan(
                edges[start], edges[end + 1], color=style.PALE, alpha=0.55, linewidth=0.0, zorder=0.0
            )
    most = int(table["halted_markets"].max())
    return [Patch(facecolor=style.PALE, alpha=0.55, label=f"halted (up to {most} market{'s' * (most != 1)})")]


def _sums(table: pd.DataFrame, unit: str) -> str:
    parts = [("liquidated", "liquidated_notional"), ("deleveraged", "adl_notional"), ("bad debt", "bad_debt")]
    return " · ".join(f"{word} {style.amount(float(table[column].sum()), unit)}" for word, column in parts)
