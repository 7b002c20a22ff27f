"""Strategies as flat rows: in which markets, with which legs, does a strategy trade?"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError
from contagion.network import Network
from contagion.network.places import find_places, leg_markets
from contagion.propagation.cascade.build_hedgers import find_hedgers, hedger_legs, set_hedger
from contagion.propagation.cascade.codes import DELTA_HEDGE
from contagion.propagation.cascade.tables import STRATEGY
from contagion.propagation.cascade.units import Units

Ints = npt.NDArray[np.int64]
KINDS = ("basis", "arbitrage", "dip_buyer", "hedge")


def strategy_legs(net: Network) -> list[tuple[int, int]]:
    """Legs that strategies need, as (account, market)."""
    legs, kinds = hedger_legs(net), net.column("strategies", "kind")
    names, assets = net.column("strategies", "name"), net.column("strategies", "asset")
    for side, markets in zip(("long", "short"), leg_markets(net), strict=True):
        codes, accounts = (
            net.codes("strategies", f"{side}_account"),
            net.column("strategies", f"{side}_account"),
        )
        for s in np.flatnonzero((codes >= 0) & (kinds != "hedge")).tolist():
            if markets[s] < 0:
                raise NetworkError(
                    f"strategies {names[s]!r}: account {accounts[s]!r} is at a venue without a perp on "
                    f"{assets[s]!r}; add the market, move the account, or name another {side}_market"
                )
            legs.append((int(codes[s]), int(markets[s])))
    return legs


def build_strategies(
    net: Network, units: Units, account: Ints, market: Ints
) -> tuple[npt.NDArray[Any], Ints]:
    """Strategy rows with their legs resolved, and the basis trade or hedger of every leg; legs as (account, market)."""
    strategies, places, markets = net.strategies, find_places(net), leg_markets(net)
    rows = np.zeros(len(strategies), STRATEGY)
    hedgers = {hedger.row: hedger for hedger in find_hedgers(net)}
    holdings = zip(net.column("holdings", "node"), net.column("holdings", "asset"), strict=True)
    held = {pair: h for h, pair in enumerate(holdings)}
    leg_of = {pair: k for k, pair in enumerate(zip(account.tolist(), market.tolist(), strict=True))}
    of_leg = np.full(account.size, -1, dtype=np.int64)
    _check_counts(net)
    row: Any
    for s, row in enumerate(strategies.itertuples()):
        out = rows[s]
        if s in hedgers:
            set_hedger(out, hedgers[s], leg_of)
        else:
            _set_legs(out, row, places.account, leg_of, held, (int(markets[0][s]), int(markets[1][s])))
        out["discount"] = 0.0 if np.isnan(row.discount) else row.discount
        out["ratio"], out["rate"] = row.ratio, 0.0 if np.isnan(row.rate) else row.rate
        out["capital"] = np.inf if np.isnan(row.capital) else row.capital * units.scale
        out["unwind"] = 0.0 if np.isnan(row.unwind) else row.unwind
        if out["kind"] == DELTA_HEDGE and out["short_leg"] >= 0 and of_leg[out["short_leg"]] < 0:
            of_leg[out["short_leg"]] = s
        if out["kind"] == 0:
            of_leg[out["short_leg"]] = s
            if out["long_leg"] >= 0:
                of_leg[out["long_leg"]] = s
    _set_shares(net, rows)
    return rows, of_leg


def _check_counts(net: Network) -> None:
    """Rows that stand for several accounts may only be the short leg of a basis trade against a holding."""
    basis = np.asarray(net.column("strategies", "kind") == "basis", dtype=np.bool_)
    traded = ~(basis & (net.codes("strategies", "spot_node") >= 0))
    used = np.unique([net.codes("strategies", f"{side}_account")[traded] for side in ("long", "short")])
    number = net.column("accounts", "count")
    several = [i for i in used.tolist() if i >= 0 and number[i] != 1]
    if several:
        name = net.column("accounts", "name")[several[0]]
        raise NetworkError(
            f"accounts {name!r}: a strategy uses it, but the row stands for {number[several[0]]} accounts; "
            "give it count 1"
        )


def _set_shares(net: Network, rows: npt.NDArray[Any]) -> None:
    """An account (or a node's holdings and cash) that serves several arbitrage strategies gives each an equal share."""
    kinds, short = net.column("strategies", "kind"), net.column("strategies", "short_account")
    ends = zip(net.column("strategies", "long_account"), net.column("strategies", "spot_node"), strict=True)
    long = [account or f"node:{node}" for account, node in ends]
    used = Counter(side[s] for side in (long, short) for s in np.flatnonzero(kinds == "arbitrage"))
    rows["long_share"] = [1.0 / max(1, used[name]) for name in long]
    rows["short_share"] = [1.0 / max(1, used[name]) for name in short]


def _set_legs(
    out: Any,
    row: Any,
    accounts: dict[str, int],
    leg_of: dict[tuple[int, int], int],
    held: dict[tuple[str, str], int],
    markets: tuple[int, int],
) -> None:
    """Write the kind, the markets and the legs (or the holding) of one strategy."""
    out["kind"] = KINDS.index(row.kind)
    out["long_leg"], out["long_holding"], out["short_leg"] = -1, -1, -1
    out["long_market"] = markets[0]
    if row.short_account:
        out["short_market"] = markets[1]
        out["short_leg"] = leg_of[(accounts[row.short_account], markets[1])]
    if row.long_account:
        out["long_leg"] = leg_of[(accounts[row.long_account], markets[0])]
        return
    out["long_holding"] = held.get((row.spot_node, row.asset), -1)
    if out["long_market"] < 0 or out["long_holding"] < 0:
        raise NetworkError(
            f"strategies {row.Index!r}: spot_node {row.spot_node!r} needs a holding of {row.asset!r} and a "
            "spot market to trade it in; add the row to holdings and the market, or name a long_account"
        )
