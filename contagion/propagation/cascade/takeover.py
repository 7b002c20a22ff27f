"""Step 4c: venues take positions over at the bankruptcy price, and settle what came of it with their fund.

The venue's inventory receives the lots of the account at its bankruptcy price, and with them all money that is left:
the account ends with nothing. No trade, no impact. The inventory works the lots off (`inventories`); once it is flat,
its gain goes to the fund, its loss is a deficit of the venue.

References
----------
cascade chapter, section 4, step 4c; margin chapter, sections 4 and 5 (`bankruptcy_price_linear`, BitMEX, Bybit, OKX).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import note, pay_node, post
from contagion.propagation.cascade.codes import (
    ACCOUNT,
    BASIS_SUM,
    BASIS_WEIGHT,
    BASIS_WORST,
    BY_POOL,
    BY_TAKEOVER,
    BY_UNWIND,
    BY_VENUE_DEFAULT,
    EVENT_TAKEOVER,
    EVENT_UNWIND,
    FILLED,
    FUND,
    HEALTHY_OUTSIDE,
    LIQUIDATED_ACCOUNTS,
    MONEY,
    SLIPPAGE,
    TAKEN,
    TAKEN_OVER,
)
from contagion.propagation.cascade.execute import leg_reduced
from contagion.propagation.cascade.fills import (
    average_entry,
    bankruptcy_price,
    measure_coverage,
    record_fill,
)
from contagion.propagation.cascade.inventories import inventory_leg, inventory_worth
from contagion.propagation.cascade.kernels import (
    equity_at_outside,
    gross,
    is_flat,
    is_tradable,
    value_account,
    wake,
)
from contagion.propagation.cascade.lost_hedges import hedge_lost
from contagion.propagation.cascade.settle import measure_unwinding, sell_leg


@inner
def may_move(book: Any, state: Any, i: int) -> bool:
    """Whether every market in which account `i` holds lots is open."""
    for k in range(book.indptr[i], book.indptr[i + 1]):
        if state.quantity[k] != 0.0 and not is_tradable(state.markets[book.leg_market[k]]):
            return False
    return True


@inner
def measure_takeover(state: Any, k: int, m: int, sign: float, lots: float, price: float) -> float:
    """Counters of one leg taken over; returns its money, of all of the row."""
    market = state.markets[m]
    worth, at_mark = lots * (market.lot_scale * price), lots * (market.lot_scale * market.mark)
    basis = sign * (state.trigger_mark[k] - price) / state.trigger_mark[k]
    state.counters[BASIS_SUM] += basis * at_mark
    state.counters[BASIS_WEIGHT] += at_mark
    state.counters[BASIS_WORST] = max(state.counters[BASIS_WORST], basis)
    state.counters[FILLED] += at_mark
    state.counters[TAKEN_OVER] += worth
    market.taken_over += worth
    state.venues[market.venue].taken_over += worth
    state.rounds[state.clock[0].round].takeover_notional += worth * state.clock[0].quantum
    return worth


@inner
def move_leg(book: Any, state: Any, k: int, price: float) -> float:
    """Move leg `k` to the inventory of its venue at `price`; returns its money, of all of the row."""
    i, m = book.leg_account[k], book.leg_market[k]
    market, number, v = state.markets[m], int(book.count[i]), book.venue[i]
    j = state.venues[v].inventory
    to, lots = inventory_leg(book, j, m), state.quantity[k]
    money, moved = int(np.rint(lots * (market.lot_scale * price))), int(lots) * number
    note(state, EVENT_TAKEOVER, i, book.owner[i], v, m, -float(moved), price, float(abs(money) * number))
    side, all_lots = 1.0 if lots > 0.0 else -1.0, abs(lots) * number
    at, trigger = state.clock[0].n_events - 1, state.trigger_mark[k]
    record_fill(state, at, i, m, side, all_lots, all_lots, trigger, price, price)
    average_entry(state, to, float(moved), price)
    state.quantity[k] = 0.0
    state.quantity[to] += float(moved)
    state.cash[i] += money
    state.cash[j] -= money * number
    market.inventory_cash -= money * number
    post(state, ACCOUNT, i, BY_TAKEOVER, m, -moved)
    post(state, ACCOUNT, j, BY_TAKEOVER, m, moved)
    post(state, ACCOUNT, i, BY_TAKEOVER, MONEY, money * number)
    post(state, ACCOUNT, j, BY_TAKEOVER, MONEY, -money * number)
    worth = measure_takeover(state, k, m, side, all_lots, price)
    leg_reduced(book, state, k, abs(lots))
    hedge_lost(book, state, k, lots)
    return worth


@inner
def hand_over(book: Any, state: Any, i: int) -> None:
    """The money that account `i` has left goes to the inventory of its venue."""
    rest, number, j = int(state.cash[i]), int(book.count[i]), state.venues[book.venue[i]].inventory
    state.cash[i] = 0
    state.cash[j] += rest * number
    post(state, ACCOUNT, i, BY_TAKEOVER, MONEY, -rest * number)
    post(state, ACCOUNT, j, BY_TAKEOVER, MONEY, rest * number)


@inner
def take_over(book: Any, state: Any, i: int) -> None:
    """All legs of account `i`, and the money that is left, go to the inventory of its venue."""
    equity, _ = value_account(book, state, i)
    total, number, worth = gross(book, state, i), int(book.count[i]), 0.0
    if total <= 0.0:
        return
    outside_equity, outside_required = equity_at_outside(book, state, i)
    first = state.liquidated[i] == 0.0 and state.taken_over[i] == 0.0
    for k in range(book.indptr[i], book.indptr[i + 1]):
        lots = state.quantity[k]
        if lots != 0.0:
            market, sign = state.markets[book.leg_market[k]], 1.0 if lots > 0.0 else -1.0
            worth += move_leg(book, state, k, bankruptcy_price(market, sign, equity, total))
    measure_coverage(book, state, i)
    if book.hold_indptr[i + 1] == book.hold_indptr[i]:  # whoever has coins owes their worth, and sells them
        hand_over(book, state, i)
    state.taken_over[i] += worth
    if outside_equity >= outside_required:
        state.counters[HEALTHY_OUTSIDE] += worth
    if first:
        state.counters[LIQUIDATED_ACCOUNTS] += float(number)
    state.rounds[state.clock[0].round].liquidations += float(number)
    state.clock[0].acted = True
    wake(book, state, i)


@inner
def take_over_all(book: Any, state: Any) -> None:
    """Every account that is to be taken over, in rank order, unless a market of it is shut."""
    for j in range(state.clock[0].n_acting):
        i = state.order[j]
        if state.manner[i] == TAKEN:
            for k in range(book.indptr[i], book.indptr[i + 1]):
                state.wanted[k] = state.taken[k] = 0.0
            if may_move(book, state, i):
                take_over(book, state, i)
            else:
                worth = gross(book, state, i) * book.count[i]
                state.rounds[state.clock[0].round].deferred_notional += worth * state.clock[0].quantum


@inner
def fill_inventories(book: Any, state: Any) -> None:
    """Inventories trade at the price of the round; one that is flat settles with the fund."""
    for v in range(state.venues.shape[0]):
        j = state.venues[v].inventory
        if j < 0:
            continue
        for k in range(book.indptr[j], book.indptr[j + 1]):
            lots = state.taken[k]
            if lots > 0.0:
                fill_inventory(book, state, v, k, lots)
            state.wanted[k] = state.taken[k] = 0.0
        if is_flat(book, state, j):
            settle_inventory(book, state, v)


@inner
def fill_inventory(book: Any, state: Any, v: int, k: int, lots: float) -> None:
    """Close `lots` of leg `k` of an inventory against the provider."""
    j, m = book.leg_account[k], book.leg_market[k]
    market, sign = state.markets[m], 1.0 if state.quantity[k] > 0.0 else -1.0
    worth = lots * (market.lot_scale * market.fill)
    note(state, EVENT_UNWIND, j, book.owner[j], v, m, -sign * lots, market.fill, worth)
    before = state.cash[j]
    sell_leg(book, state, k, lots, market.fill, BY_UNWIND)
    market.inventory_cash += state.cash[j] - before
    measure_unwinding(state, m, sign * lots)
    state.counters[SLIPPAGE] += sign * lots * market.lot_scale * (market.outside - market.fill)
    state.clock[0].acted = True


@inner
def settle_inventory(book: Any, state: Any, v: int) -> None:
    """A flat inventory pays its gain into the fund; its loss is a deficit of the venue, paid by the waterfall."""
    venue = state.venues[v]
    j = venue.inventory
    money = int(state.cash[j])
    if money > 0:
        note(state, EVENT_TAKEOVER, j, venue.node, v, -1, 0.0, np.nan, float(money))
        state.cash[j] = 0
        venue.fund += money
        post(state, ACCOUNT, j, BY_TAKEOVER, MONEY, -money)
        post(state, FUND, v, BY_TAKEOVER, MONEY, money)
    elif money < 0:
        state.deficit[j] -= money
        venue.deficit -= money


@inner
def empty_inventory(book: Any, state: Any, v: int) -> None:
    """The flat inventory of a failed venue: its money, of any sign, is the venue's own."""
    venue = state.venues[v]
    j = venue.inventory
    if j >= 0:
        money = int(state.cash[j])
        state.cash[j] = 0
        post(state, ACCOUNT, j, BY_VENUE_DEFAULT, MONEY, -money)
        pay_node(state, venue.node, BY_VENUE_DEFAULT, money)


@inner
def result_of(book: Any, state: Any, m: int) -> float:
    """What market `m` has brought the fund: the inventory's money and lots at the mark, less deficits of accounts."""
    market = state.markets[m]
    result, j = float(market.inventory_cash) - market.lost, state.venues[market.venue].inventory
    if j >= 0:
        k = inventory_leg(book, j, m)
        if k >= 0:
            result += state.quantity[k] * (market.mark * market.lot_scale)
    return result


@inner
def keep_paths(book: Any, state: Any) -> None:
    """What later rounds look back on: marks, the backing of every venue, results of markets whose pool is watched."""
    at = int(state.clock[0].round)
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        market.previous_mark = market.mark
        if state.venues[market.venue].adl_trigger == BY_POOL:
            state.result_path[at, m] = result_of(book, state, m)
    for v in range(state.venues.shape[0]):
        state.fund_path[at, v] = float(state.venues[v].fund) + inventory_worth(book, state, v)
        j = state.venues[v].inventory
        if j >= 0:
            state.venues[v].inventory_seconds += gross(book, state, j) * state.clock[0].step
