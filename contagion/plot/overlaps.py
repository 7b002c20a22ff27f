"""Whose portfolios overlap in what is hard to sell?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from contagion.errors import ValueRangeError
from contagion.measures.overlaps import Overlaps
from contagion.measures.portfolio_tables import Portfolios, portfolios
from contagion.plot import style
from contagion.plot.expected import need
from contagion.plot.labels import Labels
from contagion.plot.layout import places
from contagion.plot.networks import colour_bar, radii_of, shades, size_handles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from contagion.network.network import Network

LINE = "#555555"
THINNEST, THICKEST = 0.4, 5.0
INDEX = "indirect_contagion_index"


def overlaps(
    net: Network | Portfolios, *, most: int = 40, most_lines: int = 120, ax: Axes | None = None
) -> Axes:
    """Draw the network of overlaps: marks are institutions, lines what two hold in common, weighted with illiquidity.

    A line is as thick as the money that one of the two loses when the other sells everything (to first order, and the
    same both ways). Marks have the area of the money held; dark ones have a high indirect contagion index.

    Parameters
    ----------
    net : Network or Portfolios
        A network at its opening, with market depth from volatility and volume; or what `contagion.measures.portfolios`
        made.
    most : int, default 40
        Institutions drawn, those whose sales would cost the others most.
    most_lines : int, default 120
        Lines drawn, the strongest; the line under the title says how many there are.
    ax : Axes, optional
        Where to draw; default a new figure.

    Raises
    ------
    SchemaError, NetworkError
        It is no network, or an asset that somebody holds has no spot market with a volume.
    ValueRangeError
        `most` or `most_lines` is below 1.
    """
    for name, value in (("most", most), ("most_lines", most_lines)):
        if value < 1:
            raise ValueRangeError("is too small", where=name, value=value, allowed="at least 1")
    book, unit = _read(net)
    found = Overlaps.of(book.holdings, book.impact, np.ones(book.holdings.banks.n))
    table = _marks(book, found, most)
    lines, hidden = _lines(found, table["place"].to_numpy(np.int64), most_lines)
    ax = style.axes(ax, 9.0, 6.0)
    ax.set_axis_off()
    ax.margins(0.06)
    radii = radii_of(table["held"])
    ends = lines["one"].to_numpy(np.int64), lines["other"].to_numpy(np.int64)
    place = places(len(table), *ends, lines["weight"].to_numpy(np.float64), radii / 330.0)
    _draw(ax, place, lines, table, radii, unit)
    style.title(ax, "Whose portfolios overlap", _note(len(table), book.holdings.banks.n, len(lines), hidden))
    return style.finish(ax)


def _read(net: Network | Portfolios) -> tuple[Portfolios, str]:
    if isinstance(net, Portfolios):
        return net, ""
    need("network", net, "plot.overlaps")
    return portfolios(net), style.unit_of(net)


def _marks(book: Portfolios, found: Overlaps, most: int) -> pd.DataFrame:
    """Name, caller's place, money held and index of the institutions whose sales would hurt the others most."""
    n = book.holdings.banks.n
    held = book.of_banks(np.asarray(book.holdings.matrix.sum(axis=1), dtype=np.float64).ravel(), "held")
    table = pd.DataFrame(
        {
            "name": [str(name) for name in (range(n) if found.banks is None else found.banks)],
            "place": np.arange(n),
            "held": held.to_numpy(),
            "hurts": found.loss_inflicted_on_others,
            INDEX: found.indirect_contagion_index,
        }
    )
    order = np.lexsort((table["name"], -table["held"], -table["hurts"]))
    return table.iloc[order[:most]].reset_index(drop=True)


def _lines(found: Overlaps, chosen: NDArray[np.int64], most: int) -> tuple[pd.DataFrame, int]:
    """Ends (rows of the marks) and overlap of the strongest pairs, and how many pairs are left out."""
    from scipy.sparse import coo_array, triu

    pairs = coo_array(triu(found.among(chosen), 1))
    lines = pd.DataFrame({"one": pairs.row, "other": pairs.col, "weight": pairs.data})
    lines = lines[lines["weight"] > 0.0]
    order = np.lexsort((lines["other"], lines["one"], -lines["weight"]))
    return lines.iloc[order[:most]], max(0, len(lines) - most)


def _draw(
    ax: Axes,
    place: NDArray[np.float64],
    lines: pd.DataFrame,
    table: pd.DataFrame,
    radii: NDArray[np.float64],
    unit: str,
) -> None:
    """Draw lines in one collection, marks in another, names and legend."""
    handles: list[Any] = size_handles(table["held"], radii, "holdings", unit)
    if len(lines):
        weight = lines["weight"].to_numpy(np.float64)[::-1]
        ends = np.stack(
            [place[lines["one"].to_numpy()[::-1]], place[lines["other"].to_numpy()[::-1]]], axis=1
        )
        share = np.sqrt(weight / weight.max())
        shade = np.zeros((len(weight), 4))
        shade[:, :3], shade[:, 3] = 0.25, 0.12 + 0.68 * share
        thick = THINNEST + (THICKEST - THINNEST) * share
        ax.add_collection(LineCollection(list(ends), linewidths=thick, colors=shade, zorder=1.0))
        text = f"overlap, thickest\n{style.amount(float(weight.max()), unit)}"
        handles.append(Line2D([], [], color=LINE, linewidth=THICKEST, label=text))
    index = table[INDEX]
    look: style.Look = {"edgecolors": style.DARK, "linewidths": 0.6, "zorder": 2.0}
    ax.scatter(place[:, 0], place[:, 1], s=(2.0 * radii) ** 2, c=shades(index), **look)
    colour_bar(ax, index, INDEX, "")
    style.legend_right(ax, handles)
    names = list(table["name"])
    Labels(ax, names, place, radii, obstacles=place, obstacle_radii=radii, needed=min(8, len(names)))


def _note(drawn: int, nodes: int, lines: int, hidden: int) -> str:
    """Say what is drawn, and what is not."""
    who = (
        f"{nodes:,} institutions"
        if drawn == nodes
        else f"the {drawn:,} of {nodes:,} whose sales would cost most"
    )
    if not lines:
        return f"{who}; no two hold the same"
    return f"{who}; " + (
        f"the {lines:,} strongest of {lines + hidden:,} overlaps among them"
        if hidden
        else f"{lines:,} overlaps"
    )
