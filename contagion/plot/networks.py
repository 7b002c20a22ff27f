"""Who is tied to whom?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from contagion.plot import style
from contagion.plot.expected import need
from contagion.plot.labels import Labels
from contagion.plot.layout import places
from contagion.plot.marks import Marks, Values, marks, node_values
from contagion.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from contagion.network.network import Network

SMALLEST, LARGEST = 2.2, 17.0
CROWDED = 150
MOST_NAMED = 12
_KINDS = ("exchange", "trader", "institution", "protocol")
_CHANNELS: dict[str, tuple[str, Any]] = {
    "margin account": ("#8A8A8A", "-"),
    "obligation": ("#111111", "--"),
    "token": ("#009E73", ":"),
}
_MAP = "cividis_r"
_MISSING = "#FFFFFF"
_NUMBERS = ("links", "indirect_contagion_index")
"""What is no money."""


def network(
    net: Network, *, color: Values | None = None, size: Values | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a network: marks are nodes, lines are margin accounts, obligations and tokens that others issued.

    Up to 300 nodes have a mark each. Of more, the venues and the largest others do, and the rest is put
    together by kind and main venue; at most 300 marks and the 1,500 heaviest lines are drawn.

    Parameters
    ----------
    net : Network
        Any network.
    color : str, mapping, Series or ndarray, optional
        What colours show: a column of ``net.nodes``, a statistic (``exposure``, ``links``) or values by node,
        such as ``run.nodes["loss"]``. A group shows the mean of its members. Default: the kind of node.
    size : str, mapping, Series or ndarray, optional
        What the area of marks shows, likewise; a group shows the sum. Default: exposure, the money of a
        node's accounts and obligations.
    ax : Axes, optional
        Where to draw; default a new figure.

    Raises
    ------
    SchemaError, NetworkError
        It is no network; `color` or `size` is no column, no statistic, or names other nodes.
    """
    need("network", net, "plot.network")
    drawn = marks(net)
    unit = style.unit_of(net)
    sizes, size_name = _per_mark(net, drawn, "exposure" if size is None else size, "size", "sum")
    colours, color_name = (None, "") if color is None else _per_mark(net, drawn, color, "color", "mean")
    ax = style.axes(ax, 9.0, 6.0)
    ax.set_axis_off()
    ax.margins(0.06)
    radii = radii_of(sizes)
    place = places(len(drawn.table), *_ends(drawn.lines), radii / 330.0)
    _draw_lines(ax, drawn.lines, place)
    handles = _draw_marks(ax, drawn.table, place, radii, colours, color_name, unit)
    handles += _line_handles(drawn.lines) + size_handles(sizes, radii, size_name, unit)
    style.legend_right(ax, handles)
    _label(ax, drawn.table, place, radii)
    style.title(ax, "Who is tied to whom", _note(net, drawn))
    return style.finish(ax)


def _per_mark(net: Network, drawn: Marks, values: Values, what: str, how: str) -> tuple[pd.Series, str]:
    """Return one value per mark: numbers by sum or mean of the members, words by the most frequent."""
    series, name = node_values(net, values, what)
    code = drawn.of_node.reindex(series.index).to_numpy()
    if pd.api.types.is_numeric_dtype(series) or pd.api.types.is_bool_dtype(series):
        grouped = series.astype(np.float64).groupby(code)
        found = grouped.sum(min_count=1) if how == "sum" else grouped.mean()
    elif what == "size":
        return _per_mark(net, drawn, series.notna().astype(np.float64), what, how)[0], name
    else:
        found = series.astype(str).groupby(code).agg(lambda part: part.value_counts(sort=True).index[0])
    return found.reindex(range(len(drawn.table))), name


def radii_of(sizes: pd.Series) -> NDArray[np.float64]:
    """Return radii in points, areas in proportion, the smallest still visible."""
    value = np.nan_to_num(np.abs(sizes.to_numpy(np.float64)))
    top = float(value.max(initial=0.0))
    if top == 0.0:
        return np.full(len(value), 6.0)
    return np.asarray(np.maximum(LARGEST * np.sqrt(value / top), SMALLEST), dtype=np.float64)


