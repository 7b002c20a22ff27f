"""How the margins of the policy sets swing along a path of prices, and how often a move exceeded them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from contagion.experiments.margin_swings import margin_sets, margin_swings
from contagion.reporting import formats
from contagion.reporting.blocks import Block, Cell, Table, number, table, words

if TYPE_CHECKING:
    import pandas as pd

    from contagion.comparison import Comparison

__all__ = ["margins", "swings_table"]

LEVEL = 0.99


def margins(comparison: Comparison) -> tuple[Block, ...]:
    """Return the table of procyclicality and breaches; nothing where no policy set changes margin rates.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    """
    if not margin_sets(comparison):
        return ()
    frame = margin_swings(comparison, level=LEVEL)
    if frame.empty:
        return ()
    note = (
        "Maintenance margin over the money in positions, along the outside prices of the bad scenario, round by "
        f"round. A breach is a move to the next price above the rate; the promise is {formats.percent(LEVEL)} coverage "
        "of those moves. A rate that never moves has a ratio of 1 and no rise. Prices of your own: ct.margin_swings."
    )
    return (swings_table(frame, note, "margin-table"),)


def swings_table(frame: pd.DataFrame, note: str, identifier: str) -> Table:
    """Return the table of procyclicality and breaches.

    Parameters
    ----------
    frame : DataFrame
        What ``contagion.margin_swings`` returned.
    note : str
        What stands below; the remarks of the rows are added.
    identifier : str
        Name of the table for a machine.
    """
    columns = [
        "Policy set",
        "Asset",
        "Margin rate, mean (lowest to highest), % of positions",
        "Peak over trough, times",
        "Largest rise in 1 day, %",
        "Largest rise in 5 days, %",
        "Breaches of moves (promised), count",
        "Kupiec p",
    ]
    records = frame.to_dict("records")
    notes = sorted({f"{row['policy']}: {row['note']}." for row in records if row["note"]})
    return table(
        "How margins swing, and whether they were enough",
        columns,
        [_row(row) for row in records],
        note=" ".join([note, *notes]),
        identifier=identifier,
    )


def _row(row: dict[Any, Any]) -> list[Cell]:
    policy = str(row["policy"])

    def cell(text: str, name: str) -> Cell:
        return number(
            text, float(row[name]), policy=policy, metric="margin_rate", statistic=f"{name} {row['asset']}"
        )

    span = f"{formats.percent(row['trough'], decimals=2)} to {formats.percent(row['peak'], decimals=2)}"
    tested = f"{formats.count(row['breaches'])} of {formats.count(row['n'])} ({row['expected']:.3g})"
    return [
        words(policy),
        words(row["asset"]),
        cell(f"{formats.percent(row['mean'], decimals=2)} ({span})", "mean"),
        cell(f"{row['peak_to_trough']:.3g}", "peak_to_trough"),
        cell(formats.percent(row["rise_1_day"]), "rise_1_day"),
        cell(formats.percent(row["rise_5_day"]), "rise_5_day"),
        cell(tested, "breaches"),
        cell(formats.probability(row["p_value"]) if np.isfinite(row["p_value"]) else "–", "p_value"),
    ]
