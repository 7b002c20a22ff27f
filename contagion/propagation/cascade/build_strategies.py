"""Strategies as flat rows: in which markets, with which legs, does a strategy trade?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import NetworkError
from contagion.network import Network
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


def find_places(net: Network) -> Places:
    """Index the markets and accounts of a network by name; of equals the first by name."""
    markets, accounts, depth = net.markets, net.accounts, net.depth
    bids = depth[depth["side"] == "bid"].groupby("market")["amount"].max().reindex(markets.index).fillna(0.0)
    perps: dict[tuple[str, str], int] = {}
    spots: dict[tuple[str, str], int] = {}
    deepest: dict[str, int] = {}
    columns = (markets["kind"], markets["venue"], markets["asset"])
    for place, (kind, venue, asset) in enumerate(zip(*columns, strict=True)):
        if kind == "perp":
            perps.setdefault((venue, asset), place)
        elif kind in ("spot", "pool"):
            spots.setdefault((asset, venue), place)
            best = deepest.setdefault(asset, place)
            if bids.iloc[place] > bids.iloc[best]:
                deepest[asset] = place
    names = [str(name) for name in accounts.index]
    venues = dict(zip(names, accounts["venue"], strict=True))
    return Places({name: place for place, name in enumerate(names)}, venues, perps, spots, deepest)


def strategy_legs(net: Network) -> list[tuple[int, int]]:
    """Legs that strategies need, as (account, market)."""
    legs, places = [], find_places(net)
    row: Any
    for row in net.strategies.itertuples():
        for account in (row.long_account, row.short_account):
            if account:
                market = places.perp(account, row.asset)
                if market < 0:
                    raise NetworkError(
                        f"strategies {row.Index!r}: account {account!r} is at a venue without a perp on {row.asset!r}; "
                        "add the market or move the account"
                    )
                legs.append((places.account[account], market))
    return legs


def build_strategies(
    net: Network, units: Units, account: Ints, market: Ints
) -> tuple[npt.NDArray[Any], Ints]:
    """Strategy rows with their legs resolved, and the basis strategy of every leg; legs as (account, market)."""
    rows, places = np.zeros(len(net.strategies), STRATEGY), find_places(net)
    held = {pair: h for h, pair in enumerate(zip(net.holdings["node"], net.holdings["asset"], strict=True))}
    leg_of = {pair: k for k, pair in enumerate(zip(account.tolist(), market.tolist(), strict=True))}
    of_leg = np.full(account.size, -1, dtype=np.int64)
    _check_counts(net)
    row: Any
    for s, row in enumerate(net.strategies.itertuples()):
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
    whole = (net.strategies["kind"] == "basis") & (net.strategies["spot_node"] != "")
    traded = net.strategies[~whole]
    used = pd.concat([traded["long_account"], traded["short_account"]])
    several = net.accounts.loc[sorted(set(used[used != ""])), "count"]
    if (several != 1).any():
        name = several.index[(several != 1).to_numpy()][0]
        raise NetworkError(
            f"accounts {name!r}: a strategy uses it, but the row stands for {several[name]} accounts; give it count 1"
        )


def _set_shares(net: Network, rows: npt.NDArray[Any]) -> None:
    """An account (or a node's holdings and cash) that serves several arbitrage strategies gives each an equal share."""
    arbitrage = net.strategies["kind"] == "arbitrage"
    long_side = net.strategies["long_account"].where(
        net.strategies["long_account"] != "", "node:" + net.strategies["spot_node"]
    )
    used = pd.concat([long_side[arbitrage], net.strategies["short_account"][arbitrage]]).value_counts()
    rows["long_share"] = 1.0 / long_side.map(used).fillna(1.0).to_numpy(float)
    rows["short_share"] = 1.0 / net.strategies["short_account"].map(used).fillna(1.0).to_numpy(float)


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
