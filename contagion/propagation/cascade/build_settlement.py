"""In which coin is every leg paid, and with how many of it was it opened?"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from contagion.errors import TooLargeError
from contagion.propagation.cascade.build_collateral import Pledges

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Legs(Protocol):
    """What is read of the legs: market, lots and entry price (money) of each."""

    @property
    def market(self) -> Ints:
        """Position of the market."""

    @property
    def lots(self) -> Floats:
        """Signed lots of one account."""

    @property
    def entry(self) -> Floats:
        """Money per unit of the asset."""


def coins_of_legs(pledges: Pledges, markets: npt.NDArray[Any], account: Ints, market: Ints) -> Ints:
    """Row of `pledges` in which every leg is paid, -1 for money."""
    found, asset = np.full(len(account), -1, dtype=np.int64), pledges.slots["asset"]
    row_of = {
        pair: b
        for b, pair in enumerate(zip(pledges.account.tolist(), asset[pledges.slot].tolist(), strict=True))
    }
    slot = pledges.coin_slot[market]
    for k in np.flatnonzero(slot >= 0).tolist():
        found[k] = row_of[int(account[k]), int(asset[slot[k]])]
    return found


def opened_with(pledges: Pledges, markets: npt.NDArray[Any], legs: Legs, leg_coin: Ints) -> Floats:
    """Lots of every coin held, less the entry values of the legs that settle in it.

    Raises
    ------
    TooLargeError
        More lots than integers can count exactly.
    """
    rows = np.flatnonzero(leg_coin >= 0)
    if not len(rows):
        return pledges.lots
    market = markets[legs.market[rows]]
    slot, entry = pledges.slots[market["coin_slot"]], legs.entry[rows]
    per_lot = np.where(market["inverse"], -1.0 / entry, entry / slot["opening"]) * market["lot_scale"]
    held = pledges.lots.copy()
    np.subtract.at(held, leg_coin[rows], np.rint(legs.lots[rows] * per_lot / slot["lot_scale"]))
    if float(np.abs(held).max()) >= 2.0**50:
        raise TooLargeError("positions: entry values are 2^50 lots of the coin or more; use a larger unit")
    return held
