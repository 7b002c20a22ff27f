"""What does a unit trade for in each market of a network, if prices are so and so?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from contagion.markets.options import DAYS_PER_YEAR, LEAST_VALUE, black_scholes
from contagion.network.once import once

if TYPE_CHECKING:
    from contagion.network.network import Network

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
TERMS: Final = ("kind", "contract", "expiry", "carry", "option_side", "strike", "implied_volatility")
SECONDS_PER_YEAR = 86_400.0 * DAYS_PER_YEAR


@dataclass(frozen=True)
class Contracts:
    """What every market trades, as arrays, so that many prices can value them quickly; shapes (n_markets,).

    Parameters
    ----------
    asset : numpy.ndarray of int
        Position of its asset.
    settle : numpy.ndarray of int
        Position of the asset in which it is paid.
    inverse : numpy.ndarray of bool
        Whether its units are money, paid in the asset.
    years : numpy.ndarray
        Until it expires, 0 where it never does.
    carry : numpy.ndarray
        Rate per year at which forward prices exceed spot.
    option : numpy.ndarray of int
        Markets of options; `call`, `strike` and `volatility` (per square root of a year) have an entry for each.
    """

    asset: npt.NDArray[np.intp]
    settle: npt.NDArray[np.intp]
    inverse: npt.NDArray[np.bool_]
    years: Floats
    carry: Floats
    option: npt.NDArray[np.intp]
    call: npt.NDArray[np.bool_]
    strike: Floats
    volatility: Floats

    @classmethod
    def of(cls, net: Network) -> Contracts:
        """Read the markets of a network."""
        markets = {name: net.column("markets", name) for name in TERMS}
        return cls.read(markets, net.codes("markets", "asset"), net.codes("markets", "settle"))

    @classmethod
    def read(cls, markets: Mapping[str, Any], asset: Integers, settle: Integers) -> Contracts:
        """Read columns of markets, and the positions of their assets and of what they are paid in."""
        kind = markets["kind"]
        dated = np.asarray((kind == "future") | (kind == "option"), dtype=np.bool_)
        option = np.flatnonzero(kind == "option")
        return cls(
            asset,
            settle,
            np.asarray(markets["contract"] == "inverse", dtype=np.bool_),
            np.where(dated, np.nan_to_num(markets["expiry"]), 0.0) / SECONDS_PER_YEAR,
            markets["carry"],
            option,
            np.asarray(markets["option_side"][option] == "call", dtype=np.bool_),
            markets["strike"][option],
            markets["implied_volatility"][option],
        )

    def prices(self, prices: Floats) -> Floats:
        """Return what a unit trades for in every market at prices of assets (money per unit).

        Prices of shape (..., n_assets) give values of shape (..., n_markets).

        The asset's price in spot markets, pools and perpetuals, its forward price in futures, the model's value of
        options.

        Examples
        --------
        >>> from contagion import Network
        >>> Contracts.of(Network(nodes=[{"name": "A"}])).prices(np.ones(1)).tolist()
        []
        """
        found = prices[..., self.asset] * np.exp(self.carry * self.years)
        if len(self.option):
            spot, rows = prices[..., self.asset[self.option]], self.option
            kind = np.where(self.call, "call", "put")
            value = black_scholes(
                kind, spot, self.strike, self.years[rows], self.volatility, rate=self.carry[rows]
            ).price
            found[..., rows] = np.maximum(value, LEAST_VALUE * spot)
        return np.asarray(found, dtype=np.float64)

    def worths(self, prices: Floats) -> Floats:
        """Return what a unit long is worth in every market, without what it was opened with, money, as `prices` shapes.

        The price of linear contracts; minus the coins that one unit of money buys in inverse ones, at their price.

        Examples
        --------
        >>> from contagion import Network
        >>> Contracts.of(Network(nodes=[{"name": "A"}])).worths(np.ones(1)).tolist()
        []
        """
        found = self.prices(prices)
        if self.inverse.any():
            found = np.where(self.inverse, -prices[..., self.settle] / found, found)
        return found


def met(values: Floats, account: npt.NDArray[np.intp], column: npt.NDArray[np.intp]) -> Floats:
    """Return what each row meets of values by column, shape (n_columns,), or by account and column.

    Examples
    --------
    >>> met(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, 0]), np.array([0, 0])).tolist()
    [3.0, 1.0]
    """
    return np.asarray(values[column] if values.ndim == 1 else values[account, column], dtype=np.float64)


@once
def opening_worths(net: Network) -> Floats:
    """Return what a unit long is worth in every market at opening prices: what `Contracts.worths` says.

    Examples
    --------
    >>> from contagion import Network
    >>> opening_worths(Network(nodes=[{"name": "A"}])).tolist()
    []
    """
    return Contracts.of(net).worths(net.column("assets", "price"))


@once
def opening_prices(net: Network) -> Floats:
    """Return the opening price of every market, money per unit, shape (n_markets,): what `Contracts.prices` says.

    Examples
    --------
    >>> from contagion import Network
    >>> opening_prices(Network(nodes=[{"name": "A"}])).tolist()
    []
    """
    return Contracts.of(net).prices(net.column("assets", "price"))
