"""What did each set of rules change, over all scenarios?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.plot import style
from contagion.plot.labels import CORNERS, Labels
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from contagion.comparison import Comparison

MOST_CURVES = 8
SIGNIFICANT = 0.05
SKEWED = 12.0  # largest over median: a straight axis would hide most scenarios
_BACK = "none"


def distribution(
    cmp: Comparison, metric: str = "system_loss", *, level: float = 0.95, ax: Axes | None = None
) -> Axes:
    """Draw how often a metric is at least so large, one curve per policy set.

    Parameters
    ----------
    cmp : Comparison
        The comparison.
    metric : str
        A metric of `cmp.to_frame`.
    level : float
        The legend gives the mean of the worst ``1 − level`` of scenarios.
    ax : Axes, optional
        Where to draw; default a new figure. At most eight policy sets are drawn, in their order.

    Raises
    ------
    SchemaError
        There is no such metric.
    """
    frame = _finished(cmp, metric)
    ax = style.axes(ax)
    names = [name for name in cmp.policies if (frame["policy"] == name).any()][:MOST_CURVES]
    scale = style.metric_scale(metric, frame[metric], style.unit_of(cmp))
    ax.set_xlabel(scale.label(style.words(metric)))
    ax.set_ylabel("scenarios with at least as much (%)")
    values = {
        name: np.sort(frame.loc[frame["policy"] == name, metric].dropna().to_numpy(np.float64))
        for name in names
    }
    most = max((len(value) for value in values.values()), default=0)
    style.title(ax, f"Distribution of {style.words(metric)}", f"{most:,} scenarios" if most else "")
    if not most:
        return style.say_empty(ax, "no scenario has a value")
    worst = _worst(cmp, metric, level)
    handles = []
    for i, (name, value) in enumerate(values.items()):
        look: Look = {
            "color": style.COLOURS[i],
            "linestyle": style.LINES[i],
            "linewidth": 2.0 if i == 0 else 1.5,
        }
        share = 100.0 * (1.0 - np.arange(len(value)) / len(value))
        ax.step(value, share, where="pre", zorder=3.0 - 0.1 * i, **look)
        number = f": {scale.text(worst[name])}" if name in worst else ""
        handles.append(Line2D([], [], label=f"{style.shown(name)}{number}", **look))
    _stretch(ax, np.concatenate(list(values.values())))
    ax.set_yscale("log")
    ax.set_ylim(100.0 / most / 1.3, 115.0)
    scale.tick(ax.xaxis)
    style.Scale(1.0, "%").tick(ax.yaxis)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_formatter(NullFormatter())
    ax.grid(axis="y", color=style.PALE, linewidth=0.6)
    style.legend_right(
        ax,
        handles,
        f"policy set: mean of the\nworst {100.0 * (1.0 - level):.3g} % of scenarios" if worst else "",
    )
    return style.finish(ax)


def effects(
    cmp: Comparison, metric: str = "system_loss", *, against: str = _BACK, ax: Axes | None = None
) -> Axes:
    """Draw the mean paired change of a metric under each policy set, with its interval.

    A filled mark is a change whose p-value, adjusted for all sets, is below 0.05. At the right stands in how
    many scenarios the metric fell and rose.

    Parameters
    ----------
    cmp : Comparison
        The comparison.
    metric : str
        A metric of `cmp.to_frame`.
    against : str
        The policy set to compare with.
    ax : Axes, optional
        Where to draw; default a new figure.

    Raises
    ------
    SchemaError
        There is no such metric.
    """
    _finished(cmp, metric)
    table = cmp.effects(metric, against=against)
    ax = style.axes(ax, 8.0, 1.6 + 0.42 * max(len(table), 3))
    scale = style.metric_scale(
        metric, table[["low", "high", "difference"]].to_numpy().ravel(), style.unit_of(cmp)
    )
    ax.set_xlabel(scale.label(f"mean change of {style.words(metric)} against {style.shown(against)!r}"))
    style.title(
        ax, f"What each policy set changes: {style.words(metric)}", "mean paired difference and its interval"
    )
    scale.tick(ax.xaxis)
    if table.empty:
        return style.say_empty(ax, "no policy set to compare")
    row = np.arange(len(table))
    for i, (_, effect) in zip(row, table.iterrows(), strict=True):
        _interval(ax, float(i), effect)
    ax.axvline(0.0, color=style.DARK, linewidth=0.8, zorder=0.5)
    ax.set_yticks(row, [style.shown(name) for name in table.index], parse_math=False)
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.margins(x=0.08)
    ax.grid(axis="x", color=style.PALE, linewidth=0.6)
    _counts(ax, table)
    return style.finish(ax)


def frontier(
    cmp: Comparison,
    metric: str = "system_loss",
    *,
    cost: str = "policy_cost",
    against: str = _BACK,
    rates: Any = None,
    color: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what each policy set saves against what it costs, both with intervals.

    Benefit is the mean paired fall of the metric. Sets that no other beats on both counts are joined by a
    line; a hollow mark is a set that another beats.

    Parameters
    ----------
    cmp : Comparison
        The comparison.
    metric : str
        The metric to be lowered.
    cost : str
        The metric that is the cost; its paired change against `against` is drawn.
    against : str
        The policy set to compare with.
    rates : CostRates, optional
        Prices of the parts of the cost; the mean cost is then drawn, without an interval.
    color : str, optional
        A further metric whose mean change the colour of the marks shows, such as ``deferred_notional``.
    ax : Axes, optional
        Where to draw; default a new figure.

    Raises
    ------
    SchemaError
        There is no such metric.
    """
    for name in (metric, cost, *([color] if color else [])):
        _finished(cmp, name)
    table = _benefits(cmp, metric, cost, against, rates)
    ax = style.axes(ax, 7.5, 4.8)
    unit = style.unit_of(cmp)
    across = style.metric_scale(cost, table[["cost", "cost_low", "cost_high"]].to_numpy().ravel(), unit)
    up = style.metric_scale(metric, table[["benefit", "low", "high"]].to_numpy().ravel(), unit)
    ax.set_xlabel(across.label(f"mean {style.words(cost)}"))
    ax.set_ylabel(up.label(f"mean fall of {style.words(metric)}"))
    across.tick(ax.xaxis)
    up.tick(ax.yaxis)
    style.title(
        ax,
        "Benefit against cost",
        f"against {style.shown(against)!r}; lines are intervals; up and left is better",
    )
    if table.empty:
        return style.say_empty(ax, "no policy set to compare")
    best = undominated(table["benefit"].to_numpy(), table["cost"].to_numpy())
    _points(ax, table, best)
    if color is not None:
        _shade(ax, table, cmp.effects(color, against=against)["difference"], color, unit)
    ax.axhline(0.0, color=style.DARK, linewidth=0.8, zorder=0.5)
    ax.margins(0.12)
    place = table[["cost", "benefit"]].to_numpy(np.float64)
    radii = np.full(len(table), 4.5)
    Labels(ax, [str(name) for name in table.index], place, radii, needed=len(table), sides=CORNERS, size=9.0)
    return style.finish(ax)


