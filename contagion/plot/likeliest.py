"""Which move breaks the system, and how unusual is it? The most likely breaking shock, asset by asset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from contagion.errors import SchemaError
from contagion.experiments.likeliest import BreakingShock
from contagion.plot import style
from contagion.plot.rows import MOST_ROWS, Floats, label_rows, legend_below, numbers, right_column

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCALES = ((2.0, "#EBEBEB"), (1.0, "#C4C4C4"))


def most_likely_break(found: BreakingShock, *, ax: Axes | None = None) -> Axes:
    """Draw the move of every asset in the most likely breaking shock, over what is usual for the asset.

    Bands are moves of one and of two scales of the asset under the scenario model (standard deviations of a normal
    family). The line below the title has the distance from no move, the probability of a draw at least as far, and the
    share of scenarios that break with its interval.

    Parameters
    ----------
    found : BreakingShock
        What `contagion.most_likely_break` returned.
    ax : Axes, optional
        Where to draw; default a new figure. At most thirty assets are drawn, the most unusual first.

    Raises
    ------
    SchemaError
        If it is something else.
    """
    if not isinstance(found, BreakingShock):
        allowed = "what ct.most_likely_break returned"
        raise SchemaError("can't be drawn", where="found", value=found, allowed=allowed)
    moves = found.moves.reindex(found.moves["deviations"].abs().sort_values(ascending=False).index)[
        :MOST_ROWS
    ]
    ax = style.axes(ax, 8.0, 1.9 + 0.34 * max(len(moves), 3))
    style.title(ax, "The most likely breaking shock found", _note(found))
    ax.set_xlabel("price move (%)")
    if moves.empty:
        return style.say_empty(ax, "no shock that was tried breaks")
    place = np.arange(len(moves), dtype=np.float64)
    scale = _scales(numbers(moves, ["log_return", "deviations"]))
    for times, colour in SCALES:
        low, high = 100.0 * np.expm1(-times * scale), 100.0 * np.expm1(times * scale)
        ax.barh(place, high - low, left=low, height=0.72, color=colour, zorder=1.0)
    value = 100.0 * moves["move"].to_numpy(np.float64)
    ax.hlines(place, 0.0, value, color=style.HARM, linewidth=2.0, zorder=2.0)
    ax.plot(value, place, linestyle="", marker="D", markersize=7.0, color=style.HARM, zorder=3.0)
    style.Scale(1.0, "%").tick(ax.xaxis)
    label_rows(ax, list(moves.index))
    right_column(ax, "move", [style.Scale(1.0, "%").text(one) for one in value], 58)
    right_column(ax, "in scales", [f"{one:+.2f}".replace("-", "−") for one in moves["deviations"]], 110)
    handles = [
        Line2D([], [], color=style.HARM, marker="D", linewidth=2.0, label="move of the shock"),
        Patch(color=SCALES[1][1], label="within one scale"),
        Patch(color=SCALES[0][1], label="within two scales"),
    ]
    legend_below(ax, handles, 3, _share(found))
    return style.finish(ax)


def _note(found: BreakingShock) -> str:
    if found.shock is None:
        return f"{style.shown(found.condition, 40)}; {_share(found)}"
    return (
        f"{style.shown(found.condition, 40)}; {found.distance:.2f} from no move, where a draw is at least as far with "
        f"probability {found.beyond:.2g}"
    )


def _share(found: BreakingShock) -> str:
    drawn = f"{found.share:.1%} of {found.n:,} scenarios break"
    return f"{drawn}, 95 % interval {found.share_low:.1%} to {found.share_high:.1%}".replace(
        "%", " %"
    ).replace("  ", " ")


def _scales(pairs: Floats) -> Floats:
    """Return the scale of every asset as a log return; 0 where it does not move, so that none can be told."""
    moved = pairs[:, 1] != 0.0
    return np.abs(np.divide(pairs[:, 0], pairs[:, 1], out=np.zeros(len(pairs)), where=moved))
