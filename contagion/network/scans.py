"""How much margin do venues that scan portfolios ask of the positions of a network, at any prices?

Per account and asset the loss in the worst scenario of the venue, at least the short minimum of the options sold: the
requirement of the cascade at multipliers of 1.

References
----------
`contagion.margin.scan_margin`, `contagion.markets.risk_array`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from contagion.markets.options import LEAST_VALUE, black_scholes
from contagion.markets.risk_arrays import RiskScenarios, grid_scenarios
from contagion.network.contracts import Contracts, met
from contagion.network.network import Network
from contagion.network.once import once

__all__ = ["ScanBook", "opening_scans", "scanned_positions", "venue_scenarios"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
CELLS = ("scan_range", "scan_volatility_up", "scan_volatility_down", "scan_extreme", "scan_extreme_share")


def venue_scenarios(net: Network, v: int) -> RiskScenarios:
    """Scenarios of the venue in row `v`: a grid of prices with three volatilities, and two extreme moves.

    Examples
    --------
    >>> net = Network(nodes=[{"name": "V", "kind": "exchange"}], venues=[{"name": "V", "margin": "scan"}])
    >>> len(venue_scenarios(net, 0))
    29
    """
    width, up, down, far, share = (float(net.column("venues", name)[v]) for name in CELLS)
    return grid_scenarios(
        width,
        volatility_up=up,
        volatility_down=down,
        extreme=(-far, far) if far > 0.0 else (),
        extreme_share=share,
        powers=(0.0, 0.0),
    )


def scanned_positions(net: Network) -> Rows:
    """Return the rows of `positions` whose margin is scanned.

    Examples
    --------
    >>> scanned_positions(Network(nodes=[{"name": "A"}])).tolist()
    []
    """
    venue = net.codes("accounts", "venue")[net.codes("positions", "account")]
    return np.flatnonzero((net.column("venues", "margin") == "scan")[venue])


@dataclass(frozen=True)
class ScanBook:
    """The positions that are scanned, venue by venue.

    Parameters
    ----------
    rows : numpy.ndarray of int, shape (n_legs,)
        Their rows in `positions`.
    account, market, group : numpy.ndarray of int, shape (n_legs,)
        Whose, in which market, and which account and asset together, numbered from 0.
    quantity : numpy.ndarray, shape (n_legs,)
        Units of one account.
    venue : numpy.ndarray of int, shape (n_legs,)
        Position of the venue, a key of `scenarios`.
    scenarios : dict of int to RiskScenarios
        By venue.
    short_minimum : numpy.ndarray, shape (n_venues,)
        Share of the price of the asset that an option sold needs at least.
    contracts : Contracts
        What the markets trade.
    n_accounts : int
        Rows of `accounts`.
    """

    rows: Rows
    account: Rows
    market: Rows
    group: Rows
    quantity: Floats
    venue: Rows
    scenarios: dict[int, RiskScenarios]
    short_minimum: Floats
    contracts: Contracts
    n_accounts: int

    @classmethod
    def of(cls, net: Network) -> ScanBook:
        """Read the positions of a network at venues that scan."""
        rows = scanned_positions(net)
        account, market = net.codes("positions", "account")[rows], net.codes("positions", "market")[rows]
        venue = net.codes("accounts", "venue")[account]
        pairs = account * max(1, len(net.index("assets"))) + net.codes("markets", "asset")[market]
        return cls(
            rows,
            account,
            market,
            np.unique(pairs, return_inverse=True)[1],
            net.column("positions", "quantity")[rows],
            venue,
            {v: venue_scenarios(net, v) for v in np.unique(venue).tolist()},
            net.column("venues", "short_minimum"),
            Contracts.of(net),
            len(net.index("accounts")),
        )

    def only(self, accounts: Rows) -> ScanBook:
        """Return the positions of some accounts, by position, numbered anew in this order.

        Examples
        --------
        >>> ScanBook.of(Network(nodes=[{"name": "A"}])).only(np.zeros(0, np.intp)).n_accounts
        0
        """
        number = np.full(self.n_accounts, -1, dtype=np.intp)
        number[accounts] = np.arange(len(accounts))
        kept = np.flatnonzero(number[self.account] >= 0)
        return replace(
            self,
            rows=self.rows[kept],
            account=number[self.account[kept]],
            market=self.market[kept],
            group=np.unique(self.group[kept], return_inverse=True)[1],
            quantity=self.quantity[kept],
            venue=self.venue[kept],
            n_accounts=len(accounts),
        )

    def by_leg(self, prices: Floats) -> Floats:
        """Return what each leg needs at prices of assets, money, shape (n_legs,).

        The margin of an account and asset is shared out in proportion to what its legs would need alone. Prices have
        shape (n_assets,), or (n_accounts, n_assets) where every account meets its own.

        Examples
        --------
        >>> ScanBook.of(Network(nodes=[{"name": "A"}])).by_leg(np.ones(1)).tolist()
        []
        """
        groups = int(self.group.max()) + 1 if len(self.group) else 0
        together, alone = np.zeros(groups), np.zeros(len(self.rows))
        for v, scenarios in self.scenarios.items():
            legs = np.flatnonzero(self.venue == v)
            gains = self.quantity[legs, None] * self.profits(legs, scenarios, prices)
            spot = met(prices, self.account[legs], self.contracts.asset[self.market[legs]])
            option = np.isin(self.market[legs], self.contracts.option)
            sold = np.where(option, np.maximum(-self.quantity[legs], 0.0), 0.0)
            floor = self.short_minimum[v] * sold * spot
            group = self.group[legs]
            worst = np.zeros(groups)
            for gain in gains.T:
                worst = np.maximum(worst, -np.bincount(group, gain, groups))
            together = np.maximum(together, np.maximum(worst, np.bincount(group, floor, groups)))
            alone[legs] = np.maximum(np.maximum(-gains.min(axis=1), 0.0), floor)
        total = np.bincount(self.group, alone, groups)
        share = np.divide(together, total, out=np.zeros(groups), where=total > 0.0)
        return np.asarray(alone * share[self.group], dtype=np.float64)

    def requirement(self, prices: Floats) -> Floats:
        """Return what one account behind each row needs at prices of assets, money, shape (n_accounts,).

        Examples
        --------
        >>> ScanBook.of(Network(nodes=[{"name": "A"}])).requirement(np.ones(1)).tolist()
        []
        """
        found = np.bincount(self.account, self.by_leg(prices), self.n_accounts)
        return np.asarray(found, dtype=np.float64)

    def profits(self, legs: Rows, scenarios: RiskScenarios, prices: Floats) -> Floats:
        """Return the profit of one unit of each leg's contract in every scenario, money, shape (n, n_scenarios).

        Examples
        --------
        >>> from contagion.markets.risk_arrays import grid_scenarios
        >>> empty = ScanBook.of(Network(nodes=[{"name": "A"}]))
        >>> empty.profits(np.zeros(0, np.intp), grid_scenarios(0.15), np.ones(1)).shape[0]
        0
        """
        if prices.ndim == 1:  # all meet the same prices: one row a market will do
            market, leg = np.unique(self.market[legs], return_inverse=True)
            return self._profits(market, scenarios, prices[None, :])[leg]
        return self._profits(self.market[legs], scenarios, prices[self.account[legs]])

    def _profits(self, market: Rows, scenarios: RiskScenarios, prices: Floats) -> Floats:
        """Profits per unit in every scenario of markets that meet prices of their own, or all one row."""
        terms, row = self.contracts, np.arange(len(market))
        moves, share = np.array(scenarios.price), np.array(scenarios.share)
        prices = np.broadcast_to(prices, (len(market), prices.shape[1]))
        found = terms.prices(prices)[row, market, None] * moves
        place = np.searchsorted(terms.option, market)
        place = np.where(place < len(terms.option), place, 0)
        if len(terms.option):
            rows = np.flatnonzero(terms.option[place] == market)
            at, m = place[rows, None], market[rows, None]
            spot = prices[rows[:, None], terms.asset[m]]
            kind = np.where(terms.call[at], "call", "put")
            years, rate = terms.years[m], terms.carry[m]
            width = terms.volatility[at] * np.maximum(0.0, 1.0 + np.array(scenarios.volatility))
            then, now = (
                np.maximum(
                    black_scholes(kind, where, terms.strike[at], years, sigma, rate=rate).price,
                    LEAST_VALUE * where,
                )
                for where, sigma in ((spot * (1.0 + moves), width), (spot, terms.volatility[at]))
            )
            found[rows] = then - now
        return np.asarray(found * share, dtype=np.float64)


@once
def opening_scans(net: Network) -> Floats:
    """Return the margin by scan of every position of one account behind its row, at opening prices.

    Money, shape (n_positions,); 0 where margin is asked by tiers.

    Examples
    --------
    >>> opening_scans(Network(nodes=[{"name": "A"}])).tolist()
    []
    """
    found, book = np.zeros(len(net.column("positions", "quantity"))), ScanBook.of(net)
    if len(book.rows):
        found[book.rows] = book.by_leg(net.column("assets", "price"))
    return found
