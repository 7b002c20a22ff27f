"""How forced orders were executed: how far from their trigger, what they covered, how fast they were done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from contagion.reporting import formats
from contagion.reporting.blocks import Block, Cell, Heading, Paragraph, Section, Table, number, table, words
from contagion.reporting.figures import draw
from contagion.reporting.formats import titled

if TYPE_CHECKING:
    from contagion.reporting.material import Material, Story
    from contagion.results import Run

MOST = 30
COLUMNS = (
    "Venue",
    "Asset",
    "Basis, median",
    "Basis, 95 %",
    "Basis, mean",
    "Coverage, mean",
    "Coverage, worst 5 %",
    "Delay, median",
    "Delay, 95 %",
    "Time to close, median",
    "Time to close, 95 %",
    "Fill rate, mean",
    "Fills",
)
NOTE = (
    "Liquidation basis: side × (mark at the trigger − execution price) / mark at the trigger, of coins with the "
    "oracle's price at the trigger; above zero the fill was worse than the price that set it off. Coverage: value "
    "realised / amount owed at the trigger, of accounts that were closed; below 100 % somebody else pays. Delay: from "
    "the trigger to the round of the fill. Time to close: from the trigger until the account was closed, of fills that "
    "closed one. Fill rate: part of an order that was filled in its round. All weighted by the money of the fills at "
    "the mark."
)


def write(material: Material) -> Section:
    """Return the section on forced fills, per venue and asset.

    Parameters
    ----------
    material : Material
        What the report is written from.
    """
    blocks: list[Block] = []
    for story in material.stories:
        blocks += _tell(story, material)
    return Section("executions", "Execution of liquidations", tuple(blocks))


def _tell(story: Story, material: Material) -> list[Block]:
    from contagion import plot

    run, label = story.run, story.label
    if not len(run.liquidations):
        return [
            Heading(titled(label)),
            Paragraph("No account was liquidated, so there is no fill to describe."),
        ]
    return [
        Heading(titled(label)),
        Paragraph(_course(run, material)),
        draw(
            lambda axes: plot.liquidation_basis(run, ax=axes),
            f"Distribution of the liquidation basis by venue and asset in the {label}",
            f"The {label}: how far from the mark at the trigger forced fills were done, most money first.",
            height=5.5,
        ),
        *_waits(run, label),
        _groups(run, label, material.unit),
    ]


def _waits(run: Run, label: str) -> list[Block]:
    """Draw how long it took to close accounts, where any was closed."""
    from contagion import plot

    if run.liquidations["time_to_close"].isna().all():
        return [Paragraph("No forced fill closed an account.")]
    return [
        draw(
            lambda axes: plot.liquidation_basis(run, quantity="time_to_close", ax=axes),
            f"Distribution of the time to close by venue and asset in the {label}",
            f"The {label}: how long after their trigger accounts were closed, most money first.",
            height=5.5,
        )
    ]


def _course(run: Run, material: Material) -> str:
    fills, values = run.liquidations, run.metrics
    worst = fills.iloc[int(fills["liquidation_basis"].to_numpy().argmax())]
    missed = fills["execution"] - fills["bankruptcy_price"]
    beyond = (missed.where(fills["side"] == "long", -missed) < 0.0) & fills["bankruptcy_price"].notna()
    known = float(fills.loc[fills["bankruptcy_price"].notna(), "notional"].sum())
    end = ""
    if known > 0.0:
        share = formats.percent(float(fills.loc[beyond, "notional"].sum()) / known)
        end = f" {share} of the money that has a bankruptcy price was done beyond it."
    basis = formats.percent(float(values["liquidation_basis_mean"]))
    return (
        f"{formats.plural(len(fills), 'forced fill')} closed {material.money(float(fills['notional'].sum()))} at the "
        f"mark, {basis} from the mark at the trigger on average. "
        f"The worst was {formats.percent(float(worst['liquidation_basis']))}, in {worst['market']} after "
        f"{formats.seconds(float(worst['time']))}.{end}"
    )


def _groups(run: Run, label: str, unit: str) -> Table:
    found = run.liquidation_basis()
    quantities = {
        name: pd.DataFrame(found.xs(name, level="quantity")) for name in found.index.unique("quantity")
    }
    order = quantities["liquidation_basis"]["notional"].sort_values(ascending=False, kind="stable").index
    rows = []
    for venue, asset in order[:MOST]:
        at = {name: frame.loc[(venue, asset)] for name, frame in quantities.items()}
        basis, coverage, delay = at["liquidation_basis"], at["coverage"], at["delay"]
        row = [words(str(venue)), words(str(asset))]
        row += [_share(basis, name) for name in ("p50", "p95", "mean")]
        row += [_share(coverage, name) for name in ("mean", "p5")]
        row += [_seconds(delay, name) for name in ("p50", "p95")]
        row += [_seconds(at["time_to_close"], name) for name in ("p50", "p95")]
        row += [_share(at["fill_rate"], "mean"), number(formats.count(int(basis["n"])), int(basis["n"]))]
        row.insert(2, number(formats.amount(float(basis["notional"])), float(basis["notional"])))
        rows.append(row)
    columns = [*COLUMNS[:2], f"Closed, {unit}", *COLUMNS[2:]]
    left = len(order) - len(rows)
    note = NOTE + (f" {formats.plural(left, 'smaller group')} not shown." if left else "")
    return table(f"Execution of forced fills in the {label}", columns, rows, note=note)


def _share(row: pd.Series, name: str) -> Cell:
    value = float(row[name])
    return number(formats.percent(value), value)


def _seconds(row: pd.Series, name: str) -> Cell:
    value = float(row[name])
    return number(formats.seconds(value), value)
