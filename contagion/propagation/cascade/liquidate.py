"""Step 3: who must sell how much? Decided anew every round, at the marks.

Procedures: `close_out` sells everything; `partial` sells the smallest fraction, the same of every leg, after which
equity covers `target` times the requirement once the fee is paid, at least `min_clip`; `ladder` (Binance) closes every
leg above its first tier down to the cap of the tier below, and everything when all are in their first tier or equity is
gone; `bybit` does the same, but what `ladder` would sell whole is taken over. The others are in `procedures`. An order
reaches the market `latency` seconds after the trigger.

References
----------
cascade chapter, section 4, step 3; margin chapter, section 5 (the ladder of Binance and Bybit, partial procedures).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.attacking import ask_attacks
from contagion.propagation.cascade.codes import ASKED, CLOSE_OUT, LADDER, ORDERED, PARTIAL, TAKEN
from contagion.propagation.cascade.hedge_orders import ask_delta_hedges
from contagion.propagation.cascade.inventories import ask_inventories
from contagion.propagation.cascade.kernels import coins, gross, maintenance, relief, without_positions
from contagion.propagation.cascade.loans import is_loan
from contagion.propagation.cascade.minting import ask_minted
from contagion.propagation.cascade.offers import ask_owners
from contagion.propagation.cascade.procedures import follow, want_fraction, want_rungs
from contagion.propagation.cascade.protocols import leave_bad_loans, plan
from contagion.propagation.cascade.scans import least_share
from contagion.propagation.cascade.worth import lot_money, lot_worth

HALVINGS = 40
LARGEST_RISE = 2.0  # no asks rest above twice the outside price: an exponential book would sell at any price


@inner
def covered(book: Any, state: Any, i: int, fraction: float) -> bool:
    """Whether closing `fraction` of every leg restores `target` times the requirement, after the fee."""
    venue = state.venues[book.venue[i]]
    required, closed, taken = 0.0, 0.0, 0.0
    for k in range(book.indptr[i], book.indptr[i + 1]):
        lots = abs(state.quantity[k])
        if lots != 0.0:
            market = state.markets[book.leg_market[k]]
            notional = lots * lot_money(market, market.mark)
            required += market.multiplier * maintenance(
                book, market, (1.0 - fraction) * notional, (1.0 - fraction) * lots
            )
            closed += fraction * notional
            taken += market.fee * (fraction * notional)
    if book.paired[i]:
        required -= relief(book, state, i, 1.0 - fraction, False)
    _, haircut = coins(book, state, i)
    return bool(state.equity[i] - haircut - venue.fee * closed - taken >= venue.target * required)


@inner
def scanned_fraction(book: Any, state: Any, i: int) -> float:
    """Smallest fraction that restores the target where margin is scanned: all terms are linear in it."""
    venue, cost = state.venues[book.venue[i]], 0.0
    for k in range(book.indptr[i], book.indptr[i + 1]):
        market = state.markets[book.leg_market[k]]
        cost += (venue.fee + market.fee) * (abs(state.quantity[k]) * lot_money(market, market.mark))
    _, haircut = coins(book, state, i)
    asked = venue.target * (state.requirement[i] - haircut)
    return least_share(asked - (state.equity[i] - haircut), asked, cost)


@inner
def smallest_fraction(book: Any, state: Any, i: int) -> float:
    """Smallest fraction that restores the target, by halving; 1 when none below does."""
    venue = state.venues[book.venue[i]]
    if book.scanned[i]:
        return max(scanned_fraction(book, state, i), float(venue.min_clip))
    if covered(book, state, i, venue.min_clip):
        return float(venue.min_clip)
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if covered(book, state, i, middle):
            high = middle
        else:
            low = middle
    return max(high, float(venue.min_clip))


@inner
def note_trigger(book: Any, state: Any, i: int) -> None:
    """Account `i` has just fallen below its requirement: remember when, at which prices, and what it owed then."""
    state.trigger_time[i] = state.clock[0].time
    owed = max(0.0, -float(state.cash[i]))
    for k in range(book.indptr[i], book.indptr[i + 1]):
        market = state.markets[book.leg_market[k]]
        state.trigger_mark[k] = market.mark
        owed += max(0.0, -state.quantity[k] * lot_worth(market, market.mark))
    for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
        slot = state.slots[book.hold_slot[b]]
        state.trigger_price[b] = slot.price
        owed += max(0.0, -state.held[b]) * (slot.price * slot.lot_scale)
    state.owed[i] = owed
    state.clipped_at[i] = np.nan


@inner
def offer_coins(book: Any, state: Any, i: int) -> None:
    """Account `i` at an exchange has no position left and is still unhealthy: sell its coins, buy its debts back."""
    for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
        state.offered[b] = abs(state.held[b])


@inner
def decide(book: Any, state: Any) -> None:
    """Orders of the accounts in `acting`, by the procedure of their venue; margin ratios for the ranking."""
    clock = state.clock[0]
    if state.deals.shape[0] > 0:
        leave_bad_loans(book, state)
    for j in range(clock.n_acting):
        i = state.acting[j]
        venue = state.venues[book.venue[i]]
        state.ratio[i] = state.equity[i] / state.requirement[i] if state.requirement[i] > 0.0 else -np.inf
        if math.isnan(state.first_trigger[i]):
            state.first_trigger[i] = clock.time
        if state.acted_in[i] != clock.round - 1:
            note_trigger(book, state, i)
        state.acted_in[i] = clock.round
        if clock.sticky:
            state.selected[i] = True
        state.manner[i] = ORDERED
        if is_loan(book, state, i):
            continue  # planned once the other orders are known
        if book.hold_indptr[i + 1] > book.hold_indptr[i] and without_positions(book, state, i):
            offer_coins(book, state, i)
        elif clock.sticky or venue.procedure == CLOSE_OUT:
            want_fraction(book, state, i, 1.0)
        elif venue.procedure > LADDER:
            state.manner[i] = follow(book, state, i)
        elif state.equity[i] <= 0.0:
            want_fraction(book, state, i, 1.0)
        elif venue.procedure == PARTIAL:
            want_fraction(book, state, i, smallest_fraction(book, state, i))
        elif not want_rungs(book, state, i, 1):
            want_fraction(book, state, i, 1.0)
        if clock.time < state.trigger_time[i] + venue.latency:
            hold_back(book, state, i)


@inner
def hold_back(book: Any, state: Any, i: int) -> None:
    """The order has not reached the market yet (`latency`): it counts as asked and deferred, and is decided anew."""
    clock = state.clock[0]
    state.manner[i] = ORDERED
    for k in range(book.indptr[i], book.indptr[i + 1]):
        if state.wanted[k] > 0.0:
            market = state.markets[book.leg_market[k]]
            worth = state.wanted[k] * book.count[i] * lot_money(market, market.mark)
            state.counters[ASKED] += worth
            state.rounds[clock.round].deferred_notional += worth * clock.quantum
            state.wanted[k] = 0.0
    for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
        if state.offered[b] > 0.0:
            market = state.markets[state.slots[book.hold_slot[b]].market]
            worth = state.offered[b] * book.count[i] * lot_money(market, market.mark)
            state.counters[ASKED] += worth
            state.rounds[clock.round].deferred_notional += worth * clock.quantum
            state.offered[b] = 0.0


@inner
def ask(book: Any, state: Any) -> None:
    """Add the orders of the round up per market: gross sells and gross buys, unwinding included."""
    clock, markets = state.clock[0], state.markets
    for m in range(markets.shape[0]):
        markets[m].asked_sell = markets[m].asked_buy = 0.0
        markets[m].lower = 0.0
        markets[m].upper = np.inf if clock.sticky else LARGEST_RISE * markets[m].reference
    for j in range(clock.n_acting):
        i = state.acting[j]
        for k in range(book.indptr[i], book.indptr[i + 1]):
            if state.wanted[k] > 0.0:
                market = markets[book.leg_market[k]]
                lots = state.wanted[k] * book.count[i]
                if state.quantity[k] > 0.0:
                    market.asked_sell += lots
                else:
                    market.asked_buy += lots
                state.counters[ASKED] += lots * lot_money(market, market.mark)
        if state.manner[i] == TAKEN:
            state.counters[ASKED] += gross(book, state, i) * book.count[i]
        for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
            if state.offered[b] > 0.0:
                market = markets[state.slots[book.hold_slot[b]].market]
                lots = state.offered[b] * book.count[i]
                if state.held[b] > 0.0:
                    market.asked_sell += lots
                else:
                    market.asked_buy += lots
                state.counters[ASKED] += lots * lot_money(market, market.mark)
    ask_unwinding(book, state)
    ask_delta_hedges(state)
    ask_inventories(book, state)
    ask_minted(state)
    ask_attacks(state)
    if state.deals.shape[0] > 0:
        plan(book, state)
    ask_owners(book, state)
    total = 0.0
    for m in range(markets.shape[0]):
        market = markets[m]
        market.cap_sell, market.cap_buy = market.asked_sell, market.asked_buy
        total += (market.asked_sell + market.asked_buy) * lot_money(market, market.mark)
    state.rounds[clock.round].asked_notional = total * clock.quantum


@inner
def ask_unwinding(book: Any, state: Any) -> None:
    """This round's slices of the legs that basis traders unwind; a long leg is sold, a short leg bought back."""
    for s in range(state.strategies.shape[0]):
        strategy = state.strategies[s]
        strategy.ask_long = strategy.ask_short = 0.0
        if strategy.pending_long > 0.0:
            strategy.ask_long = min(strategy.slice_long, strategy.pending_long)
            state.markets[strategy.long_market].asked_sell += strategy.ask_long
        if strategy.pending_short > 0.0:
            strategy.ask_short = min(strategy.slice_short, strategy.pending_short)
            state.markets[strategy.short_market].asked_buy += strategy.ask_short
