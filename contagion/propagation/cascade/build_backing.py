"""What stands behind a venue, as flat numbers: liquid money against withdrawals."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.network import Network
from contagion.network.reserved import rest_of_market
from contagion.propagation.cascade.units import Units

Floats = npt.NDArray[np.float64]


def fill_backing(rows: npt.NDArray[Any], net: Network, units: Units) -> None:
    """Fill the columns of the venue rows that say what the venue can pay withdrawals with."""
    for column in ("reserve_ratio", "illiquid_discount"):
        rows[column] = net.venues[column].to_numpy()
    behind = balances(net, units) * (1.0 - rows["customer_share"])
    rows["reserve"] = np.floor(rows["reserve_ratio"] * behind)
    rows["lent"] = np.floor((1.0 - rows["reserve_ratio"]) * behind)


def balances(net: Network, units: Units) -> Floats:
    """Quanta of the customers' balances at every venue, the rest of the market left out."""
    accounts, held = net.accounts, net.balances[net.balances["asset"] == net.unit]
    money = held["quantity"].to_numpy(float) * accounts["count"].reindex(held["account"]).to_numpy(float)
    known = ~rest_of_market(held["account"])
    venue = net.venues.index.get_indexer(pd.Index(accounts["venue"].reindex(held["account"])))
    total = np.bincount(venue[known], np.maximum(money, 0.0)[known], len(net.venues)) * units.scale
    return np.asarray(total, dtype=np.float64)
