"""The rules that join several columns or tables: what a row may say, given the others.

Each rule reads the draft's sorted arrays and notes faults. A rule is skipped when a table it reads has faults
already, because its verdict would rest on cells that were refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError, UnitError, ValueRangeError, nearest, shown
from contagion.network.build import Draft
from contagion.network.chains import chains_agree
from contagion.network.hedgers import hedgers_are_whole
from contagion.network.legs import legs_are_in_markets
from contagion.network.lenders import (
    auctions_raise_the_unit,
    borrowers_have_positions_to_trade,
    gas_has_a_coin,
    lenders_are_protocols,
    lenders_have_no_perpetuals,
    profits_are_of_exchanges,
)
from contagion.network.pledges import balances_are_accepted, collateral_is_sound
from contagion.network.references import references_end
from contagion.network.reserved import inventories_are_whole, inventory, rest_is_whole
from contagion.network.rulebook import (
    depth_rises,
    fees_add_up,
    forms_fit,
    funding_is_of_perps,
    is_spot,
    pools_are_pools,
    tiers_rise,
)
from contagion.network.schema import TABLES
from contagion.network.terms import contracts_have_terms, in_scans, options_are_scanned, scans_can_close
from contagion.network.terms_of_payment import contracts_settle
from contagion.network.unread import strategies_are_read, throughput_is_of_markets, venues_are_read

NET_TOLERANCE: Final = 1e-9
"""Largest net position of a market, as a share of its gross open interest."""

Rule = Callable[[Draft], None]


def apply_rules(draft: Draft) -> None:
    """Note every breach of a rule that joins columns or tables."""
    for tables, rule in RULES:
        if draft.clean(*tables):
            rule(draft)


def _at_least_one_node(draft: Draft) -> None:
    if draft.rows("nodes") == 0:
        what = "the network is empty"
        draft.add(NetworkError, "empty-network", "nodes", what, allowed="at least one node")


def _unit_is_an_asset(draft: Draft) -> None:
    assets = draft.tables["assets"]
    if draft.unit not in draft.indices["assets"]:
        named = (draft.tables[table]["asset"] for table in ("holdings", "strategies"))
        if draft.rows("markets") or draft.rows("balances") or any(draft.unit in names for names in named):
            draft.add(
                UnitError,
                "unknown-unit",
                "assets",
                f"has no row for the unit {shown(draft.unit)}{nearest(draft.unit, draft.indices['assets'])}",
                remedy=f"add the asset {shown(draft.unit)} with kind 'currency' and price 1",
            )
        return
    row = int(draft.indices["assets"].get_loc(draft.unit))  # type: ignore[arg-type]
    if assets["kind"][row] != "currency" or assets["price"][row] != 1.0:
        given = (assets["kind"][row], float(assets["price"][row]))
        draft.add(
            UnitError,
            "bad-unit",
            "assets",
            "is not what the unit must be",
            row=row,
            value=given,
            allowed="the unit has kind 'currency' and price 1",
        )


def _venues_are_venues(draft: Draft) -> None:
    kinds = draft.tables["nodes"]["kind"][draft.codes["venues", "name"]]
    for row in np.flatnonzero(~np.isin(kinds, np.array(["exchange", "protocol"], dtype=object))):
        draft.add(
            NetworkError,
            "wrong-kind",
            "venues",
            f"is a node of kind {kinds[row]!r}",
            row=row,
            column="name",
            value=draft.tables["venues"]["name"][row],
            allowed="a venue is an exchange or a protocol",
        )


def _no_self_loops(draft: Draft) -> None:
    loops = (("obligations", "debtor", "creditor", "owes itself"), ("accounts", "owner", "venue", "is both"))
    for table, one, other, what in loops:
        ends = draft.tables[table]
        looped = ends[one] == ends[other]
        if table == "accounts":
            looped &= ~inventory(ends["name"])
        for row in np.flatnonzero(looped):
            draft.add(
                NetworkError,
                "self-loop",
                table,
                what,
                row=row,
                column=other,
                value=ends[one][row],
                allowed=f"{one} and {other} differ",
            )


def _markets_are_whole(draft: Draft) -> None:
    markets = draft.tables["markets"]
    tiered = ~is_spot(markets["kind"]) & (markets["kind"] != "option") & ~in_scans(draft)
    for row in np.flatnonzero(tiered & (markets["schedule"] == "")):
        draft.add(
            NetworkError,
            "no-schedule",
            "markets",
            "is empty",
            row=row,
            column="schedule",
            value="",
            allowed="a derivative market names its margin schedule",
        )
    for row in np.flatnonzero(in_scans(draft) & (markets["schedule"] != "")):
        draft.add(
            NetworkError,
            "unread",
            "markets",
            f"is not read: {shown(markets['venue'][row])} asks margin by scan",
            row=row,
            column="schedule",
            value=markets["schedule"][row],
            allowed="empty where the venue's margin is 'scan'",
            remedy="leave it empty, or set the venue's margin to 'tiers'",
        )
    for row in np.flatnonzero(markets["asset"] == markets["quote"]):
        draft.add(
            NetworkError,
            "self-loop",
            "markets",
            "is traded against itself",
            row=row,
            value=markets["asset"][row],
        )


def _positions_fit(draft: Draft) -> None:
    market, account = draft.codes["positions", "market"], draft.codes["positions", "account"]
    kind = draft.tables["markets"]["kind"][market]
    for row in np.flatnonzero(is_spot(kind)):
        draft.add(
            NetworkError,
            "position-in-spot",
            "positions",
            "is a pool" if kind[row] == "pool" else "is a spot market",
            row=row,
            column="market",
            value=draft.tables["positions"]["market"][row],
            remedy="record what is owned in holdings",
        )
    here, there = draft.codes["accounts", "venue"][account], draft.codes["markets", "venue"][market]
    for row in np.flatnonzero(here != there):
        draft.add(
            NetworkError,
            "other-venue",
            "positions",
            f"trades at {shown(draft.indices['venues'][there[row]])}, the account is at "
            f"{shown(draft.indices['venues'][here[row]])}",
            row=row,
            column="market",
            value=draft.tables["positions"]["market"][row],
        )
    held = np.bincount(account, minlength=draft.rows("accounts"))
    isolated = draft.tables["accounts"]["mode"] == "isolated"
    for row in np.flatnonzero(isolated & (held != 1)):
        draft.add(
            NetworkError,
            "isolated",
            "accounts",
            "positions in an isolated account",
            row=row,
            value=int(held[row]),
            allowed="exactly one",
            remedy="one isolated account for each position",
        )


def net_positions(draft: Draft) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return net and gross units held in each market, shape ``(n_markets,)``; `count` multiplies."""
    positions = draft.tables["positions"]
    count = draft.tables["accounts"]["count"][draft.codes["positions", "account"]]
    units = positions["quantity"] * count
    market = draft.codes["positions", "market"]
    rows = draft.rows("markets")
    net = np.bincount(market, weights=units, minlength=rows).astype(np.float64)
    gross = np.bincount(market, weights=np.abs(units), minlength=rows).astype(np.float64)
    return net, gross


