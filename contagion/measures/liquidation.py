"""Which accounts are closed by force at which price, read from a network's tables before any run?

All prices move along one direction: linearly, ``S_a (1 + d_a u)``, or in logarithms, ``S_a exp(d_a t)``. An account
that is triggered closes all its positions. Nobody tops up and no sale moves a price: a map of what waits at
each level, not a forecast.

References
----------
Liquidation price as the root of equity = requirement, in the bracket that holds the price at the liquidation
(`contagion.margin.liquidation_price_binance_isolated`): with one position the root along a direction is that price.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.measures.books import Book, Floats, book, closing_moves, directions
from contagion.measures.log_moves import LONGEST, closing_log_moves
from contagion.measures.scanned import note_scanned, scanned_accounts, scanned_moves

if TYPE_CHECKING:
    from contagion.network.network import Network

SCALES = ("linear", "log")


def liquidation_moves(
    net: Network, direction: Mapping[str, float] | None = None, *, scale: str = "linear"
) -> pd.DataFrame:
    """Return the move at which each account is closed, on the way down and on the way up.

    Parameters
    ----------
    net : Network
        A network with margin accounts.
    direction : mapping of str to float, optional
        Relative move of each asset when the common move is 1; assets not named stand still. Default: 1 for every
        asset that is not a currency.
    scale : {"linear", "log"}
        Whether a move u makes the price of an asset ``S (1 + d u)`` or ``S exp(d u)``.

    Returns
    -------
    DataFrame
        Indexed by account: owner, venue, count, fall (<= 0) and rise (>= 0), signed fractions of the
        opening price (natural logarithms of the price ratio on the log scale): the first move on that side at which
        equity equals the requirement; NaN where no move does (on the log scale none up to a logarithm of 20), 0
        where the account is below its requirement already. Accounts whose margin is scanned are followed in steps
        (`contagion.measures.scanned`), up to a 55-fold price and down to a fiftieth of it.

    Raises
    ------
    SchemaError
        The direction names an asset that the network doesn't have, or the scale is another word.
    ValueRangeError
        The direction is empty, not finite, or moves nothing.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.datasets.load("perp-venues")
    >>> moves = liquidation_moves(net, {"BTC": 1.0, "ETH": 1.5})
    >>> bool((moves["fall"].dropna() <= 0.0).all())
    True
    """
    _check_scale(scale)
    legs = book(net, direction)
    frame = pd.DataFrame(net.accounts[["owner", "venue", "count"]])
    frame["fall"], frame["rise"] = _all_moves(net, legs, direction, scale)
    return frame


def liquidation_prices(
    net: Network, direction: Mapping[str, float] | None = None, *, scale: str = "linear"
) -> pd.DataFrame:
    """Return the liquidation price of every position, along a direction.

    Parameters
    ----------
    net, direction, scale
        As for `liquidation_moves`.

    Returns
    -------
    DataFrame
        One row a position: account, market, venue, asset, quantity (units, short negative), price (now, money per
        unit), fall_price and rise_price (price of the market's asset when the position's account is closed; NaN if
        it is not).

    Raises
    ------
    SchemaError, ValueRangeError
        As for `liquidation_moves`.
    """
    _check_scale(scale)
    legs = book(net, direction)
    frame = _names(net, legs)
    frame["quantity"], frame["price"] = legs.quantity, legs.price
    fall, rise = _moves(legs, scale)
    frame["fall_price"] = _prices_at(legs, fall, scale)
    frame["rise_price"] = _prices_at(legs, rise, scale)
    return note_scanned(net, frame)


def liquidation_map(
    net: Network,
    direction: Mapping[str, float] | None = None,
    *,
    width: float = 0.01,
    lowest: float = -0.6,
    highest: float = 0.6,
    scale: str = "linear",
) -> pd.DataFrame:
    """Return the money that is closed by force at each level of the move, by market.

    An account that is triggered closes all its positions, at the prices of its trigger, or without positions (a loan)
    all its coins, held and owed; nobody tops up and no sale moves a price. This is a map of what waits at each level,
    not a forecast.

    Parameters
    ----------
    net : Network
        A network with margin accounts.
    direction : mapping of str to float, optional
        As for `liquidation_moves`: the map is along this direction, on both sides of today's prices.
    width : float
        Width of a level, in units of the move: a fraction of the price (0.01 is 1 %) times the direction, or a
        natural logarithm of the price ratio on the log scale.
    lowest, highest : float
        The map covers moves between them.
    scale : {"linear", "log"}
        As for `liquidation_moves`.

    Returns
    -------
    DataFrame
        One row per level, market and side that holds anything: level (the edge nearer to 0), market, venue,
        asset, side (of what is closed: long or held, short or owed), positions (rows), money (at the prices of the
        trigger). The market of coins is called ``collateral:<venue>``.
        ``frame.attrs``: unit (of the money), scale, width.

    Raises
    ------
    SchemaError
        As for `liquidation_moves`.
    ValueRangeError
        The width isn't positive, 0 isn't between lowest and highest, or as for `liquidation_moves`.
    """
    _check_levels(width, lowest, highest)
    _check_scale(scale)
    legs = book(net, direction)
    fall, rise = _moves(legs, scale)
    rise[fall == 0.0] = np.nan  # below its requirement already: closed once
    ends = (-np.inf, np.inf) if scale == "log" else (legs.lowest, legs.highest)
    sides = (("fall", fall, max(lowest, ends[0])), ("rise", rise, min(highest, ends[1])))
    orders = closing_orders(net, legs, direction)
    parts = [_triggered(orders, *side, width=width, scale=scale) for side in sides]
    table = pd.concat(parts, ignore_index=True)
    keys = ["level", "move", "market", "venue", "asset", "side"]
    money = table.groupby(keys, sort=True)["money"]
    frame = pd.DataFrame({"positions": money.size(), "money": money.sum()}).reset_index()
    frame.attrs = {"unit": net.unit, "scale": scale, "width": width}
    return note_scanned(net, frame)


def _all_moves(
    net: Network, legs: Book, direction: Mapping[str, float] | None, scale: str
) -> tuple[Floats, Floats]:
    """Return the closing moves of all accounts, those whose margin is scanned among them."""
    tilt = np.asarray(directions(net, direction), dtype=np.float64)
    scanned = scanned_accounts(net)
    fall, rise = _moves(legs, scale)
    if not scanned.any():
        return fall, rise
    down, up = (scanned_moves(net, tilt, sign, scale) for sign in (-1.0, 1.0))
    return np.where(scanned, down, fall), np.where(scanned, up, rise)


def _moves(legs: Book, scale: str) -> tuple[Floats, Floats]:
    """Return the closing move of each account on the way down and on the way up."""
    if scale == "log":
        return closing_log_moves(legs, -1), closing_log_moves(legs, 1)
    return closing_moves(legs, legs.lowest), closing_moves(legs, legs.highest)


def _prices_at(legs: Book, move: Floats, scale: str) -> Floats:
    """Return the price of each leg at moves ``(n_accounts,)``."""
    if scale == "linear":
        return legs.leg_prices(move)
    reach = np.clip(legs.direction * move[legs.account], -LONGEST, LONGEST)
    return np.asarray(legs.price * np.exp(reach), dtype=np.float64)


def _triggered(
    orders: pd.DataFrame, word: str, move: Floats, edge: float, *, width: float, scale: str
) -> pd.DataFrame:
    """Return the orders of accounts that are closed at a `move` between 0 and `edge`."""
    own = move[orders["number"].to_numpy(np.int64)]
    frame = pd.DataFrame(orders[np.abs(own) <= abs(edge)])
    own = own[np.abs(own) <= abs(edge)]
    steps = np.floor(np.abs(own) / width + 1e-9)
    frame["level"] = np.round(np.sign(edge) * steps * width, 12) + 0.0
    frame["move"] = word
    reach = frame["direction"].to_numpy(np.float64) * own
    ratio = 1.0 + reach if scale == "linear" else np.exp(np.clip(reach, -LONGEST, LONGEST))
    frame["money"] = frame["worth"] * ratio
    return frame


def closing_orders(net: Network, legs: Book, direction: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Return what is traded if an account is closed: its positions, or without any its coins.

    Parameters
    ----------
    net, direction
        As for `liquidation_moves`.
    legs : Book
        The book of `net` along `direction`.

    Returns
    -------
    DataFrame
        One row per position or coin: account, market, venue, asset, number (of the account), direction, side (long or
        held, short or owed) and worth (money now, of all accounts behind the row).
    """
    frame = _names(net, legs).assign(number=legs.account, direction=legs.direction)
    frame["side"] = np.where(legs.quantity > 0.0, "long", "short")
    frame["worth"] = np.abs(legs.quantity) * legs.count * legs.price
    held = pd.DataFrame(frame[legs.quantity != 0.0])
    coins = net.balances[(net.balances["asset"] != net.unit) & (net.balances["quantity"] != 0.0)]
    coins = coins[~coins["account"].isin([*held["account"], *net.accounts.index[scanned_accounts(net)]])]
    if not len(coins):
        return held
    owners = net.accounts.reindex(coins["account"])
    asset, venue = coins["asset"].to_numpy(), owners["venue"].to_numpy()
    quantity = coins["quantity"].to_numpy(np.float64)
    price = np.asarray(net.assets["price"].reindex(asset), dtype=np.float64)
    loans = pd.DataFrame(
        {
            "account": coins["account"].to_numpy(),
            "market": [f"collateral:{name}" for name in venue],
            "venue": venue,
            "asset": asset,
            "number": net.accounts.index.get_indexer(pd.Index(coins["account"])),
            "direction": np.asarray(directions(net, direction).reindex(asset), dtype=np.float64),
            "side": np.where(quantity > 0.0, "long", "short"),
            "worth": np.abs(quantity) * price * owners["count"].to_numpy(np.float64),
        }
    )
    return pd.concat([held, loans], ignore_index=True)


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


def _check_scale(scale: str) -> None:
    if scale not in SCALES:
        raise SchemaError(
            f"is no scale{nearest(str(scale), SCALES)}", where="scale", value=scale, allowed="linear, log"
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
