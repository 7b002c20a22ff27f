"""Step 1: what is everything worth now? Outside moves, depth, last prices, index, marks.

References
----------
cascade chapter, section 2: the price is a function of the outside price and the displacement; depth falls with the
provider's capital and with running volatility.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.markets.impact import price
from contagion.markets.option_kernels import option_delta, option_value
from contagion.propagation.cascade.codes import FUTURE, OPTION, PERP, SPOT
from contagion.propagation.cascade.indices import index_at, row_of, set_index
from contagion.propagation.cascade.kernels import advance_clocks
from contagion.propagation.cascade.marks import mark_binance, mark_hyperliquid
from contagion.propagation.cascade.oracles import set_oracles
from contagion.propagation.cascade.settlement import provider_coins_worth, set_coins
from contagion.propagation.cascade.worth import lot_worth

SECONDS_A_DAY = 86_400.0
SECONDS_PER_YEAR = 365.0 * SECONDS_A_DAY


@inner
def years_left(clock: Any, market: Any) -> float:
    """Years until a dated contract expires; 0 for contracts that never do. In the timeless limit no time passes."""
    if market.expiry == np.inf:
        return 0.0
    passed = 0.0 if clock.sticky else clock.time
    return float(max(0.0, market.expiry - passed) / SECONDS_PER_YEAR)


@inner
def implied_now(state: Any, market: Any) -> float:
    """Volatility that an option is valued at: its own, times a power of the shock to its asset's volatilities."""
    if market.kind != OPTION:
        return 0.0
    factor = state.shock_volatility[row_of(state.clock[0], state.shock_volatility), market.asset]
    return float(market.implied * factor**market.volatility_beta)


@inner
def worth_at(clock: Any, market: Any, spot: float) -> float:
    """What a unit of the contract is worth at a price of its asset: forward price, model's value, or that price."""
    if market.kind == OPTION:
        left = years_left(clock, market)
        return float(option_value(market.call, spot, market.strike, left, market.implied_now, market.carry))
    if market.kind == FUTURE:
        return float(spot * math.exp(market.carry * years_left(clock, market)))
    return float(spot)


@inner
def fair_price(state: Any, market: Any) -> float:
    """What a unit of the contract is worth at its venue's index: what its price is compared with."""
    return worth_at(state.clock[0], market, market.index)


@inner
def set_last(state: Any) -> None:
    """Outside prices of this round and the price at which each market stands, before any trade."""
    clock = state.clock[0]
    now = row_of(clock, state.outside)
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        market.shock_depth = state.shock_depth[now, m]
        if market.expired:
            continue
        at = state.outside[now, market.asset]
        market.implied_now = implied_now(state, market)
        market.outside = worth_at(clock, market, at)
        market.reference = worth_at(clock, market, at * state.recovery[market.asset])
        if clock.observed:
            market.last = market.outside
        else:
            market.last = price(market.impact, market.reference, market.permanent + market.temporary)


@inner
def running_volatility(state: Any, a: int) -> float:
    """Volatility of the index over the window that the depth of books looks at, per square root of a day."""
    return volatility_over(state, a, state.clock[0].volatility_window)


@inner
def volatility_over(state: Any, a: int, window: float) -> float:
    """Volatility of the index per square root of a day: the range of its log over the window that ends now.

    The range, not the sum of squared returns: that sum would shrink with the step on a smooth path.
    """
    clock = state.clock[0]
    n = max(1, round(window / clock.step))
    moved, low, high, at = 0.0, 0.0, 0.0, int(clock.round)
    for r in range(max(0, at - n + 1), at + 1):
        moved += state.index_return[r, a]
        low, high = min(low, moved), max(high, moved)
    return (high - low) * math.sqrt(SECONDS_A_DAY / (n * clock.step))


