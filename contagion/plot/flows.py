"""Ribbons from one column of names to another, as wide as the money that goes from this to that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.collections import PatchCollection, PathCollection
from matplotlib.patches import Rectangle
from matplotlib.path import Path
from numpy.typing import NDArray

from contagion.plot import style
from contagion.plot.style import Look

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes

MOST_CHANNELS = 7
_LEFT, _RIGHT, _THICK = 0.28, 0.72, 0.014
_SPACE = 0.022


def draw_flows(ax: Axes, graph: nx.DiGraph[Any], unit: str, *, most: int) -> Axes:
    """Draw the edges of a graph as ribbons from who hit (left) to who was hit (right).

    Parameters
    ----------
    ax : Axes
        Where to draw.
    graph : networkx.DiGraph
        Nodes with ``kind``, edges with ``weight`` (money) and ``channel``.
    unit : str
        Unit of money.
    most : int
        Names with a place of their own on either side.
    """
    ax.set_axis_off()
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(1.02, -0.005)
    flows = _flows(graph, most)
    ax.set_title("Who hit whom", loc="left", fontsize="large", pad=22.0)
    if flows.empty:
        return style.say_empty(ax, "nobody hit anybody")
    channels = flows.groupby("channel")["money"].sum().sort_values(ascending=False, kind="stable")
    rank = {channel: min(i, MOST_CHANNELS) for i, channel in enumerate(channels.index)}
    flows["rank"] = flows["channel"].map(rank)
    spans = {side: _spans(flows, side) for side in ("source", "target")}
    _ribbons(ax, flows, spans)
    total = float(flows["money"].sum())
    for side in ("source", "target"):
        _column(ax, flows, spans[side], side, unit)
    look: Look = {"fontsize": "small", "color": style.DARK, "va": "bottom", "parse_math": False}
    ax.text(_LEFT, -0.02, "who hit", ha="right", **look)
    ax.text(_RIGHT, -0.02, f"who was hit (in all {style.amount(total, unit)})", ha="left", **look)
    _legend(ax, channels)
    return style.finish(ax)


def _flows(graph: nx.DiGraph[Any], most: int) -> pd.DataFrame:
    """Return source, target, channel, money, with the small ends put together by kind; no channel `cost`."""
    edges = [
        (str(a), str(b), str(d.get("channel", "")), float(d.get("weight", 0.0)))
        for a, b, d in graph.edges(data=True)
        if d.get("channel") != "cost"
    ]
    flows = pd.DataFrame(edges, columns=["source", "target", "channel", "money"])
    flows = flows[flows["money"] > 0.0].reset_index(drop=True)
    kinds = {str(name): str(data.get("kind") or "node") for name, data in graph.nodes(data=True)}
    for side in ("source", "target"):
        flows[side] = _gathered(flows, side, kinds, most)
    keys = ["source", "target", "channel"]
    return pd.DataFrame(flows.groupby(keys, sort=True)["money"].sum().reset_index())


def _gathered(flows: pd.DataFrame, side: str, kinds: dict[str, str], most: int) -> pd.Series:
    """Return the end of each flow: its name if it is among the largest, or its kind."""
    size = flows.groupby(side)["money"].sum()
    order = size.sort_index().sort_values(ascending=False, kind="stable").index
    rest = pd.Series([kinds.get(name, "node") for name in order[most:]], dtype=object)
    number = rest.value_counts()
    label = {
        name: f"1 {number[kind]:,} {'other ' if most else ''}{kind}s" if number[kind] > 1 else f"0 {name}"
        for name, kind in zip(order[most:], rest, strict=True)
    }
    return flows[side].map(lambda name: label.get(name, f"0 {name}"))


def _spans(flows: pd.DataFrame, side: str) -> pd.DataFrame:
    """Return where each name of a side begins and ends, from the top; money in proportion, gaps between."""
    size = flows.groupby(side)["money"].sum()
    order = sorted(size.index, key=lambda name: (name[0], -size[name], name))
    gap = min(_SPACE, 0.5 / len(order))
    height = size[order].to_numpy() / float(size.sum()) * (1.0 - gap * (len(order) - 1))
    end = np.cumsum(height + gap) - gap
    return pd.DataFrame({"start": end - height, "end": end, "money": size[order].to_numpy()}, index=order)


def _ribbons(ax: Axes, flows: pd.DataFrame, spans: dict[str, pd.DataFrame]) -> None:
    """Draw all ribbons of a channel as one collection; each takes its share of both ends, in order."""
    start = {}
    for side, other in (("source", "target"), ("target", "source")):
        span, far = spans[side], spans[other]
        order = flows.assign(far=flows[other].map(far["start"])).sort_values(
            [side, "far", "rank"], kind="stable"
        )
        per_money = ((span["end"] - span["start"]) / span["money"]).reindex(order[side]).to_numpy()
        height = pd.Series(order["money"].to_numpy() * per_money, order.index)
        begin = height.groupby(order[side]).cumsum() - height + order[side].map(span["start"])
        start[side], start[side + " end"] = begin.reindex(flows.index), (begin + height).reindex(flows.index)
    shapes = [
        _ribbon(*corners)
        for corners in zip(*(start[k] for k in ("source", "source end", "target", "target end")), strict=True)
    ]
    for rank, rows in flows.groupby("rank").indices.items():
        number = int(str(rank))
        colour = style.COLOURS[number]
        paths = PathCollection(
            [shapes[i] for i in rows], facecolors=colour, alpha=0.5, linewidths=0.0, zorder=1.0
        )
        paths.set_transform(ax.transData)
        if number and style.HATCHES[number]:
            paths.set(hatch=style.HATCHES[number], edgecolor=colour)
        ax.add_collection(paths, autolim=False)


def _ribbon(top_left: float, low_left: float, top_right: float, low_right: float) -> Path:
    a, b, middle = _LEFT + _THICK, _RIGHT - _THICK, 0.5 * (_LEFT + _RIGHT)
    points = [
        (a, top_left), (middle, top_left), (middle, top_right), (b, top_right),
        (b, low_right), (middle, low_right), (middle, low_left), (a, low_left), (a, top_left),
    ]  # fmt: skip
    curve = [Path.CURVE4] * 3
    return Path(points, [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY])


def _column(ax: Axes, flows: pd.DataFrame, spans: pd.DataFrame, side: str, unit: str) -> None:
    """Draw the bars of one side and write the names beside them, spread so that none touch."""
    left = side == "source"
    bar = _LEFT if left else _RIGHT - _THICK
    ends = spans[["start", "end"]].to_numpy(np.float64)
    boxes = [Rectangle((bar, start), _THICK, end - start) for start, end in ends]
    ax.add_collection(
        PatchCollection(boxes, facecolors=style.DARK, linewidths=0.0, zorder=2.0), autolim=False
    )
    middle = 0.5 * (spans["start"] + spans["end"]).to_numpy()
    spread = _spread(middle, 0.95 / max(len(spans), 18))
    edge, away = (_LEFT, -1.0) if left else (_RIGHT, 1.0)
    for (name, row), at, label in zip(spans.iterrows(), middle, spread, strict=True):
        text = f"{style.shown(str(name)[2:].removeprefix('market:'), 22)}  {style.amount(float(row['money']), unit)}"
        x = edge + 0.022 * away
        ax.plot([edge, edge + 0.018 * away], [at, label], color=style.MIDDLE, linewidth=0.5, zorder=1.5)
        look: Look = {"fontsize": 8.0, "color": style.DARK, "va": "center", "parse_math": False}
        ax.text(x, label, text, ha="right" if left else "left", **look)


def _spread(middle: NDArray[np.float64], distance: float) -> NDArray[np.float64]:
    """Return positions in the same order, at least `distance` apart and within 0 and 1."""
    place = middle.copy()
    for i in range(1, len(place)):
        place[i] = max(place[i], place[i - 1] + distance)
    over = place[-1] - (1.0 - 0.25 * distance)
    if over > 0.0:
        place[-1] -= over
        for i in range(len(place) - 2, -1, -1):
            place[i] = min(place[i], place[i + 1] - distance)
    return place


def _legend(ax: Axes, channels: pd.Series) -> None:
    """Name the channels under the picture, where nothing is covered."""
    handles = []
    for i, channel in enumerate(channels.index[: MOST_CHANNELS + 1]):
        rest = i == MOST_CHANNELS
        label = "other" if rest else style.shown(channel) or "unnamed"
        look: Look = {"facecolor": style.COLOURS[i], "alpha": 0.5, "linewidth": 0.0}
        if i and style.HATCHES[i]:
            look |= {"hatch": style.HATCHES[i], "edgecolor": style.COLOURS[i]}
        handles.append(Rectangle((0.0, 0.0), 1.0, 1.0, label=label, **look))
    place: Look = {"frameon": False, "fontsize": "small", "loc": "upper center", "bbox_to_anchor": (0.5, 0.0)}
    legend = ax.legend(handles=handles, ncols=min(len(handles), 5), borderaxespad=0.0, **place)
    style.plain(legend.get_texts())
