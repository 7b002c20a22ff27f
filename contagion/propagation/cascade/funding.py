"""What longs pay shorts at each multiple of a perpetual's funding interval, at the mark.

The premium is the mark over the index, less one, averaged over the rounds since the last payment. Every open position
receives ``-s q M rate``, rounded once; the provider, who holds what is left, takes the exact counterpart. Payments are
made before accounts are looked at, also while a market is halted, and not in the markets of failed venues.

References
----------
Margin chapter, section 7 (`funding_rate_binance`, `funding_rate_hyperliquid`, `funding_payment`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import note
from contagion.propagation.cascade.codes import BY_FUNDING, EVENT_FUNDING, FUNDING
from contagion.propagation.cascade.kernels import wake
from contagion.propagation.cascade.settlement import give, in_coins, provider_gives
from contagion.propagation.cascade.worth import lot_money

SECONDS_AN_HOUR = 3_600.0


@inner
def rate_of(venue: Any, interval: float, premium: float) -> float:
    """Funding rate of one interval by the venue's rule; a positive one is paid by longs."""
    clamp = venue.funding_clamp
    with_interest = premium + min(max(venue.funding_interest - premium, -clamp), clamp)
    hours = interval / SECONDS_AN_HOUR
    if venue.funding_rule == 0:
        return float(with_interest * hours / 8.0)
    return float(min(max(with_interest / 8.0, -venue.funding_cap), venue.funding_cap) * hours)


@inner
def payments_due(clock: Any, interval: float) -> float:
    """Multiples of the interval that have passed since the last round."""
    now, before = clock.time / interval, (clock.time - clock.step) / interval
    return float(np.floor(now + 1e-9) - np.floor(before + 1e-9))


@inner
def share_of(state: Any, m: int, money: float) -> int:
    """A payment of `money` quanta in what market `m` settles in: whole quanta, or lots of its coin."""
    if state.markets[m].coin_slot < 0:
        return int(np.rint(money))
    return int(in_coins(state, m, money))


@inner
def transfer(book: Any, state: Any, m: int, rate: float) -> None:
    """Every position in market `m` pays or receives its share of the notional at the mark."""
    clock, market = state.clock[0], state.markets[m]
    note(state, EVENT_FUNDING, -1, -1, market.venue, m, 0.0, market.mark, 0.0)
    event, lot, received, paid = clock.n_events - 1, lot_money(market, market.mark), 0, 0
    inventory = state.venues[market.venue].inventory
    for j in range(book.slot_indptr[m], book.slot_indptr[m + 1]):
        k = book.slot_legs[j]
        i = book.leg_account[k]
        money, number = -share_of(state, m, state.quantity[k] * lot * rate), int(book.count[i])
        if money == 0:
            continue
        give(book, state, k, money, BY_FUNDING)
        if i == inventory:
            market.inventory_cash += money
        if money > 0:
            received += money * number
        else:
            paid -= money * number
            wake(book, state, i)
    provider_gives(state, m, received - paid, BY_FUNDING)
    moved = float(max(paid, received))
    if market.coin_slot >= 0:
        moved *= market.coin * state.slots[market.coin_slot].lot_scale
    state.counters[FUNDING] += moved
    if event < state.events.shape[0]:
        state.events[event].money = moved * clock.quantum
    clock.acted = True


@inner
def pay_funding(book: Any, state: Any) -> None:
    """Sample the premium of every perpetual with funding, and pay where an interval has ended."""
    clock = state.clock[0]
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        if market.funding_interval == np.inf or market.dead or clock.round == 0:
            continue
        market.premium_sum += market.mark / market.index - 1.0
        market.premium_rounds += 1.0
        due = payments_due(clock, market.funding_interval)
        if due > 0.0:
            average = market.premium_sum / market.premium_rounds
            market.funding_rate = rate_of(state.venues[market.venue], market.funding_interval, average)
            market.premium_sum = market.premium_rounds = 0.0
            if market.funding_rate != 0.0:
                transfer(book, state, m, market.funding_rate * due)


@inner
def funding_to_come(state: Any) -> bool:
    """Whether a payment falls into what is left of the run: it goes on until then, whatever else happens."""
    clock = state.clock[0]
    end = clock.last_round * clock.step
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        last, now = end / market.funding_interval, clock.time / market.funding_interval  # 0 without funding
        if not market.dead and np.floor(last + 1e-9) > np.floor(now + 1e-9):
            return True
    return False
