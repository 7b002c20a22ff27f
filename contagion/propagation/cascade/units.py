"""How fine are a lot and a quantum of money? Powers of two, chosen so that every total is an exact integer.

Money: quanta of 2^-e of the unit, e at most 20 and such that gross money stays below 2^52 quanta. Lots: `markets.lot`,
by default the largest power of two below a millionth of the smallest position of the market.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError, TooLargeError
from contagion.network import Network
from contagion.network.contracts import opening_prices
from contagion.network.settlement import is_inverse, settles_in_coins, stated_entries

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
FINEST = 20
COARSEST = 4.0


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


def smallest_by(keys: Ints, values: Floats, n: int) -> Floats:
    """Smallest non-zero absolute value per key 0..n-1; NaN where there is none."""
    found, sizes = np.full(n, np.inf), np.abs(values)
    np.minimum.at(found, keys[sizes > 0], sizes[sizes > 0])
    return np.where(np.isinf(found), np.nan, found)


def measure_lots(net: Network, scale: float = 1.0) -> tuple[Floats, Floats]:
    """Units of the asset in a lot, per market and per asset (for holdings and spot).

    Coins that contracts settle in are counted in lots worth at most `COARSEST` quanta, of which `scale` make a unit of
    money, unless the lot of their spot markets is stated.
    """
    kinds, names = net.column("markets", "kind"), net.column("assets", "name")
    spot = np.asarray((kinds == "spot") | (kinds == "pool"), dtype=np.bool_)
    asset_of, given = net.codes("markets", "asset"), net.column("markets", "lot")
    guess = power_below(1e-6 * 1000.0 / net.column("assets", "price"))
    keys = np.concatenate([net.codes(table, "asset") for table in ("holdings", "balances")])
    owned = np.concatenate([net.column(table, "quantity") for table in ("holdings", "balances")])
    coins = np.asarray(names != net.unit, dtype=np.bool_)[keys]
    held = smallest_by(keys[coins], owned[coins], len(names))
    asset_lots = np.where(np.isnan(held), guess, power_below(1e-6 * np.where(np.isnan(held), 1.0, held)))
    paid = np.unique(net.codes("markets", "settle")[settles_in_coins(net)])
    finest = power_below(COARSEST / scale / net.column("assets", "price"))
    asset_lots[paid] = np.minimum(asset_lots, finest)[paid]
    stated = spot & ~np.isnan(given)
    for a in np.unique(asset_of[stated]).tolist():
        named = np.unique(given[stated & (asset_of == a)])
        if named.size > 1:
            raise NetworkError(
                f"markets: the spot markets of {names[a]!r} have different lots {named.tolist()}; "
                "give all spot markets of an asset one lot"
            )
        asset_lots[a] = named[0]
    positions = net.codes("positions", "market"), net.column("positions", "quantity")
    traded = smallest_by(*positions, len(kinds))
    automatic = np.where(
        np.isnan(traded), asset_lots[asset_of], power_below(1e-6 * np.where(np.isnan(traded), 1.0, traded))
    )
    lots = np.where(spot, asset_lots[asset_of], np.where(np.isnan(given), automatic, given))
    return lots, asset_lots


def gross_money(net: Network) -> float:
    """Upper bound on the money that can meet in one sum."""
    price, count = net.column("assets", "price"), net.column("accounts", "count")
    market, entry = net.codes("positions", "market"), stated_entries(net)
    opening = opening_prices(net)[market]
    each = np.maximum(entry, opening)
    if is_inverse(net).any():
        each = np.where(is_inverse(net)[market], 1.0 + opening / entry, each)
    worth = np.abs(net.column("positions", "quantity")) * each
    total = float((worth * count[net.codes("positions", "account")]).sum())
    owned = np.abs(net.column("balances", "quantity")) * price[net.codes("balances", "asset")]
    total += float((owned * count[net.codes("balances", "account")]).sum())
    for column in ("cash", "external_assets", "external_liabilities"):
        total += float(np.abs(net.column("nodes", column)).sum())
    total += float((net.column("holdings", "quantity") * price[net.codes("holdings", "asset")]).sum())
    funds = net.column("venues", "insurance_fund").sum() + net.column("venues", "default_fund").sum()
    return total + float(net.column("obligations", "amount").sum()) + float(funds)


def measure(net: Network) -> Units:
    """Choose quantum and lots for a network."""
    gross = max(1.0, gross_money(net))
    exponent = min(FINEST, int(np.floor(51.0 - np.log2(gross))))
    if exponent < -20:
        raise TooLargeError(
            f"network: gross money {gross:.3g} {net.unit} leaves no exact quantum; use a larger unit"
        )
    lots, asset_lots = measure_lots(net, 2.0**exponent)
    return Units(exponent, 2.0**exponent, lots, asset_lots)
