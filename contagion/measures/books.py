"""The margin accounts of a network as flat arrays, and their health when prices move along one direction.

The price of asset ``a`` is ``S_a (1 + d_a u)`` with one number ``u``, the *move*. Along it the health of an
account,

    ``health(u) = Σ weight · balances · price + Σ q (price − entry) − Σ max over lines (rate |q| price − amount)``,

is concave and piecewise linear, so that it has at most one root on either side of 0. Newton's steps from
the far end follow tangents of a concave function: they never pass the root, and reach it after at most as
many steps as there are kinks. Marks are taken at the asset's price, margin multipliers at 1.

References
----------
Maintenance margin as the maximum of tier lines, from the recursion of published maintenance amounts:
``amount_k = amount_(k−1) + floor_k (rate_k − rate_(k−1))``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.network.contracts import opening_prices
from contagion.network.scans import scanned_positions
from contagion.network.settlement import all_settle_in_money
from contagion.network.weights import balance_weights

if TYPE_CHECKING:
    from contagion.network.network import Network

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

HIGHEST_MOVE = 1e6  # a short that survives a millionfold price has no liquidation price
MOST_STEPS = 200


@dataclass(frozen=True)
class Book:
    """The margin accounts of a network as flat arrays; legs are grouped by account.

    Parameters
    ----------
    account, market : ndarray, shape (n_legs,)
        Position of each leg's account and market in the network's tables.
    quantity, price : ndarray, shape (n_legs,)
        Signed quantity of one account of the row, and the price of the leg's market now.
    direction : ndarray, shape (n_legs,)
        Relative move of that price when the common move is 1.
    rates, amounts : ndarray, shape (n_lines, n_legs)
        Tier lines of the leg's market; unused lines are 0.
    pair : ndarray, shape (n_legs,)
        Number of the account and asset of legs that have opposite ones beside them, where the venue spares margin.
    offset : ndarray, shape (n_legs,)
        Share of the smaller side's margin that is spared; 0 where there is no pair.
    count : ndarray, shape (n_legs,)
        Identical accounts behind the row.
    cash, cash_slope : ndarray, shape (n_accounts,)
        Balances less entry values of one account of the row, and their change per unit of the move.
    coin_account, coin_value, coin_direction : ndarray, shape (n_coins,)
        Balances in assets that move: their account, value now (part of `cash`) and relative move.
    lowest, highest : float
        The moves between which no price is negative.
    """

    account: Integers
    market: Integers
    quantity: Floats
    price: Floats
    direction: Floats
    rates: Floats
    amounts: Floats
    pair: Integers
    offset: Floats
    count: Floats
    cash: Floats
    cash_slope: Floats
    coin_account: Integers
    coin_value: Floats
    coin_direction: Floats
    lowest: float
    highest: float

    def leg_prices(self, move: Floats) -> Floats:
        """Return the price of each leg, ``(n_legs,)``, at moves ``(n_accounts,)``."""
        return np.asarray(self.price * (1.0 + self.direction * move[self.account]), dtype=np.float64)

    def requirement(self, prices: Floats) -> tuple[Floats, Floats]:
        """Return the maintenance margin of each leg and the rate of the tier in force, each ``(n_legs,)``."""
        notional = np.abs(self.quantity) * prices
        best, rate = np.zeros_like(notional), np.zeros_like(notional)
        for line_rate, line_amount in zip(self.rates, self.amounts, strict=True):
            value = line_rate * notional - line_amount
            higher = value > best
            best[higher], rate[higher] = value[higher], line_rate[higher]
        if self.offset.any():
            kept = kept_share(self.pair, self.offset, self.quantity > 0.0, best)
            return best * kept, rate * kept
        return best, rate

    def health(self, move: Floats) -> tuple[Floats, Floats]:
        """Return health (money) and its slope in the move, each ``(n_accounts,)``."""
        prices = self.leg_prices(move)
        required, rate = self.requirement(prices)
        size = len(self.cash)
        level = np.bincount(self.account, self.quantity * prices - required, size)
        tilt = (self.quantity - rate * np.abs(self.quantity)) * self.price * self.direction
        slope = np.bincount(self.account, tilt, size) + self.cash_slope
        return self.cash + self.cash_slope * move + level, slope


def kept_share(pair: Integers, offset: Floats, long_side: NDArray[np.bool_], margin: Floats) -> Floats:
    """Return the share of its own margin that each leg adds to the requirement of its account, ``(n_legs,)``.

    Of the margins L of the longs and S of the shorts on one asset the smaller counts ``1 - offset``: together
    ``max(L + (1 - offset) S, (1 - offset) L + S)``, which is convex in the prices as L and S are.
    """
    size = int(pair.max()) + 1 if len(pair) else 0
    longs = np.bincount(pair, np.where(long_side, margin, 0.0), size)[pair]
    shorts = np.bincount(pair, np.where(long_side, 0.0, margin), size)[pair]
    smaller = np.where(long_side, longs <= shorts, shorts < longs)
    return np.where(smaller, 1.0 - offset, 1.0)


def book(net: Network, direction: Mapping[str, float] | None = None) -> Book:
    """Read the margin accounts of a network; positions whose margin is scanned are left out (`measures.scanned`).

    Parameters
    ----------
    net : Network
        Its tables accounts, balances, positions, markets, assets, schedules and tiers are read.
    direction : mapping of str to float, optional
        Relative move of each asset when the common move is 1; assets not named stand still.
        Default: 1 for every asset that is not a currency.

    Raises
    ------
    SchemaError
        The direction names an asset that the network doesn't have.
    ValueRangeError
        The direction is empty, not finite, or moves nothing.
    NetworkError
        A market is settled in something else than the unit.
    """
    all_settle_in_money(net, "a measure of margin accounts along a direction")
    tilt = directions(net, direction)
    prices = net.assets["price"].astype(np.float64)
    positions = net.positions.drop(net.positions.index[scanned_positions(net)])
    account = net.accounts.index.get_indexer(pd.Index(positions["account"])).astype(np.int64)
    market = net.markets.index.get_indexer(pd.Index(positions["market"])).astype(np.int64)
    asset = net.markets["asset"].to_numpy()[market]
    quantity = positions["quantity"].to_numpy(np.float64)
    rates, amounts = _lines(net)
    coin_account, coin_value, coin_direction = _coins(net, prices, tilt)
    size = len(net.accounts)
    pair, offset = _pairs(net, account, asset, quantity)
    cash = np.bincount(coin_account, coin_value, size).astype(np.float64)
    moving = coin_direction != 0.0
    entry = positions["entry_price"].to_numpy(np.float64)
    moved = [float(step) for step in tilt if step != 0.0]
    return Book(
        account=account,
        market=market,
        quantity=quantity,
        price=opening_prices(net)[market],
        direction=np.asarray(tilt.reindex(asset), dtype=np.float64),
        rates=rates[:, market] + _slopes(net)[market] * np.abs(quantity),
        amounts=amounts[:, market],
        pair=pair,
        offset=offset,
        count=net.accounts["count"].to_numpy(np.float64)[account],
        cash=cash - np.bincount(account, quantity * entry, size),
        cash_slope=np.bincount(coin_account, coin_value * coin_direction, size).astype(np.float64),
        coin_account=coin_account[moving],
        coin_value=coin_value[moving],
        coin_direction=coin_direction[moving],
        lowest=max([-1.0 / step for step in moved if step > 0.0], default=-HIGHEST_MOVE),
        highest=min([-1.0 / step for step in moved if step < 0.0], default=HIGHEST_MOVE),
    )


def closing_moves(legs: Book, start: float) -> Floats:
    """Return the move between 0 and `start` at which each account is closed.

    Parameters
    ----------
    legs : Book
        The accounts.
    start : float
        The far end, `Book.lowest` or `Book.highest`.

    Returns
    -------
    ndarray, shape (n_accounts,)
        NaN for an account that no such move closes, 0 for one whose health is negative already.
    """
    health, _ = legs.health(np.zeros_like(legs.cash))
    move = np.full_like(legs.cash, start)
    level, slope = legs.health(move)
    inner = (health >= 0.0) & (level < 0.0)
    for _ in range(MOST_STEPS):
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.where(inner & (level < 0.0), -level / slope, 0.0)
        further = move + step
        if np.array_equal(further, move):
            break
        move = further
        level, slope = legs.health(move)
    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # steps from far away carry the rounding of far moves
        move = move - np.where(inner & (slope != 0.0), level / slope, 0.0)
    found = np.clip(move, min(start, 0.0), max(start, 0.0)) + 0.0
    return np.where(health < 0.0, 0.0, np.where(inner, found, np.nan))


def directions(net: Network, direction: Mapping[str, float] | None) -> pd.Series[float]:
    """Return the relative move of every asset per unit of the common move."""
    assets = net.assets
    if direction is None:
        return pd.Series(assets["kind"] != "currency", dtype=np.float64)
    names = list(assets.index)
    unknown = [name for name in direction if name not in assets.index]
    if unknown:
        raise SchemaError(
            f"is no asset of the network{nearest(unknown[0], names)}", where="direction", value=unknown[0]
        )
    tilt = pd.Series(direction, dtype=np.float64).reindex(names, fill_value=0.0)
    if not np.isfinite(tilt).all() or not tilt.any():
        raise ValueRangeError(
            "moves no price",
            where="direction",
            value=dict(direction),
            allowed="finite numbers, at least one other than 0",
        )
    return tilt


def _lines(net: Network) -> tuple[Floats, Floats]:
    """Return rate and amount of every tier line of every market, each ``(n_lines, n_markets)``."""
    tiers = net.tiers.sort_values(["schedule", "floor"])
    line = tiers.groupby("schedule").cumcount().to_numpy(np.int64)
    rate, floor = tiers["maintenance_rate"], tiers["floor"]
    rise = floor * (rate - rate.groupby(tiers["schedule"]).shift(fill_value=0.0))
    amount = rise.where(line > 0, 0.0).groupby(tiers["schedule"]).cumsum()
    schedules = pd.Index(tiers["schedule"].unique())
    n_lines = int(line.max()) + 1 if len(line) else 0
    table = np.zeros((2, n_lines, len(schedules) + 1))
    place = schedules.get_indexer(tiers["schedule"])
    table[0, line, place], table[1, line, place] = rate, amount
    of_market = schedules.get_indexer(net.markets["schedule"])  # -1, no schedule: the column of zeros
    return table[0][:, of_market], table[1][:, of_market]


def _slopes(net: Network) -> Floats:
    """Return by how much the maintenance rate of each market grows per unit held, ``(n_markets,)``."""
    slopes = net.schedules["maintenance_slope"].reindex(net.markets["schedule"])
    return np.asarray(slopes.fillna(0.0), dtype=np.float64)


def _pairs(
    net: Network, account: Integers, asset: NDArray[np.object_], quantity: Floats
) -> tuple[Integers, Floats]:
    """Return the account and asset of each leg as one number, and the offset of legs with opposite ones."""
    places, names = pd.factorize(asset)
    pair = np.unique(account * max(len(names), 1) + places, return_inverse=True)[1].astype(np.int64)
    venue = net.accounts["venue"].to_numpy()[account]
    offset = np.asarray(net.venues["portfolio_offset"].reindex(venue), dtype=np.float64)
    size = len(quantity) + 1
    long, short = (np.bincount(pair, quantity * side > 0.0, size)[pair] > 0.0 for side in (1.0, -1.0))
    return pair, np.where(long & short, offset, 0.0)


def _coins(net: Network, prices: pd.Series[float], tilt: pd.Series[float]) -> tuple[Integers, Floats, Floats]:
    """Return account, value now and relative move of every balance, each ``(n_balances,)``."""
    balances = net.balances
    account = net.accounts.index.get_indexer(pd.Index(balances["account"]))
    asset = balances["asset"]
    price = np.asarray(prices.reindex(asset), dtype=np.float64)
    quantity = balances["quantity"].to_numpy(np.float64)
    counted = np.where(quantity > 0.0, quantity * balance_weights(net), quantity)
    return (
        account.astype(np.int64),
        counted * price,
        np.asarray(tilt.reindex(asset), dtype=np.float64),
    )
