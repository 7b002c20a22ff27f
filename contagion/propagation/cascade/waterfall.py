"""Step 5, the rest of the waterfall: fund, own capital, members, residual rule, the venue's own cash.

Where members have prefunded a default fund, those who owe pay out of their own contributions before the fund does.

Layers are used in this order and each only when the one before is exhausted. A profit haircut takes at most the
positive profit of an account, never principal; socialising takes from the positive equity of every open account.

References
----------
margin chapter, section 6 (`adl_pro_rata`, `adl_queue`, `socialised_loss`); reliability A8.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import note, pay_node, post
from contagion.propagation.cascade.codes import (
    ACCOUNT,
    BY_FUND,
    BY_OWN_EQUITY,
    BY_RESIDUAL,
    EVENT_FUND,
    EVENT_RESIDUAL,
    FUND,
    MONEY,
)
from contagion.propagation.cascade.inventories import is_inventory
from contagion.propagation.cascade.kernels import is_flat, stable_order, value_account, wake
from contagion.propagation.cascade.members import call_on_members, from_own_contributions, left_unpaid
from contagion.propagation.cascade.worth import entry_now, gain

MOST_PASSES = 64


@inner
def profit(book: Any, state: Any, i: int) -> float:
    """Unrealised profit of account `i` at the marks (quanta, of one account), 0 for a loss."""
    total = 0.0
    for k in range(book.indptr[i], book.indptr[i + 1]):
        market = state.markets[book.leg_market[k]]
        total += gain(market, state.quantity[k], entry_now(state, k, market), market.mark)
    return max(0.0, total)


@inner
def exposure(book: Any, state: Any, i: int, rule: int) -> float:
    """What the residual rule may take from one account behind row `i`, in whole quanta."""
    equity, _ = value_account(book, state, i)
    if state.venues[book.venue[i]].protocol:  # whoever has money there has lent it
        return max(0.0, min(np.floor(equity), float(state.cash[i]))) if rule == 2 else 0.0
    if equity <= 0.0 or is_inventory(book, state, i) or is_flat(book, state, i):
        return 0.0
    if rule == 2:
        return np.floor(equity)
    return np.floor(min(profit(book, state, i), equity))


@inner
def seize(book: Any, state: Any, i: int, money: int, v: int) -> None:
    """Take `money` quanta from each account behind row `i`."""
    number = int(book.count[i])
    note(state, EVENT_RESIDUAL, i, book.owner[i], v, -1, 0.0, np.nan, float(money * number))
    state.cash[i] -= money
    post(state, ACCOUNT, i, BY_RESIDUAL, MONEY, -money * number)
    wake(book, state, i)


@inner
def share_rest(
    book: Any, accounts: Any, large_first: Any, caps: Any, taken: Any, left: int, rule: int
) -> int:
    """Take what rounding left, a quantum at a time; rows of one account last: they take any rest. Returns the rest."""
    for _ in range(MOST_PASSES):
        before = left
        for j in large_first:
            if left == 0:
                return 0
            number = int(book.count[accounts[j]])
            if left >= number and taken[j] < caps[j]:
                more = min(left // number, int(caps[j]) - taken[j])
                if rule != 1:
                    more = min(more, 1)
                taken[j] += more
                left -= more * number
        if left == before:
            break
    return left


@inner
def share_out(book: Any, state: Any, v: int, budget: int, rule: int) -> int:
    """Take up to `budget` quanta from the venue's accounts by the residual rule; returns what was taken."""
    first, last = book.venue_indptr[v], book.venue_indptr[v + 1]
    accounts = book.venue_accounts[first:last]
    caps = np.zeros(last - first)
    total = 0.0
    for j in range(accounts.shape[0]):
        caps[j] = exposure(book, state, accounts[j], rule)
        total += caps[j] * book.count[accounts[j]]
    if total <= 0.0:
        return 0
    large_first = book.venue_large_first[first:last]
    order = stable_order(-caps) if rule == 1 else large_first
    fraction = min(1.0, budget / total)
    taken = np.zeros(accounts.shape[0], np.int64)
    left = budget
    for j in order:
        number = int(book.count[accounts[j]])
        part = int(caps[j]) if rule == 1 else int(np.floor(caps[j] * fraction))
        taken[j] = min(part, left // number)
        left -= taken[j] * number
    left = share_rest(book, accounts, large_first, caps, taken, left, rule)
    for j in range(accounts.shape[0]):
        if taken[j] > 0:
            seize(book, state, accounts[j], int(taken[j]), v)
    return budget - left


@inner
def clear_deficits(book: Any, state: Any, v: int) -> None:
    """Bring the flat accounts of this round back to zero."""
    clock = state.clock[0]
    for j in range(clock.n_acting):
        i = state.acting[j]
        missing = left_unpaid(book, state, v, i)
        if missing > 0:
            state.cash[i] = 0
            post(state, ACCOUNT, i, BY_FUND, MONEY, missing * int(book.count[i]))
    i = state.venues[v].inventory
    if i >= 0 and state.cash[i] < 0 and is_flat(book, state, i):
        post(state, ACCOUNT, i, BY_FUND, MONEY, -int(state.cash[i]))
        state.cash[i] = 0


@inner
def pay_deficits(book: Any, state: Any) -> None:
    """Pay every venue's deficits of the round, layer by layer."""
    clock = state.clock[0]
    for v in range(state.venues.shape[0]):
        venue = state.venues[v]
        deficit = int(venue.deficit)
        if deficit == 0:
            continue
        clock.acted = True
        venue.bad_debt += deficit
        state.rounds[clock.round].bad_debt += deficit * clock.quantum
        missing = from_own_contributions(book, state, v, deficit)
        from_fund = min(missing, int(venue.fund), int(min(venue.fund_limit, 2.0**62)))
        if from_fund > 0:
            note(state, EVENT_FUND, -1, venue.node, v, -1, 0.0, np.nan, float(from_fund))
            venue.fund -= from_fund
            venue.fund_used += from_fund
            post(state, FUND, v, BY_FUND, MONEY, -from_fund)
        rest = call_on_members(book, state, v, missing - from_fund)
        if rest > 0 and venue.residual != 3:
            budget = min(rest, int(min(venue.residual_limit, 2.0**62)))
            taken = share_out(book, state, v, budget, venue.residual)
            venue.residual_paid += taken
            rest -= taken
        if rest > 0:
            venue.uncovered += max(0, rest - max(0, int(state.node_cash[venue.node])))
            venue.own_paid += min(rest, max(0, int(state.node_cash[venue.node])))
            note(state, EVENT_RESIDUAL, -1, venue.node, v, -1, 0.0, np.nan, float(rest))
            pay_node(state, venue.node, BY_OWN_EQUITY, -rest)
        clear_deficits(book, state, v)  # under the event of the last layer that paid


@inner
def total_funds(state: Any) -> None:
    """Money in all funds at the end of the round."""
    clock, total = state.clock[0], 0.0
    for v in range(state.venues.shape[0]):
        total += float(state.venues[v].fund)
    state.rounds[clock.round].fund_total = total * clock.quantum
