"""How much the answer depends on leverage, which nobody outside the venues observes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from contagion.reporting import formats
from contagion.reporting.blocks import (
    Block,
    Cell,
    Paragraph,
    Section,
    Table,
    Value,
    interval,
    table,
    words,
)
from contagion.reporting.figures import draw
from contagion.reporting.material import NONE, PLACEBO
from contagion.reporting.sections.effect_cells import tone

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from contagion.reporting.material import Material


BILLION = 1e9


def write(material: Material, band: pd.DataFrame) -> Section:
    """Return the section on leverage.

    Parameters
    ----------
    material : Material
        What the report is written from.
    band : DataFrame
        As ``contagion.reporting.leverage_band`` returns it.
    """
    low, high = float(band["leverage"].min()), float(band["leverage"].max())
    n = int(band["n"].max())
    medians = ", ".join(f"{leverage:g}" for leverage in sorted(band["leverage"].unique()))
    size = f" on a network of {band.attrs['n_accounts']:,} account rows" if "n_accounts" in band.attrs else ""
    each = f"n = {formats.plural(n, 'scenario')} at each of the leverages {medians}{size}"
    blocks: list[Block] = [
        Paragraph(
            "The leverage of accounts is an assumption, and it drives the result. The study was repeated "
            f"with the median account's leverage between {low:g} and "
            f"{high:g}, {each}. A conclusion that changes sign inside "
            "this band does not hold."
        ),
        draw(
            lambda level, change: _draw(level, change, band, material.unit),
            "System loss without policies and the change by each policy set, against median leverage",
            "Left: mean system loss without policies, grey the range over scenarios. Right: mean change by "
            "each policy set, with its interval if there are scenarios enough; below zero is less loss. "
            f"Behind each point {each}.",
            height=3.8,
            panels=2,
        ),
        band_table(band, material.unit),
    ]
    return Section("leverage", "A band over leverage", tuple(blocks))


def band_table(band: pd.DataFrame, unit: str) -> Table:
    """Return level and effects at each median leverage.

    Parameters
    ----------
    band : DataFrame
        The band.
    unit : str
        Unit of money.
    """
    names = [str(name) for name in band["policy"].drop_duplicates() if name not in (NONE, PLACEBO)]
    rows = []
    for leverage, own in band.groupby("leverage", sort=True):
        rows.append(
            [
                words(f"{float(str(leverage)):g}"),
                _level(own[own["policy"] == NONE].iloc[0]),
                *(_effect(own[own["policy"] == name].iloc[0]) for name in names),
            ]
        )
    columns = ["Median leverage", "Level under 'none' [range]", *(f"Change, {name}" for name in names)]
    return table(f"System loss by median leverage, {unit}", columns, rows, identifier="leverage-table")


def _level(row: pd.Series) -> Cell:
    mean = float(row["mean"])
    head = Value(formats.amount(mean), repr(mean), NONE, "system_loss", "mean")
    bounds = (float(row["least"]), float(row["most"]))
    texts = (formats.amount(bounds[0]), formats.amount(bounds[1]))
    return Cell((head,), (interval(texts, bounds, head, ("least", "most")),), numeric=True)


def _effect(row: pd.Series) -> Cell:
    policy = str(row["policy"])
    value, low, high, helped = (float(row[name]) for name in ("difference", "low", "high", "helped"))
    head = Value(formats.amount(value, signed=True), repr(value), policy, "system_loss", "difference")
    share = Value(formats.percent(helped, decimals=0), repr(helped), policy, "system_loss", "helped")
    below: list[tuple[Value, ...]] = [(Value("helped in "), share)]
    if np.isfinite(low) and np.isfinite(high):
        texts = (formats.amount(low, signed=True), formats.amount(high, signed=True))
        below.insert(0, interval(texts, (low, high), head, ("low", "high")))
    return Cell((head,), tuple(below), numeric=True, tone=tone(low, high))


def _draw(level: Axes, change: Axes, band: pd.DataFrame, unit: str) -> None:
    own = band[band["policy"] == NONE].sort_values("leverage")
    level.fill_between(own["leverage"], own["least"] / BILLION, own["most"] / BILLION, color="0.88")
    level.plot(own["leverage"], own["mean"] / BILLION, color="black", marker="o", markersize=4)
    change.axhline(0.0, color="black", linewidth=0.8)
    shown = band[~band["policy"].isin((NONE, PLACEBO))]
    for index, (name, rows) in enumerate(shown.groupby("policy", sort=False)):
        _draw_set(change, rows.sort_values("leverage"), str(name), index)
    change.legend(frameon=False, fontsize=8)
    for axes, label in ((level, f"system loss (bn {unit})"), (change, f"change of system loss (bn {unit})")):
        axes.set_xlabel("median leverage of accounts (×)")
        axes.set_ylabel(label)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)


def _draw_set(axes: Axes, rows: pd.DataFrame, name: str, index: int) -> None:
    from contagion.plot.style import COLOURS, LINES, MARKERS

    middle = rows["difference"] / BILLION
    axes.errorbar(
        rows["leverage"] + 0.04 * index,
        middle,
        yerr=[middle - rows["low"] / BILLION, rows["high"] / BILLION - middle],
        linestyle=LINES[index % len(LINES)],
        marker=MARKERS[index % len(MARKERS)],
        color=COLOURS[index % len(COLOURS)],
        markersize=4,
        linewidth=1.2,
        capsize=2,
        label=name,
    )
