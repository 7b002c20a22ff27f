"""Step 4c: which bankrupt positions leave the book, and which winners are cut instead?

Per venue with auto-deleveraging: accounts that the trial fill closes completely and leaves below zero are covered by
the fund, lowest margin ratio first, while the running sum of their deficits fits; from the first that does not fit on
they are matched at their bankruptcy price with ranked profitable holders of the other side: no trade, no impact.

References
----------
cascade chapter, section 4, step 4c; margin chapter, section 6 (`adl_rank_bitmex`, `adl_contract_pro_rata`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import note, post
from contagion.propagation.cascade.codes import ACCOUNT, BY_ADL, DELEVERAGED, EVENT_ADL, MONEY, PERP, PROVIDER
from contagion.propagation.cascade.execute import leg_reduced, set_price
from contagion.propagation.cascade.kernels import coins, gross, stable_order, value_account, wake


@inner
def deficit_at_fill(book: Any, state: Any, i: int) -> float:
    """Money (quanta, of one account) missing after the trial fill; 0 unless it closes the account completely."""
    worth = float(state.cash[i])
    for k in range(book.indptr[i], book.indptr[i + 1]):
        lots = state.quantity[k]
        if lots != 0.0:
            if state.taken[k] != abs(lots):
                return 0.0
            market = state.markets[book.leg_market[k]]
            money = lots * (market.fill * market.lot_scale)
            worth += money - market.fee * abs(money)
    if book.hold_indptr[i + 1] > book.hold_indptr[i]:
        owned, _ = coins(book, state, i)
        worth += owned
    return max(0.0, -worth)


@inner
def choose_leavers(book: Any, state: Any) -> int:
    """Mark the accounts that the fund cannot cover; return how many there are."""
    clock, found = state.clock[0], 0
    spent = np.zeros(state.venues.shape[0])
    full = np.zeros(state.venues.shape[0], np.bool_)
    for j in range(clock.n_acting):
        i = state.order[j]
        state.leave[i] = False
        v = book.venue[i]
        if not state.venues[v].adl or not clock.adl:
            continue
        deficit = deficit_at_fill(book, state, i) * float(book.count[i])
        if deficit > 0.0:
            full[v] = full[v] or spent[v] + deficit > float(state.venues[v].fund)
            if full[v]:
                state.leave[i] = True
                found += 1
            else:
                spent[v] += deficit
    return found


@inner
def winners(book: Any, state: Any, m: int, long_side: bool) -> Any:
    """Legs of profitable holders on one side of market `m`, who do not act this round, and their scores."""
    market = state.markets[m]
    first, last = book.slot_indptr[m], book.slot_indptr[m + 1]
    legs = np.empty(last - first, np.int64)
    scores = np.empty(last - first)
    found = 0
    for j in range(first, last):
        k = book.slot_legs[j]
        lots, i = state.quantity[k], book.leg_account[k]
        if lots == 0.0 or (lots > 0.0) != long_side or state.touched[i]:
            continue
        entry = state.entry[k]
        profit = (market.mark - entry) / entry if long_side else (entry - market.mark) / entry
        if profit <= 0.0:
            continue
        leverage = 1.0
        if not book.exempt[i]:
            equity, _ = value_account(book, state, i)
            if equity <= 0.0:
                continue
            leverage = gross(book, state, i) / equity
        legs[found], scores[found] = k, profit * leverage
        found += 1
    return legs[:found].copy(), scores[:found].copy()


@inner
def quotas(book: Any, state: Any, rule: int, legs: Any, scores: Any, wanted: float) -> Any:
    """Order in which winners are cut and the most lots (of one account) each may lose."""
    n = legs.shape[0]
    most = np.empty(n)
    for j in range(n):
        most[j] = abs(state.quantity[legs[j]])
    if rule == 0:
        return stable_order(-scores), most
    total = 0.0
    for j in range(n):
        total += most[j] * book.count[book.leg_account[legs[j]]]
    if wanted >= total:
        return np.arange(n), most
    left = wanted
    share = np.empty(n)
    for j in range(n):
        share[j] = np.floor(most[j] * (wanted / total))
        left -= share[j] * book.count[book.leg_account[legs[j]]]
    for j in range(n):
        number = float(book.count[book.leg_account[legs[j]]])
        if left >= number and share[j] < most[j]:
            more = min(most[j] - share[j], 1.0)
            share[j] += more
            left -= more * number
    return np.arange(n), share


@inner
def cut_winner(book: Any, state: Any, k: int, lots: float, price: float) -> int:
    """Close `lots` of the winner's leg at `price`; returns the money (quanta, all of the row) it pays for them."""
    i, market = book.leg_account[k], state.markets[book.leg_market[k]]
    sign = 1.0 if state.quantity[k] > 0.0 else -1.0
    money = int(np.rint(lots * (market.lot_scale * price)))
    number = int(book.count[i])
    state.quantity[k] -= sign * lots
    state.cash[i] += int(sign) * money
    state.deleveraged[i] += lots * number * (market.lot_scale * price)
    note(
        state,
        EVENT_ADL,
        i,
        book.owner[i],
        book.venue[i],
        book.leg_market[k],
        -sign * lots * number,
        price,
        money * number,
    )
    post(state, ACCOUNT, i, BY_ADL, book.leg_market[k], int(-sign * lots) * number)
    post(state, ACCOUNT, i, BY_ADL, MONEY, int(sign) * money * number)
    leg_reduced(book, state, k, lots)
    wake(book, state, i)
    return -int(sign) * money * number


