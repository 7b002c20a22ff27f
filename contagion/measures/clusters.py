"""How much money moves a market to its next cluster of forced orders, and what would that be worth?

Somebody who holds a short position sells until the mark reaches the prices at which many longs are closed; their
forced sales carry the price further than his own money did. Buying against shorts is the mirror image.

References
----------
Brunnermeier, Pedersen (2005), "Predatory trading", Journal of Finance 60: selling so that others must sell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.arrays import real
from contagion.errors import SchemaError, nearest, shown
from contagion.markets.book import Book as Side
from contagion.measures.books import HIGHEST_MOVE, Book, book, closing_moves
from contagion.measures.feedback import LINEAR, last_price_weights
from contagion.measures.log_moves import only
from contagion.measures.market_books import market_books, side_of
from contagion.measures.scanned import note_scanned

if TYPE_CHECKING:
    from contagion.network.network import Network

COLUMNS = (
    "market",
    "venue",
    "asset",
    "move",
    "level",
    "cluster_money",
    "price_move",
    "money",
    "push_cost",
    "forced_move",
    "gain",
    "break_even_size",
)


def money_to_next_cluster(
    net: Network,
    size: float = 1e6,
    *,
    market: str | None = None,
    width: float = 0.01,
    least: float = 0.002,
    furthest: float = 0.6,
) -> pd.DataFrame:
    """Return what it takes to push each derivative's mark to its next cluster of liquidations, and what that yields.

    Perpetuals and dated futures are pushed, options are not: they are marked to model. One market's own last price is
    moved; the index and every other market stand still. Forced orders nearer than the cluster are not counted, though
    they would help. The position was opened before, at today's price. Accounts margined by scan are left out and named
    in ``frame.attrs["note"]``.

    Parameters
    ----------
    net : Network
        A network with margin accounts and depth.
    size : float
        Position of the one who pushes, in money at today's price: short against falls, long against rises.
    market : str, optional
        One market alone; default all perpetuals and dated futures.
    width : float
        Width of a level of the mark, a fraction of the price; a cluster is what one level closes.
    least : float
        Smallest money of a cluster, as a share of the market's positions on that side (long or short, the rest of the
        market included); 0.002 is an assumption.
    furthest : float
        Largest move of the mark that is looked at, a fraction of the price.

    Returns
    -------
    DataFrame
        One row per market and move ("fall", "rise"): market, venue, asset, move, level (far edge of the cluster,
        signed move of the mark), cluster_money (positions of this market closed in it, at the prices of their
        triggers), price_move (of the last price that moves the mark so far), money (to sell or buy for it), push_cost
        (what that trade loses if the price comes back), forced_move (of the last price once the cluster is done),
        gain (of the position at that price, before anything is bought back), break_even_size (position at which gain
        is push_cost). NaN where no cluster is in reach, the mark ignores the last price, or nothing moves the price.

    Raises
    ------
    SchemaError
        The market is unknown, or no perpetual or future.
    NetworkError
        A market with positions has no depth on a side, or no rule of impact.
    ValueRangeError
        A number is out of range.

    Examples
    --------
    >>> import contagion as ct
    >>> table = money_to_next_cluster(ct.datasets.load("perp-venues"), market="binance:BTC-PERP")
    >>> table["move"].tolist()
    ['fall', 'rise']
    """
    real(size, "size", low=0.0), real(width, "width", above=0.0, high=1.0)
    real(least, "least", low=0.0, high=1.0), real(furthest, "furthest", above=0.0)
    chosen = _markets(net, market)
    legs, books, weights = book(net), market_books(net), last_price_weights(net)
    rows = []
    for m in chosen:
        name = str(net.markets.index[m])
        alone = _alone(legs, int(m))
        here = alone.market == m
        money = np.abs(alone.quantity) * alone.price * alone.count
        for word, sign in (("fall", 1.0), ("rise", -1.0)):
            held = float(money[here & (alone.quantity * sign > 0.0)].sum())
            cluster = next_cluster(alone, here, sign, width, max(least * held, 1e-300), furthest)
            row = {"level": -sign * cluster.edge, "cluster_money": cluster.money}
            if np.isfinite(cluster.edge):
                side, flow = (
                    side_of(books, name, "bid" if sign > 0.0 else "ask"),
                    float(money[cluster.legs].sum()),
                )
                row |= _attack(side, sign, row["level"], flow, float(weights[m]), size)
            venue, asset = net.markets["venue"].iloc[m], net.markets["asset"].iloc[m]
            rows.append({"market": name, "venue": venue, "asset": asset, "move": word} | row)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return note_scanned(net, frame.astype(dict.fromkeys(COLUMNS[4:], np.float64)))


def _markets(net: Network, market: str | None) -> NDArray[np.int64]:
    """Return the places of the perpetuals and futures looked at."""
    derivative = net.markets["kind"].isin(LINEAR).to_numpy()
    if market is None:
        return np.flatnonzero(derivative).astype(np.int64)
    names = [str(name) for name in net.markets.index[derivative]]
    if market not in names:
        raise SchemaError(
            f"is no perpetual or future of the network{nearest(str(market), names)}",
            where="market",
            value=shown(str(market)),
        )
    return np.array([net.markets.index.get_loc(market)], dtype=np.int64)


def _alone(legs: Book, market: int) -> Book:
    """Return the accounts with positions in a market as they stand when its mark alone moves."""
    concerned = np.zeros(len(legs.cash), dtype=np.bool_)
    concerned[legs.account[(legs.market == market) & (legs.quantity != 0.0)]] = True
    some = only(legs, concerned)
    return replace(
        some,
        direction=(some.market == market).astype(np.float64),
        cash_slope=np.zeros_like(some.cash),
        coin_direction=np.zeros_like(some.coin_direction),
        lowest=-1.0,
        highest=HIGHEST_MOVE,
    )


@dataclass(frozen=True)
class Cluster:
    """Positions that are closed within one level of a move.

    Parameters
    ----------
    edge : float
        Far edge of the level, a size without sign; NaN if there is no cluster in reach.
    money : float
        What they are worth at the prices of their triggers.
    legs : ndarray of bool, shape (n_legs,)
        Which legs of the book they are.
    """

    edge: float
    money: float
    legs: NDArray[np.bool_]


def next_cluster(
    legs: Book, here: NDArray[np.bool_], sign: float, width: float, least: float, furthest: float
) -> Cluster:
    """Return the nearest level that closes enough of the longs (`sign` 1) or shorts (-1) among the legs `here`."""
    moves = closing_moves(legs, legs.lowest if sign > 0.0 else legs.highest)[legs.account]
    closed = here & (legs.quantity * sign > 0.0) & (np.abs(moves) <= furthest)
    worth = np.abs(legs.quantity) * legs.count * legs.price * (1.0 + legs.direction * np.nan_to_num(moves))
    level = np.floor(np.abs(np.nan_to_num(moves)) / width + 1e-9).astype(np.int64)
    sums = np.bincount(level[closed], worth[closed])
    enough = np.flatnonzero(sums >= least)
    if not len(enough):
        return Cluster(np.nan, np.nan, np.zeros_like(closed))
    edge = float(np.round((enough[0] + 1) * width, 12))
    return Cluster(edge, float(sums[enough[0]]), closed & (level == enough[0]))


def _attack(
    side: Side, sign: float, level: float, flow: float, weight: float, size: float
) -> dict[str, float]:
    """Return what a push of the mark to `level` takes and yields; nothing where it cannot be done."""
    if weight <= 0.0 or level / weight <= -1.0:
        return {}
    price = level / weight
    word = "sell" if sign > 0.0 else "buy"
    money = float(side.capacity(1.0, 0.0, word, 1.0 + price))
    reached = float(side.move(0.0, sign * money)) if np.isfinite(money) else np.inf
    if not np.isfinite(money) or abs(float(side.price(1.0, reached)) - 1.0 - price) > 1e-6:
        return {"price_move": price}  # nothing moves this price, or its book ends before
    push = sign * (1.0 - float(side.average(1.0, 0.0, reached))) * money
    end = float(side.move(reached, sign * min(flow, float(side.capacity(1.0, reached, word)))))
    forced = float(side.price(1.0, end)) - 1.0
    fall = -sign * forced
    return {
        "price_move": price,
        "money": money,
        "push_cost": push,
        "forced_move": forced,
        "gain": size * fall,
        "break_even_size": push / fall if fall > 0.0 else np.nan,
    }