def _positions_net(draft: Draft) -> None:
    net, gross = net_positions(draft)
    for row in np.flatnonzero(np.abs(net) > NET_TOLERANCE * gross):
        side = "long" if net[row] > 0 else "short"
        draft.add(
            NetworkError,
            "unbalanced",
            "markets",
            f"units net {side} of {gross[row]:,.6g} gross",
            row=row,
            value=float(net[row]),
            allowed="long and short positions of a market are equal",
            remedy='rest_of_market="add" makes an explicit account for the other side',
        )


def _strategies_have_legs(draft: Draft) -> None:
    strategies = draft.tables["strategies"]
    long = (strategies["long_account"] != "").astype(int) + (strategies["spot_node"] != "")
    dips, hedges = strategies["kind"] == "dip_buyer", strategies["kind"] == "hedge"
    bad = ~hedges & ((long != 1) | ((strategies["short_account"] == "") != dips))
    for row in np.flatnonzero(bad):
        draft.add(
            NetworkError,
            "legs",
            "strategies",
            "lacks a leg, or has two long ones",
            row=row,
            allowed="short_account (a dip buyer has none), and either long_account or spot_node",
        )
    for row in np.flatnonzero(dips & np.isnan(strategies["discount"])):
        draft.add(
            NetworkError,
            "no-discount",
            "strategies",
            "is empty",
            row=row,
            column="discount",
            allowed="the share below the outside price at which a dip buyer begins to buy",
        )


