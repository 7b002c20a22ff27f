"""Procedures of named venues inside the cascade: okx, hyperliquid, increments, dydx, takeover, bybit.

The rows of `contagion.margin.liquidation_procedure` and `liquidation_incremental`, on accounts of several legs: tiers,
sizes and clips are those of each leg, equity, requirement and waiting are the account's. The strict trigger of the
cascade has fired already.

References
----------
margin chapter, sections 4 and 5 (`liquidation_procedure`, `liquidation_incremental`, `dydx_fillable_price`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.codes import (
    BYBIT,
    CLIPPED,
    DYDX,
    HYPERLIQUID,
    INCREMENTS,
    OFFERED,
    OKX,
    ORDERED,
    TAKEN,
)
from contagion.propagation.cascade.kernels import coins, level, maintenance
from contagion.propagation.cascade.worth import lot_money


@inner
def cap_below(book: Any, market: Any, notional: float, steps: int) -> float:
    """Cap of the tier that lies `steps` below the one that holds `notional`; 0 where there is none."""
    place = market.tier_first
    for t in range(market.tier_first, market.tier_last):
        if book.tier_floor[t] < notional:
            place = t
    if place - market.tier_first < steps:
        return 0.0
    return float(book.tier_floor[place - steps + 1])


@inner
def want_rungs(book: Any, state: Any, i: int, steps: int) -> bool:
    """`steps` tiers down for every leg that can fall so far; False (nothing wanted) if none can."""
    stepped = False
    for k in range(book.indptr[i], book.indptr[i + 1]):
        lots = abs(state.quantity[k])
        if lots != 0.0:
            market = state.markets[book.leg_market[k]]
            worth = lot_money(market, market.mark)
            below = cap_below(book, market, lots * worth, steps)
            if below > 0.0:
                state.wanted[k] = min(lots, np.ceil(lots - below / worth))
                stepped = True
    return stepped


@inner
def want_fraction(book: Any, state: Any, i: int, fraction: float) -> None:
    """The same fraction of every leg, in whole lots, rounded up."""
    for k in range(book.indptr[i], book.indptr[i + 1]):
        lots = abs(state.quantity[k])
        state.wanted[k] = min(lots, np.ceil(fraction * lots))


@inner
def has_waited(state: Any, i: int, wait: float) -> bool:
    """Whether `wait` seconds have passed since the last clip of this trigger, or there was none."""
    return bool(not state.clock[0].time - state.clipped_at[i] < wait)


@inner
def margin_balance(book: Any, state: Any, i: int) -> float:
    """Equity of account `i` at the last look, less the haircuts on its coins."""
    if book.hold_indptr[i + 1] == book.hold_indptr[i]:
        return float(state.equity[i])
    _, haircut = coins(book, state, i)
    return float(state.equity[i] - haircut)


@inner
def at_first_rate(book: Any, state: Any, i: int) -> float:
    """What account `i` would have to hold if all its legs were in their first tier."""
    total = 0.0
    for k in range(book.indptr[i], book.indptr[i + 1]):
        market = state.markets[book.leg_market[k]]
        if market.tier_first < market.tier_last:
            notional = abs(state.quantity[k]) * lot_money(market, market.mark)
            total += market.multiplier * book.tier_rate[market.tier_first] * notional
    return total


@inner
def follow_okx(book: Any, state: Any, i: int) -> int:
    """Two tiers down, a wait between the steps; taken over from the second tier on, or below the rate of the first."""
    if margin_balance(book, state, i) < at_first_rate(book, state, i):
        return TAKEN
    waited = has_waited(state, i, state.venues[book.venue[i]].clip_wait)
    if not want_rungs(book, state, i, 2):
        return TAKEN
    if not waited:
        want_fraction(book, state, i, 0.0)
        return ORDERED
    return CLIPPED


@inner
def follow_hyperliquid(book: Any, state: Any, i: int) -> int:
    """The vault below a share of maintenance (winners below zero if no fund pays), else the market, at first a clip."""
    venue = state.venues[book.venue[i]]
    if state.equity[i] < level(book, state, i, state.requirement[i], venue.backstop_share):
        return TAKEN
    manner = ORDERED
    for k in range(book.indptr[i], book.indptr[i + 1]):
        lots = abs(state.quantity[k])
        market = state.markets[book.leg_market[k]]
        large = lots * lot_money(market, market.mark) > venue.large_position
        if large and math.isnan(state.clipped_at[i]):
            state.wanted[k], manner = min(lots, np.ceil(venue.first_clip * lots)), CLIPPED
        elif not large or has_waited(state, i, venue.clip_wait):
            state.wanted[k] = lots
    return manner


@inner
def step_lots(venue: Any, market: Any) -> float:
    """Lots of one increment in a market, at least one."""
    return max(1.0, np.floor(venue.step_size / lot_money(market, market.mark)))


@inner
def is_covered_after(book: Any, state: Any, i: int, steps: int) -> bool:
    """Whether equity less fees exceeds the requirement after `steps` increments of every leg, or nothing is left.

    What opposite legs spare is not counted.
    """
    venue = state.venues[book.venue[i]]
    required, closed, left, balance = 0.0, 0.0, 0.0, margin_balance(book, state, i)
    for k in range(book.indptr[i], book.indptr[i + 1]):
        lots = abs(state.quantity[k])
        if lots != 0.0:
            market = state.markets[book.leg_market[k]]
            worth = lot_money(market, market.mark)
            sold = min(lots, steps * step_lots(venue, market))
            required += market.multiplier * maintenance(book, market, (lots - sold) * worth, lots - sold)
            closed += sold * worth
            left += lots - sold
    return bool(left == 0.0 or required < balance - venue.fee * closed)


@inner
def want_increments(book: Any, state: Any, i: int) -> None:
    """Increment after increment of every leg until the margin is covered."""
    venue = state.venues[book.venue[i]]
    if venue.step_size == np.inf:
        want_fraction(book, state, i, 1.0)
        return
    steps = 1
    while not is_covered_after(book, state, i, steps):
        steps += 1
    for k in range(book.indptr[i], book.indptr[i + 1]):
        market = state.markets[book.leg_market[k]]
        state.wanted[k] = min(abs(state.quantity[k]), steps * step_lots(venue, market))


@inner
def fillable_price(book: Any, state: Any, k: int) -> float:
    """Worst price at which leg `k` is sold (bought back) by an offer: further from the mark the nearer to ruin."""
    i = book.leg_account[k]
    venue, market = state.venues[book.venue[i]], state.markets[book.leg_market[k]]
    notional = abs(state.quantity[k]) * lot_money(market, market.mark)
    own = market.multiplier * maintenance(book, market, notional, abs(state.quantity[k]))
    balance = margin_balance(book, state, i)
    required = state.requirement[i] - (state.equity[i] - balance)
    urgency = 1.0 - balance / required if required > 0.0 else 1.0
    urgency = min(1.0, max(0.0, venue.bankruptcy_adjustment * urgency))
    sign = 1.0 if state.quantity[k] > 0.0 else -1.0
    return max(0.0, market.mark * (1.0 - sign * urgency * venue.spread_to_maintenance * own / notional))


@inner
def follow(book: Any, state: Any, i: int) -> int:
    """What account `i` must do by the procedure of its venue: lots in `wanted`, and the manner in which they go."""
    procedure, manner = state.venues[book.venue[i]].procedure, TAKEN
    if procedure == BYBIT:
        manner = ORDERED if state.equity[i] > 0.0 and want_rungs(book, state, i, 1) else TAKEN
    elif procedure == OKX:
        manner = follow_okx(book, state, i)
    elif procedure == HYPERLIQUID:
        manner = follow_hyperliquid(book, state, i)
    elif procedure == INCREMENTS:
        want_increments(book, state, i)
        manner = ORDERED
    elif procedure == DYDX:
        want_fraction(book, state, i, 1.0)
        manner = OFFERED
    return manner
