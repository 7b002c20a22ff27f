"""Issuers that can just cover their tokens can do so too when tokens are counted in lots and money in quanta."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contagion.network import Network
from contagion.network.equity import opening_equity
from contagion.network.issuers import TOLERANCE, issued_units
from contagion.propagation.cascade.units import Units

Floats = npt.NDArray[np.float64]
LEAST = 1e-3
"""Smallest part of a quantum that is missing; below it sums of floats are blamed."""


def covered_rounding(net: Network, units: Units, holding: Floats, issued: Floats) -> npt.NDArray[np.int64]:
    """Quanta of outside assets that make up for what issuers without a margin lose by rounding, shape (n_nodes,).

    Parameters
    ----------
    net : Network
        What is rounded.
    units : Units
        Lots of assets and quanta of money.
    holding : ndarray, shape (n_holdings,)
        Lots held.
    issued : ndarray, shape (n_assets,)
        Lots of issued assets.
    """
    n, issuer = len(net.index("nodes")), net.codes("assets", "issuer")
    if (issuer < 0).all():
        return np.zeros(n, dtype=np.int64)
    price, own = net.column("assets", "price"), issuer >= 0
    exact = issued_units(net) * price
    debt = np.bincount(issuer[own], exact[own], n)
    rounded = np.bincount(issuer[own], (issued * units.asset_lots * price)[own], n)
    asset = net.codes("holdings", "asset")
    change = (holding * units.asset_lots[asset] - net.column("holdings", "quantity")) * price[asset]
    gained = np.bincount(net.codes("holdings", "node"), change, n) - (rounded - debt)
    for column, sign in (("cash", 1.0), ("external_assets", 1.0), ("external_liabilities", -1.0)):
        gained += sign * _rounding(net.column("nodes", column), units)
    claims = _rounding(net.column("obligations", "amount"), units)
    gained += np.bincount(net.codes("obligations", "creditor"), claims, n)
    gained -= np.bincount(net.codes("obligations", "debtor"), claims, n)
    margin = opening_equity(net).to_numpy(np.float64) - debt
    missing = np.ceil(-(margin + gained) * units.scale - LEAST)
    tight = (debt > 0.0) & (margin >= -TOLERANCE * debt) & (missing > 0.0)
    return np.where(tight, missing, 0.0).astype(np.int64)


def _rounding(money: Floats, units: Units) -> Floats:
    """What amounts of money gain when they are counted in whole quanta."""
    return np.asarray(np.rint(money * units.scale) / units.scale - money, dtype=np.float64)
