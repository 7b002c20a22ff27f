"""How many fail in random networks of cross-holdings, over diversification and integration?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.plot import style
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES = 6
AXES = {
    "degree": ("diversification: expected holders of an organisation (count)", 1.0),
    "integration": ("integration: part of an organisation that others hold (%)", 100.0),
    "theta": ("threshold (% of former value)", 100.0),
    "failure_cost": ("cost of a failure (% of the own asset)", 100.0),
}
QUANTITIES = {
    "share_failing": "organisations that fail, mean",
    "first_failure": "networks in which one fails",
    "contagion": "networks in which others fail too",
    "share_after_failure": "organisations that fail where one does, mean",
}


def integration(
    found: Any,
    *,
    quantity: str = "share_failing",
    where: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw failures over one parameter of the networks as lines with their intervals, or over two as a map.

    Parameters
    ----------
    found : IntegrationExperiment
        What `contagion.experiments.integration.integration_experiment` returned.
    quantity : str, default "share_failing"
        Which column: ``share_failing``, ``first_failure``, ``contagion`` or ``share_after_failure``.
    where : mapping of str to float, optional
        Value of each parameter that varies besides the two that are drawn.
    ax : Axes, optional
        Where to draw; default a new figure. Up to six values of the second parameter are lines, more make a map in
        which darker is worse.

    Raises
    ------
    SchemaError, ValueRangeError
        If it is something else, the quantity is unknown, or more than two parameters vary.
    """
    if not hasattr(found, "table") or "share_after_failure" not in getattr(found, "table", ()):
        allowed = "a result of contagion.experiments.integration.integration_experiment()"
        raise SchemaError("can't be drawn", where="found", value=found, allowed=allowed)
    if quantity not in QUANTITIES:
        hint = nearest(quantity, QUANTITIES)
        raise SchemaError(
            f"is no quantity{hint}", where="quantity", value=quantity, allowed=", ".join(QUANTITIES)
        )
    table = _chosen(found.table, dict(where or {}))
    varied = [name for name in AXES if table[name].nunique() > 1] or ["degree"]
    if len(varied) > 2:
        raise ValueRangeError(
            f"vary: {', '.join(varied)}", where="parameters", allowed="two, the others fixed by where={...}"
        )
    x, by = varied[0], varied[1] if len(varied) == 2 else ""
    ax = style.axes(ax)
    fixed = " · ".join(_fixed(name, table[name].iloc[0]) for name in AXES if name not in varied)
    style.title(ax, f"Who fails: {QUANTITIES[quantity]}", f"{found.n:,} organisations · {fixed}")
    ax.set_xlabel(AXES[x][0])
    if by and table[by].nunique() > MOST_LINES:
        return _map(ax, table, quantity, x, by)
    return _lines(ax, table, quantity, x, by, f"{found.n_draws:,} draws, {found.confidence:.0%} intervals")


def _chosen(table: pd.DataFrame, where: dict[str, float]) -> pd.DataFrame:
    for name, value in where.items():
        if name not in AXES:
            raise SchemaError(f"is no parameter{nearest(name, AXES)}", where="where", value=name)
        if value not in set(table[name]):
            raise ValueRangeError(
                "is not on the grid",
                where=f"where[{name!r}]",
                value=value,
                allowed=str(sorted(set(table[name]))),
            )
        table = table[table[name] == value]
    return table


def _fixed(name: str, value: float) -> str:
    words = {"degree": "diversification", "theta": "threshold", "failure_cost": "cost of a failure"}
    scale = AXES[name][1]
    return f"{words.get(name, name)} {scale * value:g}{' %' if scale == 100.0 else ''}"


def _lines(ax: Axes, table: pd.DataFrame, quantity: str, x: str, by: str, note: str) -> Axes:
    handles = []
    for i, value in enumerate(sorted(set(table[by])) if by else [None]):
        rows = (table if value is None else table[table[by] == value]).sort_values(x)
        place = AXES[x][1] * rows[x].to_numpy(np.float64)
        low, middle, high = (
            100.0 * rows[name].to_numpy(np.float64)
            for name in (f"{quantity}_low", quantity, f"{quantity}_high")
        )
        look: Look = {"color": style.COLOURS[i], "linestyle": style.LINES[i], "linewidth": 1.6}
        mark: Look = {"marker": style.MARKERS[i], "markersize": 4.5}
        ax.plot(place, middle, clip_on=False, **look, **mark)
        ax.vlines(place, low, high, color=style.COLOURS[i], linewidth=0.8)
        label = (
            "all networks"
            if value is None
            else f"{AXES[by][1] * value:g}{' %' if AXES[by][1] == 100.0 else ''}"
        )
        handles.append(Line2D([], [], label=label, **look, **mark))
    ax.set_ylim(0.0, 100.0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylabel("share (%)")
    heading = {"theta": "threshold", "failure_cost": "cost of a failure"}.get(by, by)
    style.legend_right(ax, handles, f"{heading}\n({note})" if heading else note)
    return style.finish(ax)


def _map(ax: Axes, table: pd.DataFrame, quantity: str, x: str, by: str) -> Axes:
    """Cells of equal size, one for each pair of values, with a bar that says what a shade means."""
    wide = table.pivot(index=by, columns=x, values=quantity).sort_index().sort_index(axis=1)
    mesh = ax.pcolormesh(
        100.0 * wide.to_numpy(np.float64),
        cmap="Greys",
        vmin=0.0,
        vmax=100.0,
        edgecolors="white",
        linewidth=0.4,
    )
    for axis, values, name in ((ax.xaxis, wide.columns, x), (ax.yaxis, wide.index, by)):
        step = -(-len(values) // 12)
        places = list(range(0, len(values), step))
        axis.set_ticks([k + 0.5 for k in places], [f"{AXES[name][1] * float(values[k]):g}" for k in places])
    ax.set_ylabel(AXES[by][0])
    bar = ax.figure.colorbar(mesh, ax=ax, label="share (%)")
    bar.outline.set_visible(False)
    return style.finish(ax)
