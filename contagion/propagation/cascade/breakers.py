"""Step 4a for built-in policies: which markets are shut, how far may prices move, how much may be sold?

Every built-in run-time policy is one parameter row. A halt compares the last price with a reference: the highest last
price in `window` seconds (since the opening if the window is endless), after a halt the price at the halt; with
``reference="shock"`` the first price after the outside move.

References
----------
cascade chapter, section 4, "Halts"; fire-sale chapter, `circuit_breaker_cascade`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.markets.pace import selling_time
from contagion.propagation.cascade.books import note
from contagion.propagation.cascade.codes import BAND, EVENT_HALT, EVENT_REOPEN, HALT, SLICES, THROTTLE
from contagion.propagation.cascade.outages import shut_venues
from contagion.propagation.cascade.revalue import SECONDS_A_DAY, volatility_over
from contagion.propagation.cascade.worth import lot_money


@inner
def highest_last(state: Any, m: int, since: int, window: float) -> float:
    """Highest last price of the market within the window that ends now: at least the round before takes part."""
    clock = state.clock[0]
    first = since
    if window < np.inf:
        first = max(since, int(clock.round) - max(1, int(np.ceil(window / clock.step - 1e-9))))
    highest = 0.0
    for r in range(first, clock.round + 1):
        highest = max(highest, state.history[r, m].last)
    return highest


@inner
def reopen(book: Any, state: Any, p: int, m: int) -> None:
    """End the halt of market `m`; from now on the reference follows the policy's `reopening` rule."""
    clock, breaker, market = state.clock[0], state.breakers[p, m], state.markets[m]
    policy = state.policies[p]
    breaker.active = False
    breaker.since = clock.round
    if policy.reopening == 1:
        breaker.reference = np.nan
    if policy.auction > 0.0 and not market.dead:
        market.auction = True
        market.depth += policy.auction_depth * max(0.0, market.shock_depth - market.depth)
        state.history[clock.round, m].depth = market.depth
    note(state, EVENT_REOPEN, -1, -1, market.venue, m, 0.0, market.last, 0.0)


@inner
def basket(state: Any, p: int) -> float:
    """Indices of the covered markets over their opening, weighted by the money in their books at the opening."""
    total, weight = 0.0, 0.0
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        if state.covered[p, m]:
            total += market.capital * (market.index / market.opening)
            weight += market.capital
    return total / weight if weight > 0.0 else 1.0


@inner
def watched_price(state: Any, p: int, m: int) -> float:
    """What halt row `p` watches in market `m`: its last price, or the basket of all covered markets."""
    if state.policies[p].reference == 2:
        return basket(state, p)
    return float(state.markets[m].last)


@inner
def reference_of(state: Any, p: int, m: int) -> float:
    """Reference of halt row `p` in market `m`; nan: none yet."""
    policy, breaker = state.policies[p], state.breakers[p, m]
    if not math.isnan(breaker.reference):
        return float(breaker.reference)
    if policy.reference == 2:
        return 1.0
    if policy.reference == 1 and breaker.count == 0.0:
        return math.nan
    highest = highest_last(state, m, breaker.since, policy.window)
    return max(highest, state.markets[m].last)


@inner
def is_idle(state: Any, p: int, m: int) -> bool:
    """Whether halt row `p` may still be triggered in market `m`: no level of its policy is in force there."""
    if state.breakers[p, m].count >= state.policies[p].times or state.markets[m].dead:
        return False
    for other in range(state.policies.shape[0]):
        same = state.policies[other].kind == HALT and state.policies[other].place == state.policies[p].place
        if same and state.breakers[other, m].active:
            return False
    return True


@inner
def is_triggered(state: Any, p: int, m: int) -> bool:
    """Whether what halt row `p` watches in market `m` stands at or below its trigger."""
    clock, policy, breaker = state.clock[0], state.policies[p], state.breakers[p, m]
    if not is_idle(state, p, m):
        return False
    reference = reference_of(state, p, m)
    if math.isnan(reference):
        if clock.round > 0 and clock.time >= clock.shock_end:
            breaker.reference = state.markets[m].last
        return False
    return bool(watched_price(state, p, m) <= reference * (1.0 - policy.drop))


@inner
def distance_to_trigger(state: Any, p: int, m: int) -> float:
    """Share of the way from the reference to the trigger that is still to go: 1 at the reference, 0 at the trigger."""
    if not is_idle(state, p, m):
        return 1.0
    reference = reference_of(state, p, m)
    if math.isnan(reference):
        return 1.0
    fallen = (1.0 - watched_price(state, p, m) / reference) / state.policies[p].drop
    return min(1.0, max(0.0, 1.0 - fallen))


@inner
def in_scope(state: Any, scope: int, m: int, other: int) -> bool:
    """Whether a trigger in market `m` halts market `other`."""
    if scope == 0:
        return m == other
    return scope == 2 or bool(state.markets[m].asset == state.markets[other].asset)


