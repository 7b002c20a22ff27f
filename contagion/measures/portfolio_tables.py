"""Who holds what, with how much equity, and how far does a sale move each price? From a network, or from tables.

Market depth is the money that would move a price by 100 % under linear impact; the impact of a sale is the fall of the
return per unit of money sold, one over depth.

References
----------
Cont, Schaanning (2019), Monitoring indirect contagion, Journal of Banking and Finance 104, for depth from traded volume
and volatility.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, diags_array

from contagion.arrays import FloatArray, real
from contagion.errors import NetworkError, SchemaError
from contagion.holdings import Holdings, read_holdings, same_money
from contagion.labels import SHOWN_LABELS
from contagion.network.equity import opening_equity
from contagion.network.network import Network
from contagion.network.reserved import rest_of_market
from contagion.network.rulebook import is_spot

__all__ = ["Portfolios", "asset_depth", "portfolios", "read_portfolios"]

MONEY = ("total_assets", "equity", "price_impact")


@dataclass(frozen=True)
class Portfolios:
    """Portfolios with the balance sheets behind them, arrays in the internal order of `holdings`.

    Parameters
    ----------
    holdings : Holdings
        Money of each bank in each security, sparse, with labels of both sides.
    total_assets, equity : numpy.ndarray, shape (n_banks,)
        Money.
    impact : numpy.ndarray, shape (n_securities,)
        Fall of the return per unit of money sold, >= 0.
    """

    holdings: Holdings
    total_assets: FloatArray
    equity: FloatArray
    impact: FloatArray

    @property
    def held_by_all(self) -> FloatArray:
        """Money that all banks together have in each security, shape (n_securities,)."""
        return np.asarray(self.holdings.matrix.sum(axis=0), dtype=np.float64).ravel()

    @property
    def debt_over_equity(self) -> FloatArray:
        """Of each bank, shape (n_banks,)."""
        return np.asarray((self.total_assets - self.equity) / self.equity)

    @property
    def weights(self) -> csr_array:
        """Share of each bank's total assets in each security; zeros where it has none."""
        assets = self.total_assets
        inverse = np.divide(1.0, assets, out=np.zeros_like(assets), where=assets > 0.0)
        return csr_array(diags_array(inverse) @ self.holdings.matrix)

    def of_banks(self, values: FloatArray, name: str) -> pd.Series[float]:
        """Numbers per bank with their labels, in the caller's order."""
        return pd.Series(self.holdings.banks.back(values), index=self.holdings.banks.names, name=name)

    def with_equity(self) -> Portfolios:
        """The same, if everybody's equity is above 0.

        Raises
        ------
        NetworkError
            If somebody has none; the message names it.
        """
        wrong = np.flatnonzero(~(self.equity > 0.0))
        if len(wrong):
            raise NetworkError(
                f"of {self.holdings.banks.name(int(wrong[0]))!r} is not above 0",
                where="equity",
                value=float(self.equity[wrong[0]]),
                allowed="> 0 where leverage is needed",
            )
        return self


def read_portfolios(
    total_assets: Any,
    equity: Any,
    weights: Any,
    price_impact: Any,
    banks: Any = None,
    securities: Any = None,
    units: Mapping[str, str] | None = None,
) -> Portfolios:
    """Check portfolios that are given as shares of total assets; arguments as in `duarte_eisenbach`."""
    same_money(units, MONEY)
    table = read_holdings(weights, "weights", banks, securities)
    assets = table.banks.vector(total_assets, "total_assets", low=0.0)
    own = table.banks.vector(equity, "equity", above=0.0)
    impact = table.securities.vector(price_impact, "price_impact", low=0.0)
    return Portfolios(replace(table, matrix=table.scaled(assets).matrix), assets, own, impact)


def portfolios(
    source: Any,
    *,
    total_assets: Any = None,
    equity: Any = None,
    market_depth: Any = None,
    depth_coefficient: float = 0.4,
    horizon_days: float = 20.0,
    units: Mapping[str, str] | None = None,
) -> Portfolios:
    """Return what the measures of overlapping portfolios read, from a network or from tables joined by name.

    Parameters
    ----------
    source : Network, DataFrame, array_like or sparse, shape (n_banks, n_securities)
        A network at its opening; or holdings in money, >= 0, and then the three vectors are needed.
    total_assets, equity : Series, mapping or array_like, shape (n_banks,), optional
        Money. Of a network they follow from its tables.
    market_depth : Series, mapping or array_like, shape (n_securities,), optional
        Money that moves a price by 100 % under linear impact, > 0. Of a network it follows from volatility and volume.
    depth_coefficient, horizon_days : float
        As in `asset_depth`, for networks.
    units : mapping, optional
        Money of ``holdings``, ``total_assets``, ``equity`` and ``market_depth``; different ones are refused. With a
        network that of ``market_depth`` alone, which must be the network's.

    Raises
    ------
    InputError
        If a number is refused, a label is missing, there twice or too much (both sides are listed), or units differ.

    Examples
    --------
    >>> import pandas as pd
    >>> held = pd.DataFrame({"bond": [40.0, 20.0], "stock": [10.0, 30.0]}, index=["A", "B"])
    >>> book = portfolios(held, total_assets={"A": 60, "B": 70}, equity={"B": 5, "A": 4},
    ...                   market_depth={"stock": 400, "bond": 1000})
    >>> book.held_by_all.tolist()
    [60.0, 40.0]
    """
    if isinstance(source, Network):
        given = {"total_assets": total_assets, "equity": equity}
        for name, value in given.items():
            if value is not None:
                raise SchemaError("is in the network's tables", where=name, allowed="leave it out")
        same_money({**(units or {}), "network": source.unit}, ("network", "market_depth"))
        return _of_network(source, market_depth, depth_coefficient, horizon_days)
    missing = [
        name
        for name, value in (
            ("total_assets", total_assets),
            ("equity", equity),
            ("market_depth", market_depth),
        )
        if value is None
    ]
    if missing:
        raise SchemaError("is missing", where=missing[0], allowed="one number for each label of the holdings")
    same_money(units, ("holdings", "total_assets", "equity", "market_depth"))
    table = read_holdings(source, "holdings")
    return Portfolios(
        table,
        table.banks.vector(total_assets, "total_assets", low=0.0),
        table.banks.vector(equity, "equity"),
        1.0 / table.securities.vector(market_depth, "market_depth", above=0.0),
    )


