"""Mean losses beyond the shock under each policy set, by channel or by layer, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from contagion.errors import SchemaError
from contagion.experiments.outcomes import runs_of
from contagion.measures.paired import paired_effects
from contagion.plot import style
from contagion.plot.rows import intervals, label_rows, legend_below, right_column

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from contagion.comparison import Comparison
    from contagion.results import Run

__all__ = ["Losses", "draw_parts", "draw_policies", "gathered", "losses_of_losers", "losses_of_policies"]

MOST_SETS, MOST_PARTS = 12, 7
LAYERS = ("exchange", "protocol", "institution", "trader")
_SMALL = 0.01


class Losses(NamedTuple):
    """Means by policy set (rows) and part (columns); low and high of their sum; scenarios; why no interval."""

    means: pd.DataFrame
    ends: NDArray[np.float64]
    n: int
    note: str


def losses_of_policies(cmp: Comparison, by: str = "channel") -> Losses:
    """Run the scenarios of a comparison again, and return what those who lost lost on average.

    Parameters
    ----------
    cmp : Comparison
        Of `contagion.Cascade`.
    by : {"channel", "layer"}
        What the losses are told apart by.

    Returns
    -------
    Losses
        Rows in the order of the sets, at most twelve, columns the heaviest first; a row sums to the mean system loss
        over the scenarios that ran. The intervals are those of that mean at the level of the comparison.
    """
    means, totals = {}, {}
    networks: dict[int, int] = {}
    for name in list(cmp.policies)[:MOST_SETS]:
        tables = {scenario: (network, _parts(run, by)) for scenario, network, run in runs_of(cmp, name)}
        rows = pd.DataFrame({scenario: table for scenario, (_, table) in tables.items()}).T.fillna(0.0)
        means[name] = rows.mean()
        totals[name] = rows.sum(axis=1)
        networks |= {scenario: network for scenario, (network, _) in tables.items()}
    numbers = sorted(networks)
    losses = np.array([total.reindex(numbers).to_numpy(np.float64) for total in totals.values()])
    effects = paired_effects(
        losses,
        np.zeros(len(numbers)),
        confidence=cmp.level,
        networks=np.array([networks[number] for number in numbers]),
        seed=cmp.seed,
        key=("losses_by_layer",),
    )
    table = pd.DataFrame(means).T.fillna(0.0)
    sizes = table.abs().sum().sort_values(ascending=False, kind="stable")
    ends = np.array([[effect.low, effect.high] for effect in effects])
    return Losses(table[list(sizes.index)], ends, len(numbers), effects[0].note)


def losses_of_losers(run: Run) -> pd.DataFrame:
    """Return money lost beyond the shock by those who lost and are counted: one row a layer, one column a channel.

    Parameters
    ----------
    run : Run
        A run of `contagion.Cascade`; all cells sum to its system loss.
    """
    nodes = run.nodes
    losers = nodes.index[nodes["counted"].to_numpy(bool) & (nodes["loss"].to_numpy(np.float64) > 0.0)]
    own = run.losses[run.losses["node"].isin(losers)]
    if own.empty:
        return pd.DataFrame()
    table = own.pivot_table(index="layer", columns="channel", values="money", aggfunc="sum", fill_value=0.0)
    order = [name for name in LAYERS if name in table.index]
    sizes = table.abs().sum().sort_values(ascending=False, kind="stable")
    return table.loc[order, list(sizes.index)]


def _parts(run: Run, by: str) -> pd.Series:
    table = losses_of_losers(run)
    return table.sum(axis=0 if by == "channel" else 1) if len(table) else pd.Series(dtype=np.float64)


def draw_policies(cmp: Comparison, by: str, ax: Axes | None) -> Axes:
    """Draw one row a policy set, its parts end to end, the mean of the sum with its interval."""
    model = type(cmp.model).__name__
    if model != "Cascade":
        raise SchemaError(
            f"a comparison of {model} has no losses by layer",
            where="plot.losses_by_layer",
            allowed="a run or a comparison of ct.Cascade",
        )
    found = losses_of_policies(cmp, by)
    table, unit = gathered(found.means), style.unit_of(cmp)
    ax = style.axes(ax, 8.5, 2.2 + 0.5 * max(len(table), 2))
    title = f"Losses by {by} under each policy set"
    if not float(table.abs().to_numpy().sum()) > 0.0:
        style.title(ax, title)
        ax.set_axis_off()
        return style.say_empty(ax, "nobody lost anything beyond the shock")
    totals = found.means.sum(axis=1)
    scale = style.money_scale(
        [*table.to_numpy().ravel(), *found.ends[np.isfinite(found.ends)], *totals], unit
    )
    handles = draw_parts(ax, table)
    place = np.arange(len(table), dtype=np.float64)
    intervals(ax, place + 0.4, found.ends, "black", 1.8)
    mark: style.Look = {"linestyle": "", "marker": "|", "markersize": 22.0, "color": "black"}
    ax.plot(totals, place, zorder=3.0, **mark)
    handles.append(Line2D([], [], label="mean", **(mark | {"markersize": 10.0})))
    if np.isfinite(found.ends).any():
        label = f"{100.0 * cmp.level:.3g} % interval"
        handles.append(Line2D([], [], label=label, color="black", linewidth=1.8))
    label_rows(ax, list(table.index))
    right_column(ax, "", [scale.text(float(value)) for value in totals], 84)
    ax.set_xlabel(scale.label("mean loss beyond the shock"))
    scale.tick(ax.xaxis)
    ax.margins(x=0.03)
    legend_below(ax, handles, 4)
    note = f"means over {found.n:,} scenario{'s' * (found.n != 1)} of those who lost"
    style.title(ax, title, f"{note}; {found.note}" if found.note else note)
    return style.finish(ax)


def draw_parts(ax: Axes, table: pd.DataFrame) -> list[Artist]:
    """Draw the parts of every row end to end, gains to the left of zero; return the handles."""
    up, down = np.zeros(len(table)), np.zeros(len(table))
    handles: list[Artist] = []
    for i, part in enumerate(table.columns):
        value = table[part].to_numpy(np.float64)
        look: style.Look = {
            "facecolor": style.COLOURS[i],
            "hatch": style.HATCHES[i],
            "edgecolor": "white",
            "linewidth": 0.0,
        }
        ax.barh(np.arange(len(table)), value, left=np.where(value >= 0.0, up, down), height=0.6, **look)
        up, down = up + np.maximum(value, 0.0), down + np.minimum(value, 0.0)
        handles.append(Patch(label=str(part), **look))
    return handles


def gathered(table: pd.DataFrame) -> pd.DataFrame:
    """Put small parts together as `other`."""
    if table.empty:
        return table
    sizes = table.abs().sum()
    small = sizes < _SMALL * float(sizes.sum())
    kept = [name for name in table.columns if not small[name]][:MOST_PARTS]
    rest = table.drop(columns=kept)
    if not float(rest.abs().to_numpy().sum()) > 0.0:
        return table[kept]
    return table[kept].assign(other=rest.sum(axis=1))
