"""Tokens that nodes issue, as flat arrays: who issues them, and how many are outstanding?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.network import Network
from contagion.propagation.cascade.build_collateral import Pledges

Floats = npt.NDArray[np.float64]


def issuer_arrays(net: Network) -> dict[str, npt.NDArray[Any]]:
    """The book's array per asset: the node that issues it, -1 where nobody does."""
    return {"issuer": net.codes("assets", "issuer").astype(np.int64)}


def issuers(net: Network) -> npt.NDArray[np.int64]:
    """Nodes that issue something."""
    codes = net.codes("assets", "issuer").astype(np.int64)
    return codes[codes >= 0]


def outstanding(net: Network, holding: Floats, pledges: Pledges) -> Floats:
    """Lots of every issued asset that somebody holds: `holding` by row, and what accounts have pledged or owe."""
    n = len(net.index("assets"))
    held = np.bincount(net.codes("holdings", "asset"), holding, n)
    coins = pledges.slots["asset"][pledges.slot]
    held = held + np.bincount(coins, pledges.lots * net.column("accounts", "count")[pledges.account], n)
    return np.where(net.codes("assets", "issuer") >= 0, held, 0.0)
