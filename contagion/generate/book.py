"""Who holds which positions, so that every market meets its open interest and nets to exactly zero?

Money placed with holders is turned into whole lots, the last maker of each venue takes the lots that are left over,
and every account gets the equity that its leverage, its tiers and the call level of its venue ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contagion.generate.allocation import whole_lots
from contagion.generate.holders import Holders, place_basis_traders, place_makers, place_speculators
from contagion.generate.layout import Layout
from contagion.generate.margins import opening_equity
from contagion.generate.traders import Traders

__all__ = ["Book", "build_book"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Book:
    """Accounts with positions: speculators first, then makers (maker by venue), then basis traders.

    Parameters
    ----------
    n_traders, n_makers, n_basis : int
        Account rows of each kind.
    venue, count : numpy.ndarray of int64, shape (n_accounts,)
        Venue and number of accounts behind each row.
    equity : numpy.ndarray, shape (n_accounts,)
        Opening equity of the row in money.
    balance : numpy.ndarray, shape (n_accounts,)
        Equity less the profit that the positions show at the opening price.
    account, market, lots : numpy.ndarray of int64, shape (n_legs,)
        Positions in signed lots.
    quantity, entry_price : numpy.ndarray, shape (n_legs,)
        Signed quantity in coins (exact multiples of the lot) and entry price.
    """

    n_traders: int
    n_makers: int
    n_basis: int
    venue: Integers
    count: Integers
    equity: Floats
    balance: Floats
    account: Integers
    market: Integers
    lots: Integers
    quantity: Floats
    entry_price: Floats


def build_book(
    layout: Layout, traders: Traders, settings: Mapping[str, float], wanted: Mapping[float, float], seed: int
) -> Book:
    """Place the open interest of every market.

    Parameters
    ----------
    layout : Layout
    traders : Traders
    settings : mapping of str to float
        As of `read_assumptions`.
    wanted : mapping of float to float
        Shares of long open interest above leverages; empty for those that follow from the draws.
    seed : int

    Returns
    -------
    Book

    Raises
    ------
    ValueRangeError
        If the wanted shares or the open interest cannot be reached under the tiers.
    """
    groups = [
        place_speculators(layout, traders, settings, wanted),
        place_makers(layout, settings, seed),
        place_basis_traders(layout, settings, seed),
    ]
    n_traders, n_makers, n_basis = (len(group.count) for group in groups)
    starts = np.cumsum([0, n_traders, n_makers, n_basis])
    account = np.concatenate([group.account + start for group, start in zip(groups, starts, strict=False)])
    venue, count, market = (_joined(groups, name) for name in ("venue", "count", "market"))
    leverage = np.concatenate([group.leverage for group in groups])
    amount = np.concatenate([group.amount for group in groups])
    asset = market % len(layout.assets)
    lots = _joined(groups, "side") * whole_lots(amount, count[account], (layout.lot * layout.price)[asset])
    last_maker = (account >= starts[2] - len(layout.venues)) & (account < starts[2])
    lots = _balanced(lots, market, np.flatnonzero(last_maker))
    quantity = lots * layout.lot[asset]
    equity = opening_equity(
        layout,
        settings,
        account=account,
        market=market,
        notional=np.abs(quantity) * layout.price[asset],
        count=count,
        leverage=leverage,
    )
    entry = _entry_prices(layout, settings, traders, account, market, quantity, equity)
    profit = np.bincount(account, quantity * (layout.price[asset] - entry), len(count))
    return Book(
        n_traders=n_traders,
        n_makers=n_makers,
        n_basis=n_basis,
        venue=venue,
        count=count,
        equity=equity,
        balance=equity - profit,
        account=account,
        market=market,
        lots=lots,
        quantity=quantity,
        entry_price=entry,
    )


def _joined(groups: list[Holders], name: str) -> Integers:
    return np.concatenate([getattr(group, name) for group in groups]).astype(np.int64)


def _balanced(lots: Integers, market: Integers, takers: Integers) -> Integers:
    """Let the legs `takers`, one in each market, take the lots by which longs and shorts differ."""
    balanced = lots.copy()
    net = np.zeros(int(market.max()) + 1, dtype=np.int64)
    np.add.at(net, market, lots)
    balanced[takers] -= net[market[takers]]
    return balanced


def _entry_prices(
    layout: Layout,
    settings: Mapping[str, float],
    traders: Traders,
    account: Integers,
    market: Integers,
    quantity: Floats,
    equity: Floats,
) -> Floats:
    """Entry prices around the opening price, so that profits of a market add up to zero.

    Speculators entered at scattered prices, with a profit or loss of at most half of their equity; makers and
    basis traders share the one price in each market at which all profits cancel.
    """
    price = layout.price[market % len(layout.assets)]
    money = np.bincount(account, np.abs(quantity) * price, len(equity))
    room = np.minimum(0.5 * (equity / money)[account], 0.2)
    speculator = np.arange(len(quantity)) < len(traders.account)
    score = np.zeros(len(quantity))
    score[speculator] = settings["entry_spread"] * traders.entry_score
    entry = price * (1.0 + np.clip(score, -room, room))
    n_markets = len(layout.tiers)
    owed = np.bincount(market[speculator], (quantity * entry)[speculator], n_markets)
    held = np.bincount(market[~speculator], quantity[~speculator], n_markets)
    return np.where(speculator, entry, -(owed / held)[market])