def undominated(benefit: NDArray[np.float64], cost: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which policy sets no other beats: as much benefit for as little cost, one of the two strictly."""
    more = benefit[None, :] >= benefit[:, None]
    less = cost[None, :] <= cost[:, None]
    strictly = (benefit[None, :] > benefit[:, None]) | (cost[None, :] < cost[:, None])
    return np.asarray(~(more & less & strictly).any(axis=1))


def _finished(cmp: Comparison, metric: str) -> pd.DataFrame:
    """Return the rows of runs that ended, and refuse an unknown metric."""
    frame = cmp.to_frame()
    if metric not in frame.columns:
        names = [str(column) for column in frame.columns]
        raise SchemaError(
            f"is no metric of the comparison{nearest(metric, names)}", where="metric", value=metric
        )
    return frame[frame["status"] == "ok"] if "status" in frame else frame


def _worst(cmp: Comparison, metric: str, level: float) -> dict[str, float]:
    """Return the expected shortfall of each set, where there are enough scenarios for one."""
    try:
        tail = cmp.tail(metric, level=level)
    except ValueRangeError:
        return {}
    return {str(name): float(value) for name, value in tail["es"].items() if np.isfinite(value)}


def _stretch(ax: Axes, values: NDArray[np.float64]) -> None:
    """Use a logarithmic axis for amounts of very different size; runs with 0 then lie left of it."""
    positive = values[values > 0.0]
    if len(positive) and (values >= 0.0).all() and positive.max() > SKEWED * np.median(positive):
        ax.set_xscale("log")
        ax.set_xlim(np.quantile(positive, 0.02) / 1.1, 1.15 * positive.max())


def _interval(ax: Axes, row: float, effect: pd.Series) -> None:
    """Draw one row: the interval as a line, the mean as a mark."""
    low, high, mean = float(effect["low"]), float(effect["high"]), float(effect["difference"])
    colour = style.MIDDLE if low <= 0.0 <= high else style.HELP if mean < 0.0 else style.HARM
    ax.plot([low, high], [row, row], color=colour, linewidth=2.2, solid_capstyle="butt", zorder=2.0)
    sure = float(effect.get("p_adjusted", np.nan)) < SIGNIFICANT
    face = colour if sure else ax.get_facecolor()
    marker = "o" if low <= 0.0 <= high else "<" if mean < 0.0 else ">"
    ax.plot(
        [mean], [row], marker=marker, markersize=8.0, markerfacecolor=face, markeredgecolor=colour, zorder=3.0
    )


def _counts(ax: Axes, table: pd.DataFrame) -> None:
    """Write beside each row in how many scenarios the metric fell and rose."""
    look: Look = {"transform": ax.get_yaxis_transform(), "fontsize": "small", "parse_math": False}
    for x, column, heading in ((1.09, "helped", "fell in"), (1.2, "harmed", "rose in")):
        ax.text(x, -0.75, heading, ha="right", va="bottom", color=style.DARK, **look)
        for row, share in enumerate(_shares(table, column)):
            ax.text(x, row, f"{100.0 * share:.0f} %", ha="right", va="center", color=style.DARK, **look)
    notes = table["note"].astype(str).to_numpy() if "note" in table else np.full(len(table), "")
    for row, note in enumerate(notes):
        if note:
            ax.text(1.22, row, style.shown(note, 40), ha="left", va="center", color=style.MIDDLE, **look)


def _shares(table: pd.DataFrame, column: str) -> Sequence[float]:
    """Return counts of scenarios, or shares, as shares."""
    value = table[column].to_numpy(np.float64)
    whole = table[["helped", "unchanged", "harmed"]].sum(axis=1).to_numpy(np.float64)
    return [float(v) for v in value / np.where(whole > 0.0, whole, 1.0)]


def _benefits(cmp: Comparison, metric: str, cost: str, against: str, rates: Any) -> pd.DataFrame:
    """Return benefit and cost of each set with their intervals."""
    gain = cmp.effects(metric, against=against)
    table = pd.DataFrame({"benefit": -gain["difference"], "low": -gain["high"], "high": -gain["low"]})
    if rates is None:
        price = cmp.effects(cost, against=against).reindex(table.index)
        columns = {"cost": "difference", "cost_low": "low", "cost_high": "high"}
        return table.assign(**{name: price[column] for name, column in columns.items()})
    mean = cmp.costs(rates)["cost"].reindex(table.index)
    return table.assign(cost=mean, cost_low=mean, cost_high=mean)


def _points(ax: Axes, table: pd.DataFrame, best: NDArray[np.bool_]) -> None:
    """Draw intervals, marks, and the line through the sets that no other beats."""
    mean = table[["cost", "benefit"]].to_numpy(np.float64)
    span = table[["cost_low", "cost_high", "low", "high"]].to_numpy(np.float64)
    colour = style.COLOURS[0]
    for (x, y), (left, right, low, high) in zip(mean, span, strict=True):
        ax.plot([x, x], [low, high], color=style.MIDDLE, linewidth=1.0, zorder=1.5)
        ax.plot([left, right], [y, y], color=style.MIDDLE, linewidth=1.0, zorder=1.5)
    order = np.flatnonzero(best)[np.argsort(mean[best, 0], kind="stable")]
    ax.plot(mean[order, 0], mean[order, 1], color=colour, linewidth=1.2, linestyle="--", zorder=1.8)
    for chosen, face, label in ((best, colour, "no set beats it"), (~best, "white", "another set beats it")):
        if chosen.any():
            look: Look = {"facecolors": face, "edgecolors": colour, "s": 55.0, "zorder": 2.5}
            ax.scatter(mean[chosen, 0], mean[chosen, 1], label=label, **look)
    ring: Look = {"linestyle": "", "marker": "o", "markeredgecolor": colour, "markersize": 7.0}
    handles = [
        Line2D([], [], markerfacecolor=face, label=label, **ring)
        for face, label, there in (
            (colour, "no set beats it", best.any()),
            ("white", "another beats it", (~best).any()),
        )
        if there
    ]
    style.legend_right(ax, handles)


def _shade(ax: Axes, table: pd.DataFrame, value: pd.Series, name: str, unit: str) -> None:
    """Colour the marks by a further metric and add its bar."""
    values = value.reindex(table.index).to_numpy(np.float64)
    points = ax.scatter(
        table["cost"], table["benefit"], c=values, cmap="cividis_r", s=55.0, edgecolors=style.DARK, zorder=2.6
    )
    bar = ax.figure.colorbar(points, cax=ax.inset_axes((1.03, 0.05, 0.03, 0.45)))
    scale = style.metric_scale(name, values, unit)
    scale.tick(bar.ax.yaxis)
    bar.ax.tick_params(labelsize="small")
    bar.ax.set_title(
        scale.label(f"change of {style.words(name)}"), fontsize="small", loc="left", parse_math=False
    )
