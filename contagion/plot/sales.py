"""How did prices and leverage go in a fire sale, round by round, and through which channels was money lost?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from contagion.comparison import Comparison
from contagion.plot import style
from contagion.plot.comparisons import finished
from contagion.plot.expected import need_sales

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from contagion.results import Run

__all__ = ["CHANNELS", "leverages", "loss_channels", "losses_by_channel", "sale_paths"]

MOST_PRICES = 6
MOST_SETS = 12
CHANNELS = ("shock", "prices", "claims", "both together")
"""Where losses come from, in the order in which they are drawn: the last is what neither channel makes alone."""
_LOGARITHMIC = 12.0
_NOISE = 1e-9


def sale_paths(run: Run, *, ax: Axes | None = None) -> Axes:
    """Draw prices (above) and leverage (below) over the rounds of a fire sale; round 0 is the shock.

    The upper panel shows prices in per cent of the opening: in colour the six assets that fell furthest beyond the
    shock, the others in grey. The lower one shows leverage (assets over equity) after each round: the
    median and the highest of the nodes that have equity, and the limit of the model's response where it has one.

    Parameters
    ----------
    run : Run
        A run of `contagion.FireSale`.
    ax : Axes, optional
        Where to draw; default a new figure. The upper panel is made inside it.

    Returns
    -------
    Axes
        The lower panel; the upper one is its first child axes.

    Raises
    ------
    SchemaError
        It is no run, or one of another model.
    """
    need_sales(run, "plot.sale_paths")
    ax = style.axes(ax, 8.5, 5.5)
    upper = style.panel_above(ax, share=0.5)
    handles = _prices(upper, run)
    style.legend_right(upper, handles)
    style.legend_right(ax, _leverage(ax, run))
    last = int(run.paths["round"].max())
    ax.set_xlim(-0.2, max(last, 1) + 0.2)
    if getattr(run.model, "at_fixed_point", False):
        ax.set_xticks([0, 1], ["after the shock", "at the fixed point"])
    else:
        ax.set_xlabel("round (0: after the shock)")
        ax.xaxis.set_major_locator(MaxNLocator(12, integer=True, min_n_ticks=1))
    style.title(upper, "Prices and leverage in the fire sale", _note(run))
    style.finish(upper)
    return style.finish(ax)


def _prices(upper: Axes, run: Run) -> list[Artist]:
    """Draw the price of every asset in per cent of the opening; the deepest falls in colour."""
    order = run.markets.sort_index().sort_values("fall", ascending=False, kind="stable").index
    opening = run.markets["opening_price"]
    path = run.paths.pivot(index="round", columns="asset", values="price")
    rounds = path.index.to_numpy(np.float64)
    for name in order[MOST_PRICES:]:
        upper.plot(rounds, 100.0 * path[name] / opening[name], color=style.PALE, linewidth=0.8, zorder=1.0)
    handles: list[Artist] = []
    for i, name in enumerate(order[:MOST_PRICES]):
        look: style.Look = {
            "color": style.COLOURS[i],
            "linestyle": style.LINES[i],
            "marker": style.MARKERS[i],
            "markersize": 4.0,
            "markevery": (i % max(len(rounds) // 8, 1), max(len(rounds) // 8, 1)),
            "linewidth": 1.5,
        }
        upper.plot(rounds, 100.0 * path[name] / opening[name], zorder=3.0 - 0.1 * i, **look)
        handles.append(Line2D([], [], label=style.shown(name), **look))
    if len(order) > MOST_PRICES:
        handles.append(Line2D([], [], color=style.PALE, label=f"{len(order) - MOST_PRICES:,} more"))
    upper.axhline(100.0, color=style.MIDDLE, linewidth=0.8, linestyle=":", zorder=0.5)
    upper.set_ylabel("price (% of the opening)")
    return handles


def _leverage(ax: Axes, run: Run) -> list[Artist]:
    """Draw median and highest leverage and the limit; a log axis where they are far apart."""
    table = leverages(run).dropna()
    ax.set_ylabel("leverage\n(assets / equity)")
    if table.empty:
        ax.text(0.5, 0.5, "nobody has equity", transform=ax.transAxes, ha="center", color=style.DARK)
        return []
    rounds = table.index.to_numpy(np.float64)
    handles: list[Artist] = []
    for i, column in enumerate(table.columns):
        look: style.Look = {
            "color": style.COLOURS[i],
            "linestyle": style.LINES[i],
            "marker": style.MARKERS[i],
        }
        look |= {"markersize": 4.0, "linewidth": 1.5}
        ax.plot(rounds, table[column].to_numpy(np.float64), **look)
        handles.append(Line2D([], [], label=str(column), **look))
    limit = getattr(getattr(run.model, "response", None), "limit", None)
    if isinstance(limit, (int, float)) and np.isfinite(limit):
        ax.axhline(limit, color=style.DARK, linewidth=1.0, linestyle="--", zorder=1.0)
        handles.append(
            Line2D([], [], color=style.DARK, linewidth=1.0, linestyle="--", label=f"limit {limit:g}")
        )
    if table.index[-1] != leverages(run).index[-1]:
        _say_ruined(ax, int(leverages(run).index[-1]))
    if float(table["highest"].max()) > _LOGARITHMIC * float(table["median"].min()):
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_minor_formatter(NullFormatter())
    style.Scale(1.0, "").tick(ax.yaxis)
    return handles


def _say_ruined(ax: Axes, last: int) -> None:
    """Say why no leverage is drawn at the end."""
    place: style.Look = {"transform": ax.get_xaxis_transform(), "ha": "right", "va": "center"}
    ax.text(last + 0.15, 0.5, "nobody has\nequity left", color=style.DARK, fontsize="small", **place)


def leverages(run: Run) -> pd.DataFrame:
    """Return the highest and the median leverage of nodes with equity after each round; 0 is the shock.

    Parameters
    ----------
    run : Run
        A run of `contagion.FireSale`; its rounds tell the leverage before their sales, its nodes that at the end.
    """
    last = int(run.paths["round"].max())
    after = run.nodes["leverage_after"].to_numpy(np.float64)
    after = after[np.isfinite(after) & (after > 0.0)]
    ends = {"highest": "highest_leverage", "median": "median_leverage"}
    table = pd.DataFrame(
        {name: run.rounds[column].reindex(range(1, last + 2)) for name, column in ends.items()}
    )
    table.index = pd.RangeIndex(last + 1)
    if len(after):
        table.loc[last] = [float(after.max()), float(np.median(after))]
    return table


def _note(run: Run) -> str:
    """What is sold, by how many, and how far prices fall."""
    values = run.metrics
    if not float(values["sales"]) > 0.0:
        return "nobody sells"
    sold = style.amount(float(values["sales"]), style.unit_of(run))
    sellers = int(values["banks_selling"])
    nodes = f"{sellers:,} node{'s' * (sellers != 1)}"
    return f"{sold} sold by {nodes}; the worst price falls by {100.0 * values['worst_fall']:.3g} % beyond the shock"


def loss_channels(result: Run | Comparison, *, ax: Axes | None = None) -> Axes:
    """Draw through which channels equity is lost: by the shock, through prices, on claims, by both together, in all.

    Prices and claims are what each channel costs alone, beyond the shock; `both together` is what is lost only because
    there are both, and runs back to the left where the channels overlap.

    Parameters
    ----------
    result : Run or Comparison
        A run of `contagion.FireSale`: one row a channel. A comparison of it: one row a policy set, means over the
        scenarios that ran.
    ax : Axes, optional
        Where to draw; default a new figure. At most twelve policy sets are drawn, in their order.

    Raises
    ------
    SchemaError
        It is neither, or of another model.
    """
    if isinstance(result, Comparison):
        return _of_comparison(result, ax)
    need_sales(result, "plot.loss_channels")
    parts = losses_by_channel(result.metrics)
    ax = style.axes(ax, 8.0, 3.4)
    scale = style.money_scale([*parts, parts.sum()], style.unit_of(result))
    start = np.concatenate([[0.0], np.cumsum(parts)[:-1]])
    for row, (name, value) in enumerate(parts.items()):
        _bar(ax, row, float(start[row]), float(value), str(name), 0.6)
    ax.barh(len(parts), parts.sum(), height=0.6, color=style.DARK)
    for row in range(len(parts)):
        at = start[row] + parts.iloc[row]
        ax.plot([at, at], [row - 0.3, row + 1.3], color=style.MIDDLE, linewidth=0.7, zorder=0.8)
    texts = [scale.text(float(value)) for value in [*parts, parts.sum()]]
    _frame(ax, [*parts.index, "in all"], texts, scale)
    style.title(ax, "Losses by channel", _sentence(parts, style.unit_of(result)))
    return style.finish(ax)


def _of_comparison(cmp: Comparison, ax: Axes | None) -> Axes:
    """One row a policy set, its channels end to end."""
    frame = finished(cmp, "interaction_loss")
    names = [name for name in cmp.policies if (frame["policy"] == name).any()][:MOST_SETS]
    table = pd.DataFrame({name: losses_by_channel(_means(frame[frame["policy"] == name])) for name in names})
    ax = style.axes(ax, 8.5, 2.0 + 0.45 * max(len(names), 2))
    totals = table.sum() if names else pd.Series(dtype=np.float64)
    scale = style.money_scale([*table.to_numpy().ravel(), *totals], style.unit_of(cmp))
    handles: list[Artist] = []
    for i, channel in enumerate(table.index):
        for row, name in enumerate(names):
            start = float(table[name].iloc[:i].sum())
            _bar(ax, row, start, float(table.loc[channel, name]), str(channel), 0.6)
        handles.append(Patch(label=str(channel), **_look(str(channel))))
    ax.plot(
        totals, np.arange(len(names)), linestyle="", marker="|", markersize=16.0, color="black", zorder=3.0
    )
    _frame(ax, [style.shown(name) for name in names], [scale.text(float(value)) for value in totals], scale)
    from contagion.plot.rows import legend_below

    legend_below(ax, handles, 4)
    n = int(frame["scenario"].nunique())
    note = f"means over {n:,} scenario{'s' * (n != 1)}; the line marks the sum"
    style.title(ax, "Losses by channel under each policy set", note)
    return style.finish(ax)


def losses_by_channel(metrics: pd.Series) -> pd.Series:
    """Return the losses of `CHANNELS`, money; they sum to direct and system loss.

    Parameters
    ----------
    metrics : Series
        Metrics of a run of `contagion.FireSale`, or their means.
    """
    total = float(metrics["direct_loss"]) + float(metrics["system_loss"])
    claims, both = float(metrics["claims_loss"]), float(metrics["interaction_loss"])
    prices = float(metrics["system_loss"]) - claims - both
    parts = [value if abs(value) > _NOISE * total else 0.0 for value in (prices, claims, both)]
    return pd.Series([float(metrics["direct_loss"]), *parts], index=list(CHANNELS))


def _means(rows: pd.DataFrame) -> pd.Series:
    """Means of the metrics over rows, by their weight where they have one."""
    names = ["direct_loss", "system_loss", "claims_loss", "interaction_loss"]
    if "weight" not in rows:
        return rows[names].mean()
    load: NDArray[np.float64] = rows["weight"].to_numpy(np.float64)
    return pd.Series(np.average(rows[names].to_numpy(np.float64), axis=0, weights=load), index=names)


def _look(channel: str) -> dict[str, Any]:
    i = CHANNELS.index(channel)
    return {"facecolor": style.COLOURS[i], "hatch": style.HATCHES[i], "edgecolor": "white", "linewidth": 0.0}


def _bar(ax: Axes, row: int, start: float, value: float, channel: str, height: float) -> None:
    """Draw one floating bar; a negative one runs back to the left, thinner."""
    ax.barh(row, value, left=start, height=height if value >= 0.0 else 0.5 * height, **_look(channel))


def _frame(ax: Axes, names: list[Any], texts: list[str], scale: style.Scale) -> None:
    """Name rows and axis, and write the amounts at the right."""
    from contagion.plot.rows import label_rows, right_column

    label_rows(ax, names)
    right_column(ax, "", texts, 84)
    ax.set_xlabel(scale.label("loss of equity"))
    scale.tick(ax.xaxis)
    ax.margins(x=0.03)


def _sentence(parts: pd.Series, unit: str) -> str:
    """Say what is lost beyond the shock, and what the two channels have to do with each other."""
    beyond, both = float(parts.drop("shock").sum()), float(parts["both together"])
    if not beyond > 0.0:
        return "nothing is lost beyond the shock"
    text = f"{style.amount(beyond, unit)} beyond the shock"
    if both > 0.0:
        return f"{text}, {100.0 * both / beyond:.2g} % of it only because both channels work"
    return f"{text}, less than prices and claims would take one by one" if both < 0.0 else text
