"""What would it cost to trade through the books of a network's markets, as they stand at the opening?

References
----------
The average of ``exp(-x)`` over a sale and its counterparts for the other forms: `contagion.markets.impact.average`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import NetworkError
from contagion.markets.book import Book
from contagion.markets.impact import LARGEST_LINEAR

if TYPE_CHECKING:
    from contagion.network.network import Network

Floats = npt.NDArray[np.float64]

SIDES: Final = {"bid": 1.0, "ask": -1.0}
"""Sales hit the bids (positive displacement), purchases the asks."""


def market_books(net: Network) -> dict[tuple[str, str], Book]:
    """Return the book of every market and side, at the depth of the opening.

    Parameters
    ----------
    net : Network
        Its tables markets, depth and assets are read.

    Returns
    -------
    dict of (str, str) to Book
        Keyed by market and side ("bid" is sold into, "ask" bought from); a side without depth is left out, unless
        the impact is a square root. Pools are left out: nobody has a margin position in one.

    Raises
    ------
    NetworkError
        A market with square root impact has no volume or no volatility.
    """
    resting = {key: rows.sort_values("band") for key, rows in net.depth.groupby(["market", "side"])}
    prices, own = net.assets["price"], net.assets["volatility"]
    found: dict[tuple[str, str], Book] = {}
    for name, rule in net.markets[net.markets["kind"] != "pool"].iterrows():
        for side in SIDES:
            rows = resting.get((name, side))
            if rule["impact"] == "square_root":
                sigma = rule["volatility"] if rule["volatility"] >= 0.0 else own[rule["asset"]]
                if not (rule["volume"] > 0.0 and sigma > 0.0):
                    raise NetworkError(
                        "has square_root impact without volume or volatility", where=f"markets {name!r}"
                    )
                scale = float(rule["impact_coefficient"] * sigma / math.sqrt(rule["volume"]))
                lot = 0.0 if np.isnan(rule["lot"]) else float(rule["lot"] * prices[rule["asset"]])
                found[str(name), side] = Book("square_root", scale, lot)
            elif rows is not None:
                found[str(name), side] = _resting_book(
                    rule, rows["band"].to_numpy(), rows["amount"].to_numpy()
                )
    return found


def side_of(books: Mapping[tuple[str, str], Book], market: str, side: str) -> Book:
    """Return the book of one market and side, or refuse the network that has none."""
    if (market, side) not in books:
        raise NetworkError(
            f"has positions and no depth on the {side} side",
            where=f"markets {market!r}",
            remedy=f"add a row with side {side!r} to the table depth",
        )
    return books[market, side]


def _resting_book(rule: pd.Series[Any], bands: Floats, amounts: Floats) -> Book:
    """Return the book of one side from its bands."""
    kind, coefficient = str(rule["impact"]), float(rule["impact_coefficient"])
    if kind != "depth_curve":
        return Book(kind, coefficient * float(bands[0]) / float(amounts[0]))
    kept = bands < 1.0
    return Book(kind, 1.0, 0.0, tuple(bands[kept].tolist()), tuple(amounts[kept].tolist()))


def cost_share(book: Book, money: Floats, side: str) -> tuple[Floats, Floats]:
    """Return what trades lose to the book's price, each alone, as a share of their money, and the share not taken.

    Parameters
    ----------
    book : Book
        One side of a market.
    money : ndarray, shape (n,)
        Sizes at today's price, at least 0.
    side : {"bid", "ask"}
        Whether they are sold into the bids or bought from the asks.

    Returns
    -------
    cost, untaken : ndarray, shape (n,)
        ``side (1 - average price / today's price)``; what an exhausted book does not take counts as if it were done
        at the last price that the book has: a lower bound.
    """
    sign = SIDES[side]
    size = np.asarray(money, dtype=np.float64)
    most = _most(book, side)
    taken = np.minimum(size, most)
    cost = sign * (1.0 - _average(book, taken, sign))
    if not np.isfinite(most):
        return cost, np.zeros_like(size)
    last = sign * (1.0 - float(book.price(1.0, sign * _end(book))))
    untaken = np.where(size > 0.0, 1.0 - taken / np.where(size > 0.0, size, 1.0), 0.0)
    return cost * (1.0 - untaken) + last * untaken, untaken


def _end(book: Book) -> float:
    return LARGEST_LINEAR if book.kind == "linear" else book.bands[-1]


def _most(book: Book, side: str) -> float:
    """Return the money that a side takes before it is exhausted."""
    if book.kind == "depth_curve":
        return book.volumes[-1]
    if book.kind == "linear" and side == "bid" and book.scale > 0.0:
        return LARGEST_LINEAR / book.scale
    return math.inf


def _average(book: Book, money: Floats, sign: float) -> Floats:
    """Return the average price of trades from displacement 0, as a share of today's price."""
    if book.kind == "depth_curve":
        return 1.0 - sign * _mean_displacement(book, money)
    if book.kind == "square_root":
        return _mean_root(book, money, sign)
    reach = book.scale * money
    if book.kind == "linear":
        return 1.0 - 0.5 * sign * reach
    safe = np.where(reach > 0.0, reach, 1.0)
    return np.where(reach > 0.0, -np.expm1(-sign * safe) / (sign * safe), 1.0)


def _mean_root(book: Book, money: Floats, sign: float) -> Floats:
    """Return the average price over a square root, linear within the first lot."""
    zone = book.scale * math.sqrt(book.lot_money)
    end = np.where(
        money <= book.lot_money, zone * money / max(book.lot_money, 1e-300), book.scale * np.sqrt(money)
    )
    return np.asarray(book.average(1.0, 0.0, sign * end), dtype=np.float64) if zone else _root(sign * end)


def _root(reach: Floats) -> Floats:
    """Return ``2 / h^2 (1 - (1 + h) exp(-h))``, by its series where `h` is small."""
    small = np.abs(reach) < 1e-2
    safe = np.where(small, 1.0, reach)
    exact = 2.0 * (1.0 - (1.0 + safe) * np.exp(-safe)) / (safe * safe)
    series = 1.0 - reach * (2.0 / 3.0 - reach * (0.25 - reach * (1.0 / 15.0 - reach / 72.0)))
    return np.where(small, series, exact)


def _mean_displacement(book: Book, money: Floats) -> Floats:
    """Return the mean displacement of trades through a depth curve, money lying evenly between its bands."""
    bands, volumes = np.concatenate([[0.0], book.bands]), np.concatenate([[0.0], book.volumes])
    total = np.concatenate([[0.0], np.cumsum(np.diff(volumes) * 0.5 * (bands[1:] + bands[:-1]))])
    place = np.clip(np.searchsorted(volumes, money, side="right") - 1, 0, len(volumes) - 2)
    inside = money - volumes[place]
    slope = (bands[place + 1] - bands[place]) / (volumes[place + 1] - volumes[place])
    whole = total[place] + inside * (bands[place] + 0.5 * slope * inside)
    return np.where(money > 0.0, whole / np.where(money > 0.0, money, 1.0), 0.0)
