"""How well the books of a network were hedged before the shock, and what their margin covered: a table of a section."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from contagion.measures.hedged_books import book_hedges
from contagion.reporting import formats
from contagion.reporting.blocks import Block, Cell, Paragraph, number, table, words

if TYPE_CHECKING:
    from contagion.network.network import Network

__all__ = ["hedged_blocks"]

MOST = 20
KINDS = {
    "basis": "basis trade",
    "hedge": "delta hedge",
    "cross": "one account",
    "owner": "accounts of one owner",
}
COLUMNS = (
    "Book",
    "Kind",
    "Stressed loss unhedged",
    "Hedged",
    "Variance taken away",
    "Margin locked",
    "Covered per margin, one book",
    "As held",
    "Legs apart",
)


def hedged_blocks(net: Network, label: str) -> list[Block]:
    """Return what a report says about the hedged books of a network, largest stressed loss first; nothing without any.

    Parameters
    ----------
    net : Network
        As it opened.
    label : str
        What the report calls its run.
    """
    found = book_hedges(net)
    if found.empty:
        return []
    found = found.sort_values("unhedged_loss", ascending=False, kind="stable")
    shown = found.head(MOST)
    rows = [[words(name), words(KINDS[str(row["kind"])]), *_numbers(row)] for name, row in shown.iterrows()]
    left = len(found) - len(shown)
    note = (
        f"Stress: the scenario grid of the venue; money in {net.unit}. Covered per margin: stressed loss "
        "made good per unit of margin locked, if all gains count, if only gains in the same account do (as held), "
        "and with every leg in an account of its own. A dash: nothing is locked."
    )
    note += f" {formats.plural(left, 'book')} with less not shown." if left > 0 else ""
    return [
        Paragraph(_text(found)),
        table(f"Hedged books in the {label}, before the shock", list(COLUMNS), rows, note=note),
    ]


def _text(found: pd.DataFrame) -> str:
    """The books in one sentence."""
    alone, both = float(found["unhedged_loss"].sum()), float(found["hedged_loss"].sum())
    taken = formats.percent(1.0 - both / alone if alone > 0.0 else 0.0, decimals=0)
    return f"Hedges: {formats.plural(len(found), 'hedged book')}; hedges take away {taken} of their stressed losses."


def _numbers(row: pd.Series) -> list[Cell]:
    """Cells of a book."""
    money = [float(row[name]) for name in ("unhedged_loss", "hedged_loss", "margin")]
    money = [formats.without_dust(value, money[0]) for value in money]
    cells = [number(formats.amount(value), value) for value in money]
    ratios = [float(row[name]) for name in ("hedged", "held", "isolated")]
    variance = float(row["variance_reduction"])
    cells.insert(2, number(formats.percent(variance), variance) if np.isfinite(variance) else words(""))
    return cells + [number(f"{value:.2f}", value) if np.isfinite(value) else words("") for value in ratios]
