"""Small worlds with dated futures and spot markets: what a market of `small` becomes, and the trades between two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import contagion as ct

YEAR = 365.0 * 86_400.0


def as_future(net: ct.Network, market: str, expiry: float, carry: float = 0.0) -> ct.Network:
    """The network with a market that expires after `expiry` seconds; `carry` is per year."""
    return changed(net, market, {"kind": "future", "expiry": expiry, "carry": carry})


def as_spot(net: ct.Network, market: str) -> ct.Network:
    """The network with a market in which the asset itself is traded."""
    return changed(net, market, {"kind": "spot", "schedule": ""})


def changed(net: ct.Network, market: str, cells: Mapping[str, Any]) -> ct.Network:
    """The network with other cells in the row of a market."""
    rows = net.markets.reset_index().to_dict("records")
    return net.replace(markets=[row | cells if row["name"] == market else row for row in rows])