def asset_depth(
    net: Network, *, depth_coefficient: float = 0.4, horizon_days: float = 20.0
) -> pd.Series[float]:
    """Return the market depth of every asset that has a spot market with volume.

    Parameters
    ----------
    net : Network
        Volatility of `assets` (per square root of a day) and `volume` of its spot markets (money a day) are read.
    depth_coefficient, horizon_days : float, default 0.4 and 20
        Depth is ``depth_coefficient volume / volatility sqrt(horizon_days)``, both > 0; assumptions.

    Returns
    -------
    pandas.Series, index asset
        Money.

    Raises
    ------
    NetworkError
        If the volatility of such an asset is missing or 0.

    Examples
    --------
    >>> from contagion.generate import overlapping_portfolios
    >>> depth = asset_depth(overlapping_portfolios(5, 2, volatility_sd=0.0, turnover_sd=0.0))
    >>> depth.index.tolist()
    ['asset-0', 'asset-1']

    References
    ----------
    Cont, Schaanning (2019), Journal of Banking and Finance 104.
    """
    scale = real(depth_coefficient, "depth_coefficient", above=0.0)
    scale *= np.sqrt(real(horizon_days, "horizon_days", above=0.0))
    markets = net.markets
    spot = is_spot(markets["kind"].to_numpy(dtype=object)) & markets["volume"].notna().to_numpy()
    volume = markets["volume"][spot].groupby(markets["asset"][spot].to_numpy()).sum()
    volatility = net.assets["volatility"].reindex(volume.index)
    wrong = volume.index[~(volatility > 0.0).to_numpy()]
    if len(wrong):
        raise NetworkError(
            f"volatility of {wrong[0]!r} is missing or 0",
            where="assets",
            allowed="a number above 0, per square root of a day",
            remedy="set it, or give market_depth",
        )
    depth: pd.Series[float] = scale * volume / volatility
    return depth.rename("market_depth").rename_axis("asset")


def _of_network(net: Network, depth: Any, depth_coefficient: float, horizon_days: float) -> Portfolios:
    """All nodes that own or owe something, and all assets but money."""
    equity = opening_equity(net)
    debts = np.bincount(
        net.codes("obligations", "debtor"), net.obligations["amount"].to_numpy(float), len(net.nodes)
    )
    assets = equity + net.nodes["external_liabilities"] + debts
    own = ((assets > 0.0) | (equity != 0.0)).to_numpy() & ~rest_of_market(net.nodes.index)
    listed = ((net.assets["kind"] != "currency") & (net.assets.index != net.unit)).to_numpy()
    names, nodes = net.assets.index[listed], net.nodes.index[own]
    if not len(names) or not len(nodes):
        raise NetworkError(
            "has no assets that anybody could sell", where="network", allowed="rows in holdings"
        )
    holder, held = net.codes("holdings", "node"), net.codes("holdings", "asset")
    money = net.holdings["quantity"].to_numpy(float) * net.assets["price"].to_numpy(float)[held]
    kept = listed[held] & own[holder]
    row, column = (np.cumsum(own) - 1)[holder[kept]], (np.cumsum(listed) - 1)[held[kept]]
    matrix = csr_array((money[kept], (row, column)), shape=(len(nodes), len(names)))
    table = read_holdings(matrix, "holdings", list(nodes), list(names))
    if depth is None:
        found = asset_depth(net, depth_coefficient=depth_coefficient, horizon_days=horizon_days)
        impact = _impact(found.reindex(names), matrix, table)
    else:
        impact = 1.0 / table.securities.vector(depth, "market_depth", above=0.0)
    return Portfolios(
        table,
        table.banks.vector(assets[own], "total_assets"),
        table.banks.vector(equity[own], "equity"),
        impact,
    )


def _impact(depth: pd.Series[float], matrix: csr_array, table: Holdings) -> FloatArray:
    """One over depth; 0 where there is neither a market nor a holder, who alone could sell."""
    held = np.asarray(matrix.sum(axis=0)).ravel() > 0.0
    lacking = [str(name) for name in depth.index[held & depth.isna().to_numpy()]]
    if lacking:
        raise NetworkError(
            f"have no spot market with a volume, but somebody holds them: {lacking[:SHOWN_LABELS]}",
            where="assets",
            allowed=f"markets there are: {[str(name) for name in depth.dropna().index[:SHOWN_LABELS]]}",
            remedy="add spot markets with volume, or give market_depth",
        )
    return table.securities.vector((1.0 / depth).fillna(0.0), "price_impact", low=0.0)