@inner
def set_depth(state: Any) -> None:
    """Share of the opening depth that rests now: capital left, volatility, floor, and the outside shock."""
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        capital, calm = 1.0, 1.0
        if market.capital_exponent > 0.0 and market.capital > 0.0:
            left = market.capital + float(market.provider_cash)
            left += float(market.provider_lots) * lot_worth(market, market.last)
            left += provider_coins_worth(state, market)
            capital = min(1.0, max(0.0, left / market.capital)) ** market.capital_exponent
        if market.volatility_exponent > 0.0 and market.volatility > 0.0:
            volatility = running_volatility(state, market.asset)
            if volatility > market.volatility:
                calm = (market.volatility / volatility) ** market.volatility_exponent
        market.depth = max(market.depth_floor, capital * calm) * market.shock_depth
        if market.shared:
            market.depth *= math.sqrt(market.reference / market.opening)


@inner
def mark_future(market: Any, fair: float) -> float:
    """Mark of a dated future: its fair price, which the median rules take too, or mixed with the last price."""
    if market.mark_rule != 2 or market.last == fair:
        return fair
    return float(market.mark_weight * market.last + (1.0 - market.mark_weight) * fair)


@inner
def set_marks(state: Any) -> None:
    """Mark by each venue's rule; an observed path is the mark itself."""
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        if market.expired:
            continue
        market.index = index_at(state, market.venue, market.asset, state.clock[0].round)
        if market.kind == OPTION:
            market.mark = fair_price(state, market)
            left = years_left(state.clock[0], market)
            market.delta = option_delta(
                market.call, market.index, market.strike, left, market.implied_now, market.carry
            )
        elif state.clock[0].observed:
            market.mark = market.outside
        elif market.mark_rule == 0 or market.kind == SPOT:
            market.mark = market.last
        elif market.kind == FUTURE:
            market.mark = mark_future(market, fair_price(state, market))
        elif market.mark_rule == 3:
            market.mark = mark_binance(state, m)
        elif market.mark_rule == 4:
            market.mark = mark_hyperliquid(state, m)
        elif market.last == market.index:
            market.mark = market.last
        elif market.mark_rule == 1:
            market.mark = market.index
        else:
            market.mark = market.mark_weight * market.last + (1.0 - market.mark_weight) * market.index


@inner
def track(state: Any) -> None:
    """Extremes of the run and this round's row of the history."""
    clock = state.clock[0]
    at = int(clock.round)
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        market.lowest = min(market.lowest, market.last)
        if market.kind != OPTION:
            market.largest_fall = max(market.largest_fall, 1.0 - market.last / market.opening)
        market.depth_lowest = min(market.depth_lowest, market.depth)
        if market.kind == PERP or market.kind == FUTURE:
            market.basis_peak = max(market.basis_peak, abs(market.last / fair_price(state, market) - 1.0))
        row = state.history[at, m]
        row.outside, row.last, row.mark, row.index = market.outside, market.last, market.mark, market.index
        row.displacement, row.depth = market.permanent + market.temporary, market.depth
        row.multiplier = market.multiplier
        row.added, row.sold, row.halted = 0.0, 0.0, False
        if at == 0:
            market.multiplier_opening = market.multiplier
        market.margin_seconds += max(0.0, market.multiplier - market.multiplier_opening) * clock.step
    for s in range(state.slots.shape[0]):
        less = state.slots[s].opening_weight - state.slots[s].weight
        state.slots[s].haircut_seconds += max(0.0, less) * clock.step
        state.slot_history[at, s, 0] = state.slots[s].price
        state.slot_history[at, s, 1] = state.slots[s].weight


@inner
def revalue(book: Any, state: Any) -> None:
    """Step 1 as a whole, but for the marks that a policy may still change."""
    set_last(state)
    set_index(book, state)
    set_oracles(book, state)
    set_coins(state)
    set_depth(state)
    set_marks(state)


@inner
def after_marks(book: Any, state: Any) -> None:
    """What follows once the marks stand: extremes, history, clocks."""
    track(state)
    advance_clocks(book, state)
    now = state.rounds[state.clock[0].round]
    now.time = state.clock[0].time
    for name in range(state.markets.shape[0]):
        state.markets[name].flow = 0.0
    state.clock[0].acted = False


@inner
def moves_outside(state: Any) -> bool:
    """Whether outside prices, depth or defaults still have something in store."""
    return bool(state.clock[0].time < state.clock[0].shock_end)


@inner
def settle_displacement(state: Any) -> None:
    """Set the temporary displacement to the value it decays to; nothing else is going on."""
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        if market.half_life < np.inf:
            market.temporary = 0.0
