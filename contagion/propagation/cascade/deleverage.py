"""Step 4c: bankrupt positions that leave the book (`leaving`) are matched with winners instead: no trade, no impact.

Winners are profitable holders of the other side in the same market, in the order of their rank (`ranking`) or pro rata;
they are closed at the bankruptcy price of the position, or at the price of the venue's own rule. What stays below zero
is a deficit. Inventories are deleveraged like accounts when the trigger of their venue has fired.

References
----------
cascade chapter, section 4, step 4c; margin chapter, section 6 (`adl_rank_bitmex`, `adl_contract_pro_rata`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import note, post
from contagion.propagation.cascade.codes import (
    ACCOUNT,
    AT_MARK,
    AT_PREVIOUS_MARK,
    BY_ADL,
    DELEVERAGED,
    EVENT_ADL,
    FORGONE,
    OFFERED,
    PROVIDER,
    RANK_PRO_RATA,
    SPOT,
    TAKEN,
)
from contagion.propagation.cascade.execute import leg_reduced, set_price, withdraw_offers
from contagion.propagation.cascade.fills import bankruptcy_price
from contagion.propagation.cascade.inventories import is_inventory
from contagion.propagation.cascade.kernels import (
    gross,
    is_flat,
    is_tradable,
    stable_order,
    value_account,
    wake,
)
from contagion.propagation.cascade.leaving import choose_leavers, inventory_must_go
from contagion.propagation.cascade.lost_hedges import hedge_lost
from contagion.propagation.cascade.ranking import score_of
from contagion.propagation.cascade.settlement import amount, give, provider_gives
from contagion.propagation.cascade.takeover import take_over_all
from contagion.propagation.cascade.worth import gain, lot_money


@inner
def winners(book: Any, state: Any, m: int, long_side: bool) -> Any:
    """Legs of profitable holders on one side of market `m`, who do not act this round, and their scores.

    Scores are those of the last ranking where the venue ranks only now and then; who may be cut is seen now.
    """
    venue = state.venues[state.markets[m].venue]
    first, last = book.slot_indptr[m], book.slot_indptr[m + 1]
    legs = np.empty(last - first, np.int64)
    scores = np.empty(last - first)
    found = 0
    for j in range(first, last):
        k = book.slot_legs[j]
        lots = state.quantity[k]
        if lots == 0.0 or (lots > 0.0) != long_side or state.touched[book.leg_account[k]]:
            continue
        score = score_of(book, state, k, venue.adl_rank)
        if math.isnan(score):
            continue
        legs[found] = k
        scores[found] = state.rank_score[k] if venue.rank_interval > 0.0 else score
        found += 1
    return legs[:found].copy(), scores[:found].copy()


@inner
def quotas(book: Any, state: Any, rule: int, legs: Any, scores: Any, wanted: float) -> Any:
    """Order in which winners are cut and the most lots (of one account) each may lose."""
    n = legs.shape[0]
    most = np.empty(n)
    for j in range(n):
        most[j] = abs(state.quantity[legs[j]])
    if rule != RANK_PRO_RATA:
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
    """Close `lots` of the winner's leg at `price`; returns what it pays for them (`amount`, all of the row)."""
    i, market = book.leg_account[k], state.markets[book.leg_market[k]]
    sign = 1.0 if state.quantity[k] > 0.0 else -1.0
    money = int(np.rint(lots * lot_money(market, price)))
    number = int(book.count[i])
    paid = amount(state, book.leg_market[k], sign * lots, price)
    state.quantity[k] -= sign * lots
    state.deleveraged[i] += lots * number * lot_money(market, price)
    forgone = sign * (market.mark - price) if not market.inverse else gain(market, sign, price, market.mark)
    scale = market.lot_scale if not market.inverse else 1.0
    state.counters[FORGONE] += lots * number * scale * max(0.0, forgone)
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
    give(book, state, k, paid, BY_ADL)
    leg_reduced(book, state, k, lots)
    hedge_lost(book, state, k, sign * lots)
    wake(book, state, i)
    return -paid * number


