"""How much maintenance margin does a network ask for at its opening, position by position?

Opposite positions of an account on one asset spare the venue's share of the smaller side (`venues.portfolio_offset`),
as in the cascade. The rest of the market is left out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contagion.network.equity import opening_leg_requirement
from contagion.network.network import Network
from contagion.network.reserved import rest_of_market

__all__ = ["margin_by_market", "margins_asked"]

Floats = npt.NDArray[np.float64]


def margins_asked(net: Network) -> Floats:
    """Return the maintenance margin of every position, all accounts of its row, at opening marks.

    Parameters
    ----------
    net
        The network.

    Returns
    -------
    numpy.ndarray, shape (n_positions,)
        Money; of the smaller side of opposite positions the part that is not spared, 0 for the rest of the market.

    Examples
    --------
    >>> margins_asked(Network(nodes=[{"name": "A"}])).tolist()
    []
    """
    account = net.codes("positions", "account")
    asset = net.codes("markets", "asset")[net.codes("positions", "market")]
    required = opening_leg_requirement(net)
    long = net.column("positions", "quantity") > 0.0
    _, pair = np.unique(account * max(1, len(net.index("assets"))) + asset, return_inverse=True)
    longs, shorts = (np.bincount(pair, np.where(side, required, 0.0))[pair] for side in (long, ~long))
    venue = net.codes("accounts", "venue")[account]
    spared = net.column("venues", "portfolio_offset")[venue]
    smaller = np.where(long, longs <= shorts, shorts < longs)
    count = net.column("accounts", "count")[account]
    named = ~rest_of_market(net.column("accounts", "name"))[account]
    return np.asarray(required * np.where(smaller, 1.0 - spared, 1.0) * count * named, dtype=np.float64)


def margin_by_market(net: Network) -> Floats:
    """Return the maintenance margin asked in every market, shape (n_markets,), in money: sums of `margins_asked`.

    Examples
    --------
    >>> margin_by_market(Network(nodes=[{"name": "A"}])).tolist()
    []
    """
    market = net.codes("positions", "market")
    return np.asarray(np.bincount(market, margins_asked(net), len(net.index("markets"))), dtype=np.float64)
