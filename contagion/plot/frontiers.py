"""What does each set of rules save, and at what cost?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from contagion.plot import style
from contagion.plot.comparisons import BACK, finished
from contagion.plot.labels import CORNERS, Labels
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from contagion.comparison import Comparison


def frontier(
    cmp: Comparison,
    metric: str = "system_loss",
    *,
    cost: str = "policy_cost",
    against: str = BACK,
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
        It is no comparison, or there is no such metric.
    """
    for name in (metric, cost, *([color] if color else [])):
        finished(cmp, name)
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