@inner
def match(book: Any, state: Any, k: int, legs: Any, order: Any, most: Any, first: int, price: float) -> int:
    """Match leg `k` at `price` with winners from position `first` of `order`; returns the next position."""
    i, m = book.leg_account[k], book.leg_market[k]
    market, number = state.markets[m], int(book.count[i])
    sign = 1.0 if state.quantity[k] > 0.0 else -1.0
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
    money = int(np.rint(lots * lot_money(market, price))) * number
    own = amount(state, m, sign * lots, price)
    over = int(matched - lots * number)  # fewer lots than `count`: the provider takes them
    state.quantity[k] -= sign * lots
    state.taken[k] -= lots
    state.wanted[k] -= lots
    market.provider_lots -= int(sign) * over
    note(state, EVENT_ADL, i, book.owner[i], book.venue[i], m, -sign * lots * number, price, money)
    post(state, ACCOUNT, i, BY_ADL, m, int(-sign * lots) * number)
    give(book, state, k, own, BY_ADL)
    post(state, PROVIDER, m, BY_ADL, m, -int(sign) * over)
    provider_gives(state, m, own * number - paid, BY_ADL)
    leg_reduced(book, state, k, lots)
    hedge_lost(book, state, k, sign * lots)
    worth = lots * number * lot_money(market, price)
    market.deleveraged += worth
    state.venues[market.venue].deleveraged += worth
    state.counters[DELEVERAGED] += worth
    state.rounds[state.clock[0].round].adl_notional += worth * state.clock[0].quantum
    return first


@inner
def closing_price(book: Any, state: Any, k: int) -> float:
    """Price of the venue's rule at which leg `k` of a leaver meets winners.

    At bankruptcy: equity, refreshed because earlier legs may have been matched this round, is spread over what is held.
    For an inventory that is the average of the bankruptcy prices at which it took its lots over.
    """
    i, market = book.leg_account[k], state.markets[book.leg_market[k]]
    rule = state.venues[market.venue].adl_price
    if rule == AT_MARK:
        return float(market.mark)
    if rule == AT_PREVIOUS_MARK:
        return float(market.previous_mark)
    if is_inventory(book, state, i):
        return float(state.entry[k])
    state.equity[i], _ = value_account(book, state, i)
    total = gross(book, state, i)
    sign = 1.0 if state.quantity[k] > 0.0 else -1.0
    return bankruptcy_price(market, sign, state.equity[i], total if total > 0.0 else 1.0)


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
        if market.kind == SPOT or market.shut:
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
                        price = closing_price(book, state, k)
                        first = match(book, state, k, legs, order, most, first, price)
    state.clock[0].acted = True


@inner
def deleverage_inventory(book: Any, state: Any, v: int) -> None:
    """Match all lots of an inventory with winners; what finds none stays in the order as far as it was there."""
    j = state.venues[v].inventory
    for k in range(book.indptr[j], book.indptr[j + 1]):
        m, lots = book.leg_market[k], state.quantity[k]
        if lots == 0.0 or not is_tradable(state.markets[m]):
            continue
        ordered = state.taken[k]
        state.taken[k] = abs(lots)
        legs, scores = winners(book, state, m, lots < 0.0)
        order, most = quotas(book, state, state.venues[v].adl_rank, legs, scores, abs(lots))
        before = state.cash[j]
        match(book, state, k, legs, order, most, 0, closing_price(book, state, k))
        state.markets[m].inventory_cash += state.cash[j] - before
        state.taken[k] = min(ordered, abs(state.quantity[k]))
    state.clock[0].acted = True


@inner
def deleverage_inventories(book: Any, state: Any, spent: Any) -> bool:
    """Deleverage the inventories whose venue's trigger has fired; whether any was."""
    found = False
    for v in range(state.venues.shape[0]):
        j = state.venues[v].inventory
        if j >= 0 and not is_flat(book, state, j) and inventory_must_go(book, state, v, spent[v]):
            deleverage_inventory(book, state, v)
            found = True
    return found


@inner
def clear_waiting(book: Any, state: Any) -> None:
    """Lots of leavers that found no winner: an offer waits, what was to be taken over goes to the inventory."""
    for j in range(state.clock[0].n_acting):
        i = state.acting[j]
        if state.leave[i] and (state.manner[i] == OFFERED or state.manner[i] == TAKEN):
            for k in range(book.indptr[i], book.indptr[i + 1]):
                state.taken[k] = 0.0


@inner
def route(book: Any, state: Any) -> None:
    """Trial price, routing to book, winners or inventory, and the price of the round, computed once more at most."""
    set_price(book, state)
    for j in range(state.clock[0].n_acting):
        state.touched[state.acting[j]] = True
    withdraw_offers(book, state)
    spent = np.zeros(state.venues.shape[0])
    number = choose_leavers(book, state, spent)
    if number > 0:
        deleverage(book, state, number)
        clear_waiting(book, state)
    if deleverage_inventories(book, state, spent) or number > 0:
        set_price(book, state)
        withdraw_offers(book, state)
    take_over_all(book, state)
