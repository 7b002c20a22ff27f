"""Which accounts are closed by force at which price, read from a network's tables before any run?

All prices move along one direction (`contagion.measures.books`); an account that is triggered closes all its
positions. Nobody tops up and no sale moves a price: a map of what waits at each level, not a forecast.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from contagion.errors import ValueRangeError
from contagion.measures.books import Book, Floats, book, closing_moves

if TYPE_CHECKING:
    from contagion.network.network import Network


def liquidation_moves(net: Network, direction: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Return the move at which each account is closed, on the way down and on the way up.

    Parameters
    ----------
    net : Network
        A network with margin accounts.
    direction : mapping of str to float, optional
        As for `book`.

    Returns
    -------
    DataFrame
        Indexed by account: owner, venue, count, fall (<= 0) and rise (>= 0), signed fractions of the
        opening price; NaN where no move in that direction closes the account, 0 where it is below its
        requirement already.
    """
    legs = book(net, direction)
    frame = pd.DataFrame(net.accounts[["owner", "venue", "count"]])
    frame["fall"] = closing_moves(legs, legs.lowest)
    frame["rise"] = closing_moves(legs, legs.highest)
    return frame


def liquidation_prices(net: Network, direction: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Return the liquidation price of every position, along a direction.

    Returns
    -------
    DataFrame
        One row a position: account, market, venue, asset, quantity, price (now), fall_price and rise_price
        (price of the market's asset when the position's account is closed; NaN if it is not).
    """
    legs = book(net, direction)
    frame = _names(net, legs)
    frame["quantity"], frame["price"] = legs.quantity, legs.price
    frame["fall_price"] = legs.leg_prices(closing_moves(legs, legs.lowest))
    frame["rise_price"] = legs.leg_prices(closing_moves(legs, legs.highest))
    return frame


def liquidation_map(
    net: Network,
    direction: Mapping[str, float] | None = None,
    *,
    width: float = 0.01,
    lowest: float = -0.6,
    highest: float = 0.6,
) -> pd.DataFrame:
    """Return the money that is closed by force at each level of the move, by market.

    An account that is triggered closes all its positions, at the prices of its trigger; nobody tops up and
    no sale moves a price. This is a map of what waits at each level, not a forecast.

    Parameters
    ----------
    net : Network
        A network with margin accounts.
    direction : mapping of str to float, optional
        As for `book`.
    width : float
        Width of a level.
    lowest, highest : float
        The map covers moves between them.

    Returns
    -------
    DataFrame
        One row per level, market and side that holds anything: level (the edge nearer to 0), market, venue,
        asset, side (of the positions closed: long, short), positions (rows), money.

    Raises
    ------
    ValueRangeError
        The width isn't positive, or 0 isn't between lowest and highest.
    """
    _check_levels(width, lowest, highest)
    legs = book(net, direction)
    fall, rise = closing_moves(legs, legs.lowest), closing_moves(legs, legs.highest)
    rise[fall == 0.0] = np.nan  # below its requirement already: closed once
    sides = (("fall", fall, max(lowest, legs.lowest)), ("rise", rise, min(highest, legs.highest)))
    table = pd.concat([_triggered(net, legs, *side, width=width) for side in sides], ignore_index=True)
    keys = ["level", "move", "market", "venue", "asset", "side"]
    money = table.groupby(keys, sort=True)["money"]
    return pd.DataFrame({"positions": money.size(), "money": money.sum()}).reset_index()


def _triggered(
    net: Network, legs: Book, word: str, move: Floats, edge: float, *, width: float
) -> pd.DataFrame:
    """Return the legs of accounts that are closed at a `move` between 0 and `edge`."""
    frame = _names(net, legs)
    steps = np.floor(np.abs(move[legs.account]) / width + 1e-9)
    frame["level"] = np.round(np.sign(edge) * steps * width, 12) + 0.0
    frame["move"] = word
    frame["side"] = np.where(legs.quantity > 0.0, "long", "short")
    frame["money"] = np.abs(legs.quantity) * legs.count * legs.leg_prices(move)
    return pd.DataFrame(frame[(np.abs(move) <= abs(edge))[legs.account] & (legs.quantity != 0.0)])


def _names(net: Network, legs: Book) -> pd.DataFrame:
    markets = net.markets
    return pd.DataFrame(
        {
            "account": net.accounts.index.to_numpy()[legs.account],
            "market": markets.index.to_numpy()[legs.market],
            "venue": markets["venue"].to_numpy()[legs.market],
            "asset": markets["asset"].to_numpy()[legs.market],
        }
    )


def _check_levels(width: float, lowest: float, highest: float) -> None:
    if not (np.isfinite(width) and width > 0.0):
        raise ValueRangeError("is no width of a level", where="width", value=width, allowed="more than 0")
    if not lowest <= 0.0 <= highest:
        raise ValueRangeError(
            "is no range of moves",
            where="lowest, highest",
            value=(lowest, highest),
            allowed="lowest <= 0 <= highest",
        )
