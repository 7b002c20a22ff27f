"""The tables of the section on fire sales: channels, prices and sales by asset, sellers, policy sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from contagion.reporting import formats
from contagion.reporting.blocks import Table, number, table, words
from contagion.reporting.formats import titled
from contagion.reporting.levels import level
from contagion.reporting.vocabulary import NODE_KINDS, plain

if TYPE_CHECKING:
    from contagion.comparison import Comparison
    from contagion.reporting.material import Material
    from contagion.results import Run

__all__ = ["assets", "channels", "policy_sets", "sellers"]

LONGEST = 12
PRICES = ("opening_price", "shocked_price", "closing_price")
MEANINGS = {
    "shock": "what it took from equity, with nobody selling and everybody paying in full",
    "prices": "what falling prices alone take beyond the shock",
    "claims": "what nodes let fail lose, and what claims on nodes that do not pay alone take beyond the shock",
    "both together": "what is lost only because both channels work; below zero where they take the same equity",
}


def channels(run: Run, label: str, unit: str) -> Table:
    """Return the losses of each channel, their shares, and what they are.

    Parameters
    ----------
    run : Run
        A run of `contagion.FireSale`.
    label, unit : str
        Which run it is, and the unit of money.
    """
    from contagion.plot.sales import losses_by_channel

    parts = losses_by_channel(run.metrics)
    total = float(parts.sum())
    rows = [
        [
            words(titled(str(name))),
            number(formats.amount(value), value),
            number(formats.percent(value / total if total else np.nan), value / total if total else np.nan),
            words(MEANINGS[str(name)]),
        ]
        for name, value in parts.items()
    ]
    rows.append(
        [words("In all"), number(formats.amount(total), total), number("100 %", 1.0), words("loss of equity")]
    )
    columns = ["Channel", f"Loss, {unit}", "Share", "What it is"]
    return table(
        f"Shock, prices and claims in the {label}", columns, rows, identifier=f"sale-channels-{_slug(label)}"
    )


def assets(run: Run, label: str, unit: str) -> Table:
    """Return prices and sales of the assets that fell furthest; parameters as in `channels`."""
    markets = run.markets.sort_index().sort_values("fall", ascending=False, kind="stable")
    rows = [
        [
            words(name),
            *(number(formats.three_figures(row[column]), row[column]) for column in PRICES),
            number(formats.percent(row["fall"], decimals=2), row["fall"]),
            *(number(formats.amount(row[column]), row[column]) for column in ("held", "sold")),
            number(formats.percent(row["sold_share"]), row["sold_share"]),
            *(
                [number(formats.amount(row["purchased"]), row["purchased"])]
                if markets["purchased"].any()
                else []
            ),
        ]
        for name, row in markets.head(LONGEST).iterrows()
    ]
    columns = [
        "Asset",
        "Opening price",
        "After the shock",
        "At the end",
        "Fall beyond the shock",
        f"Held, {unit}",
    ]
    columns += [
        f"Sold, {unit}",
        "Share sold",
        *([f"Purchased, {unit}"] if markets["purchased"].any() else []),
    ]
    note = f"The {LONGEST} of {len(markets):,} that fell furthest." if len(markets) > LONGEST else ""
    note += " Prices per unit; held at opening prices, sold at prices after the shock."
    return table(
        f"Prices and sales in the {label}",
        columns,
        rows,
        note=note.strip(),
        identifier=f"assets-{_slug(label)}",
    )


def sellers(run: Run, label: str, unit: str) -> Table:
    """Return who sold, and what that cost all; parameters as in `channels`."""
    nodes = run.nodes.sort_index().sort_values("price_loss_caused", ascending=False, kind="stable")
    nodes = nodes[nodes["price_loss_caused"] > 0.0]
    rows = [
        [
            words(name),
            words(plain(NODE_KINDS, row["kind"])),
            *(
                number(formats.amount(row[column]), row[column])
                for column in ("price_loss_caused", "sold", "held")
            ),
            *(
                number(_leverage(row[column]), row[column])
                for column in ("leverage_before", "leverage_after")
            ),
            *(number(formats.amount(row[column]), row[column]) for column in ("price_loss", "loss")),
        ]
        for name, row in nodes.head(LONGEST).iterrows()
    ]
    columns = ["Node", "Kind", f"Loss its sales caused, {unit}", f"Sold, {unit}", f"Held, {unit}"]
    columns += [
        "Leverage before",
        "Leverage after",
        f"Own loss through prices, {unit}",
        f"Own loss of equity, {unit}",
    ]
    note = "The loss that sales caused is that of all, the seller's own included, by the shares in each round's sales."
    if len(nodes) > LONGEST:
        note = f"The {LONGEST} of {len(nodes):,} sellers that caused most. {note}"
    return table(
        f"Who caused losses in the {label}", columns, rows, note=note, identifier=f"sellers-{_slug(label)}"
    )


def _leverage(value: float) -> str:
    return "no equity" if np.isinf(value) else formats.three_figures(value)


def _slug(label: str) -> str:
    return label.replace(" ", "-")


def policy_sets(material: Material, comparison: Comparison) -> Table:
    """Return mean losses by channel, sales and falls under each policy set.

    Parameters
    ----------
    material : Material
        Its unit is used.
    comparison : Comparison
        A comparison of `contagion.FireSale`.
    """
    from contagion.plot.sales import CHANNELS, losses_by_channel

    names = ("direct_loss", "system_loss", "claims_loss", "interaction_loss")
    rows = []
    for policy in comparison.policies:
        means = pd.Series({name: level(comparison, name, policy)[0] for name in names})
        parts = losses_by_channel(means)
        amounts = [number(formats.amount(value), value, policy=policy) for value in [*parts, parts.sum()]]
        sold, fall, ends = (
            level(comparison, name, policy)[0] for name in ("sales", "mean_fall", "other_end_loss")
        )
        amounts += [
            number(formats.amount(sold), sold, policy=policy, metric="sales"),
            number(formats.percent(fall, decimals=2), fall, policy=policy, metric="mean_fall"),
            number(formats.amount(ends), ends, policy=policy, metric="other_end_loss"),
        ]
        rows.append([words(policy), *amounts])
    columns = [
        "Policy set",
        *(titled(name) for name in CHANNELS),
        "In all",
        "Sold",
        "Mean fall of prices",
        "Loss beyond the shock at the other fixed point",
    ]
    note = "Means over the scenarios that ran. A dash: the response of the model has no other fixed point to compare."
    return table(
        f"Losses by channel, {material.unit}", columns, rows, note=note, identifier="sale-channels-of-sets"
    )
