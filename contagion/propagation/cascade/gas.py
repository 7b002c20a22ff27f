"""What does a transaction cost that liquidates? A base fee that rises while blocks are full.

The base fee changes by at most an eighth per block: ``base (1 + (used / target - 1) / 8)`` with a target of half a
block's capacity. Venues on one chain (`venues.chain`) share its blocks and the fee. Other users are assumed to keep the
fee at its opening value when nobody is liquidated, so it never falls below that (assumption; it has no range because it
only fixes the level to which the fee returns).

References
----------
EIP-1559 (base fee, elasticity 2, largest change 1/8 per block); margin chapter, section 9 (`keeper_profit`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.indices import row_of

ETHER_PER_GWEI = 1e-9
LARGEST_CHANGE = 0.125  # of the base fee per block
ELASTICITY = 2.0  # a block holds this times the target


@inner
def next_base_fee(base: float, floor: float, served: float, capacity: float, blocks: float) -> float:
    """Base fee after `blocks` blocks with `served` liquidations in all, never below `floor`."""
    if capacity == np.inf or blocks <= 0.0:
        return base
    used = min(served / blocks, capacity) * ELASTICITY / capacity
    return max(floor, base * (1.0 + (used - 1.0) * LARGEST_CHANGE) ** blocks)


@inner
def gas_money(used: float, gwei: float, price: float) -> float:
    """Money for `used` units of gas at `gwei` per unit; `price` is money per coin of 1e9 gwei."""
    return used * gwei * ETHER_PER_GWEI * price


@inner
def gas_factor(state: Any) -> float:
    """What an outside shock multiplies the price of gas by in this round."""
    return float(state.shock_gas[row_of(state.clock[0], state.shock_gas)])


@inner
def gas_of(state: Any, v: int) -> float:
    """What one liquidation costs at venue `v` now, in quanta.

    The coin is the venue's `gas_asset` at its index price; without one, a coin is worth one unit of money.
    """
    venue, clock = state.venues[v], state.clock[0]
    if venue.gas_used <= 0.0:
        return 0.0
    price = state.index[venue.gas_asset] if venue.gas_asset >= 0 else 1.0
    return float(
        np.rint(
            gas_money(venue.gas_used, state.venues[venue.chain].base_fee * gas_factor(state), price)
            / clock.quantum
        )
    )


@inner
def is_dear(state: Any, v: int) -> bool:
    """Whether the base fee of the chain of venue `v` stands above its opening value."""
    first = state.venues[state.venues[v].chain]
    return bool(first.base_fee > first.base_fee_opening)


@inner
def pays_gas(state: Any, first: int) -> bool:
    """Whether somebody pays for gas on the chain of which venue `first` is the first."""
    for v in range(first, state.venues.shape[0]):
        if state.venues[v].chain == first and state.venues[v].gas_used > 0.0:
            return True
    return False


@inner
def update_base_fees(state: Any) -> None:
    """At the end of a round: every chain's base fee follows the liquidations that its blocks held."""
    clock = state.clock[0]
    for v in range(state.venues.shape[0]):
        venue = state.venues[v]
        if venue.chain == v and venue.block_time > 0.0 and pays_gas(state, v):
            blocks = clock.step / venue.block_time
            venue.base_fee = next_base_fee(
                venue.base_fee, venue.base_fee_opening, venue.served, venue.block_capacity, blocks
            )
        venue.served = 0.0
