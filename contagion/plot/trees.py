"""Who brought down whom, wave by wave?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from matplotlib.path import Path
from numpy.typing import NDArray

from contagion.experiments.checked import count
from contagion.plot import style
from contagion.plot.expected import need_sheets

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from contagion.results import Run

MOST_COLUMNS = 7
MOST_LINES = 300
_THICKEST, _THINNEST = 9.0, 0.4
_BY_SHOCK, _BY_CONTAGION, _STANDS = style.COLOURS[0], style.COLOURS[1], "#FFFFFF"


def contagion_tree(run: Run, *, most: int = 10, ax: Axes | None = None) -> Axes:
    """Draw who brought down whom: failing nodes in columns by round, lines what later nodes lost on earlier ones.

    A line runs from a failed debtor to a creditor that fails in a later column, or does not fail at all (the last
    column); it is as wide as the money lost on the claim. What nodes lose on others of their own column, or on
    later ones, brought nobody down and is told in the note only. The area of a mark shows what its failure cost its
    creditors inside the network. More than seven rounds share columns.

    Parameters
    ----------
    run : Run
        A run of a model of balance sheets.
    most : int
        So many nodes of each column have a place of their own, those with the heaviest losses on claims, caused and
        borne; the others of a column are put together.
    ax : Axes, optional
        Where to draw; default a new figure.

    Raises
    ------
    SchemaError
        It is no run, or one of another model; `most` is no whole number.
    ValueRangeError
        `most` is below 1.
    """
    need_sheets(run, "plot.contagion_tree")
    count("most", most)
    ax = style.axes(ax, 9.0, 6.0)
    ax.set_axis_off()
    unit = style.unit_of(run)
    if not run.nodes["defaulted"].any():
        style.title(ax, "Who brought down whom")
        return style.say_empty(ax, "no node fails")
    tree = grown(run, most)
    style.title(ax, "Who brought down whom", _note(run, tree, unit))
    place = places_of(tree)
    _draw_lines(ax, tree.lines, place)
    _draw_marks(ax, tree.marks, place)
    _heads(ax, tree)
    style.legend_right(ax, _handles(tree, unit), offset=1.0)
    ax.set_xlim(-0.35, len(tree.heads) - 0.35)
    ax.set_ylim(-0.06, 1.1)
    return style.finish(ax)


@dataclass(frozen=True)
class Tree:
    """What is drawn.

    Parameters
    ----------
    marks : DataFrame
        One row a mark: column, label, members, fundamental (all members failed by the shock), failed, caused (money).
    lines : DataFrame
        source, target (positions of marks) and loss (money), the heaviest first.
    heads : list of str
        One heading a column.
    hidden : int
        Lines left out because there are too many.
    """

    marks: pd.DataFrame
    lines: pd.DataFrame
    heads: list[str]
    hidden: int


def grown(run: Run, most: int) -> Tree:
    """Return the marks and lines of the tree of a run; `most` nodes of each column stand for themselves."""
    claims = run.attribution
    claims = claims[(claims["loss"] > 0.0) & (claims["debtor"] != claims["creditor"])]
    claims = claims[run.nodes["defaulted"].reindex(claims["debtor"]).to_numpy(bool)]
    column, heads = _columns(run, claims)
    ends = [column.reindex(claims[side]).to_numpy(np.float64) for side in ("debtor", "creditor")]
    claims = claims[ends[0] < ends[1]]
    mark, marks = _marks(run, column, most)
    lines = pd.DataFrame(
        {
            "source": mark.reindex(claims["debtor"]).to_numpy(),
            "target": mark.reindex(claims["creditor"]).to_numpy(),
            "loss": claims["loss"].to_numpy(np.float64),
        }
    )
    lines = lines.groupby(["source", "target"], sort=True)["loss"].sum().reset_index()
    lines = lines.sort_values("loss", ascending=False, kind="stable", ignore_index=True)
    return Tree(marks, lines.iloc[:MOST_LINES], heads, max(0, len(lines) - MOST_LINES))


def _columns(run: Run, claims: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """Return the column of each node that fails, or that stands and lost on one that fails; and the headings."""
    failed = run.nodes[run.nodes["defaulted"]]
    waves = np.unique(failed["wave"].to_numpy(np.int64))
    groups = [part for part in np.array_split(waves, min(len(waves), MOST_COLUMNS)) if len(part)]
    of_wave = {int(wave): i for i, part in enumerate(groups) for wave in part}
    column = failed["wave"].map(of_wave).astype(np.float64)
    heads = [f"round {part[0]}" if len(part) == 1 else f"rounds {part[0]} to {part[-1]}" for part in groups]
    stands = pd.Index(claims["creditor"].unique()).difference(failed.index)
    if len(stands):
        column = pd.concat([column, pd.Series(float(len(groups)), stands)])
        heads.append("does not fail")
    return column, heads


def _marks(run: Run, column: pd.Series, most: int) -> tuple[pd.Series, pd.DataFrame]:
    """Return the mark of each node, and the marks: the heaviest of a column alone, the others together."""
    nodes = run.nodes.loc[column.index]
    weight = (nodes["loss_caused"] + nodes["loss_on_claims"]).to_numpy(np.float64)
    names = column.index.to_numpy(dtype=object)
    order = np.lexsort((names.astype(str), -weight, column.to_numpy()))
    place = column.to_numpy()[order]
    rank = np.arange(len(order)) - np.searchsorted(place, place)
    size = pd.Series(place).map(pd.Series(place).value_counts()).to_numpy()
    alone = (rank < most) | (size <= most + 1)
    key = np.where(alone, np.arange(len(order)), -1 - place.astype(np.int64))
    codes, _ = pd.factorize(key)
    mark = pd.Series(codes, index=names[order])
    table = nodes.iloc[order].groupby(codes)
    members = table.size()
    first = pd.Series(names[order]).groupby(codes).first()
    labels = [
        f"{count:,} others" if count > 1 else style.shown(name, 16)
        for count, name in zip(members, first, strict=True)
    ]
    return mark, pd.DataFrame(
        {
            "column": pd.Series(place).groupby(codes).first().astype(np.int64),
            "label": labels,
            "members": members,
            "fundamental": table["fundamental"].all(),
            "failed": table["defaulted"].all(),
            "caused": table["loss_caused"].sum(),
        }
    )


def places_of(tree: Tree) -> NDArray[np.float64]:
    """Return the place of each mark, shape (n_marks, 2): columns from the left, order by those who hit them."""
    marks, lines = tree.marks, tree.lines
    place = np.zeros((len(marks), 2))
    place[:, 0] = marks["column"]
    source, target = lines["source"].to_numpy(np.int64), lines["target"].to_numpy(np.int64)
    loss = lines["loss"].to_numpy(np.float64)
    for i in range(len(tree.heads)):
        own = np.flatnonzero(marks["column"].to_numpy() == i)
        pull = np.bincount(target, loss * place[source, 1], len(marks))
        hit = np.bincount(target, loss, len(marks))
        height = np.divide(pull, hit, out=np.full(len(marks), 0.5), where=hit > 0.0)
        if i == 0:
            height = -marks["caused"].rank(ascending=False, method="first").to_numpy(np.float64)
        grouped = marks["members"].to_numpy()[own] > 1
        order = own[np.lexsort((own, -height[own], grouped))]
        place[order, 1] = 1.0 - (np.arange(len(own)) + 0.5) / len(own)
    return place


def _draw_lines(ax: Axes, lines: pd.DataFrame, place: NDArray[np.float64]) -> None:
    """Draw the lines as curves, the heaviest at the bottom, widths in proportion to the money."""
    if lines.empty:
        return
    curves = []
    for source, target in zip(lines["source"], lines["target"], strict=True):
        (x0, y0), (x1, y1) = place[source], place[target]
        bend = 0.45 * (x1 - x0)
        curves.append(Path([(x0, y0), (x0 + bend, y0), (x1 - bend, y1), (x1, y1)], [1, 4, 4, 4]))
    share = lines["loss"].to_numpy(np.float64) / float(lines["loss"].max())
    widths = np.maximum(_THICKEST * share, _THINNEST)
    drawn = PathCollection(
        curves, facecolors="none", edgecolors=style.MIDDLE, linewidths=widths.tolist(), alpha=0.55, zorder=1.0
    )
    drawn.set_capstyle("butt")
    ax.add_collection(drawn)


def _draw_marks(ax: Axes, marks: pd.DataFrame, place: NDArray[np.float64]) -> None:
    """Draw marks and names: dark by the shock, pale by contagion, white squares for those that stand."""
    caused = marks["caused"].to_numpy(np.float64)
    area = 30.0 + 270.0 * caused / max(float(caused.max(initial=0.0)), 1e-300)
    for face, shape, which in (
        (_BY_SHOCK, "o", marks["failed"] & marks["fundamental"]),
        (_BY_CONTAGION, "o", marks["failed"] & ~marks["fundamental"]),
        (_STANDS, "s", ~marks["failed"]),
    ):
        own = which.to_numpy(bool)
        look: style.Look = {"marker": shape, "edgecolors": style.DARK, "linewidths": 0.7, "zorder": 2.0}
        ax.scatter(place[own, 0], place[own, 1], area[own], face, **look)
    for (x, y), size, label in zip(place, area, marks["label"], strict=True):
        note_of_mark(ax, label, x, y, float(size))


def note_of_mark(ax: Axes, label: str, x: float, y: float, area: float) -> None:
    """Write the name of a mark of an area (points squared) above it."""
    text = ax.annotate(
        label, (x, y), xytext=(0.0, 0.5 * float(np.sqrt(area)) + 1.5), textcoords="offset points", ha="center",
        va="bottom", fontsize=8.0, color=style.DARK, parse_math=False, zorder=3.0,
    )  # fmt: skip
    _outlined(text, ax)


def _outlined(text: Artist, ax: Axes) -> None:
    from matplotlib.patheffects import withStroke

    text.set_path_effects([withStroke(linewidth=2.0, foreground=ax.get_facecolor())])


def _heads(ax: Axes, tree: Tree) -> None:
    """Write over each column which round it is and how many nodes it holds."""
    count = tree.marks.groupby("column")["members"].sum()
    for i, head in enumerate(tree.heads):
        number = int(count.get(i, 0))
        ax.text(
            i, 1.03, f"{head}\n{number:,} node{'s' * (number != 1)}", ha="center", va="bottom", fontsize="small",
            color=style.DARK, parse_math=False,
        )  # fmt: skip


def _handles(tree: Tree, unit: str) -> list[Artist]:
    """Say what marks, areas and widths mean."""
    marks = tree.marks
    kinds = (
        ("fails by the shock", "o", _BY_SHOCK, (marks["failed"] & marks["fundamental"]).any()),
        ("fails by contagion", "o", _BY_CONTAGION, (marks["failed"] & ~marks["fundamental"]).any()),
        ("does not fail", "s", _STANDS, (~marks["failed"]).any()),
    )
    handles: list[Artist] = []
    for label, shape, face, there in kinds:
        look: style.Look = {"markerfacecolor": face, "markeredgecolor": style.DARK, "linestyle": ""}
        if there:
            handles.append(Line2D([], [], marker=shape, markersize=7.0, label=label, **look))
    if len(tree.lines):
        top = style.amount(float(tree.lines["loss"].max()), unit)
        look = {"color": style.MIDDLE, "alpha": 0.55, "linewidth": 0.6 * _THICKEST}
        handles.append(Line2D([], [], label=f"width: loss on claims,\nthe widest {top}", **look))
    caused = float(marks["caused"].max())
    if caused > 0.0:
        look = {"markerfacecolor": "white", "markeredgecolor": style.DARK, "linestyle": ""}
        text = f"area: losses caused,\nlargest {style.amount(caused, unit)}"
        handles.append(Line2D([], [], marker="o", markersize=10.0, label=text, **look))
    return handles


def _note(run: Run, tree: Tree, unit: str) -> str:
    drawn, total = float(tree.lines["loss"].sum()), float(run.attribution["loss"].sum())
    text = f"drawn are {style.amount(drawn, unit)} of {style.amount(total, unit)} lost on claims"
    grouped = int((tree.marks["members"] > 1).sum())
    if grouped:
        text += "; the heaviest nodes of each column, the others together"
    if tree.hidden:
        text += f"; the {len(tree.lines):,} heaviest lines of {len(tree.lines) + tree.hidden:,}"
    return text
