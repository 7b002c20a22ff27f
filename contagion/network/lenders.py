"""Rules about loans: who may lend, who pays for gas, what an auction raises, what lenders and borrowers trade."""

from __future__ import annotations

import numpy as np

from contagion.errors import NetworkError, PolicyError, shown
from contagion.network.build import Draft

LOANS = ("lending", "auction")
TRADES = ("deleverage", "hedge")


def lenders_are_protocols(draft: Draft) -> None:
    """Note exchanges that are to liquidate loans."""
    venues = draft.tables["venues"]
    kinds = draft.tables["nodes"]["kind"][draft.codes["venues", "name"]]
    lends = np.isin(venues["procedure"], np.array(LOANS, dtype=object))
    for row in np.flatnonzero(lends & (kinds != "protocol")):
        draft.add(
            PolicyError,
            "no-protocol",
            "venues",
            f"is a procedure of protocols; this venue is a node of kind {kinds[row]!r}",
            row=row,
            column="procedure",
            value=venues["procedure"][row],
            remedy="give the node kind 'protocol', or the venue another procedure",
        )


def auctions_raise_the_unit(draft: Draft) -> None:
    """Note debts in coins at a venue that auctions collateral for the unit."""
    balances = draft.tables["balances"]
    venue = draft.codes["accounts", "venue"][draft.codes["balances", "account"]]
    auctions = draft.tables["venues"]["procedure"][venue] == "auction"
    owed = (balances["quantity"] < 0.0) & (balances["asset"] != draft.unit)
    for row in np.flatnonzero(auctions & owed):
        draft.add(
            NetworkError,
            "auction-debt",
            "balances",
            f"is owed at {shown(draft.indices['venues'][int(venue[row])])}, whose auctions raise the unit",
            row=row,
            column="asset",
            value=balances["asset"][row],
            allowed=f"debts in the unit {shown(draft.unit)}",
            remedy="give the venue procedure 'lending', or the account a debt in the unit",
        )


def borrowers_have_positions_to_trade(draft: Draft) -> None:
    """Note borrowers who are to cut or hedge positions when called, and have none."""
    accounts, balances = draft.tables["accounts"], draft.tables["balances"]
    owes, trades = np.zeros(len(accounts["name"]), np.bool_), np.zeros(len(accounts["name"]), np.bool_)
    owes[draft.codes["balances", "account"][balances["quantity"] < 0.0]] = True
    trades[draft.codes["positions", "account"]] = True
    reacts = np.isin(accounts["reaction"], np.array(TRADES, dtype=object))
    for row in np.flatnonzero(owes & reacts & ~trades):
        draft.add(
            NetworkError,
            "no-position",
            "accounts",
            "trades positions; this account owes money or coins and has no position",
            row=row,
            column="reaction",
            value=accounts["reaction"][row],
            allowed="'top_up' or 'none' for a borrower without positions",
            remedy="set reaction to 'top_up'; with top_up_from 'holdings' its owner sells coins of its own to repay",
        )


def lenders_have_no_perpetuals(draft: Draft) -> None:
    """Note perpetuals, futures and options at venues that lend: their procedure closes no positions."""
    lends = np.isin(draft.tables["venues"]["procedure"], np.array(LOANS, dtype=object))
    markets = draft.tables["markets"]
    positions = ~np.isin(markets["kind"], np.array(["spot", "pool"], dtype=object))
    for row in np.flatnonzero(lends[draft.codes["markets", "venue"]] & positions):
        draft.add(
            NetworkError,
            "perpetual-at-lender",
            "markets",
            "lends: its procedure closes no positions",
            row=row,
            column="venue",
            value=markets["venue"][row],
            remedy="trade the perpetual, future or option at another venue",
        )


def profits_are_of_exchanges(draft: Draft) -> None:
    """Note a queue of profits at protocols, where customers have lent money and have no profits to take."""
    venues, kinds = draft.tables["venues"], draft.tables["nodes"]["kind"]
    protocol = kinds[draft.codes["venues", "name"]] == "protocol"
    for row in np.flatnonzero(protocol & (venues["residual"] == "profit_queue")):
        draft.add(
            PolicyError,
            "unread",
            "venues",
            "takes nothing at a protocol, whose customers have lent money",
            row=row,
            column="residual",
            value=venues["residual"][row],
            allowed="socialise, own_equity, or the default profit_pro_rata, which takes nothing either",
        )


def gas_has_a_coin(draft: Draft) -> None:
    """Note gas that is paid in no coin: it would cost next to nothing."""
    venues = draft.tables["venues"]
    for row in np.flatnonzero((venues["gas_used"] > 0.0) & (venues["gas_asset"] == "")):
        draft.add(
            PolicyError,
            "no-gas-asset",
            "venues",
            "is used, but the coin that pays for gas is not named",
            row=row,
            column="gas_used",
            value=float(venues["gas_used"][row]),
            remedy="name the chain's coin in gas_asset (an asset of the network), or set gas_used to 0",
        )
