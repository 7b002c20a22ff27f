"""Who lost how much on whom?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.patches import Patch
from numpy.typing import NDArray

from contagion.experiments.checked import count
from contagion.plot import style
from contagion.plot.expected import need_sheets

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from contagion.results import Run

_MAP = "cividis_r"
_WHOLE = "#ECECEC"
_DECADES = 4.0


def losses_heatmap(run: Run, *, most: int = 24, ax: Axes | None = None) -> Axes:
    """Draw what creditors (columns) lost on their claims on debtors (rows), in colours of a log scale.

    Debtors stand in the order in which they fail, those of a round by the losses they cause; creditors likewise, by
    the losses they bear. The round of failure stands behind the name. White: no claim; pale grey: a claim without
    loss.

    Parameters
    ----------
    run : Run
        A run of a model of balance sheets.
    most : int
        So many debtors and creditors have a row and a column of their own, those with the heaviest losses; the others
        are put together.
    ax : Axes, optional
        Where to draw; default a new figure.

    Raises
    ------
    SchemaError
        It is no run, or one of another model; `most` is no whole number.
    ValueRangeError
        `most` is below 1.
    """
    need_sheets(run, "plot.losses_heatmap")
    count("most", most)
    claims, unit = run.attribution, style.unit_of(run)
    rows = _order(run.nodes, claims.groupby("debtor")["loss"].sum(), most)
    columns = _order(run.nodes, claims.groupby("creditor")["loss"].sum(), most)
    ax = style.axes(ax, 8.5, 0.22 * min(len(rows), most) + 3.2)
    total = float(claims["loss"].sum())
    style.title(ax, "Who lost how much on whom", _note(total, rows, columns, unit))
    if not total > 0.0:
        ax.set_axis_off()
        return style.say_empty(ax, "nothing is lost on claims inside the network")
    loss, amount = (_matrix(claims, column, rows, columns) for column in ("loss", "amount"))
    _cells(ax, loss, amount, unit)
    _names(ax, rows, columns, run.nodes)
    return style.finish(ax)


def _order(nodes: pd.DataFrame, size: pd.Series, most: int) -> pd.Series:
    """Return the place of each node that has claims of this side, the small ones sharing the last place.

    Attributes ``names`` hold the names in order and the number of those put together.
    """
    heavy = size.sort_index().sort_values(ascending=False, kind="stable")
    kept = heavy.index if len(heavy) <= most else heavy.index[:most]
    wave = nodes["wave"].reindex(kept).to_numpy(np.int64)
    failed = nodes["defaulted"].reindex(kept).to_numpy(bool)
    key = np.where(failed, wave, np.iinfo(np.int64).max)
    names = list(kept.to_numpy(dtype=object)[np.lexsort((-heavy[kept].to_numpy(np.float64), key))])
    place = pd.Series(len(names), index=size.index, dtype=np.int64)
    place[names] = np.arange(len(names))
    return place


def _matrix(claims: pd.DataFrame, column: str, rows: pd.Series, columns: pd.Series) -> NDArray[np.float64]:
    """Return the sum of a column of the claims by cell, shape (n_rows, n_columns)."""
    shape = int(rows.max()) + 1, int(columns.max()) + 1
    found = np.zeros(shape)
    places = claims["debtor"].map(rows).to_numpy(), claims["creditor"].map(columns).to_numpy()
    np.add.at(found, places, claims[column].to_numpy(np.float64))
    return found


def _cells(ax: Axes, loss: NDArray[np.float64], amount: NDArray[np.float64], unit: str) -> None:
    """Colour the cells: pale where a claim is whole, by the log of the loss where it is not."""
    from matplotlib.colors import ListedColormap

    whole = np.ma.masked_where((amount <= 0.0) | (loss > 0.0), np.ones(loss.shape))
    ax.pcolormesh(whole, cmap=ListedColormap([_WHOLE]), edgecolors="white", linewidth=0.6)
    top = float(loss.max())
    low, floor = float(loss[loss > 0.0].min()), top / 10.0**_DECADES
    clipped, low = low < floor, max(low, floor)
    drawn = np.ma.masked_where(loss <= 0.0, np.maximum(loss, low))
    norm = LogNorm(low if low < top else 0.5 * top, top)
    mesh = ax.pcolormesh(drawn, cmap=_MAP, norm=norm, edgecolors="white", linewidth=0.6)
    bar = ax.figure.colorbar(mesh, cax=ax.inset_axes((1.03, 0.0, 0.03, 0.7)))
    bar.minorticks_off()
    style.money_ticks(bar.ax.yaxis)
    bar.ax.tick_params(labelsize="small")
    words = f"loss ({style.shown(unit, 12)})" + (",\npalest: or less" if clipped else "")
    bar.ax.set_title(words, fontsize="small", loc="left", parse_math=False)
    bar.outline.set_visible(False)
    handles = [Patch(facecolor=_WHOLE, label="claim without loss")]
    style.legend_right(ax, handles, offset=1.03)


def _names(ax: Axes, rows: pd.Series, columns: pd.Series, nodes: pd.DataFrame) -> None:
    """Name rows and columns with the round of failure."""
    down, across = _labels(rows, nodes), _labels(columns, nodes)
    ax.set_yticks(np.arange(len(down)) + 0.5, down, fontsize=8.0, parse_math=False)
    ax.set_xticks(np.arange(len(across)) + 0.5, across, fontsize=8.0, rotation=90, parse_math=False)
    ax.tick_params(length=0)
    ax.set_ylim(len(down), 0.0)
    ax.set_ylabel("debtor [round in which it fails]")
    ax.set_xlabel("creditor [round in which it fails]")
    ax.spines[["left", "bottom"]].set_visible(False)


def _labels(place: pd.Series, nodes: pd.DataFrame) -> list[str]:
    """Return the label of each place."""
    alone = place[~place.duplicated(keep=False) | (place < place.max())].sort_values()
    labels = []
    for name in alone.index:
        row = nodes.loc[name]
        labels.append(style.shown(name, 18) + (f" [{row['wave']}]" if row["defaulted"] else ""))
    rest = len(place) - len(alone)
    return [*labels, f"{rest:,} others"] if rest else labels


def _note(total: float, rows: pd.Series, columns: pd.Series, unit: str) -> str:
    parts = [f"{style.amount(total, unit)} lost on claims inside the network"]
    for place, word in ((rows, "debtors"), (columns, "creditors")):
        shared = int((place == place.max()).sum()) if len(place) else 0
        if shared > 1:
            parts.append(f"the heaviest {len(place) - shared:,} of {len(place):,} {word}")
    return "; ".join(parts)
