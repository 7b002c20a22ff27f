"""From the first that failed or was cut: through whom did losses travel, over issuers, venues and customers?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from matplotlib.path import Path
from numpy.typing import NDArray

from contagion.experiments.checked import count
from contagion.plot import style
from contagion.plot.expected import need_time
from contagion.plot.trees import MOST_LINES, Tree, note_of_mark, places_of

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from contagion.results import Run

__all__ = ["composability", "loss_links"]

CHANNELS: Final = ("issuer", "default", "freeze", "haircut", "bad debt", "adl", "recall")
"""Channels over which a loss passes from node to node; trades in markets are left to `plot.cascade`."""
MOST_COLUMNS = 6
_THICKEST, _THINNEST = 9.0, 0.5
_SHAPES = {
    "exchange": ("s", "exchange"),
    "protocol": ("D", "protocol"),
    "institution": ("o", "institution"),
    "trader": ("^", "trader"),
    "market maker": ("v", "market maker"),
}


def composability(run: Run, *, most: int = 8, ax: Axes | None = None) -> Axes:
    """Draw through whom losses travelled: from where they start at the left to those hit at second and third hand.

    Lines run from who hit to who was hit over issued tokens, unpaid claims, frozen or lost balances, haircuts, bad debt
    and deleveraging; they are as wide as the money, and as coloured as the channel. A node stands one column to
    the right of the first that hit it. What runs back to the left or within a column is left out and told in the note.

    Parameters
    ----------
    run : Run
        A run of `contagion.Cascade` with its records.
    most : int
        So many nodes of each column have a place of their own, those with the heaviest losses, caused and borne; the
        others of a layer are put together.
    ax : Axes, optional
        Where to draw; default a new figure.

    Raises
    ------
    SchemaError
        It is no run, or one of another model; `most` is no whole number.
    ValueRangeError
        `most` is below 1.
    """
    need_time(run, "plot.composability")
    count("most", most)
    ax = style.axes(ax, 9.5, 6.0)
    ax.set_axis_off()
    unit = style.unit_of(run)
    links = loss_links(run)
    if links.empty:
        style.title(ax, "Through whom losses travelled")
        return style.say_empty(ax, "no loss passed from one to another, but through prices")
    tree = _grown(run, links, most)
    place = places_of(tree)
    _draw_lines(ax, tree.lines, place)
    _draw_marks(ax, tree.marks, place)
    for i, head in enumerate(tree.heads):
        look: style.Look = {"ha": "center", "va": "bottom", "fontsize": "small", "color": style.DARK}
        ax.text(i, 1.03, head, parse_math=False, **look)
    style.title(ax, "Through whom losses travelled", _note(tree, links, unit))
    style.legend_right(ax, _handles(tree, unit), offset=1.0)
    ax.set_xlim(-0.35, len(tree.heads) - 0.65)
    ax.set_ylim(-0.06, 1.1)
    return style.finish(ax)


def loss_links(run: Run) -> pd.DataFrame:
    """Return the edges of the contagion graph over which losses pass from node to node.

    Parameters
    ----------
    run : Run
        A run of `contagion.Cascade`.

    Returns
    -------
    DataFrame
        source, target, channel, money, source_layer, target_layer; the heaviest first.
    """
    found = [
        (source, target, told["channel"], told["weight"], told["source_layer"], told["target_layer"])
        for source, target, told in run.contagion_graph().edges(data=True)
        if told["channel"] in CHANNELS
    ]
    names = ["source", "target", "channel", "money", "source_layer", "target_layer"]
    table = pd.DataFrame(found, columns=names)
    keys = [name for name in names if name != "money"]
    table = table.groupby(keys, sort=True)["money"].sum().reset_index()[names]
    return table.sort_values("money", ascending=False, kind="stable", ignore_index=True)


def _grown(run: Run, links: pd.DataFrame, most: int) -> Tree:
    """Columns by distance from where losses start, the heaviest nodes of each alone."""
    column = _columns(run, links)
    depth = min(int(column.max()) + 1, MOST_COLUMNS)
    column = column.clip(upper=depth - 1)
    weight = (
        links.groupby("source")["money"].sum().add(links.groupby("target")["money"].sum(), fill_value=0.0)
    )
    layer = pd.concat([links.set_index("source")["source_layer"], links.set_index("target")["target_layer"]])
    layer = layer[~layer.index.duplicated()]
    nodes = (
        pd.DataFrame({"column": column, "weight": weight, "layer": layer}).rename_axis("node").reset_index()
    )
    nodes = nodes.sort_values(["column", "weight", "node"], ascending=[True, False, True], kind="stable")
    rank = nodes.groupby("column").cumcount()
    size = nodes.groupby("column")["node"].transform("size")
    alone = ((rank < most) | (size <= most + 1)).to_numpy()
    together = nodes["column"].astype(str) + "/" + nodes["layer"].astype(str)
    key = np.where(alone, "0" + nodes["node"].astype(str), "1" + together)
    codes, _ = pd.factorize(key)
    failed = run.nodes["failed_at"].reindex(nodes["node"]).notna().to_numpy()
    caused = links.groupby("source")["money"].sum().reindex(nodes["node"]).fillna(0.0).to_numpy()
    table = nodes.assign(failed=failed, caused=caused).groupby(codes)
    members = table.size()
    first = table["node"].first()
    marks = pd.DataFrame(
        {
            "column": table["column"].first().astype(np.int64),
            "label": [
                f"{count:,} {layer}s" if count > 1 else style.shown(name, 18)
                for count, name, layer in zip(members, first, table["layer"].first(), strict=True)
            ],
            "members": members,
            "layer": table["layer"].first(),
            "failed": table["failed"].all(),
            "caused": table["caused"].sum(),
        }
    )
    mark = pd.Series(codes, index=nodes["node"].to_numpy())
    ends = column.reindex(links["source"]).to_numpy() < column.reindex(links["target"]).to_numpy()
    own = links[ends]
    lines = pd.DataFrame(
        {
            "source": mark.reindex(own["source"]).to_numpy(),
            "target": mark.reindex(own["target"]).to_numpy(),
            "channel": own["channel"].to_numpy(),
            "loss": own["money"].to_numpy(np.float64),
        }
    )
    lines = lines.groupby(["source", "target", "channel"], sort=True)["loss"].sum().reset_index()
    lines = lines.sort_values("loss", ascending=False, kind="stable", ignore_index=True)
    heads = ["where it starts", "hit by these", *(f"at hand {i + 1}" for i in range(2, depth))][:depth]
    return Tree(marks, lines.iloc[:MOST_LINES], heads, max(0, len(lines) - MOST_LINES))


def _columns(run: Run, links: pd.DataFrame) -> pd.Series:
    """Return how many steps each node is from where losses start: nodes nobody hit, and the first that failed.

    Of several that failed at once those count that none of the others hit, or all where each was hit.
    """
    names = pd.Index(pd.concat([links["source"], links["target"]]).unique())
    failed = run.nodes["failed_at"].reindex(names)
    start = set(names.difference(pd.Index(links["target"].unique())))
    first = failed.min()
    if np.isfinite(first):
        together = set(names[(failed == first).to_numpy()])
        hit = links[links["source"].isin(together) & (links["source"] != links["target"])]["target"]
        start |= together.difference(hit) or together
    if not start:
        start = {str(links["source"].iloc[0])}
    column = dict.fromkeys(start, 0)
    targets = links.groupby("source")["target"].agg(list).to_dict()
    reached = sorted(column)
    while reached:
        following: list[str] = []
        for source in reached:
            for target in targets.get(source, []):
                if target not in column:
                    column[target] = column[source] + 1
                    following.append(target)
        reached = sorted(following)
    rest = max(column.values()) + 1
    return pd.Series({name: float(column.get(name, rest)) for name in names})


def _channels(lines: pd.DataFrame) -> list[str]:
    return [channel for channel in CHANNELS if (lines["channel"] == channel).any()]


def _draw_lines(ax: Axes, lines: pd.DataFrame, place: NDArray[np.float64]) -> None:
    """Draw the lines as curves, each channel in its colour and stroke."""
    if lines.empty:
        return
    top = float(lines["loss"].max())
    for channel in _channels(lines):
        own = lines[lines["channel"] == channel]
        i = CHANNELS.index(channel)
        curves = []
        for source, target in zip(own["source"], own["target"], strict=True):
            (x0, y0), (x1, y1) = place[source], place[target]
            y0, y1 = y0 + 0.004 * i, y1 + 0.004 * i  # two channels between the same two stay apart
            bend = 0.45 * (x1 - x0)
            curves.append(Path([(x0, y0), (x0 + bend, y0), (x1 - bend, y1), (x1, y1)], [1, 4, 4, 4]))
        widths = np.maximum(_THICKEST * own["loss"].to_numpy(np.float64) / top, _THINNEST)
        look: style.Look = {"edgecolors": style.COLOURS[i], "linestyles": [style.LINES[i]], "alpha": 0.7}
        drawn = PathCollection(curves, facecolors="none", linewidths=widths.tolist(), zorder=1.0, **look)
        drawn.set_capstyle("butt")
        ax.add_collection(drawn)


def _draw_marks(ax: Axes, marks: pd.DataFrame, place: NDArray[np.float64]) -> None:
    """Draw marks and names: the shape tells the layer, dark is who failed."""
    caused = marks["caused"].to_numpy(np.float64)
    area = 40.0 + 220.0 * caused / max(float(caused.max(initial=0.0)), 1e-300)
    for layer, (shape, _) in _SHAPES.items():
        for failed, face in ((True, style.DARK), (False, "white")):
            own = ((marks["layer"] == layer) & (marks["failed"] == failed)).to_numpy(bool)
            look: style.Look = {"marker": shape, "edgecolors": style.DARK, "linewidths": 0.8, "zorder": 2.0}
            ax.scatter(place[own, 0], place[own, 1], area[own], face, **look)
    for (x, y), size, label in zip(place, area, marks["label"], strict=True):
        note_of_mark(ax, label, x, y, float(size))


def _handles(tree: Tree, unit: str) -> list[Artist]:
    """Say what shapes, colours and widths mean."""
    handles: list[Artist] = []
    for layer, (shape, word) in _SHAPES.items():
        if (tree.marks["layer"] == layer).any():
            look: style.Look = {"markerfacecolor": "white", "markeredgecolor": style.DARK, "linestyle": ""}
            handles.append(Line2D([], [], marker=shape, markersize=7.0, label=word, **look))
    if tree.marks["failed"].any():
        look = {"markerfacecolor": style.DARK, "markeredgecolor": style.DARK, "linestyle": ""}
        handles.append(Line2D([], [], marker="s", markersize=7.0, label="dark: failed", **look))
    for channel in _channels(tree.lines):
        i = CHANNELS.index(channel)
        look = {"color": style.COLOURS[i], "linestyle": style.LINES[i], "alpha": 0.8, "linewidth": 2.5}
        handles.append(Line2D([], [], label=channel, **look))
    if len(tree.lines):
        widest = style.amount(float(tree.lines["loss"].max()), unit)
        handles.append(Line2D([], [], linestyle="", label=f"width: money,\nthe widest {widest}"))
    return handles


def _note(tree: Tree, links: pd.DataFrame, unit: str) -> str:
    drawn, total = float(tree.lines["loss"].sum()), float(links["money"].sum())
    text = f"drawn are {style.amount(drawn, unit)} of {style.amount(total, unit)} passed on"
    if int((tree.marks["members"] > 1).sum()):
        text += "; the heaviest nodes of each column, the others together by layer"
    if tree.hidden:
        text += f"; the {len(tree.lines):,} heaviest lines of {len(tree.lines) + tree.hidden:,}"
    return text
