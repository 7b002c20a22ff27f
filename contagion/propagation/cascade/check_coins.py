"""Are the coins in which contracts are paid still worth something?

A profit of so much money is so many coins at their price of the moment. Where a coin is next to nothing the number of
coins has no bound, and whoever is paid in the round in which it was cheapest owns more than there ever was. Venues stop
such contracts; there is no rule for what they pay, so that a run in which this happens is refused, not made up.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from contagion.errors import ValueRangeError
from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.layout import State

__all__ = ["LEAST_COIN", "check_coins"]

LEAST_COIN: Final = 1e-3
"""Share of its opening price below which a coin no longer pays for contracts; an assumption. TerraUSD stood at some
hundredths of a dollar when venues stopped contracts on it."""


def check_coins(opening: Opening, state: State) -> None:
    """Refuse a run in which a coin that contracts settle in lost nearly all of its price.

    Parameters
    ----------
    opening : Opening
        The network as arrays.
    state : State
        At the end of a run.

    Raises
    ------
    ValueRangeError
        The index of such a coin fell below a thousandth of its opening price.
    """
    coins = np.flatnonzero(state.markets["coin_slot"] >= 0)
    if not len(coins):
        return
    asset = state.slots["asset"][state.markets["coin_slot"][coins]].astype(np.intp)
    rounds = int(state.clock["round"][0]) + 1
    left = np.exp(np.cumsum(state.index_return[:rounds][:, asset], axis=0))
    low = np.flatnonzero(left.min(axis=0, initial=1.0) < LEAST_COIN)
    if not len(low):
        return
    first = int(low[np.argmin(left[:, low].min(axis=0))])
    at, names = int(np.argmin(left[:, first])), opening.names
    raise ValueRangeError(
        f"settles in {names.assets[asset[first]]!r}, whose index fell to {left[at, first]:.2g} of its opening price in "
        f"round {at}: what such a coin pays has no bound",
        where=f"shock, market {names.markets[coins[first]]!r}",
        allowed=f"at least {LEAST_COIN:g} of the opening price",
        remedy="shock the coin or its issuer less, or let the contract settle in money",
    )
