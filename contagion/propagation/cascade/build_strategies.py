"""Strategies as flat rows: in which markets, with which legs, does a strategy trade?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError
from contagion.network import Network
from contagion.network.once import once
from contagion.propagation.cascade.tables import STRATEGY
from contagion.propagation.cascade.units import Units

Ints = npt.NDArray[np.int64]
KINDS = ("basis", "arbitrage", "dip_buyer")


@dataclass(frozen=True)
class Places:
    """Where accounts are and what trades where, looked up by name; markets and accounts as positions."""

    account: dict[str, int]
    venue: dict[str, str]
    perps: dict[tuple[str, str], int]
    spots: dict[tuple[str, str], int]
    deepest: dict[str, int]

    def perp(self, account: str, asset: str) -> int:
        """Market in which an account trades `asset`: the perp of its venue (the first by name), or -1."""
        return self.perps.get((self.venue[account], asset), -1)

    def spot(self, asset: str, venue: str) -> int:
        """Spot market in which a holding is sold: the venue's own, else the one with the deepest bids, else -1."""
        return self.spots.get((asset, venue), self.deepest.get(asset, -1))


@once
def find_places(net: Network) -> Places:
    """Index the markets and accounts of a network by name; of equals the first by name."""
    bid = np.asarray(net.column("depth", "side") == "bid", dtype=np.bool_)
    columns = [net.column("markets", name) for name in ("kind", "venue", "asset")]
    bids = np.zeros(len(columns[0]))
    np.maximum.at(bids, net.codes("depth", "market")[bid], net.column("depth", "amount")[bid])
    perps: dict[tuple[str, str], int] = {}
    spots: dict[tuple[str, str], int] = {}
    deepest: dict[str, int] = {}
    for place, (kind, venue, asset) in enumerate(zip(*columns, strict=True)):
        if kind == "perp":
            perps.setdefault((venue, asset), place)
        elif kind in ("spot", "pool"):
            spots.setdefault((asset, venue), place)
            best = deepest.setdefault(asset, place)
            if bids[place] > bids[best]:
                deepest[asset] = place
    names = [str(name) for name in net.column("accounts", "name")]
    venues = dict(zip(names, net.column("accounts", "venue"), strict=True))
    return Places({name: place for place, name in enumerate(names)}, venues, perps, spots, deepest)


def strategy_legs(net: Network) -> list[tuple[int, int]]:
    """Legs that strategies need, as (account, market)."""
    legs, places = [], find_places(net)
    columns = (net.column("strategies", name) for name in ("name", "asset", "long_account", "short_account"))
    for name, asset, *accounts in zip(*columns, strict=True):
        for account in accounts:
            if account:
                market = places.perp(account, asset)
                if market < 0:
                    raise NetworkError(
                        f"strategies {name!r}: account {account!r} is at a venue without a perp on {asset!r}; "
                        "add the market or move the account"
                    )
                legs.append((places.account[account], market))
    return legs


def build_strategies(
    net: Network, units: Units, account: Ints, market: Ints
) -> tuple[npt.NDArray[Any], Ints]:
    """Strategy rows with their legs resolved, and the basis strategy of every leg; legs as (account, market)."""
    strategies, places = net.strategies, find_places(net)
    rows = np.zeros(len(strategies), STRATEGY)
    holdings = zip(net.column("holdings", "node"), net.column("holdings", "asset"), strict=True)
    held = {pair: h for h, pair in enumerate(holdings)}
    leg_of = {pair: k for k, pair in enumerate(zip(account.tolist(), market.tolist(), strict=True))}
    of_leg = np.full(account.size, -1, dtype=np.int64)
    _check_counts(net)
    row: Any
    for s, row in enumerate(strategies.itertuples()):
        out = rows[s]
        _set_legs(out, row, places, leg_of, held)
        out["discount"] = 0.0 if np.isnan(row.discount) else row.discount
        out["ratio"], out["rate"] = row.ratio, 0.0 if np.isnan(row.rate) else row.rate
        out["capital"] = np.inf if np.isnan(row.capital) else row.capital * units.scale
        out["unwind"] = 0.0 if np.isnan(row.unwind) else row.unwind
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
    places: Places,
    leg_of: dict[tuple[int, int], int],
    held: dict[tuple[str, str], int],
) -> None:
    """Write the kind, the markets and the legs (or the holding) of one strategy."""
    out["kind"] = KINDS.index(row.kind)
    out["long_leg"], out["long_holding"], out["short_leg"] = -1, -1, -1
    venue = ""
    if row.short_account:
        short, venue = places.perp(row.short_account, row.asset), places.venue[row.short_account]
        out["short_market"] = short
        out["short_leg"] = leg_of[(places.account[row.short_account], short)]
    if row.long_account:
        out["long_market"] = places.perp(row.long_account, row.asset)
        out["long_leg"] = leg_of[(places.account[row.long_account], int(out["long_market"]))]
        return
    out["long_market"] = places.spot(row.asset, venue)
    out["long_holding"] = held.get((row.spot_node, row.asset), -1)
    if out["long_market"] < 0 or out["long_holding"] < 0:
        raise NetworkError(
            f"strategies {row.Index!r}: spot_node {row.spot_node!r} needs a holding of {row.asset!r} and a "
            "spot market to trade it in; add the row to holdings and the market, or name a long_account"
        )
