"""Which rules each venue follows, read from the network's tables."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from typing import TYPE_CHECKING, Any

from contagion.reporting import formats
from contagion.reporting.blocks import Block, Cell, Fold, Paragraph, Section, Value, number, table, words
from contagion.reporting.vocabulary import (
    IMPACTS,
    MARKET_KINDS,
    MARKS,
    ORACLES,
    PRICES,
    PROCEDURES,
    RANKS,
    RESIDUALS,
    TRIGGERS,
    plain,
)

if TYPE_CHECKING:
    import pandas as pd

    from contagion.network.network import Network
    from contagion.reporting.material import Material


def write(material: Material) -> Section:
    """Return the section on rules.

    Parameters
    ----------
    material : Material
        What the report is written from.
    """
    net = material.network
    blocks: list[Block] = [
        Paragraph(
            "The rules below are the ones in force when the shock arrives, before any policy set changes "
            "them. They are read from the tables of the network that was run."
        )
    ]
    blocks.append(_venues(net))
    blocks.append(_markets(net))
    folds = tuple(_tiers(net))
    if folds:
        blocks.append(Fold("Margin tiers of every schedule", folds))
    return Section("rules", "Rules in force", tuple(blocks))


def _venues(net: Network) -> Block:
    names = [str(name) for name in net.venues.index]
    lines = [
        [words(label)] + [cell(net.venues.loc[name]) for name in names]
        for label, cell in _venue_lines(net.unit)
    ]
    return table("Rules of each venue", ["Rule", *names], lines, identifier="venue-rules")


def _venue_lines(unit: str) -> list[tuple[str, Any]]:
    return [
        ("Closing an account", lambda row: words(_procedure(row))),
        ("Liquidation fee", lambda row: words(_fee(row))),
        ("Insurance fund", lambda row: _money(row.insurance_fund, unit)),
        ("Auto-deleveraging (ADL)", lambda row: words(_deleveraging(row))),
        ("What the fund cannot pay", lambda row: words(plain(RESIDUALS, row.residual))),
        ("Mark price", lambda row: words(_mark(row))),
        ("Margin calls", lambda row: words(_calls(row))),
        ("Liquidation speed", lambda row: words(_throughput(row, unit))),
        ("Default fund of the members", lambda row: _money(row.default_fund, unit)),
        ("Venue's own capital before the members'", lambda row: _money(row.own_capital, unit)),
        ("Members can be called for", lambda row: words(_assessment(row))),
        ("Price source of loans and coins", lambda row: words(plain(ORACLES, row.oracle))),
        ("Balances in custody", lambda row: words(formats.percent(row.customer_share, decimals=0))),
    ]


def _money(value: Any, unit: str) -> Cell:
    size = float(value)
    return Cell((Value(formats.money(size, unit), repr(size)),))


def _assessment(row: Any) -> str:
    times = float(row.assessment)
    return f"{times:g} × what they have prefunded" if times > 0.0 else "nothing more"


def _procedure(row: Any) -> str:
    text = plain(PROCEDURES, row.procedure)
    if row.procedure == "partial":
        least = formats.percent(row.min_clip, decimals=0)
        text += f" {row.target:g} × requirement, at least {least}"
    return text


def _fee(row: Any) -> str:
    if row.fee == 0.0:
        return "none"
    shares = [("fund", row.fee_to_fund), ("keeper", row.fee_to_keeper), ("burnt", row.fee_burned)]
    rest = 1.0 - sum(share for _, share in shares)
    shares.append(("venue", rest))
    parts = [f"{formats.percent(share, decimals=0)} to {name}" for name, share in shares if share > 1e-12]
    return f"{formats.percent(row.fee, decimals=2)} of the fill, {formats.listing(parts)}".replace(
        "to burnt", "burnt"
    )


def _deleveraging(row: Any) -> str:
    text = plain(TRIGGERS, row.adl_trigger)
    if not row.adl_trigger:
        return text
    if row.adl_trigger != "fund":
        lost = formats.percent(row.adl_ratio, decimals=0)
        text += f" ({lost} of its peak within {formats.seconds(row.adl_window)})"
    text += f"; winners chosen {plain(RANKS, row.adl_rank)}"
    return text + (f", closed at {plain(PRICES, row.adl_price)}" if row.adl_price else "")


def _mark(row: Any) -> str:
    text = plain(MARKS, row.mark)
    return (
        f"{text}, weight {formats.percent(row.mark_weight, decimals=0)} on last"
        if row.mark == "weighted"
        else text
    )


def _calls(row: Any) -> str:
    return (
        f"below {row.call_ratio:g} × requirement, to "
        f"{row.call_target:g} ×, after {formats.seconds(row.call_delay)}"
    )


def _throughput(row: Any, unit: str) -> str:
    speed = float(row.throughput)
    return "no limit" if isnan(speed) else f"{formats.money(speed, unit)} per second"


def _markets(net: Network) -> Block:
    columns = [
        "Market",
        "Venue",
        "Kind",
        "Depth of bids",
        "Depth of asks",
        "Impact",
        "Permanent",
        "Half-life",
        "Fee",
    ]
    rows = [_market(net, str(name), row) for name, row in net.markets.iterrows()]
    note = (
        "Depth is the money resting within the narrowest band that the tables give. The permanent share of "
        "a trade's impact stays; the rest halves every half-life."
    )
    return Fold("Markets: depth and price impact", (table(f"Markets, {net.unit}", columns, rows, note=note),))


def _market(net: Network, name: str, row: Any) -> list[Cell]:
    half = float(row.impact_half_life)
    return [
        words(name),
        words(row.venue),
        words(plain(MARKET_KINDS, row.kind)),
        _depth(net.depth, name, "bid"),
        _depth(net.depth, name, "ask"),
        words(plain(IMPACTS, row.impact)),
        number(formats.percent(row.permanent_share, decimals=0), row.permanent_share),
        number(formats.limit(half, formats.seconds(half), none="never decays"), half),
        number(formats.percent(row.fee, decimals=3), row.fee),
    ]


def _depth(depth: pd.DataFrame, market: str, side: str) -> Cell:
    own = depth[(depth["market"] == market) & (depth["side"] == side)]
    if own.empty:
        return number(formats.MISSING, float("nan"))
    first = own.sort_values("band").iloc[0]
    text = f"{formats.amount(first['amount'])} within {formats.percent(first['band'])}"
    return number(text, first["amount"])


def _tiers(net: Network) -> Iterator[Block]:
    columns = ["From", "Initial margin", "Highest leverage", "Maintenance margin"]
    users = net.markets.groupby("schedule", sort=True).groups if len(net.markets) else {}
    for schedule, rows in net.tiers.groupby("schedule", sort=True):
        cells = [_tier(row) for _, row in rows.sort_values("floor").iterrows()]
        cap = float(rows.sort_values("floor")["cap"].iloc[-1])
        markets = formats.listing([str(market) for market in users.get(schedule, [])])
        note = f"Used by {markets or 'no market'}. "
        note += (
            "The last tier is open." if isnan(cap) else f"No position above {formats.money(cap, net.unit)}."
        )
        yield table(f"Schedule {schedule}, {net.unit} of position", columns, cells, note=note)


def _tier(row: Any) -> list[Cell]:
    return [
        number(formats.amount(row["floor"]), row["floor"]),
        number(formats.percent(row["initial_rate"], decimals=2), row["initial_rate"]),
        number(f"{1.0 / row['initial_rate']:.4g}×", 1.0 / row["initial_rate"]),
        number(formats.percent(row["maintenance_rate"], decimals=2), row["maintenance_rate"]),
    ]