def _ends(lines: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    source, target = lines["source"].to_numpy(np.int64), lines["target"].to_numpy(np.int64)
    return source, target, lines["weight"].to_numpy(np.float64)


def _draw_lines(ax: Axes, lines: pd.DataFrame, place: NDArray[np.float64]) -> None:
    """Draw each channel as one collection, heavier lines thicker."""
    top = float(lines["weight"].max()) if len(lines) else 0.0
    for channel, (colour, dash) in _CHANNELS.items():
        own = lines[lines["channel"] == channel]
        if own.empty:
            continue
        source, target, weight = _ends(own)
        thick = 0.4 + (1.8 if len(lines) > CROWDED else 2.6) * np.sqrt(
            weight / top if top > 0.0 else np.zeros_like(weight)
        )
        ends = np.stack([place[source], place[target]], axis=1)
        pale = (0.35 if channel == "margin account" else 0.75) * (0.5 if len(lines) > CROWDED else 1.0)
        ax.add_collection(
            LineCollection(
                list(ends), linewidths=thick, colors=colour, linestyles=dash, alpha=pale, zorder=1.0
            )
        )


def _draw_marks(
    ax: Axes,
    table: pd.DataFrame,
    place: NDArray[np.float64],
    radii: NDArray[np.float64],
    colours: pd.Series | None,
    name: str,
    unit: str,
) -> list[Artist]:
    """Draw the marks of each kind, and return what the legend says about shapes and colours."""
    kinds = [kind for kind in _KINDS if (table["kind"] == kind).any()]
    face, handles = _faces(table, colours, kinds)
    for i, kind in enumerate(kinds):
        rows = (table["kind"] == kind).to_numpy()
        ax.scatter(
            place[rows, 0],
            place[rows, 1],
            s=(2.0 * radii[rows]) ** 2,
            marker=style.MARKERS[_KINDS.index(kind)],
            c=[face[row] for row in np.flatnonzero(rows)],
            edgecolors="white" if colours is None else style.DARK,
            linewidths=0.6,
            zorder=2.0,
        )
        filled = style.COLOURS[_KINDS.index(kind)] if colours is None else "white"
        handles.insert(i, _handle(kind, style.MARKERS[_KINDS.index(kind)], filled))
    if colours is not None and pd.api.types.is_float_dtype(colours):
        colour_bar(ax, colours, name, unit)
    return handles


def _faces(
    table: pd.DataFrame, colours: pd.Series | None, kinds: list[str]
) -> tuple[list[Any], list[Artist]]:
    """Return the colour of each mark and handles for words."""
    if colours is None:
        return [style.COLOURS[_KINDS.index(kind)] for kind in table["kind"]], []
    if pd.api.types.is_float_dtype(colours):
        return shades(colours), []
    words = list(colours.value_counts().index)
    look: Look = {
        word: style.COLOURS[i] if i < len(style.COLOURS) else style.PALE for i, word in enumerate(words)
    }
    handles: list[Artist] = [
        _handle(style.shown(word), "o", look[word]) for word in words[: len(style.COLOURS)]
    ]
    if len(words) > len(style.COLOURS):
        handles.append(_handle(f"{len(words) - len(style.COLOURS):,} more", "o", style.PALE))
    return [look[word] for word in colours], handles


def shades(colours: pd.Series) -> list[Any]:
    """Return the colour of each number, dark for high ones, white where there is none."""
    from matplotlib import colormaps

    value, scale = colours.to_numpy(np.float64), _normal(colours)
    return [_MISSING if np.isnan(v) else colormaps[_MAP](scale(v)) for v in value]


def _normal(colours: pd.Series) -> Normalize:
    """Return the colour scale: the root of the value where none is negative, since sizes are skewed."""
    low, high = float(np.nanmin([*colours, 0.0])), float(np.nanmax([*colours, 0.0]))
    if low < 0.0:
        return Normalize(low, max(high, 0.0))
    return PowerNorm(0.5, 0.0, high if high > 0.0 else 1.0)


def colour_bar(ax: Axes, colours: pd.Series, name: str, unit: str) -> None:
    """Put a colour bar under the legend, in money where the column is money."""
    from matplotlib.cm import ScalarMappable

    inset = ax.inset_axes((1.03, 0.02, 0.025, 0.36))
    bar = ax.figure.colorbar(ScalarMappable(_normal(colours), _MAP), cax=inset)
    scale = style.Scale(1.0, "") if name in _NUMBERS else style.money_scale(colours, unit)
    scale.tick(bar.ax.yaxis)
    bar.ax.tick_params(labelsize="small")
    bar.ax.set_title(scale.label(style.words(name)), fontsize="small", loc="left", parse_math=False)
    bar.outline.set_visible(False)


def _handle(label: str, marker: str, face: object, radius: float = 4.5) -> Line2D:
    look: Look = {"markerfacecolor": face, "markeredgecolor": style.DARK, "markeredgewidth": 0.6}
    return Line2D([], [], linestyle="", marker=marker, markersize=2.0 * radius, label=label, **look)


def _line_handles(lines: pd.DataFrame) -> list[Artist]:
    present = set(lines["channel"])
    return [
        Line2D([], [], color=colour, linestyle=dash, linewidth=1.5, label=channel)
        for channel, (colour, dash) in _CHANNELS.items()
        if channel in present
    ]


def size_handles(sizes: pd.Series, radii: NDArray[np.float64], name: str, unit: str) -> list[Artist]:
    """Show what the largest mark stands for."""
    value = np.nan_to_num(np.abs(sizes.to_numpy(np.float64)))
    if not value.any():
        return []
    top = int(value.argmax())
    text = f"{value[top]:,.0f}" if name == "links" else style.amount(float(value[top]), unit)
    words = style.words(name)
    return [_handle(f"area: {words},\nlargest {text}", "o", "white", radius=min(float(radii[top]), 6.0))]


def _label(ax: Axes, table: pd.DataFrame, place: NDArray[np.float64], radii: NDArray[np.float64]) -> None:
    """Name venues first, then groups, then the largest."""
    first = np.where(table["kind"].isin(["exchange", "protocol"]), 0, np.where(table["own"], 2, 1))
    order = np.lexsort((table.index.to_numpy(str), -radii, first))
    limit = 40 if len(table) <= 40 else int((first < 2).sum()) + MOST_NAMED
    order = order[:limit]
    names = [str(name) for name in table["label"].to_numpy()[order]]
    reach = radii * np.where(table["kind"] == "institution", 1.3, 1.0)  # a diamond's corners stand out
    needed = int((first < 2).sum())
    Labels(ax, names, place[order], reach[order], obstacles=place, obstacle_radii=reach, needed=needed)


def _note(net: Network, drawn: Marks) -> str:
    grouped = int((~drawn.table["own"]).sum())
    text = f"{len(net.nodes):,} nodes"
    if grouped:
        text += f", {grouped} marks stand for many (the count is written beside them)"
    if drawn.hidden_lines:
        text += f"; the {len(drawn.lines):,} heaviest lines of {len(drawn.lines) + drawn.hidden_lines:,}"
    return text
