"""What is in the hedged books of a network: positions, coins in accounts, coins outside them; what does each gain?

A stress is the scenario grid of a venue: the asset of the leg moves, and with it the coin in which the leg settles, if
that is the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from contagion.network.asked import margins_asked
from contagion.network.contracts import Contracts
from contagion.network.equity import opening_leg_requirement
from contagion.network.reserved import inventory, rest_of_market
from contagion.network.scans import ScanBook, scanned_positions, venue_scenarios
from contagion.network.settlement import entry_coins, settles_in_coins

if TYPE_CHECKING:
    from contagion.network.network import Network

__all__ = ["Legs"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]


class Legs:
    """All positions of a network, the coins in its accounts and its holdings, of one account behind each row.

    Arrays have shape (n_legs,): `owner`, `account` (-1: a holding), `asset`, `venue` (-1: a holding), `market` (-1:
    coins), `units`, `count` (accounts behind the row), `margin` and `alone` (maintenance margin of one account as it
    is, and of the leg in an account of its own, money), `rest` (of the rest of the market, or a venue's inventory).
    """

    def __init__(self, net: Network) -> None:
        self.net, self.prices = net, net.column("assets", "price")
        coins = np.flatnonzero(
            (net.column("balances", "quantity") != 0.0) & (net.column("balances", "asset") != net.unit)
        )
        held = np.flatnonzero(
            (net.column("holdings", "quantity") != 0.0) & (net.column("holdings", "asset") != net.unit)
        )
        markets, n_held = net.codes("positions", "market"), len(held)
        none = np.full(n_held, -1, dtype=np.int64)
        self.account = np.concatenate(
            [net.codes("positions", "account"), net.codes("balances", "account")[coins], none]
        )
        self.market = np.concatenate([markets, np.full(len(coins) + n_held, -1, dtype=np.int64)])
        self.asset = np.concatenate(
            [
                net.codes("markets", "asset")[markets],
                net.codes("balances", "asset")[coins],
                net.codes("holdings", "asset")[held],
            ]
        )
        self.units = np.concatenate(
            [
                net.column("positions", "quantity"),
                net.column("balances", "quantity")[coins],
                net.column("holdings", "quantity")[held],
            ]
        )
        inside, n = self.account >= 0, len(markets)
        self.owner = np.concatenate(
            [net.codes("accounts", "owner")[self.account[inside]], net.codes("holdings", "node")[held]]
        )
        self.venue = np.concatenate([net.codes("accounts", "venue")[self.account[inside]], none])
        self.count = np.append(net.column("accounts", "count").astype(np.float64), 1.0)[self.account]
        empty = np.zeros(len(coins) + n_held)
        self.margin = np.concatenate([margins_asked(net) / self.count[:n], empty])
        self.alone = np.concatenate([_alone(net), empty])
        self.option = np.append(net.column("markets", "kind") == "option", False)[self.market]
        accounts = net.index("accounts")
        self.rest = np.append(rest_of_market(accounts) | inventory(accounts), False)[self.account]
        self._gains: dict[int, Floats] = {}
        self._book = replace(
            ScanBook.of(net),
            market=net.codes("positions", "market"),
            contracts=Contracts.of(net),
            quantity=net.column("positions", "quantity"),
        )

    def gain(self, rows: Rows, venue: int) -> Floats:
        """Gain of every leg in every scenario of a venue, money, shape (n, n_scenarios)."""
        if venue not in self._gains:
            self._gains[venue] = self._all_gains(venue)
        return np.asarray(self._gains[venue][rows], dtype=np.float64)

    def _all_gains(self, venue: int) -> Floats:
        """Gains of all legs in the scenarios of a venue, (n_legs, n_scenarios)."""
        scenarios = venue_scenarios(self.net, venue)
        moves, share = np.array(scenarios.price), np.array(scenarios.share)
        found = np.outer(self.units * self.prices[self.asset], moves * share)
        traded = np.flatnonzero(self.market >= 0)
        found[traded] = self.units[traded, None] * self._book.profits(traded, scenarios, self.prices)
        paid = traded[settles_in_coins(self.net)[self.market[traded]]]
        for asset in np.unique(self.asset[paid]).tolist():
            rows = paid[self.asset[paid] == asset]
            found[rows] = self._gains_in_coins(rows, asset, moves) * share
        return np.asarray(found, dtype=np.float64)

    def rises(self) -> Flags:
        """Whether each leg gains as prices rise, in the scenarios of its venue (coins do), shape (n_legs,)."""
        found = self.units > 0.0
        traded = self.market >= 0
        for venue in np.unique(self.venue[traded]).tolist():
            rows = np.flatnonzero(traded & (self.venue == venue))
            moves = np.array(venue_scenarios(self.net, venue).price)
            gain = self.gain(rows, venue)
            found[rows] = gain[:, int(np.argmax(moves))] > gain[:, int(np.argmin(moves))]
        return np.asarray(found, dtype=np.bool_)

    def _gains_in_coins(self, rows: Rows, asset: int, moves: Floats) -> Floats:
        """Gains of contracts on an asset that settle in coins: what they are worth, and what their coins are."""
        contracts, market = self._book.contracts, self.market[rows]
        coin, coins = contracts.settle[market], entry_coins(self.net)[rows]

        def worth(prices: Floats) -> Floats:
            return np.asarray(self.units[rows] * contracts.worths(prices)[market] + coins * prices[coin])

        found = np.zeros((len(rows), len(moves)))
        for j, move in enumerate(moves.tolist()):
            prices = self.prices.copy()
            prices[asset] *= 1.0 + move
            found[:, j] = worth(prices) - worth(self.prices)
        return found


def _alone(net: Network) -> Floats:
    """Maintenance margin of every position as if it stood alone, (n_positions,)."""
    found = opening_leg_requirement(net).copy()
    book, rows = ScanBook.of(net), scanned_positions(net)
    if len(rows):
        apart = replace(book, group=np.arange(len(rows), dtype=np.intp))
        found[rows] = apart.by_leg(net.column("assets", "price"))
    return found
