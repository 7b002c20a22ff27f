"""How much money moves the index of an asset to the next cluster of forced orders, and what would that be worth?

Somebody sells coins in the spot markets of the index; every mark that follows the index falls with it. Buying against
shorts is the mirror image. `contagion.attack_profile` runs what is only read off tables here.

References
----------
Brunnermeier, Pedersen (2005), "Predatory trading", Journal of Finance 60: selling so that others must sell.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.arrays import real
from contagion.errors import SchemaError, nearest, shown
from contagion.markets.book import Book as Side
from contagion.measures.books import Book, book
from contagion.measures.clusters import Cluster, next_cluster
from contagion.measures.feedback import LINEAR, last_price_weights
from contagion.measures.market_books import market_books, side_of
from contagion.measures.scanned import note_scanned

if TYPE_CHECKING:
    from contagion.network.network import Network

COLUMNS = (
    "asset",
    "move",
    "level",
    "cluster_money",
    "money",
    "push_cost",
    "market",
    "mark_move",
    "gain",
    "break_even_size",
)


def money_to_push_index(
    net: Network,
    asset: str,
    size: float = 1e6,
    *,
    width: float = 0.01,
    least: float = 0.002,
    furthest: float = 0.6,
) -> pd.DataFrame:
    """Return what it takes to push an asset's index to the next cluster of liquidations, and what that yields.

    Every spot market of the index is moved alike, at today's depth, in one go: recovery and what arbitrage brings back
    are not counted. Marks move by the weight that the index has in them; oracles report the index. The position was
    opened before, at today's price.

    Parameters
    ----------
    net : Network
        A network with margin accounts and depth.
    asset : str
        Whose index is pushed.
    size : float
        Position of the one who pushes, in money at today's price, in the asset's deepest derivative (perpetual or
        dated future): short against falls, long against rises.
    width, least, furthest : float
        As in `money_to_next_cluster`, of the index; `least` is a share of all positions in the asset's perpetuals and
        futures on that side.

    Returns
    -------
    DataFrame
        One row per move ("fall", "rise"): asset, move, level (far edge of the cluster, signed move of the index),
        cluster_money (positions in the asset's perpetuals and futures closed in it, at the prices of their triggers),
        money (to sell or buy in the spot markets), push_cost (what these trades lose if the price comes back), market
        (the deepest derivative), mark_move (of its mark, once its part of the cluster is closed), gain (of the position
        at that mark), break_even_size (position at which gain is push_cost). NaN where no cluster is in reach or no
        spot market moves the index that far. Accounts margined by scan are left out and named in
        ``frame.attrs["note"]``.

    Raises
    ------
    SchemaError
        The asset is unknown, or has no perpetual or future.
    NetworkError
        A market with positions has no depth on a side, or no rule of impact.
    ValueRangeError
        A number is out of range.

    Examples
    --------
    >>> import contagion as ct
    >>> table = money_to_push_index(ct.datasets.load("perp-venues"), "BTC")
    >>> bool((table["money"] > 0.0).all() and (table["level"] * [-1, 1] > 0.0).all())
    True
    """
    real(size, "size", low=0.0), real(width, "width", above=0.0, high=1.0)
    real(least, "least", low=0.0, high=1.0), real(furthest, "furthest", above=0.0)
    traded = _derivatives(net, asset)
    weights, books = last_price_weights(net), market_books(net)
    spots = net.markets[
        (net.markets["asset"] == asset) & (net.markets["kind"] == "spot") & net.markets["in_index"]
    ]
    legs = book(net, {asset: 1.0})
    legs = replace(legs, direction=legs.direction * (1.0 - weights[legs.market]))
    here = np.isin(legs.market, traded)
    money = np.abs(legs.quantity) * legs.price * legs.count
    deepest = _deepest(net, traded)
    name = str(net.markets.index[deepest])
    rows = []
    for move, word, sign in (("fall", "bid", 1.0), ("rise", "ask", -1.0)):
        held = float(money[here & (legs.quantity * sign > 0.0)].sum())
        cluster = next_cluster(legs, here, sign, width, max(least * held, 1e-300), furthest)
        level = -sign * cluster.edge
        row = {
            "asset": asset,
            "move": move,
            "level": level,
            "cluster_money": cluster.money,
            "market": name,
        }
        if np.isfinite(level):
            sides = [side_of(books, str(spot), word) for spot in spots.index]
            row |= _push(sides, sign, level)
            flow = _flow(legs, cluster, deepest, money)
            last = _forced(side_of(books, name, word), sign, flow)
            mark = (1.0 - weights[deepest]) * level + weights[deepest] * last
            row |= {"mark_move": mark, "gain": size * max(0.0, -sign * mark)}
            row["break_even_size"] = row.get("push_cost", np.nan) / abs(mark) if mark != 0.0 else np.nan
        rows.append(row)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    words = ("asset", "move", "market")
    return note_scanned(net, frame.astype({name: np.float64 for name in COLUMNS if name not in words}))


def _derivatives(net: Network, asset: str) -> NDArray[np.int64]:
    """Return the places of the asset's perpetuals and futures."""
    linear = net.markets["kind"].isin(LINEAR)
    of_kind = net.markets[linear]
    if asset not in set(of_kind["asset"]):
        known = sorted(set(of_kind["asset"]))
        raise SchemaError(
            f"has no perpetual or future{nearest(str(asset), known)}",
            where="asset",
            value=shown(str(asset)),
            allowed=", ".join(known),
        )
    return np.flatnonzero(linear & (net.markets["asset"] == asset)).astype(np.int64)


def _deepest(net: Network, places: NDArray[np.int64]) -> int:
    """Return the place of the market with most money within its widest band on both sides."""
    widest = net.depth.loc[net.depth.groupby(["market", "side"])["band"].idxmax()]
    resting = widest.groupby("market")["amount"].sum().reindex(net.markets.index).fillna(0.0).to_numpy()
    return int(places[np.argmax(resting[places])])


def _push(sides: list[Side], sign: float, level: float) -> dict[str, float]:
    """Return the money that moves every book to a level, and what it loses; nothing if one ends before or none is."""
    word, total, lost = "sell" if sign > 0.0 else "buy", 0.0, 0.0
    for side in sides:
        money = float(side.capacity(1.0, 0.0, word, 1.0 + level))
        reached = float(side.move(0.0, sign * money)) if np.isfinite(money) else np.inf
        if not np.isfinite(money) or abs(float(side.price(1.0, reached)) - 1.0 - level) > 1e-6:
            return {}
        total += money
        lost += sign * (1.0 - float(side.average(1.0, 0.0, reached))) * money
    return {"money": total, "push_cost": lost} if sides else {}


def _flow(legs: Book, cluster: Cluster, market: int, money: NDArray[np.float64]) -> float:
    """Return what the cluster sells in one market, at today's price."""
    return float(money[cluster.legs & (legs.market == market)].sum())


def _forced(side: Side, sign: float, flow: float) -> float:
    """Return the move of a market's last price after a forced flow, as far as its book goes."""
    taken = min(flow, float(side.capacity(1.0, 0.0, "sell" if sign > 0.0 else "buy")))
    return float(side.price(1.0, float(side.move(0.0, sign * taken)))) - 1.0