@inner
def use_up_lower_levels(state: Any, p: int, m: int) -> None:
    """Levels of the same policy below the one that was reached cannot halt the market any more."""
    for other in range(state.policies.shape[0]):
        row = state.policies[other]
        same = row.kind == HALT and row.place == state.policies[p].place
        if same and row.drop < state.policies[p].drop:
            state.breakers[other, m].count = row.times


@inner
def halt(state: Any, p: int, m: int) -> None:
    """Begin a halt of market `m`, this round included."""
    clock, breaker, market = state.clock[0], state.breakers[p, m], state.markets[m]
    breaker.active, breaker.until = True, clock.time + state.policies[p].length
    breaker.count += 1.0
    breaker.reference = watched_price(state, p, m)
    use_up_lower_levels(state, p, m)
    note(state, EVENT_HALT, -1, -1, market.venue, m, 0.0, market.last, 0.0)


@inner
def status_row(book: Any, state: Any, p: int) -> None:
    """Reopen, trigger and shut markets for the halt in row `p`."""
    policy, clock = state.policies[p], state.clock[0]
    n = state.markets.shape[0]
    if policy.kind != HALT:
        return
    for m in range(n):
        if state.breakers[p, m].active and clock.time >= state.breakers[p, m].until:
            reopen(book, state, p, m)
    hit = np.zeros(n, np.bool_)
    for m in range(n):
        if state.covered[p, m]:
            hit[m] = is_triggered(state, p, m)
    for m in range(n):
        if hit[m]:
            for other in range(n):
                idle = not state.breakers[p, other].active and not state.markets[other].dead
                if idle and state.covered[p, other] and in_scope(state, policy.scope, m, other):
                    halt(state, p, other)
    for m in range(n):
        if state.breakers[p, m].active:
            state.markets[m].shut = True


@inner
def open_markets(state: Any) -> None:
    """Before the policies speak every market is open, but for those of venues that failed or are out."""
    for m in range(state.markets.shape[0]):
        state.markets[m].shut = state.markets[m].dead
        state.markets[m].auction = False
    shut_venues(state)


@inner
def count_halted(state: Any) -> None:
    """Seconds halted per market, and this round's number of shut markets."""
    clock, total = state.clock[0], 0.0
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        if market.shut and not market.dead:
            market.halted_seconds += clock.step
            state.history[clock.round, m].halted = True
            total += 1.0
    state.rounds[clock.round].halted_markets = total


@inner
def limits_row(state: Any, p: int) -> None:
    """Narrow the price limits of the round to the band in row `p`."""
    policy = state.policies[p]
    if policy.kind != BAND:
        return
    for m in range(state.markets.shape[0]):
        if state.covered[p, m]:
            market = state.markets[m]
            reference = market.mark
            if policy.reference == 1:
                reference = market.index
            elif policy.reference == 2:
                reference = market.last
            market.lower = max(market.lower, reference * (1.0 - policy.below))
            market.upper = min(market.upper, reference * (1.0 + policy.above))


@inner
def best_slice(state: Any, policy: Any, m: int, lots: float) -> float:
    """Lots of an order to trade in this round, so that impact and the risk of waiting together cost least."""
    clock, market = state.clock[0], state.markets[m]
    volume = policy.turnover * market.capital if math.isnan(market.volume) else market.volume
    if lots <= 0.0 or volume <= 0.0:
        return lots
    calm, running = 1.0, 1.0
    if market.volatility > 0.0:
        calm = market.volatility
        running = max(calm, volatility_over(state, market.asset, clock.volatility_window))
    order = lots * lot_money(market, market.mark) / volume
    seconds = SECONDS_A_DAY * selling_time(order, calm, running, policy.eta, policy.beta, policy.risk)
    if seconds <= clock.step:
        return lots
    return float(np.ceil(lots * (clock.step / seconds)))


@inner
def slice_orders(state: Any, p: int) -> None:
    """Cap the orders of the round to the slices of row `p`."""
    for m in range(state.markets.shape[0]):
        if state.covered[p, m]:
            market = state.markets[m]
            market.cap_sell = best_slice(state, state.policies[p], m, market.cap_sell)
            market.cap_buy = best_slice(state, state.policies[p], m, market.cap_buy)


@inner
def orders_row(state: Any, p: int) -> None:
    """Cap the orders of the round by row `p`: a throttle's share and money a second, or slices of least cost."""
    policy, clock = state.policies[p], state.clock[0]
    if policy.kind == SLICES:
        slice_orders(state, p)
    if policy.kind != THROTTLE:
        return
    for m in range(state.markets.shape[0]):
        if state.covered[p, m]:
            market = state.markets[m]
            most = math.inf
            if policy.rate < np.inf:
                most = float(np.ceil(policy.rate * clock.step / lot_money(market, market.mark)))
            market.cap_sell = min(float(np.ceil(policy.share * market.cap_sell)), most)
            market.cap_buy = min(float(np.ceil(policy.share * market.cap_buy)), most)


@inner
def shut_caps(state: Any) -> None:
    """Nothing is filled in a market that is shut."""
    for m in range(state.markets.shape[0]):
        if state.markets[m].shut:
            state.markets[m].cap_sell = state.markets[m].cap_buy = 0.0