@inner
def match(book: Any, state: Any, k: int, legs: Any, order: Any, most: Any, first: int) -> int:
    """Match the bankrupt leg `k` with winners from position `first` of `order`; returns the next position."""
    i, m = book.leg_account[k], book.leg_market[k]
    market, number = state.markets[m], int(book.count[i])
    sign = 1.0 if state.quantity[k] > 0.0 else -1.0
    bankrupt = market.mark * (1.0 - sign * state.equity[i] / gross_at_trigger(book, state, i))
    price = max(bankrupt, 0.0)
    left, paid, at = state.taken[k] * number, 0, first
    while at < order.shape[0] and left > 0.0:
        j = order[at]
        lots = min(most[j], float(np.floor(left / book.count[book.leg_account[legs[j]]])))
        if lots > 0.0:
            paid += cut_winner(book, state, legs[j], lots, price)
            most[j] -= lots
            left -= lots * book.count[book.leg_account[legs[j]]]
        if most[j] == 0.0 and at == first:
            first += 1
        at += 1
    matched = state.taken[k] * number - left
    lots = float(np.floor(matched / number))
    money = int(np.rint(lots * (market.lot_scale * price))) * number
    over = int(matched - lots * number)  # fewer lots than `count`: the provider takes them
    state.quantity[k] -= sign * lots
    state.taken[k] -= lots
    state.wanted[k] -= lots
    state.cash[i] += int(sign) * (money // number)
    market.provider_lots -= int(sign) * over
    market.provider_cash += paid - int(sign) * money
    note(state, EVENT_ADL, i, book.owner[i], book.venue[i], m, -sign * lots * number, price, money)
    post(state, ACCOUNT, i, BY_ADL, m, int(-sign * lots) * number)
    post(state, ACCOUNT, i, BY_ADL, MONEY, int(sign) * money)
    post(state, PROVIDER, m, BY_ADL, m, -int(sign) * over)
    post(state, PROVIDER, m, BY_ADL, MONEY, paid - int(sign) * money)
    leg_reduced(book, state, k, lots)
    worth = lots * number * (market.lot_scale * price)
    market.deleveraged += worth
    state.venues[market.venue].deleveraged += worth
    state.counters[DELEVERAGED] += worth
    state.rounds[state.clock[0].round].adl_notional += worth * state.clock[0].quantum
    return first


@inner
def gross_at_trigger(book: Any, state: Any, i: int) -> float:
    """Notional of account `i` over which its equity is spread: what it held when the round began."""
    total = gross(book, state, i)
    return total if total > 0.0 else 1.0


@inner
def bankruptcy_equity(book: Any, state: Any, i: int) -> None:
    """Refresh the equity of a leaver, whose earlier legs may have been matched already this round."""
    state.equity[i], _ = value_account(book, state, i)


@inner
def leavers(state: Any, number: int) -> Any:
    """Accounts that leave the book this round, in the order of execution."""
    found = np.empty(number, np.int64)
    at = 0
    for j in range(state.clock[0].n_acting):
        if state.leave[state.order[j]]:
            found[at] = state.order[j]
            at += 1
    return found


@inner
def leaves(book: Any, state: Any, k: int, m: int, side: int) -> bool:
    """Whether leg `k` of a leaver is an order on this side (0 long, 1 short) of market `m`."""
    return bool(book.leg_market[k] == m and state.taken[k] > 0.0 and (state.quantity[k] > 0.0) == (side == 0))


@inner
def deleverage(book: Any, state: Any, number: int) -> None:
    """Match all leavers, market by market and side by side, in rank order."""
    leaving = leavers(state, number)
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        if market.kind != PERP or market.shut:
            continue
        for side in range(2):
            wanted = 0.0
            for i in leaving:
                for k in range(book.indptr[i], book.indptr[i + 1]):
                    if leaves(book, state, k, m, side):
                        wanted += state.taken[k] * book.count[i]
            if wanted == 0.0:
                continue
            legs, scores = winners(book, state, m, side == 1)
            order, most = quotas(book, state, state.venues[market.venue].adl_rank, legs, scores, wanted)
            first = 0
            for i in leaving:
                for k in range(book.indptr[i], book.indptr[i + 1]):
                    if leaves(book, state, k, m, side):
                        bankruptcy_equity(book, state, i)
                        first = match(book, state, k, legs, order, most, first)
    state.clock[0].acted = True


@inner
def route(book: Any, state: Any) -> None:
    """Trial price, routing to the book or to deleveraging, and the price of the round, computed once more at most."""
    set_price(book, state)
    for j in range(state.clock[0].n_acting):
        state.touched[state.acting[j]] = True
    number = choose_leavers(book, state)
    if number > 0:
        deleverage(book, state, number)
        set_price(book, state)
