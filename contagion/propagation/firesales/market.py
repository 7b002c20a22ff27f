"""What can be sold in a network, by whom, and in which markets?

Every asset that is held and is no currency can be sold; currencies count as cash. Volatility is that of `assets`,
volume the sum over the asset's spot markets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array

from contagion.arrays import FloatArray
from contagion.claims import labels_of
from contagion.errors import ConvergenceError, NetworkError, SchemaError
from contagion.holdings import Holdings
from contagion.labels import Axis, axis_of, join
from contagion.propagation.firesales.portfolios import Table

if TYPE_CHECKING:
    from contagion.network import Network
    from contagion.shocks import Shock

__all__ = ["Market", "by_name"]


@dataclass(frozen=True)
class Market:
    """What is held and can be sold, money at opening prices.

    Parameters
    ----------
    holdings : Holdings
        Nodes by assets, both sorted by name.
    places : numpy.ndarray of int64, shape (n_assets,)
        Row of each in the network's assets.
    price, volatility, volume : numpy.ndarray, shape (n_assets,)
        Money per unit, per square root of a day, money per day; NaN where the network has none.
    unit : str
        The network's money.
    spot, spot_asset, spot_volume
        Spot markets, what is traded there, and money per day; NaN where the network has none.
    money_places, money_held : numpy.ndarray
        Assets row of every holding of a currency, and the node that has it.
    money_quantity : numpy.ndarray
        How much of it.
    """

    holdings: Holdings
    places: npt.NDArray[np.int64]
    price: FloatArray
    volatility: FloatArray
    volume: FloatArray
    unit: str
    spot: tuple[str, ...]
    spot_asset: tuple[str, ...]
    spot_volume: FloatArray
    money_places: npt.NDArray[np.int64]
    money_held: npt.NDArray[np.int64]
    money_quantity: FloatArray

    @classmethod
    def of(cls, net: Network) -> Market:
        """Read a network.

        Raises
        ------
        NetworkError
            If nobody holds anything that can be sold.
        """
        assets = net.assets
        node, asset = net.codes("holdings", "node"), net.codes("holdings", "asset")
        quantity, price = net.holdings["quantity"].to_numpy(float), assets["price"].to_numpy(float)
        money = (assets["kind"] == "currency").to_numpy()[asset] if len(asset) else np.zeros(0, dtype=bool)
        worth = quantity * price[asset]
        sold = ~money & (worth > 0.0)
        if not sold.any():
            raise NetworkError(
                "nobody holds anything that can be sold",
                where="holdings",
                allowed="holdings of assets that are no currency; FireSale reads them",
            )
        spot = (net.markets["kind"] == "spot").to_numpy()
        places = np.unique(asset[sold]).astype(np.int64)
        names = pd.Index(assets.index[places], dtype=object)
        shape = (len(net.nodes), len(places))
        column = np.searchsorted(places, asset[sold])
        matrix = csr_array((worth[sold], (node[sold], column)), shape=shape)
        nodes = axis_of(pd.Index(net.nodes.index, dtype=object), shape[0], "nodes", whose="the network")
        return cls(
            holdings=Holdings(matrix, nodes, axis_of(names, shape[1], "assets", whose="the network")),
            places=places,
            price=price[places],
            volatility=assets["volatility"].to_numpy(float)[places],
            volume=_volume(net, names),
            unit=net.unit,
            spot=tuple(map(str, net.markets.index[spot])),
            spot_asset=tuple(map(str, net.markets["asset"][spot])),
            spot_volume=net.markets["volume"].to_numpy(float)[spot],
            money_places=asset[money].astype(np.int64),
            money_held=node[money].astype(np.int64),
            money_quantity=quantity[money],
        )

    @cached_property
    def table(self) -> Table:
        """Holdings as the engine reads them."""
        return Table(self.holdings.matrix)

    @cached_property
    def names(self) -> pd.Index:
        """Assets that can be sold, sorted."""
        names = self.assets.names
        assert names is not None
        return names

    @property
    def assets(self) -> Axis:
        """The assets as an axis."""
        return self.holdings.securities

    @cached_property
    def held(self) -> FloatArray:
        """Money that each node has in them at opening prices, shape (n_nodes,)."""
        return np.asarray(self.holdings.matrix.sum(axis=1), dtype=np.float64).ravel()

    @cached_property
    def total(self) -> FloatArray:
        """Money that all have in each of them at opening prices, shape (n_assets,)."""
        return np.asarray(self.holdings.matrix.sum(axis=0), dtype=np.float64).ravel()

    def factors(self, all_factors: FloatArray) -> FloatArray:
        """Of the factors of all the network's assets those of the assets that can be sold."""
        return all_factors[self.places]

    def depth_factors(self, shock: Shock) -> FloatArray | None:
        """Depth of each asset's spot markets after the shock over that before, mean by volume; None if it stays."""
        names = [*self.spot, *("" for _ in self.names)]
        traded = [*self.spot_asset, *map(str, self.names)]
        found = shock.depth_factors(names, traded, np.array([np.inf]))[0]
        if (found == 1.0).all():
            return None
        own, plain = found[: len(self.spot)], found[len(self.spot) :]
        place = {str(name): k for k, name in enumerate(self.names)}
        asset = np.array([place.get(name, -1) for name in self.spot_asset], dtype=np.int64)
        known = (asset >= 0) & (self.spot_volume > 0.0)
        volume = np.bincount(asset[known], self.spot_volume[known], len(plain))
        deep = np.bincount(asset[known], (self.spot_volume * own)[known], len(plain))
        return np.asarray(np.divide(deep, volume, out=plain.copy(), where=volume > 0.0))

    def currencies(self, prices: FloatArray) -> FloatArray:
        """Worth of every node's currencies at prices of all the network's assets, shape (n_nodes,)."""
        worth = self.money_quantity * prices[self.money_places]
        return np.bincount(self.money_held, worth, self.holdings.banks.n).astype(np.float64)

    def numbers(self, given: Any, where: str, read: FloatArray | None, column: str) -> FloatArray:
        """One number an asset: those given (one for all, or by name), else those of the network.

        Raises
        ------
        InputError
            If names differ (both sides are listed), or the network has no number for an asset.
        """
        if given is None:
            return self._read(read, where, column)
        if isinstance(given, Mapping):
            series = pd.Series(dict(given), dtype=float)
            order = join(self.names, _labels(series, where), where)
            return np.asarray(series.to_numpy(float)[order])
        return np.full(len(self.names), float(given))

    def _read(self, read: FloatArray | None, where: str, column: str) -> FloatArray:
        values = np.full(len(self.names), np.nan) if read is None else read
        lacking = np.flatnonzero(~(values > 0.0))
        if len(lacking):
            names = ", ".join(repr(str(name)) for name in self.names[lacking[:5]])
            more = "" if len(lacking) <= 5 else f" and {len(lacking) - 5} more"
            raise NetworkError(
                f"is missing for {names}{more}",
                where=column,
                allowed="a number above 0 for every asset that is held",
                remedy=f"fill the column, or give {where} by name of asset",
            )
        return values


@contextmanager
def by_name(market: Market) -> Iterator[None]:
    """Let what does not converge inside name the asset, not its place."""
    try:
        yield
    except ConvergenceError as error:
        place = re.match(r"security (\d+)", error.worst)
        if place is None:
            raise
        asset = str(market.names[int(place[1])])
        named = ConvergenceError(str(error).replace(error.worst, asset))
        named.round, named.gap, named.worst = error.round, error.gap, asset
        raise named from error


def _labels(series: pd.Series, where: str) -> pd.Index:
    found = labels_of(series.index)
    if found is None:
        raise SchemaError("has no names", where=where, allowed="numbers by name of asset")
    return found


def _volume(net: Network, names: pd.Index) -> FloatArray:
    """Volume of all spot markets of each asset, money per day; NaN without any."""
    spot = net.markets[(net.markets["kind"] == "spot") & net.markets["volume"].notna()]
    sums = spot.groupby(spot["asset"].astype(object))["volume"].sum()
    return np.asarray(sums.reindex(names).to_numpy(float))
