"""How do two studies differ, policy set by policy set?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.plot import style
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 20
QUESTIONS = {"level": "the metric itself", "effect": "effect against 'none'"}


def studies(found: Any, metric: str = "", *, ax: Axes | None = None) -> Axes:
    """Draw the difference of two studies under every policy set, with its interval.

    Parameters
    ----------
    found : StudyComparison
        What `contagion.compare_studies` returned.
    metric : str, optional
        One of its metrics; the first if not given.
    ax : Axes, optional
        Where to draw; default a new figure. At most twenty policy sets are drawn, in their order.

    Raises
    ------
    SchemaError
        If it is something else.
    ValueRangeError
        If the metric is not among those compared.
    """
    if isinstance(found, type) or not (hasattr(found, "pairing") and hasattr(found, "differs")):
        allowed = "a result of ct.compare_studies(first, second)"
        raise SchemaError("can't be drawn", where="found", value=found, allowed=allowed)
    table: pd.DataFrame = found.table
    known = list(dict.fromkeys(table["metric"]))
    chosen = metric or known[0]
    if chosen not in known:
        allowed = ", ".join(known)
        raise ValueRangeError(
            f"is not compared{nearest(chosen, known)}", where="metric", value=chosen, allowed=allowed
        )
    rows = table[table["metric"] == chosen]
    names = list(dict.fromkeys(rows["policy"]))[:MOST_ROWS]
    ax = style.axes(ax, 8.0, 1.8 + 0.5 * max(len(names), 3))
    scale = style.metric_scale(
        chosen, rows[["difference", "low", "high"]].to_numpy(np.float64).ravel(), found.unit
    )
    handles = []
    for i, (what, label) in enumerate(QUESTIONS.items()):
        own = rows[(rows["what"] == what) & rows["policy"].isin(names)]
        at = np.array([names.index(name) for name in own["policy"]]) + 0.16 * (2 * i - 1)
        look: Look = {
            "color": style.COLOURS[i],
            "linestyle": "",
            "marker": style.MARKERS[i],
            "markersize": 6.0,
        }
        for place, (low, high) in zip(at, own[["low", "high"]].to_numpy(np.float64), strict=True):
            if np.isfinite([low, high]).all():
                ax.plot([low, high], [place, place], color=style.COLOURS[i], linewidth=1.4)
        ax.plot(own["difference"].to_numpy(np.float64), at, **look)
        handles.append(Line2D([], [], label=label, **look))
    ax.set_yticks(np.arange(len(names)), [style.shown(name, 30) for name in names])
    ax.set_ylim(len(names) - 0.4, -0.6)
    for line in range(1, len(names)):
        ax.axhline(line - 0.5, color=style.PALE, linewidth=0.6)
    ax.axvline(0.0, color=style.DARK, linewidth=0.8)
    ax.set_xlabel(scale.label(f"difference of mean {style.words(chosen)}"))
    scale.tick(ax.xaxis)
    pairs = "paired" if found.paired else "not paired"
    title = f"{style.shown(found.names[1])} minus {style.shown(found.names[0])}"
    style.title(
        ax, title, f"{100.0 * found.level:g} % intervals, {pairs}; right of zero there is more in the former"
    )
    style.legend_right(ax, handles, "what differs")
    return style.finish(ax)
