"""Who holds what where before the shock: a picture and the totals of each venue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from contagion.network.contracts import opening_worths
from contagion.network.equity import opening_account_equity
from contagion.network.settlement import settles_in_coins
from contagion.reporting import formats
from contagion.reporting.blocks import Block, Paragraph, Section, Table, number, table, words
from contagion.reporting.figures import draw
from contagion.reporting.vocabulary import NODE_KINDS, plain

if TYPE_CHECKING:
    from contagion.network.network import Network
    from contagion.reporting.material import Material


def write(material: Material) -> Section:
    """Return the section on the network.

    Parameters
    ----------
    material : Material
        What the report is written from.
    """
    from contagion import plot

    net = material.network
    blocks: list[Block] = [Paragraph(_opening(material))]
    blocks.append(
        draw(
            lambda axes: plot.network(net, ax=axes),
            "The network: venues, traders, institutions and what ties them",
            "The network before the shock. Many small nodes of one kind at one venue are drawn as one mark.",
            height=6.0,
        )
    )
    blocks += [venues_table(net), _kinds(net)]
    if settles_in_coins(net).any():
        blocks.append(
            Paragraph(
                "What a common move of prices would close is not drawn: some contracts settle in coins, which the map "
                "does not follow. The runs do."
            )
        )
    elif len(net.positions):
        blocks.append(
            draw(
                lambda axes: plot.liquidation_map(net, ax=axes),
                "Money that a common move of prices would close by force",
                "What waits at each level: positions that a common move of all coins would close, if "
                "nobody topped up and no sale moved a price.",
            )
        )
    return Section("network", "The network", tuple(blocks))


def _opening(material: Material) -> str:
    net = material.network
    accounts = int(net.accounts["count"].sum())
    text = (
        f"{formats.plural(len(net.nodes), 'node')} with {formats.plural(accounts, 'margin account')} "
        f"at {formats.plural(len(net.venues), 'venue')}, {formats.plural(len(net.markets), 'market')} on "
        f"{formats.plural(int((net.assets['kind'] != 'currency').sum()), 'asset')}. Open interest is "
        f"{material.money(float(venues(net)['open_interest'].sum()))}, claims outside margin accounts "
        f"{material.money(float(net.obligations['amount'].sum()))}."
    )
    several = len(material.networks)
    if several > 1:
        text += f" The study ran on {several} networks drawn alike with other seeds; the first is shown here."
    return text


def venues(net: Network) -> pd.DataFrame:
    """Return size and leverage of the margin business of each venue.

    Parameters
    ----------
    net : Network
        Its accounts, positions, balances, markets and venues are read.

    Returns
    -------
    DataFrame
        Index venue; accounts, open_interest (long side), equity, leverage (gross notional / equity), above_10
        (share of gross notional in accounts above 10 x), fund.
    """
    count = net.accounts["count"].astype(float)
    legs = net.positions
    worth = np.abs(opening_worths(net))[net.codes("positions", "market")]
    value = legs["quantity"] * worth * count.reindex(legs["account"]).to_numpy()
    account = pd.DataFrame({"venue": net.accounts["venue"], "equity": opening_account_equity(net) * count})
    account["gross"] = value.abs().groupby(legs["account"]).sum().reindex(account.index).fillna(0.0)
    account["long"] = value.clip(lower=0.0).groupby(legs["account"]).sum().reindex(account.index).fillna(0.0)
    account["high"] = account["gross"].where(account["gross"] > 10.0 * account["equity"], 0.0)
    sums = (
        account.groupby("venue")[["gross", "long", "equity", "high"]]
        .sum()
        .reindex(net.venues.index)
        .fillna(0.0)
    )
    frame = pd.DataFrame(index=net.venues.index)
    frame["accounts"] = net.accounts.groupby("venue")["count"].sum().reindex(frame.index).fillna(0)
    frame["open_interest"] = sums["long"]
    frame["equity"] = sums["equity"]
    frame["leverage"] = sums["gross"] / sums["equity"].where(sums["equity"] > 0.0)
    frame["above_10"] = sums["high"] / sums["gross"].where(sums["gross"] > 0.0)
    frame["fund"] = net.venues["insurance_fund"]
    return frame


def venues_table(net: Network) -> Table:
    """Return the table of venues.

    Parameters
    ----------
    net : Network
        The network.
    """
    rows = []
    for name, row in venues(net).iterrows():
        share = row["fund"] / row["open_interest"] if row["open_interest"] > 0.0 else np.nan
        rows.append(
            [
                words(name),
                number(formats.count(row["accounts"]), row["accounts"]),
                number(formats.amount(row["open_interest"]), row["open_interest"]),
                number(formats.amount(row["equity"]), row["equity"]),
                number(formats.three_figures(row["leverage"]), row["leverage"]),
                number(formats.percent(row["above_10"]), row["above_10"]),
                number(formats.amount(row["fund"]), row["fund"]),
                number(formats.percent(share, decimals=2), share),
            ]
        )
    columns = [
        "Venue",
        "Accounts",
        "Open interest",
        "Equity in accounts",
        "Positions / equity",
        "Positions above 10×",
        "Insurance fund",
        "Fund / open interest",
    ]
    note = "Open interest is the value of long positions at opening prices; leverage is positions / equity."
    return table(
        f"Margin business of each venue, {net.unit}", columns, rows, note=note, identifier="network-venues"
    )


def _kinds(net: Network) -> Table:
    rows = []
    owed = net.obligations.groupby("debtor")["amount"].sum().reindex(net.nodes.index).fillna(0.0)
    claimed = net.obligations.groupby("creditor")["amount"].sum().reindex(net.nodes.index).fillna(0.0)
    held = (
        net.holdings["quantity"] * net.assets["price"].astype(float).reindex(net.holdings["asset"]).to_numpy()
    )
    holdings = held.groupby(net.holdings["node"]).sum().reindex(net.nodes.index).fillna(0.0)
    for kind, own in net.nodes.groupby("kind", sort=True):
        sums = [float(part[own.index].sum()) for part in (net.nodes["cash"], holdings, claimed, owed)]
        rows.append(
            [
                words(plain(NODE_KINDS, kind)),
                number(formats.count(len(own)), len(own)),
                *(number(formats.amount(value), value) for value in sums),
            ]
        )
    columns = ["Kind of node", "Nodes", "Cash", "Holdings", "Claims on others", "Debts to others"]
    return table(f"Nodes by kind, {net.unit}", columns, rows, identifier="network-kinds")
