"""Scenarios by which venues scan portfolios, as flat arrays: which moves must a margin cover?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.markets.risk_arrays import RiskScenarios
from contagion.network import Network
from contagion.network.scans import venue_scenarios

Ints = npt.NDArray[np.int64]


def scan_arrays(
    net: Network, venues: npt.NDArray[Any], leg_account: Ints, leg_market: Ints
) -> dict[str, npt.NDArray[Any]]:
    """The book's scenarios, written into the rows of `venues` as ranges, and the accounts that are scanned."""
    found: list[RiskScenarios] = []
    at = 0
    for v in np.flatnonzero(venues["scan"]).tolist():
        scenarios = venue_scenarios(net, v)
        venues["scan_first"][v], venues["scan_last"][v] = at, at + len(scenarios)
        at += len(scenarios)
        found.append(scenarios)
    scanned = np.zeros(len(net.index("accounts")), dtype=np.bool_)
    scanned[leg_account] = venues["scan"][net.codes("accounts", "venue")][leg_account]
    return {
        "scanned": scanned,
        "scan_price": np.asarray([move for one in found for move in one.price], dtype=np.float64),
        "scan_volatility": np.asarray([move for one in found for move in one.volatility], dtype=np.float64),
        "scan_share": np.asarray([part for one in found for part in one.share], dtype=np.float64),
    }