def _sums_are_finite(draft: Draft) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        for name, table in TABLES.items():
            for column in table.columns:
                if column.kind == "number" and draft.rows(name) and draft.clean(name):
                    cells: npt.NDArray[Any] = draft.tables[name][column.name]
                    _sum_is_finite(draft, name, column.name, cells)
        if draft.clean("positions", "accounts"):
            positions = draft.tables["positions"]
            count = draft.tables["accounts"]["count"][draft.codes["positions", "account"]]
            notional = positions["quantity"] * positions["entry_price"] * count
            _sum_is_finite(draft, "positions", "quantity", notional)


def _sum_is_finite(draft: Draft, table: str, column: str, cells: npt.NDArray[Any]) -> None:
    total = float(np.abs(cells).sum())
    if total != total:  # empty cells
        total = float(np.nansum(np.abs(cells)))
    if not np.isfinite(total):
        draft.add(
            ValueRangeError,
            "sum-overflows",
            table,
            f"the sum of column {column} overflows",
            allowed="a finite total",
            remedy="use a larger unit of money",
        )


RULES: Final[tuple[tuple[tuple[str, ...], Rule], ...]] = (
    (("nodes",), _at_least_one_node),
    (("assets", "markets", "balances"), _unit_is_an_asset),
    (("assets",), references_end),
    (("nodes", "venues", "markets", "collateral"), contracts_settle),
    (("collateral",), collateral_is_sound),
    (("nodes", "venues", "accounts", "balances", "collateral"), balances_are_accepted),
    (("nodes", "venues"), _venues_are_venues),
    (("venues",), fees_add_up),
    (("nodes", "venues"), lenders_are_protocols),
    (("nodes", "venues"), profits_are_of_exchanges),
    (("venues", "markets"), lenders_have_no_perpetuals),
    (("venues",), gas_has_a_coin),
    (("venues",), venues_are_read),
    (("venues",), chains_agree),
    (("venues", "markets"), throughput_is_of_markets),
    (("venues", "accounts", "balances"), auctions_raise_the_unit),
    (("accounts", "balances", "positions"), borrowers_have_positions_to_trade),
    (("obligations", "accounts"), _no_self_loops),
    (("markets",), _markets_are_whole),
    (("markets",), pools_are_pools),
    (("markets",), contracts_have_terms),
    (("venues", "markets"), options_are_scanned),
    (("venues",), scans_can_close),
    (("markets",), funding_is_of_perps),
    (("schedules", "tiers"), tiers_rise),
    (("schedules", "tiers"), forms_fit),
    (("depth",), depth_rises),
    (("accounts", "markets", "venues", "positions"), _positions_fit),
    (("nodes", "venues", "accounts"), rest_is_whole),
    (("accounts",), inventories_are_whole),
    (("strategies",), _strategies_have_legs),
    (("strategies",), strategies_are_read),
    (("strategies", "markets", "accounts"), legs_are_in_markets),
    (("strategies", "positions", "markets", "accounts", "holdings"), hedgers_are_whole),
    ((), _sums_are_finite),
)

NETTING: Final[tuple[tuple[str, ...], Rule]] = (("accounts", "markets", "positions"), _positions_net)
