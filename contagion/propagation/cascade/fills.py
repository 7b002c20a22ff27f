"""What is measured and remembered of forced fills: trigger, mark, bankruptcy price, delay, size asked, coverage.

References
----------
cascade chapter, section 3 (bankruptcy price of an account with several legs; coins alike, at the
oracle's prices) and section 4, step 5.
"""

from __future__ import annotations

import math
from typing import Any

from contagion.compiled import inner
from contagion.propagation.cascade.codes import (
    BASIS_SUM,
    BASIS_WEIGHT,
    BASIS_WORST,
    COVERAGE_SUM,
    COVERAGE_WEIGHT,
    FILLED,
    FORCED_COST,
    HEALTHY_OUTSIDE,
    LIQUIDATED_ALL,
    LIQUIDATED_LONG,
    LIQUIDATED_SHORT,
    SLIPPAGE,
)
from contagion.propagation.cascade.kernels import gross, is_flat, value_account
from contagion.propagation.cascade.worth import gain, lot_money

NO_PRICE = -1.0
LEAST_SHARE = (
    1e-6  # an inverse long that owes more than it was worth is bankrupt at any price: at most so far up
)


@inner
def bankruptcy_price(market: Any, sign: float, equity: float, total: float) -> float:
    """Price at which a leg brings nothing: equity is spread over the legs by their notional, `total` in all."""
    if market.inverse:
        return market.mark / max(LEAST_SHARE, 1.0 + sign * equity / total)
    return max(0.0, market.mark * (1.0 - sign * equity / total))


@inner
def spread(book: Any, state: Any, i: int) -> tuple[float, float]:
    """Equity of account `i` at the marks and the notional over which it is spread; both 0 where nothing is recorded."""
    if not state.clock[0].record:
        return 0.0, 0.0
    equity, _ = value_account(book, state, i)
    return equity, gross(book, state, i)


@inner
def leg_bankruptcy(market: Any, sign: float, equity: float, total: float) -> float:
    """`bankruptcy_price`, or `NO_PRICE` where nothing is recorded."""
    return bankruptcy_price(market, sign, equity, total) if total > 0.0 else NO_PRICE


@inner
def coin_spread(book: Any, state: Any, i: int, sign: float) -> tuple[float, float]:
    """Equity of account `i` and worth at the oracle of its coins of a sign; both 0 where nothing is recorded."""
    if not state.clock[0].record:
        return 0.0, 0.0
    equity, _ = value_account(book, state, i)
    total = 0.0
    for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
        slot = state.slots[book.hold_slot[b]]
        total += max(0.0, sign * state.held[b] * (slot.price * slot.lot_scale))
    return equity, total


@inner
def coin_bankruptcy(slot: Any, sign: float, equity: float, total: float) -> float:
    """Price of a coin at which the account is worth nothing, all coins of its sign moving alike; or `NO_PRICE`.

    Of a single collateral: what is owed over its quantity.
    """
    return max(0.0, slot.price * (1.0 - sign * equity / total)) if total > 0.0 else NO_PRICE


@inner
def record_fill(
    state: Any,
    at: int,
    i: int,
    m: int,
    sign: float,
    lots: float,
    asked: float,
    trigger: float,
    price: float,
    bankruptcy: float,
) -> None:
    """Add a trade in market `m` to event `at` of account `i`; a second one, of a debt in coins, only to its basis."""
    if at >= state.events.shape[0]:
        return
    event, market, clock = state.events[at], state.markets[m], state.clock[0]
    weight = lots * lot_money(market, market.mark) * clock.quantum
    basis = sign * (trigger - price) / trigger
    if event.weight > 0.0:
        event.basis = (event.basis * event.weight + basis * weight) / (event.weight + weight)
        event.weight += weight
        return
    event.weight, event.basis = weight, basis
    event.traded, event.side = m, sign
    event.filled, event.asked = lots, asked
    event.trigger, event.mark, event.outside = trigger, market.mark, market.outside
    event.execution, event.bankruptcy = price, bankruptcy
    event.delay = clock.time - state.trigger_time[i]


@inner
def record_coverage(state: Any, i: int, coverage: float) -> None:
    """Write the coverage of account `i`, closed now, to its fills of this round."""
    clock = state.clock[0]
    found = False
    at = min(int(clock.n_events), state.events.shape[0]) - 1
    while at >= 0 and state.events[at].round == clock.round:
        event = state.events[at]
        if event.account == i and event.weight > 0.0:
            event.coverage, event.closed = coverage, 1
            found = True
        elif found and event.account != i:
            break
        at -= 1


@inner
def measure_fill(state: Any, market: Any, sign: int, lots: float, trigger: float) -> None:
    """Counters of one forced trade at the price of the round."""
    measure_at(state, market, sign, lots, trigger, market.fill)


@inner
def measure_at(state: Any, market: Any, sign: int, lots: float, trigger: float, at_price: float) -> None:
    """Counters of one forced trade: cost against the outside price, liquidation basis, notional filled."""
    at_mark = lots * lot_money(market, market.mark)
    slippage = gain(market, sign * lots, at_price, market.outside)
    basis = sign * (trigger - at_price) / trigger
    state.counters[SLIPPAGE] += slippage
    state.counters[FORCED_COST] += slippage
    state.counters[BASIS_SUM] += basis * at_mark
    state.counters[BASIS_WEIGHT] += at_mark
    state.counters[BASIS_WORST] = max(state.counters[BASIS_WORST], basis)
    state.counters[FILLED] += at_mark


@inner
def average_entry(state: Any, k: int, bought: float, at_price: float) -> None:
    """Entry price of leg `k` after a trade: an average while it grows, the new price when it opens or flips."""
    held = state.quantity[k]
    if held * bought > 0.0:
        state.entry[k] = (abs(held) * state.entry[k] + abs(bought) * at_price) / (abs(held) + abs(bought))
    elif abs(bought) > abs(held):
        state.entry[k] = at_price


@inner
def count_liquidated(state: Any, v: int, market: Any, long_side: bool, worth: float, healthy: bool) -> None:
    """Count `worth` (quanta) of what an account at venue `v` gave up as liquidated, once, in one market."""
    state.counters[LIQUIDATED_LONG if long_side else LIQUIDATED_SHORT] += worth
    state.counters[LIQUIDATED_ALL] += worth
    if healthy:
        state.counters[HEALTHY_OUTSIDE] += worth
    market.liquidated += worth
    state.venues[v].liquidated += worth


@inner
def measure_coverage(book: Any, state: Any, i: int) -> None:
    """Value realised over the amount owed at the trigger, for an account that has just been closed for the first time.

    What was realised is what was owed plus the money left over, or less the money missing, before the fee.
    """
    if state.owed[i] > 0.0 and math.isnan(state.closed_at[i]) and is_flat(book, state, i):
        number = float(book.count[i])
        coverage = 1.0 + float(state.cash[i]) / state.owed[i]
        state.counters[COVERAGE_SUM] += coverage * number
        state.counters[COVERAGE_WEIGHT] += number
        record_coverage(state, i, coverage)
