"""How fine are a lot and a quantum of money? Powers of two, chosen so that every total is an exact integer.

Money: quanta of 2^-e of the unit, e at most 20 and such that gross money stays below 2^52 quanta. Lots: `markets.lot`,
by default the largest power of two below a millionth of the smallest position of the market.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import NetworkError, TooLargeError
from contagion.network import Network

Floats = npt.NDArray[np.float64]
FINEST = 20


@dataclass(frozen=True)
class Units:
    """`scale` quanta make one unit of money; `lots[m]` and `asset_lots[a]` units of the asset make one lot."""

    exponent: int
    scale: float
    lots: Floats
    asset_lots: Floats


def power_below(values: Floats) -> Floats:
    """Largest power of two that is at most each (positive) value."""
    return np.asarray(2.0 ** np.floor(np.log2(values)), dtype=float)


def smallest_by(keys: pd.Series, values: pd.Series, names: pd.Index) -> Floats:
    """Smallest non-zero absolute value per name; NaN where there is none."""
    sizes = values.abs()
    found = sizes[sizes > 0].groupby(keys[sizes > 0]).min()
    return np.asarray(found.reindex(names), dtype=float)


def measure_lots(net: Network) -> tuple[Floats, Floats]:
    """Units of the asset in a lot, per market and per asset (for holdings and spot)."""
    assets, markets = net.assets, net.markets
    spot = markets["kind"].isin(("spot", "pool")).to_numpy()
    asset_of = assets.index.get_indexer(pd.Index(markets["asset"]))
    given = markets["lot"].to_numpy(float)
    guess = power_below(1e-6 * 1000.0 / assets["price"].to_numpy(float))
    owned = pd.concat([net.holdings[["asset", "quantity"]], net.balances[["asset", "quantity"]]])
    coins = owned[owned["asset"] != net.unit]
    held = smallest_by(coins["asset"], coins["quantity"], assets.index)
    asset_lots = np.where(np.isnan(held), guess, power_below(1e-6 * np.where(np.isnan(held), 1.0, held)))
    for a in range(len(assets)):
        named = np.unique(given[spot & (asset_of == a) & ~np.isnan(given)])
        if named.size > 1:
            raise NetworkError(
                f"markets: the spot markets of {assets.index[a]!r} have different lots {named.tolist()}; "
                "give all spot markets of an asset one lot"
            )
        if named.size == 1:
            asset_lots[a] = named[0]
    traded = smallest_by(net.positions["market"], net.positions["quantity"], markets.index)
    automatic = np.where(
        np.isnan(traded), asset_lots[asset_of], power_below(1e-6 * np.where(np.isnan(traded), 1.0, traded))
    )
    lots = np.where(spot, asset_lots[asset_of], np.where(np.isnan(given), automatic, given))
    return lots, asset_lots


def gross_money(net: Network) -> float:
    """Upper bound on the money that can meet in one sum."""
    price = net.assets["price"]
    count = net.accounts["count"]
    legs = net.positions
    notional = legs["quantity"].abs() * np.maximum(
        legs["entry_price"], price.reindex(net.markets["asset"].reindex(legs["market"]).to_numpy()).to_numpy()
    )
    total = float((notional.to_numpy() * count.reindex(legs["account"]).to_numpy()).sum())
    total += float(
        (
            net.balances["quantity"].abs().to_numpy()
            * price.reindex(net.balances["asset"]).to_numpy()
            * count.reindex(net.balances["account"]).to_numpy()
        ).sum()
    )
    total += float(net.nodes[["cash", "external_assets", "external_liabilities"]].abs().sum().sum())
    total += float((net.holdings["quantity"] * price.reindex(net.holdings["asset"]).to_numpy()).sum())
    return (
        total
        + float(net.obligations["amount"].sum())
        + float(net.venues[["insurance_fund", "default_fund"]].to_numpy().sum())
    )


def measure(net: Network) -> Units:
    """Choose quantum and lots for a network."""
    gross = max(1.0, gross_money(net))
    exponent = min(FINEST, int(np.floor(51.0 - np.log2(gross))))
    if exponent < -20:
        raise TooLargeError(
            f"network: gross money {gross:.3g} {net.unit} leaves no exact quantum; use a larger unit"
        )
    lots, asset_lots = measure_lots(net)
    return Units(exponent, 2.0**exponent, lots, asset_lots)
