"""Delta hedgers as places: whose options, in which market, with which leg or holding?

The network's rules have seen to it that every hedger has all of them (`contagion.network.hedgers`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from contagion.network import Network
from contagion.network.once import once
from contagion.propagation.cascade.codes import DELTA_HEDGE


class Hedger(NamedTuple):
    """One hedger: its row, the account of its options, the market, and its account or holding there (or -1)."""

    row: int
    book: int
    market: int
    account: int
    holding: int


@once
def find_hedgers(net: Network) -> list[Hedger]:
    """All hedgers of a network."""
    found: list[Hedger] = []
    kinds, assets = net.column("markets", "kind"), net.codes("markets", "asset")
    for row in np.flatnonzero(net.column("strategies", "kind") == "hedge").tolist():
        book = int(net.codes("strategies", "long_account")[row])
        asset = int(net.codes("strategies", "asset")[row])
        held = net.codes("positions", "market")[net.codes("positions", "account") == book]
        options = held[(kinds[held] == "option") & (assets[held] == asset)]
        market = int(net.codes("markets", "hedge_market")[options[0]])
        node = int(net.codes("strategies", "spot_node")[row])
        mine = (net.codes("holdings", "node") == node) & (net.codes("holdings", "asset") == asset)
        holding = int(np.flatnonzero(mine)[0]) if node >= 0 else -1
        found.append(Hedger(row, book, market, int(net.codes("strategies", "short_account")[row]), holding))
    return found


def hedger_legs(net: Network) -> list[tuple[int, int]]:
    """Legs that hedgers need, as (account, market)."""
    return [(hedger.account, hedger.market) for hedger in find_hedgers(net) if hedger.account >= 0]


def set_hedger(out: Any, hedger: Hedger, leg_of: dict[tuple[int, int], int]) -> None:
    """Write the book, the market and the leg (or the holding) of one hedger into its row."""
    out["kind"], out["book"] = DELTA_HEDGE, hedger.book
    out["long_leg"], out["long_holding"], out["short_leg"] = -1, hedger.holding, -1
    out["long_market"] = out["short_market"] = hedger.market
    if hedger.account >= 0:
        out["short_leg"] = leg_of[hedger.account, hedger.market]
