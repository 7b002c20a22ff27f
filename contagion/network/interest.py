"""How large are positions against their markets, at the opening?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contagion.network.contracts import opening_worths
from contagion.network.network import Network

Floats = npt.NDArray[np.float64]


def notionals(net: Network) -> Floats:
    """Return the money in every position at opening marks, of one account behind its row, ``(n_positions,)``."""
    worth = net.positions["quantity"].to_numpy(float) * opening_worths(net)[net.codes("positions", "market")]
    return np.asarray(np.abs(worth), dtype=np.float64)


def open_interest(net: Network) -> Floats:
    """Return the money in long positions per market at opening marks, all accounts of a row, ``(n_markets,)``."""
    count = net.accounts["count"].to_numpy(float)[net.codes("positions", "account")]
    long = np.where(net.positions["quantity"].to_numpy(float) > 0.0, notionals(net) * count, 0.0)
    return np.asarray(np.bincount(net.codes("positions", "market"), long, len(net.markets)), dtype=np.float64)


def resting_money(net: Network) -> Floats:
    """Return the money in the book of each market: both sides within the widest band, else a day's volume."""
    widest = net.depth.sort_values("band", kind="stable").groupby(["market", "side"])["amount"].last()
    resting = widest.groupby("market").sum().reindex(net.markets.index).fillna(0.0).to_numpy(float)
    volume = net.markets["volume"].fillna(0.0).to_numpy(float)
    return np.where(resting > 0.0, resting, volume)
