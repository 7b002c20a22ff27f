"""Where accounts are and what trades where: in which market does a strategy have its legs?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contagion.network.network import Network
from contagion.network.once import once
from contagion.network.settlement import is_inverse

Ints = npt.NDArray[np.int64]


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
    """Index the markets and accounts of a network by name; of equals the first by name, inverse contracts left out.

    Examples
    --------
    >>> find_places(Network(nodes=[{"name": "A"}])).deepest
    {}
    """
    bid = np.asarray(net.column("depth", "side") == "bid", dtype=np.bool_)
    columns = [net.column("markets", name) for name in ("kind", "venue", "asset")]
    bids = np.zeros(len(columns[0]))
    np.maximum.at(bids, net.codes("depth", "market")[bid], net.column("depth", "amount")[bid])
    perps: dict[tuple[str, str], int] = {}
    spots: dict[tuple[str, str], int] = {}
    deepest: dict[str, int] = {}
    inverse = is_inverse(net)
    for place, (kind, venue, asset) in enumerate(zip(*columns, strict=True)):
        if kind == "perp" and not inverse[place]:
            perps.setdefault((venue, asset), place)
        elif kind in ("spot", "pool"):
            spots.setdefault((asset, venue), place)
            best = deepest.setdefault(asset, place)
            if bids[place] > bids[best]:
                deepest[asset] = place
    names = [str(name) for name in net.column("accounts", "name")]
    venues = dict(zip(names, net.column("accounts", "venue"), strict=True))
    return Places({name: place for place, name in enumerate(names)}, venues, perps, spots, deepest)


@once
def leg_markets(net: Network) -> tuple[Ints, Ints]:
    """Return the markets of the long and of the short leg of every strategy, shape (n_strategies,), -1 for none.

    A leg is in the market that `strategies.long_market` or `short_market` names. Where they name none, an account
    trades the perp of its venue, and a holding the spot market of the short account's venue, else the deepest.

    Examples
    --------
    >>> [legs.tolist() for legs in leg_markets(Network(nodes=[{"name": "A"}]))]
    [[], []]
    """
    places = find_places(net)
    long, short = (net.codes("strategies", f"{side}_market").copy() for side in ("long", "short"))
    columns = ("long_account", "spot_node", "short_account", "asset")
    rows = zip(*(net.column("strategies", name) for name in columns), strict=True)
    for s, (account, node, other, asset) in enumerate(rows):
        if long[s] < 0 and account:
            long[s] = places.perp(account, asset)
        elif long[s] < 0 and node:
            long[s] = places.spot(asset, places.venue.get(other, ""))
        if short[s] < 0 and other:
            short[s] = places.perp(other, asset)
    return long, short
