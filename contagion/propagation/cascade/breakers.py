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
from contagion.propagation.cascade.books import note
from contagion.propagation.cascade.codes import BAND, EVENT_HALT, EVENT_REOPEN, HALT, THROTTLE
from contagion.propagation.cascade.outages import shut_venues


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
    breaker.active = False
    breaker.since = clock.round
    if state.policies[p].reopening == 1:
        breaker.reference = np.nan
    note(state, EVENT_REOPEN, -1, -1, market.venue, m, 0.0, market.last, 0.0)


@inner
def is_triggered(state: Any, p: int, m: int) -> bool:
    """Whether the last price of market `m` stands at or below the trigger of halt row `p`."""
    clock, policy, breaker = state.clock[0], state.policies[p], state.breakers[p, m]
    market = state.markets[m]
    if breaker.active or breaker.count >= policy.times or market.dead:
        return False
    reference = breaker.reference
    if math.isnan(reference):
        if policy.reference == 1 and breaker.count == 0.0:
            if clock.round > 0 and clock.time >= clock.shock_end:
                breaker.reference = market.last
            return False
        reference = highest_last(state, m, breaker.since, policy.window)
    return bool(market.last <= reference * (1.0 - policy.drop))


@inner
def in_scope(state: Any, scope: int, m: int, other: int) -> bool:
    """Whether a trigger in market `m` halts market `other`."""
    if scope == 0:
        return m == other
    return scope == 2 or bool(state.markets[m].asset == state.markets[other].asset)


@inner
def halt(state: Any, p: int, m: int) -> None:
    """Begin a halt of market `m`, this round included."""
    clock, breaker, market = state.clock[0], state.breakers[p, m], state.markets[m]
    breaker.active, breaker.until = True, clock.time + state.policies[p].length
    breaker.count += 1.0
    breaker.reference = market.last
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
def orders_row(state: Any, p: int) -> None:
    """Cap the orders of the round by the throttle in row `p`: a share, and money a second."""
    policy, clock = state.policies[p], state.clock[0]
    if policy.kind != THROTTLE:
        return
    for m in range(state.markets.shape[0]):
        if state.covered[p, m]:
            market = state.markets[m]
            most = math.inf
            if policy.rate < np.inf:
                most = float(np.ceil(policy.rate * clock.step / (market.mark * market.lot_scale)))
            market.cap_sell = min(float(np.ceil(policy.share * market.cap_sell)), most)
            market.cap_buy = min(float(np.ceil(policy.share * market.cap_buy)), most)


@inner
def shut_caps(state: Any) -> None:
    """Nothing is filled in a market that is shut."""
    for m in range(state.markets.shape[0]):
        if state.markets[m].shut:
            state.markets[m].cap_sell = state.markets[m].cap_buy = 0.0
