"""Contracts that pay in something else than the unit: which ones, and with how much were they opened?

Two forms exist: linear contracts quoted and settled in another coin (a stablecoin), and inverse contracts, quoted in
the unit and settled in their asset, whose quantities are units of the unit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError
from contagion.network.network import Network
from contagion.network.once import once

__all__ = ["all_settle_in_money", "entry_coins", "is_inverse", "settles_in_coins", "stated_entries"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@once
def settles_in_coins(net: Network) -> Flags:
    """Return which markets pay in something else than the unit, shape ``(n_markets,)``.

    Examples
    --------
    >>> settles_in_coins(Network(nodes=[{"name": "A"}])).tolist()
    []
    """
    return np.asarray(net.column("markets", "settle") != net.unit, dtype=np.bool_)


@once
def is_inverse(net: Network) -> Flags:
    """Return which markets trade inverse contracts, shape ``(n_markets,)``.

    Examples
    --------
    >>> is_inverse(Network(nodes=[{"name": "A"}])).tolist()
    []
    """
    return np.asarray(net.column("markets", "contract") == "inverse", dtype=np.bool_)


@once
def stated_entries(net: Network) -> Floats:
    """Return the entry price of every position in money, at the opening price of its quote, ``(n_positions,)``.

    Examples
    --------
    >>> stated_entries(Network(nodes=[{"name": "A"}])).tolist()
    []
    """
    quote = net.codes("markets", "quote")[net.codes("positions", "market")]
    entry = net.column("positions", "entry_price")
    return entry * net.column("assets", "price")[quote] if settles_in_coins(net).any() else entry


def entry_coins(net: Network) -> Floats:
    """Return what every position was opened with, in units of what its market settles in, ``(n_positions,)``.

    Below 0 what is owed: ``-quantity x entry`` of a linear contract, ``quantity / entry`` of an inverse one.

    Examples
    --------
    >>> entry_coins(Network(nodes=[{"name": "A"}])).tolist()
    []
    """
    quantity, entry = net.column("positions", "quantity"), net.column("positions", "entry_price")
    inverse = is_inverse(net)[net.codes("positions", "market")]
    return np.asarray(np.where(inverse, quantity / entry, -quantity * entry), dtype=np.float64)


def all_settle_in_money(net: Network, what: str) -> None:
    """Refuse a network in which contracts pay in something else than the unit, for `what` cannot read them.

    Raises
    ------
    NetworkError
        Naming the first such market.

    Examples
    --------
    >>> all_settle_in_money(Network(nodes=[{"name": "A"}]), "the map of liquidations")
    """
    for row in np.flatnonzero(settles_in_coins(net))[:1]:
        raise NetworkError(
            f"is settled in something else than the unit {net.unit!r}, which {what} does not follow",
            where=f"markets {net.column('markets', 'name')[row]!r} settle",
            value=str(net.column("markets", "settle")[row]),
            remedy="leave such markets out; a run without it follows them",
        )
