"""How much the answer depends on leverage, which nobody outside the venues observes."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from contagion.reporting.sections.policies import tone

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from contagion.reporting.material import Material


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
    blocks: list[Block] = [
        Paragraph(
            "The leverage of accounts is an assumption, and it drives the result. The study was repeated "
            f"with the median account's leverage between {formats.three_figures(low)} and "
            f"{formats.three_figures(high)}, on {formats.plural(n, 'scenario')} each. A conclusion that "
            "changes sign inside this band does not hold."
        ),
        draw(
            lambda axes: _draw(axes, band, material.unit),
            "Mean system loss of each policy set against the median leverage of accounts",
            "Mean system loss against median leverage. Grey: the range over scenarios without any policy.",
            height=3.8,
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
        by_policy = own.set_index("policy")
        rows.append(
            [
                words(formats.three_figures(float(str(leverage)))),
                _level(by_policy.loc[NONE]),
                *(_effect(by_policy.loc[name]) for name in names),
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
    value, bounds = float(row["difference"]), (float(row["low"]), float(row["high"]))
    head = Value(formats.amount(value, signed=True), repr(value), str(row.name), "system_loss", "difference")
    texts = (formats.amount(bounds[0], signed=True), formats.amount(bounds[1], signed=True))
    line = interval(texts, bounds, head, ("low", "high"))
    return Cell((head,), (line,), numeric=True, tone=tone(*bounds))


def _draw(axes: Axes, band: pd.DataFrame, unit: str) -> None:
    styles = ("-", "--", "-.", ":")
    marks = "osD^vP*X"
    for index, (name, own) in enumerate(band[band["policy"] != PLACEBO].groupby("policy", sort=False)):
        own = own.sort_values("leverage")
        axes.plot(
            own["leverage"],
            own["mean"] / 1e9,
            linestyle=styles[index % len(styles)],
            marker=marks[index % len(marks)],
            markersize=5,
            linewidth=2.4 if name == NONE else 1.4,
            color="black" if name == NONE else f"C{index % 10}",
            label=str(name),
        )
        if name == NONE:
            axes.fill_between(own["leverage"], own["least"] / 1e9, own["most"] / 1e9, color="0.85", zorder=0)
    axes.set_xlabel("median leverage of accounts")
    axes.set_ylabel(f"mean system loss, {unit} bn")
    axes.legend(frameon=False, fontsize=9, ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
