"""How stress left the market in which it began: through basis, options, and tokens, claims and failed venues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from contagion.markets.options import black_scholes
from contagion.reporting import formats
from contagion.reporting.blocks import (
    Block,
    Heading,
    Paragraph,
    Points,
    Section,
    Table,
    number,
    table,
    words,
)
from contagion.reporting.figures import draw
from contagion.reporting.formats import titled
from contagion.reporting.sections.hedged import hedged_blocks

if TYPE_CHECKING:
    from contagion.network.network import Network
    from contagion.reporting.material import Material, Story
    from contagion.results import Run

__all__ = ["has_basis", "has_links", "has_options", "spreads", "write"]

MOST = 20
YEAR = 365.0 * 86_400.0
LAYERS = ("exchange", "protocol", "institution", "trader")


def has_basis(net: Network) -> bool:
    """Return whether somebody trades the basis of a network, or it has dated futures."""
    return bool(
        (net.markets["kind"] == "future").any() or net.strategies["kind"].isin(["basis", "arbitrage"]).any()
    )


def has_options(net: Network) -> bool:
    """Return whether a network has markets of options."""
    return bool((net.markets["kind"] == "option").any())


def has_links(net: Network) -> bool:
    """Return whether losses can pass from node to node in a network: through tokens with an issuer, or claims."""
    return bool((net.assets["issuer"] != "").any() or len(net.obligations))


def spreads(material: Material) -> bool:
    """Return whether the section has something to tell.

    Parameters
    ----------
    material : Material
        What the report is written from.
    """
    nets = [story.run.network for story in material.stories]
    return any(has_basis(net) or has_options(net) or has_links(net) for net in nets)


def write(material: Material) -> Section:
    """Return the section on basis, options, hedged books and composability, each where the network has it.

    Parameters
    ----------
    material : Material
        What the report is written from; its runs are of `contagion.Cascade`.
    """
    blocks: list[Block] = []
    for story in material.stories:
        net = story.run.network
        told: list[Block] = []
        told += _basis(story, material) if has_basis(net) else []
        told += _options(story, material) if has_options(net) else []
        told += hedged_blocks(net, story.label)
        told += _links(story, material) if has_links(net) else []
        blocks += [Heading(titled(story.label)), *told] if told else []
    return Section("beyond", "Beyond the market it began in", tuple(blocks))


def _basis(story: Story, material: Material) -> list[Block]:
    from contagion import plot
    from contagion.plot.basis import basis_of

    run, label = story.run, story.label
    found = basis_of(run)
    found = found[found["kind"].isin(["perp", "future"])]
    if found.empty:
        return [Paragraph("Basis: the network has neither perpetuals nor dated futures.")]
    size = found["basis"].abs()
    worst = found.iloc[int(np.nanargmax(size.to_numpy(np.float64)))]
    text = (
        f"Basis: the price furthest from fair was that of {worst['market']}, {_signed(float(worst['basis']))} after "
        f"{formats.seconds(float(worst['time']))}. "
        f"{_spill_over(run, size.groupby(found['market']).max())}"
    )
    unwound = run.events[run.events["kind"] == "unwind"]
    if len(unwound):
        money = material.money(float(unwound["money"].sum()))
        text += f" Legs of hedged trades and inventories worth {money} were unwound."
    return [
        Paragraph(text),
        draw(
            lambda axes: plot.basis(run, ax=axes),
            f"Basis by venue in the {label}",
            f"The {label}: distance of perpetuals and dated futures from their fair price, by venue.",
            height=5.0,
        ),
        _basis_table(run, found, label),
    ]


def _spill_over(run: Run, peak: pd.Series) -> str:
    """How far the basis moved where nobody was liquidated."""
    forced = run.markets["liquidated_notional"].reindex(peak.index) > 0.0
    calm = peak[~forced]
    if not forced.any() or calm.empty or not float(calm.max()) > 0.0:
        return ""
    here, there = (formats.percent(float(part.max()), decimals=2) for part in (peak[forced], calm))
    return (
        f"It spread: in the {formats.plural(len(calm), 'market')} where nobody was liquidated it reached {there}, "
        f"against {here} where somebody was."
    )


def _signed(value: float) -> str:
    return formats.percent(value, signed=True, decimals=2)


def _basis_table(run: Run, found: pd.DataFrame, label: str) -> Table:
    order = (
        found["basis"].abs().groupby(found["market"]).max().sort_values(ascending=False, kind="stable").index
    )
    rows = []
    for name in order[:MOST]:
        own = found[found["market"] == name]
        worst = own.iloc[int(np.nanargmax(own["basis"].abs().to_numpy(np.float64)))]
        last = own.iloc[-1]
        rows.append(
            [
                words(str(name)),
                words(str(worst["venue"])),
                *(number(_signed(float(row["basis"])), float(row["basis"])) for row in (worst, last)),
                number(formats.seconds(float(worst["time"])), float(worst["time"])),
            ]
        )  # fmt: skip
    columns = ["Market", "Venue", "Widest basis", "Basis at the end", "Widest after"]
    left = len(order) - len(rows)
    note = "Basis: price / fair price − 1; fair is the index, of a dated future carried to its expiry."
    note += f" {formats.plural(left, 'market')} with less not shown." if left > 0 else ""
    return table(f"Basis in the {label}", columns, rows, note=note)


def _options(story: Story, material: Material) -> list[Block]:
    from contagion import plot

    run, label = story.run, story.label
    net = run.network
    options = net.markets[net.markets["kind"] == "option"]
    scanned = [str(name) for name in net.venues.index[net.venues["margin"] == "scan"]]
    points = [("Contracts:", f"{formats.plural(len(options), 'market')} of options, marked to model.")]
    if scanned:
        points.append(("Margin:", f"by scenario scan at {formats.listing(scanned[:6])}."))
    gross = _vega(net, options)
    points.append(("Vega held:", f"{material.money(gross)} per point of volatility, long side."))
    hedgers = bool((net.strategies["kind"] == "hedge").any())
    points += _option_trades(run, material, hedgers)
    blocks: list[Block] = [Paragraph("Options:"), Points(tuple(points))]
    if hedgers:
        blocks.append(
            draw(
                lambda axes: plot.gamma_profile(net, ax=axes),
                "Gamma of those who hedge options, over the price",
                "What hedgers of options must trade for each 1 % by which the price moves, before the shock: below "
                f"zero they sell into falls. The {label} began at the dotted line.",
                height=4.0,
            )
        )
    return blocks


def _option_trades(run: Run, material: Material, hedgers: bool) -> list[tuple[str, str]]:
    """What hedging and closing at the model came to."""
    values = run.metrics
    found = []
    if hedgers:
        hedged = material.money(float(values.get("delta_hedged_notional", 0.0)))
        found.append(("Delta hedges:", f"hedgers traded {hedged} as their delta changed."))
    closed = float(values.get("model_closed_notional", 0.0))
    if closed > 0.0:
        found.append(("Closed at the model:", f"{material.money(closed)} of options that no book took."))
    return found


def _vega(net: Network, options: pd.DataFrame) -> float:
    """Money that long holders of options gain per point of volatility."""
    held = net.positions[net.positions["market"].isin(options.index) & (net.positions["quantity"] > 0.0)]
    terms = options.reindex(held["market"])
    count = net.accounts["count"].reindex(held["account"]).to_numpy(np.float64)
    spot = net.assets["price"].reindex(terms["asset"]).to_numpy(np.float64)
    each = black_scholes(
        terms["option_side"].to_numpy(str),
        spot,
        terms["strike"].to_numpy(np.float64),
        terms["expiry"].to_numpy(np.float64) / YEAR,
        terms["implied_volatility"].to_numpy(np.float64),
        rate=terms["carry"].to_numpy(np.float64),
    )
    return float((held["quantity"].to_numpy(np.float64) * count * each.vega).sum()) / 100.0


def _links(story: Story, material: Material) -> list[Block]:
    from contagion import plot
    from contagion.plot.composability import loss_links
    from contagion.plot.layer_policies import losses_of_losers

    run, label = story.run, story.label
    blocks: list[Block] = []
    issued = run.network.assets[run.network.assets["issuer"] != ""]
    if len(issued):
        blocks.append(_issuers(run, issued, label, material))
    frozen = float(run.metrics.get("frozen", 0.0))
    if frozen > 0.0:
        blocks.append(
            Paragraph(f"Failed venues froze {material.money(frozen)} of their customers' balances.")
        )
    links = loss_links(run)
    if links.empty:
        blocks.append(Paragraph("No loss passed from one node to another, but through prices."))
    else:
        by = links.groupby("channel", sort=False)["money"].sum().sort_values(ascending=False, kind="stable")
        parts = formats.listing([f"{material.money(float(money))} by {name}" for name, money in by.items()])
        blocks += [
            Paragraph(f"Passed on from node to node: {parts}. What is passed on twice counts twice."),
            draw(
                lambda axes: plot.composability(run, ax=axes),
                f"Through whom losses travelled in the {label}",
                f"The {label}: who passed losses on to whom, over tokens, claims, balances and haircuts.",
                height=5.5,
            ),
        ]
    lost = losses_of_losers(run)
    if not lost.empty:
        blocks += [
            draw(
                lambda axes: plot.losses_by_layer(run, ax=axes),
                f"Losses by layer and channel in the {label}",
                f"The {label}: what each layer lost beyond the outside shock, by channel.",
                height=3.8,
            ),
            _layers(lost, label, material.unit),
        ]
    return blocks


def _issuers(run: Run, issued: pd.DataFrame, label: str, material: Material) -> Table:
    """Recovery of every token at the end, and what holders lost to its issuer."""
    told = run.events[run.events["kind"] == "issuer"]
    rate = told.groupby("node")["price"].last()
    lost = told.groupby("node")["money"].sum()
    rows = []
    for name, issuer in issued["issuer"].head(MOST).items():
        recovery, money = float(rate.get(issuer, 1.0)), float(lost.get(issuer, 0.0))
        rows.append(
            [
                words(str(name)),
                words(str(issuer)),
                number(formats.percent(recovery, decimals=1), recovery),
                number(formats.amount(money), money),
            ]
        )
    columns = ["Token", "Issuer", "Recovery at the end", f"Lost on the issuer's tokens, {material.unit}"]
    note = "Recovery: what a token is worth as a share of its reference price. Losses: on all tokens of the issuer."
    return table(f"Issuers in the {label}", columns, rows, note=note)


def _layers(lost: pd.DataFrame, label: str, unit: str) -> Table:
    table_of = {str(channel): lost[channel] for channel in lost.columns} | {"In all": lost.sum(axis=1)}
    largest = max(float(column.abs().max()) for column in table_of.values())
    cells = {
        name: [formats.without_dust(float(money), largest) for money in column]
        for name, column in table_of.items()
    }
    rows = [
        [words(name), *(number(formats.amount(money), money) for money in column)]
        for name, column in cells.items()
    ]
    columns = ["Channel", *(f"{titled(str(layer))}s, {unit}" for layer in lost.index)]
    note = (
        "Nodes that lost beyond the outside shock; the cells add up to the system loss. Below 0: the channel brought "
        "them something."
    )
    return table(f"Losses by channel and layer in the {label}", columns, rows, note=note)
