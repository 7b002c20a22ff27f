"""What a unit of benefit costs: the policy sets between loss avoided and price paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from contagion.reporting import formats
from contagion.reporting.blocks import Block, Paragraph, Section, number, table, words
from contagion.reporting.figures import draw
from contagion.reporting.sections.effect_cells import FAILED

if TYPE_CHECKING:
    from contagion.comparison import Comparison
    from contagion.reporting.material import Material


def write(material: Material, comparison: Comparison) -> Section:
    """Return the section on the frontier.

    Parameters
    ----------
    material : Material
        What the report is written from.
    comparison : Comparison
        The comparison.
    """
    from contagion import plot

    frame = frontier(comparison)
    rows = [
        [
            words(name),
            number(formats.amount(row["benefit"], signed=True), row["benefit"]),
            number(formats.amount(row["cost"]), row["cost"]),
            *(
                []
                if material.on_sheets
                else [number(formats.amount(row["extra"], signed=True), row["extra"])]
            ),
            words(_place(row)),
        ]
        for name, row in frame.iterrows()
    ]
    deferred = [] if material.on_sheets else ["Extra deferred"]
    columns = ["Policy set", "Loss avoided", "Cost of the rule", *deferred, "On the frontier"]
    note = (
        f"Means per scenario in {material.unit}. A set is off the frontier when another avoids at least as "
        "much loss for at most the same cost, and one of the two strictly; that set is named."
    )
    blocks: list[Block] = [
        Paragraph(
            "A rule is worth considering only if no other gives more for less. Means hide uncertainty: two "
            "sets whose intervals overlap in the table above should not be ranked by this picture alone."
        ),
        draw(
            lambda axes: plot.frontier(comparison, ax=axes),
            "Loss avoided against the cost of each policy set",
            "Mean loss avoided against mean cost. Sets up and to the left are better; below zero a rule "
            "does harm.",
        ),
        table("Loss avoided and its price", columns, rows, note=note, identifier="frontier-table"),
    ]
    return Section("frontier", "Benefit against cost", tuple(blocks))


def frontier(comparison: Comparison) -> pd.DataFrame:
    """Return benefit, cost and extra deferred money of every set, and which set beats it.

    Parameters
    ----------
    comparison : Comparison
        The comparison.

    Returns
    -------
    DataFrame
        Index policy; benefit, cost, extra (money), beaten_by (name, or empty on the frontier).
    """
    frame = comparison.deferred[["benefit", "extra"]].assign(cost=comparison.costs()["cost"])
    frame["beaten_by"] = [_better(frame, str(name)) for name in frame.index]
    return frame


def _place(row: pd.Series) -> str:
    if pd.isna(row["benefit"]):
        return FAILED
    return f"no: {row['beaten_by']}" if row["beaten_by"] else "yes"


def _better(frame: pd.DataFrame, name: str) -> str:
    own = frame.loc[name]
    weakly = (frame["benefit"] >= own["benefit"]) & (frame["cost"] <= own["cost"])
    strictly = (frame["benefit"] > own["benefit"]) | (frame["cost"] < own["cost"])
    better = frame[weakly & strictly]
    return "" if better.empty else str(better["benefit"].idxmax())
