"""Which layer of the system lost how much, and through which channel?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D

from contagion.comparison import Comparison
from contagion.measures.study import check_word
from contagion.plot import style
from contagion.plot.expected import need_time
from contagion.plot.layer_policies import draw_parts, draw_policies, gathered, losses_of_losers
from contagion.plot.rows import label_rows, legend_below, right_column

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from contagion.results import Run

__all__ = ["losses_by_layer"]

_LAYERS = {
    "exchange": "exchanges",
    "protocol": "protocols",
    "institution": "institutions",
    "trader": "traders",
}


def losses_by_layer(run: Run | Comparison, *, by: str = "channel", ax: Axes | None = None) -> Axes:
    """Draw the losses beyond the outside shock of each layer of the system, by channel.

    One row a layer: exchanges, protocols, institutions, traders. Nodes that lost are drawn, so that the sums (black
    lines) add up to the system loss. Parts left of zero are what a channel brought them, such as bad debt that others
    pay for them. Seven channels are told apart; what is below 1 % of all is put together with them as `other`.

    Of a comparison one row a policy set: means over its scenarios, which are run again with their records, and the
    interval of the mean system loss.

    Parameters
    ----------
    run : Run or Comparison
        A run of `contagion.Cascade` with its records, or a comparison, of which at most twelve sets are drawn.
    by : {"channel", "layer"}
        What the bars of a comparison are told apart by.
    ax : Axes, optional
        Where to draw; default a new figure.

    Raises
    ------
    SchemaError
        It is neither, one of another model, or a comparison whose scenarios carry weights.
    ValueRangeError
        `by` is another word.
    """
    check_word("by", by, ("channel", "layer"))
    if isinstance(run, Comparison):
        return draw_policies(run, by, ax)
    need_time(run, "plot.losses_by_layer")
    table = gathered(losses_of_losers(run))
    rows = list(table.index)
    ax = style.axes(ax, 8.5, 2.2 + 0.5 * max(len(rows), 2))
    unit = style.unit_of(run)
    if table.empty:
        style.title(ax, "Losses by layer and channel")
        ax.set_axis_off()
        return style.say_empty(ax, "nobody lost anything beyond the shock")
    totals = table.sum(axis=1)
    scale = style.money_scale([*table.to_numpy().ravel(), *totals], unit)
    handles = draw_parts(ax, table)
    mark: style.Look = {"linestyle": "", "marker": "|", "markersize": 22.0, "color": "black"}
    ax.plot(totals, np.arange(len(rows)), zorder=3.0, **mark)
    handles.append(Line2D([], [], label="sum", **(mark | {"markersize": 10.0})))
    ax.axvline(0.0, color=style.DARK, linewidth=0.8)
    label_rows(ax, [_LAYERS.get(str(name), str(name)) for name in rows])
    right_column(ax, "", [scale.text(float(value)) for value in totals], 84)
    ax.set_xlabel(scale.label("loss beyond the shock"))
    scale.tick(ax.xaxis)
    ax.margins(x=0.03)
    legend_below(ax, handles, 4)
    gain = style.amount(float(run.metrics["system_gain"]), unit)
    note = f"{style.amount(float(totals.sum()), unit)} lost beyond the shock; others gained {gain}"
    style.title(ax, "Losses by layer and channel", note)
    return style.finish(ax)
