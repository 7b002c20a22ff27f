"""What did each set of rules change, over all scenarios?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.plot import style
from contagion.plot.expected import need
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from contagion.comparison import Comparison

MOST_CURVES = 8
SIGNIFICANT = 0.05
SKEWED = 12.0  # largest over median: a straight axis would hide most scenarios
BACK = "none"
FEW = ("no interval", "approximate")  # what a note says where scenarios are few


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
        It is no comparison, or there is no such metric.
    """
    frame = finished(cmp, metric)
    ax = style.axes(ax)
    names = [name for name in cmp.policies if (frame["policy"] == name).any()][:MOST_CURVES]
    unit = style.unit_of(cmp)
    scale = style.metric_scale(metric, frame[metric], unit)
    ax.set_xlabel(scale.label(style.words(metric)))
    ax.set_ylabel("scenarios with at least as much (%)")
    rows = {name: _sorted(frame[frame["policy"] == name], metric) for name in names}
    values = {name: row[0] for name, row in rows.items()}
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
        share = 100.0 * rows[name][1]
        ax.step(value, share, where="pre", zorder=3.0 - 0.1 * i, **look)
        number = (
            f": {style.metric_scale(metric, [worst[name]], style.unit_of(cmp)).text(worst[name])}"
            if name in worst
            else ""
        )
        handles.append(Line2D([], [], label=f"{style.shown(name)}{number}", **look))
    _stretch(ax, np.concatenate(list(values.values())))
    ax.set_yscale("log")
    ax.set_ylim(100.0 * min(row[1].min(initial=1.0) for row in rows.values()) / 1.3, 115.0)
    if ax.get_xscale() == "log" and scale.unit.endswith(style.shown(unit, 12)):
        ax.set_xlabel(f"{style.words(metric)} ({style.shown(unit, 12)}, logarithmic)")
        style.money_ticks(ax.xaxis)
    else:
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
    cmp: Comparison, metric: str = "system_loss", *, against: str = BACK, ax: Axes | None = None
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
        It is no comparison, or there is no such metric.
    """
    finished(cmp, metric)
    table = cmp.effects(metric, against=against)
    ax = style.axes(ax, 8.0, 1.6 + 0.42 * max(len(table), 3))
    scale = style.metric_scale(
        metric, table[["low", "high", "difference"]].to_numpy().ravel(), style.unit_of(cmp)
    )
    ax.set_xlabel(scale.label(f"mean change of {style.words(metric)} against {style.shown(against)!r}"))
    heading = f"What each policy set changes: {style.words(metric)}"
    style.title(ax, heading)
    scale.tick(ax.xaxis)
    if table.empty:
        return style.say_empty(ax, "no policy set to compare")
    row = np.arange(len(table))
    for i, (_, effect) in zip(row, table.iterrows(), strict=True):
        _interval(ax, float(i), effect)
    ax.axvline(0.0, color=style.DARK, linewidth=0.8, zorder=0.5)
    note, names = "mean paired change and interval", _row_names(table)
    ax.set_yticks(row, names, parse_math=False)
    if any(name.endswith(" *") for name in names):
        note += "; * few scenarios, see the table"
    style.title(ax, heading, note)
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.margins(x=0.08)
    ax.grid(axis="x", color=style.PALE, linewidth=0.6)
    _columns(ax, table, metric, style.unit_of(cmp))
    return style.finish(ax)


def _sorted(frame: pd.DataFrame, metric: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return rising values, and the share of scenarios with at least as much, by their weight where they have one."""
    chosen = frame[frame[metric].notna()].sort_values(metric, kind="stable")
    value = chosen[metric].to_numpy(np.float64)
    if "weight" not in chosen:
        return value, 1.0 - np.arange(len(value)) / len(value)
    load = chosen["weight"].to_numpy(np.float64)
    above = np.cumsum(load[::-1])[::-1]
    return value, above / load.sum()


def finished(cmp: Comparison, metric: str) -> pd.DataFrame:
    """Return the rows of runs that ended, and refuse an unknown metric or what is no comparison."""
    need("comparison", cmp, "cmp")
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


def _columns(ax: Axes, table: pd.DataFrame, metric: str, unit: str) -> None:
    """Write beside each row the mean change, and in how many scenarios the metric fell and rose."""
    look: Look = {"fontsize": "small", "color": style.DARK, "parse_math": False, "ha": "right"}
    look |= {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
    means = [float(value) for value in table["difference"]]
    texts = {
        "mean change": [
            "+" * (mean > 0.0) + style.metric_scale(metric, [mean], unit).text(mean) for mean in means
        ],
        "fell in": [f"{100.0 * share:.0f} %" for share in _shares(table, "helped")],
        "rose in": [f"{100.0 * share:.0f} %" for share in _shares(table, "harmed")],
    }
    for points, (heading, column) in zip((92, 137, 182), texts.items(), strict=True):
        ax.annotate(heading, (1.0, -0.75), (points, 0), va="bottom", annotation_clip=False, **look)
        for row, text in enumerate(column):
            ax.annotate(text, (1.0, row), (points, 0), va="center", annotation_clip=False, **look)


def _row_names(table: pd.DataFrame) -> list[str]:
    """Return the names of the sets, starred where few scenarios restrict the result."""
    notes = table["note"].astype(str) if "note" in table else [""] * len(table)
    few = [any(remark.startswith(FEW) for remark in note.split("; ")) for note in notes]
    return [f"{style.shown(name)}{' *' * star}" for name, star in zip(table.index, few, strict=True)]


def _shares(table: pd.DataFrame, column: str) -> Sequence[float]:
    """Return counts of scenarios, or shares, as shares."""
    value = table[column].to_numpy(np.float64)
    whole = table[["helped", "unchanged", "harmed"]].sum(axis=1).to_numpy(np.float64)
    return [float(v) for v in value / np.where(whole > 0.0, whole, 1.0)]
