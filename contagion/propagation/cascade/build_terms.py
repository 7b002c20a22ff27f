"""Terms of contracts as flat rows: when do they expire, at which strike, what are they worth before?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError
from contagion.network import Network
from contagion.shocks import ShockArrays


def set_terms(net: Network, rows: npt.NDArray[Any]) -> None:
    """Write expiry, carry, strike, volatility and hedge market of every market."""
    kind = net.column("markets", "kind")
    dated = np.asarray((kind == "future") | (kind == "option"), dtype=np.bool_)
    side = net.column("markets", "option_side")
    rows["expiry"] = np.where(dated, net.column("markets", "expiry"), np.inf)
    rows["carry"] = net.column("markets", "carry")
    rows["strike"] = np.nan_to_num(net.column("markets", "strike"))
    rows["call"] = np.where(side == "call", 1.0, np.where(side == "put", -1.0, 0.0))
    rows["implied"] = rows["implied_now"] = np.nan_to_num(net.column("markets", "implied_volatility"))
    rows["volatility_beta"] = net.column("markets", "volatility_beta")
    rows["delta"] = 1.0
    rows["hedge_market"] = net.codes("markets", "hedge_market")
    rows["inverse"] = net.column("markets", "contract") == "inverse"


def check_volatilities(net: Network, shock: ShockArrays) -> None:
    """Refuse to move the implied volatility of an asset on which no option is traded."""
    option = net.column("markets", "kind") == "option"
    optioned = np.isin(np.arange(len(net.index("assets"))), net.codes("markets", "asset")[option])
    moved = (shock.volatility != 1.0).any(axis=0)
    for a in np.flatnonzero(moved & ~optioned):
        names = net.column("assets", "name")
        raise NetworkError(
            "has no options whose implied volatility could move",
            where="shock VolatilityShock.moves",
            value=str(names[a]),
            allowed=", ".join(map(str, names[optioned])) or "nothing: the network has no options",
            remedy="add markets of kind 'option' on it, or move its price with a PriceShock",
        )
