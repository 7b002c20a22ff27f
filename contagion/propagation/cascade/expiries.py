"""What happens when a contract expires: every position is paid out at the index, and the market is gone.

A future settles at the venue's index, to which its fair price converges; an option pays what it is worth there. No
trade is made, no fee is due and no book is moved. Payments round once per account, the liquidity provider takes the
exact counterpart. Who hedged the position elsewhere has lost a leg: the other one is unwound.

References
----------
Hull (2018), "Options, Futures, and Other Derivatives", chapter 2 (convergence) and chapter 10 (cash settlement).
"""

from __future__ import annotations

from typing import Any

from contagion.compiled import inner
from contagion.propagation.cascade.books import note, post
from contagion.propagation.cascade.codes import (
    ACCOUNT,
    BY_EXPIRY,
    EVENT_EXPIRY,
    EXPIRED,
    PROVIDER,
)
from contagion.propagation.cascade.execute import leg_reduced
from contagion.propagation.cascade.kernels import wake
from contagion.propagation.cascade.revalue import fair_price
from contagion.propagation.cascade.settlement import amount, give, provider_gives
from contagion.propagation.cascade.worth import lot_money


@inner
def settle_expired(book: Any, state: Any) -> None:
    """Pay out every market whose time has come; in the timeless limit it never does."""
    clock = state.clock[0]
    if clock.sticky:
        return
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        if market.expired or clock.time < market.expiry:
            continue
        market.expired = True
        if not market.dead:
            market.mark = market.last = fair_price(state, market)
            pay_out(book, state, m)
        market.dead = market.shut = True


@inner
def pay_out(book: Any, state: Any, m: int) -> None:
    """Turn every position in market `m` into money at its mark."""
    market, paid, lots_settled = state.markets[m], 0, 0.0
    note(state, EVENT_EXPIRY, -1, -1, market.venue, m, 0.0, market.mark, 0.0)
    event = state.clock[0].n_events - 1
    inventory = state.venues[market.venue].inventory
    for j in range(book.slot_indptr[m], book.slot_indptr[m + 1]):
        k = book.slot_legs[j]
        i, lots = book.leg_account[k], state.quantity[k]
        if lots == 0.0:
            continue
        money, number = amount(state, m, lots, market.mark), int(book.count[i])
        state.quantity[k] = 0.0
        if i == inventory:
            market.inventory_cash += money
        paid += money * number
        lots_settled += max(0.0, lots) * float(number)
        post(state, ACCOUNT, i, BY_EXPIRY, m, -int(lots) * number)
        give(book, state, k, money, BY_EXPIRY)
        leg_reduced(book, state, k, abs(lots))
        wake(book, state, i)
    post(state, PROVIDER, m, BY_EXPIRY, m, -int(market.provider_lots))
    provider_gives(state, m, paid, BY_EXPIRY)
    market.provider_lots = 0
    worth = lots_settled * lot_money(market, market.mark)
    state.counters[EXPIRED] += worth
    if event < state.events.shape[0]:
        state.events[event].money = worth * state.clock[0].quantum
    state.clock[0].acted = True


@inner
def expiry_to_come(state: Any) -> bool:
    """Whether a contract expires in what is left of the run: it goes on until then."""
    clock = state.clock[0]
    if clock.sticky:
        return False
    end = clock.last_round * clock.step
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        if not market.expired and not market.dead and market.expiry <= end:
            return True
    return False
