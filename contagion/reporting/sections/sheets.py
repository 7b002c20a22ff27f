"""What the balance sheets look like before the shock: size, equity, leverage, what is owed inside the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from contagion.propagation.solvency.book import Book
from contagion.reporting import formats
from contagion.reporting.blocks import Block, Paragraph, Section, Table, number, table, words
from contagion.reporting.figures import draw
from contagion.reporting.vocabulary import NODE_KINDS, plain

if TYPE_CHECKING:
    from contagion.network.network import Network
    from contagion.reporting.material import Material

LONGEST = 15
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
RATIOS = (
    ("capital", "Equity / total assets"),
    ("leverage", "Total assets / equity"),
    ("claims_share", "Claims inside the network / total assets"),
    ("debts_share", "Debts inside the network / all debts"),
    ("exposure", "Claims inside the network / equity"),
)


def write(material: Material) -> Section:
    """Return the section on balance sheets.

    Parameters
    ----------
    material : Material
        What the report is written from.
    """
    from contagion import plot

    net = material.network
    frame = sheets(net)
    blocks: list[Block] = [
        Paragraph(_opening(material, frame)),
        draw(
            lambda axes: plot.network(net, ax=axes),
            "The network: nodes and the debts between them",
            "The network before the shock. Area: claims and debts of a node; many small nodes are drawn as one mark.",
            height=6.0,
        ),
        _spread(frame),
        _largest(frame, net.unit),
    ]
    return Section("network", "Balance sheets", tuple(blocks))


def sheets(net: Network) -> pd.DataFrame:
    """Return the balance sheet of every node at the opening, claims at face value.

    Parameters
    ----------
    net : Network
        The network.

    Returns
    -------
    DataFrame
        Index node; kind, outside (assets outside the network), claims, total, owed (inside), debts (outside), equity
        (all money), capital (equity / total), leverage (total / equity; NaN without equity), claims_share (of total),
        debts_share (owed inside / all debts), exposure (claims / equity). The rest of the market is left out.
    """
    book = Book(net, net)
    opening = book.opening
    outside, debts = opening.whole
    frame = pd.DataFrame(
        {
            "kind": net.nodes["kind"].to_numpy(),
            "outside": outside,
            "claims": opening.claims.claimed,
            "total": outside + opening.claims.claimed,
            "owed": opening.claims.owed,
            "debts": debts,
            "equity": opening.equity,
        },
        index=net.nodes.index,
    )[book.counted]
    positive = frame["equity"].where(frame["equity"] > 0.0)
    total = frame["total"].where(frame["total"] > 0.0)
    every = (frame["owed"] + frame["debts"]).where(frame["owed"] + frame["debts"] > 0.0)
    return frame.assign(
        capital=frame["equity"] / total,
        leverage=frame["total"] / positive,
        claims_share=frame["claims"] / total,
        debts_share=frame["owed"] / every,
        exposure=frame["claims"] / positive,
    )


def _opening(material: Material, frame: pd.DataFrame) -> str:
    net = material.network
    sums = {name: float(frame[name].sum()) for name in ("total", "equity", "claims", "debts")}
    broke = int((frame["equity"] < 0.0).sum())
    owed = float(net.obligations["amount"].sum())
    shares = [formats.percent(_ratio(sums["claims"], sums[name])) for name in ("total", "equity")]
    text = (
        f"{formats.plural(len(frame), 'balance sheet')} with {material.money(sums['total'])} of assets and "
        f"{material.money(sums['equity'])} of equity; {formats.plural(len(net.obligations), 'debt')} of "
        f"{material.money(owed)} in all inside the network, and {material.money(sums['debts'])} owed to external "
        f"creditors. Claims on each other are {shares[0]} of assets and {shares[1]} of equity."
    )
    if broke:
        text += f" {formats.plural(broke, 'node')} had less than nothing before the shock."
    several = len(material.networks)
    if several > 1:
        text += f" The study ran on {several} networks; the first is shown here."
    return text


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else np.nan


def _spread(frame: pd.DataFrame) -> Table:
    rows = []
    for name, label in RATIOS:
        values = frame[name].dropna().to_numpy(np.float64)
        found = np.quantile(values, SHARES) if len(values) else np.full(len(SHARES), np.nan)
        show = formats.three_figures if name in ("leverage", "exposure") else formats.percent
        rows.append([words(label), *(number(show(float(value)), float(value)) for value in found)])
    columns = ["Ratio", *(f"{share:.0%} quantile".replace("%", " %") for share in SHARES)]
    note = (
        "Claims at face value, before the shock and before any policy; nodes without equity have no leverage."
    )
    return table("How the balance sheets differ", columns, rows, note=note, identifier="sheet-ratios")


def _largest(frame: pd.DataFrame, unit: str) -> Table:
    shown = frame.sort_index().sort_values("total", ascending=False, kind="stable").head(LONGEST)
    rows = [
        [
            words(name),
            words(plain(NODE_KINDS, row["kind"])),
            *(
                number(formats.amount(row[column]), row[column])
                for column in ("outside", "claims", "owed", "debts", "equity")
            ),
            number(formats.percent(row["capital"]), row["capital"]),
        ]
        for name, row in shown.iterrows()
    ]
    columns = [
        "Node",
        "Kind",
        "Assets outside the network",
        "Claims inside",
        "Debts inside",
        "Debts outside",
        "Equity",
        "Equity / assets",
    ]
    note = f"The {len(shown)} largest of {len(frame):,} by total assets." if len(shown) < len(frame) else ""
    return table(f"Balance sheets, {unit}", columns, rows, note=note, identifier="sheet-table")
