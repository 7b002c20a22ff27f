"""How far from the trigger were forced fills done, and how late, at which venue, in which asset?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from contagion.errors import SchemaError, nearest
from contagion.plot import style
from contagion.plot.expected import need_time
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from contagion.results import Run

Rows = NDArray[np.int64]

MOST_ROWS = 16
_PART = 0.62


class Drawn(NamedTuple):
    """How a quantity is drawn: label of the axis, unit and how many of it make one, where a line is, title."""

    label: str
    unit: str
    times: float
    line: float
    title: str


DRAWN: Final = {
    "liquidation_basis": Drawn(
        "liquidation basis: (trigger mark − execution) / trigger mark, against the account",
        "%", 100.0, 0.0, "How far from the trigger forced fills were done",
    ),
    "coverage": Drawn(
        "coverage: value realised / amount owed at the trigger",
        "%", 100.0, 1.0, "Which part of what they owed closed accounts covered",
    ),
    "delay": Drawn(
        "delay: from the trigger to the round of the fill",
        "s", 1.0, 0.0, "How long after the trigger forced fills were done",
    ),
    "fill_rate": Drawn(
        "fill rate: filled / asked in the round",
        "%", 100.0, 1.0, "Which part of forced orders was filled at once",
    ),
    "time_to_close": Drawn(
        "time to close: from the trigger until the account was closed",
        "s", 1.0, 0.0, "How long after the trigger accounts were closed",
    ),
}  # fmt: skip
"""Quantities of `Run.liquidation_basis` that can be drawn."""


def liquidation_basis(
    run: Run, *, quantity: str = "liquidation_basis", most: int = MOST_ROWS, ax: Axes | None = None
) -> Axes:
    """Draw how the liquidation basis, or another quantity, of forced fills is distributed by venue and asset.

    Of each venue and asset, those with most money first: the middle half of the money as a bar, 5 to 95 % as a line,
    the median as a notch, the mean as a dot. Right of zero the basis was worse than the mark that triggered it. The
    columns beside say how much was closed in how many fills that have the quantity, and which part of what they owed
    closed accounts covered.

    Parameters
    ----------
    run : Run
        A run with its records.
    quantity : str
        liquidation_basis, coverage, delay, fill_rate or time_to_close, as in ``run.liquidation_basis()``.
    most : int
        Venues and assets drawn; the others are counted in the note.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        The x axis is the quantity: shares in per cent (the basis of the mark at the trigger), delay and time to close
        in seconds, from two hours on in minutes, hours or days; distributions are weighted by money.

    Raises
    ------
    SchemaError
        It is no run, or no such quantity.
    """
    need_time(run, "plot.liquidation_basis")
    if quantity not in DRAWN:
        allowed = f"one of {', '.join(DRAWN)}{nearest(str(quantity), tuple(DRAWN))}"
        raise SchemaError("is no quantity", where="quantity", value=quantity, allowed=allowed)
    drawn, table = DRAWN[quantity], run.liquidation_basis()
    found = pd.DataFrame(table.xs(quantity, level="quantity")) if len(table) else table
    found = found[found["n"] > 0].sort_values(by=["notional"], ascending=False, kind="stable")
    shown = found.iloc[:most]
    drawn = _timed(drawn, shown)
    ax = style.axes(ax, 8.5, 1.8 + 0.34 * max(len(shown), 4))
    ax.set_xlabel(f"{drawn.label} ({drawn.unit})")
    style.Scale(1.0, drawn.unit).tick(ax.xaxis)
    unit = style.unit_of(run)
    style.title(ax, drawn.title, _note(drawn, found, shown, unit))
    if not len(shown):
        ax.set_yticks([])
        forced = "no forced fill closed an account" if len(table) else "nobody was forced to trade"
        return style.say_empty(ax, forced)
    rows = np.arange(len(shown))[::-1]
    ax.use_sticky_edges = False  # a single fill stands beside the end of the axis, not on it
    _boxes(ax, rows, shown, drawn.times)
    ax.axvline(drawn.times * drawn.line, color=style.DARK, linewidth=0.8, zorder=1.0)
    ax.set_yticks(
        rows, [f"{style.shown(venue, 16)} · {style.shown(asset, 10)}" for venue, asset in shown.index]
    )
    ax.set_ylim(-0.7, len(shown) - 0.3)
    coverage = table.xs("coverage", level="quantity")["mean"].reindex(shown.index)
    _columns(ax, rows, shown, coverage, unit)
    _legend(ax)
    return style.finish(ax)


def _timed(drawn: Drawn, shown: pd.DataFrame) -> Drawn:
    """The same quantity, times from two hours on in minutes, hours or days."""
    longest = float(shown["p95"].max()) if len(shown) else 0.0
    if drawn.unit != "s" or longest < 7_200.0:
        return drawn
    scale = style.time_scale(longest)
    return drawn._replace(unit=scale.unit, times=1.0 / scale.factor)


def _boxes(ax: Axes, rows: Rows, shown: pd.DataFrame, times: float) -> None:
    """Draw one distribution per row."""
    value = {
        name: times * shown[name].to_numpy(np.float64) for name in ("p5", "p25", "p50", "p75", "p95", "mean")
    }
    ax.hlines(rows, value["p5"], value["p95"], color=style.COLOURS[0], linewidth=1.4, zorder=2.0)
    ax.barh(
        rows,
        value["p75"] - value["p25"],
        _PART,
        left=value["p25"],
        facecolor=style.COLOURS[4],
        edgecolor=style.COLOURS[0],
        linewidth=0.8,
        zorder=3.0,
    )
    half = 0.5 * _PART
    ax.vlines(value["p50"], rows - half, rows + half, color=style.DARK, linewidth=1.8, zorder=4.0)
    ax.plot(
        value["mean"], rows, linestyle="", marker="o", markersize=4.5, zorder=5.0,
        markerfacecolor="white", markeredgecolor=style.HARM, markeredgewidth=1.3,
    )  # fmt: skip


def _columns(ax: Axes, rows: Rows, shown: pd.DataFrame, coverage: pd.Series[float], unit: str) -> None:
    """Write money, fills and coverage beside each row."""
    look: Look = {"fontsize": "small", "color": style.DARK, "parse_math": False, "ha": "right"}
    look |= {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "annotation_clip": False}
    texts = {
        "closed": [style.amount(float(money), "") for money in shown["notional"]],
        "fills": [f"{int(count):,}" for count in shown["n"]],
        "coverage": ["–" if np.isnan(part) else f"{100.0 * part:.1f} %" for part in coverage],
    }
    for points, (heading, column) in zip((58, 92, 142), texts.items(), strict=True):
        ax.annotate(heading, (1.0, len(shown) - 0.35), (points, 0), va="bottom", **look)
        for row, text in zip(rows, column, strict=True):
            ax.annotate(text, (1.0, row), (points, 0), va="center", **look)


def _legend(ax: Axes) -> None:
    handles = [
        Patch(facecolor=style.COLOURS[4], edgecolor=style.COLOURS[0], label="middle half of the money"),
        Line2D([], [], color=style.COLOURS[0], linewidth=1.4, label="5 to 95 %"),
        Line2D(
            [], [], color=style.DARK, linewidth=1.8, linestyle="", marker="|", markersize=9.0, label="median"
        ),
        Line2D(
            [],
            [],
            linestyle="",
            marker="o",
            markerfacecolor="white",
            markeredgecolor=style.HARM,
            label="mean",
        ),
    ]
    ax.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        borderaxespad=5.0,
        ncols=4,
        frameon=False,
        fontsize="small",
    )


def _note(drawn: Drawn, found: pd.DataFrame, shown: pd.DataFrame, unit: str) -> str:
    if not len(found):
        return ""
    mean = drawn.times * float((found["mean"] * found["notional"]).sum() / found["notional"].sum())
    parts = [
        f"mean over all fills {mean:.2f} {drawn.unit}".replace("-", "−"),
        f"money in {style.shown(unit, 12)}",
    ]
    left = found.iloc[len(shown) :]
    if len(left):
        parts.append(f"{len(left)} more with {style.amount(float(left['notional'].sum()), '')} are not drawn")
    return " · ".join(parts)
