"""Step 2, money: from where does an owner who is called take it?

Sources are used in this order, up to the one that the account's `top_up_from` names: the node's cash; free margin of
the owner's other accounts, which are neither called nor liquidatable: what stands above initial margin and above
`call_target` times the requirement there, and what the other venue can send; holdings, offered in the deepest open spot
market of the asset (not those that are a leg of a strategy); loans, recalled (`recalls`). What is offered is filled in
the round at its price, a forced order like an unwinding leg, and paid to the node; the call stays outstanding until
money is there or no more can come, and in every round the shortfall is measured anew.

References
----------
cascade chapter, section 4, step 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import note, pay_node, post
from contagion.propagation.cascade.codes import (
    ACCOUNT,
    BY_MARGIN_MOVE,
    BY_TOP_UP,
    EVENT_TOP_UP,
    FROM_HOLDINGS,
    FROM_LOANS,
    FROM_MARGIN,
    MARGIN_POSTED,
    MONEY,
    MOVED_MARGIN,
    SPOT,
)
from contagion.propagation.cascade.kernels import coins, is_tradable, level, value_account, wake
from contagion.propagation.cascade.outages import is_out
from contagion.propagation.cascade.recalls import recall
from contagion.propagation.cascade.withdrawals import can_pay, not_needed


@inner
def money_missing(book: Any, state: Any, i: int, equity: float, required: float) -> float:
    """Money (quanta) that lifts one account behind row `i` to its call target; 0 or less: none.

    What repays a debt at a protocol lowers the target with it; money beyond a debt counts by its weight as collateral.
    """
    venue = state.venues[book.venue[i]]
    missing = level(book, state, i, required, venue.call_target) - equity
    if missing <= 0.0 or book.hold_indptr[i + 1] == book.hold_indptr[i]:
        return float(missing)
    debt, worth = max(0.0, -float(state.cash[i])), venue.call_target if venue.protocol else 1.0
    if missing <= worth * debt:
        return float(missing / worth)
    if venue.unit_weight <= 0.0:
        return debt
    return float(debt + (missing - worth * debt) / venue.unit_weight)


@inner
def shortfall(book: Any, state: Any, i: int) -> int:
    """The same at the marks as they stand, in whole quanta."""
    equity, required = value_account(book, state, i)
    if required <= 0.0:
        return 0
    return int(np.ceil(money_missing(book, state, i, equity, required)))


@inner
def receive(state: Any, i: int, money: int, number: int, reason: int) -> None:
    """Money for each of the `number` accounts behind row `i` arrives; the caller posts where it comes from."""
    state.cash[i] += money
    if (
        state.deals.shape[0] > 0 and state.deals[i].active
    ):  # what is paid during an auction need not be raised in it
        state.deals[i].tab = max(0.0, state.deals[i].tab - float(money))
    state.posted[i] += money * number
    post(state, ACCOUNT, i, reason, MONEY, money * number)
    state.counters[MARGIN_POSTED] += float(money * number)
    state.rounds[state.clock[0].round].margin_posted += float(money * number) * state.clock[0].quantum
    state.clock[0].acted = True


@inner
def pay_cash(book: Any, state: Any, i: int, missing: int) -> int:
    """The owner posts from the node's cash; returns what each account got."""
    number, owner = int(book.count[i]), int(book.owner[i])
    money = min(missing, max(0, int(state.node_cash[owner])) // number)
    if money > 0:
        note(state, EVENT_TOP_UP, i, owner, book.venue[i], -1, 0.0, np.nan, float(money * number))
        receive(state, i, money, number, BY_TOP_UP)
        pay_node(state, owner, BY_TOP_UP, -money * number)
    return money


@inner
def free_margin(book: Any, state: Any, j: int) -> int:
    """Quanta that the owner of account `j` may move; 0 if it is called or liquidatable."""
    venue = state.venues[book.venue[j]]
    if book.exempt[j] or venue.failed or state.due[j] < np.inf or is_out(state, book.venue[j]):
        return 0
    equity, _ = value_account(book, state, j)
    worth, _ = coins(book, state, j)  # only money is moved
    return max(0, int(np.floor(min(not_needed(book, state, j), equity - worth))))


@inner
def sendable(book: Any, state: Any, i: int, j: int) -> int:
    """Free margin (quanta) of each account behind row `j` that reaches account `i`: its venue must be able to pay."""
    free, venue = free_margin(book, state, j), state.venues[book.venue[j]]
    if free == 0 or book.venue[i] == book.venue[j] or venue.customer_share >= 1.0:
        return free
    able = can_pay(book, state, book.venue[j]) / ((1.0 - venue.customer_share) * float(book.count[j]))
    return free if able >= float(free) else int(np.floor(able))


@inner
def move_margin(book: Any, state: Any, i: int, j: int, missing: int) -> int:
    """Free margin of account `j` goes to `i`, what does not divide to the owner's cash; what each account got."""
    number, others, owner = int(book.count[i]), int(book.count[j]), int(book.owner[i])
    taken = min(sendable(book, state, i, j), (missing * number + others - 1) // others)
    money = taken * others // number
    if money <= 0:
        return 0
    note(state, EVENT_TOP_UP, i, owner, book.venue[i], -1, 0.0, np.nan, float(money * number))
    state.cash[j] -= taken
    state.posted[j] -= taken * others  # no fresh money: its venue has not got it any more
    post(state, ACCOUNT, j, BY_MARGIN_MOVE, MONEY, -taken * others)
    receive(state, i, money, number, BY_MARGIN_MOVE)
    pay_node(state, owner, BY_MARGIN_MOVE, taken * others - money * number)
    state.counters[MOVED_MARGIN] += float(money * number)
    wake(book, state, j)
    return money


@inner
def pay_margin(book: Any, state: Any, i: int, missing: int) -> int:
    """Free margin of the owner's other accounts, those at other venues first, by id; returns what each account got."""
    owner, paid = book.owner[i], 0
    for same in range(2):
        for a in range(book.owned_indptr[owner], book.owned_indptr[owner + 1]):
            j = book.owned_accounts[a]
            if paid < missing and j != i and (book.venue[j] == book.venue[i]) == (same == 1):
                paid += move_margin(book, state, i, j, missing - paid)
    return paid


@inner
def is_open(state: Any, m: int) -> bool:
    """Whether market `m` was open in the last round, and its venue answers now."""
    market = state.markets[m]
    return bool(is_tradable(market) and not is_out(state, market.venue))


@inner
def deepest_spot(book: Any, state: Any, a: int, shut: bool) -> int:
    """Spot market of asset `a` in its index with the most money resting in it, the first of equals; -1 if none.

    Among those that are open, or with `shut` among all that are not dead.
    """
    best, most = -1, 0.0
    for j in range(book.index_indptr[a], book.index_indptr[a + 1]):
        m = book.index_market[j]
        resting = book.index_weight[j] * state.markets[m].depth
        if resting > most and not state.markets[m].dead and (shut or is_open(state, m)):
            best, most = m, resting
    return best


@inner
def first_spot(state: Any, a: int, shut: bool) -> int:
    """The first spot market of asset `a` with depth, in the index or not; open, or with `shut` not dead; -1 if none."""
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        trades = market.asset == a and market.kind == SPOT and not market.dead and market.depth > 0.0
        if trades and (shut or is_open(state, m)):
            return m
    return -1


@inner
def sale_place(book: Any, state: Any, a: int) -> int:
    """Where holdings of asset `a` are offered: an open market before a shut one, one of the index before others."""
    for turn in range(2):
        shut = turn == 1
        m = deepest_spot(book, state, a, shut)
        if m < 0:
            m = first_spot(state, a, shut)
        if m >= 0:
            return m
    return -1


@inner
def offer_holdings(book: Any, state: Any, n: int, missing: int) -> int:
    """Node `n` offers holdings worth `missing` quanta at last prices this round; returns what is hoped for."""
    hoped = 0.0
    for j in range(book.held_indptr[n], book.held_indptr[n + 1]):
        h = book.held_rows[j]
        left = float(state.holding[h]) - state.on_sale[h]
        m = sale_place(book, state, book.holding_asset[h])
        if m >= 0 and left > 0.0 and book.sellable[h] and hoped < missing:
            worth = state.markets[m].last * state.markets[m].lot_scale
            lots = min(left, np.ceil((missing - hoped) / worth))
            state.on_sale[h] += lots
            state.sale_market[h] = m
            state.clock[0].n_on_sale += 1
            hoped += lots * worth
    return min(missing, int(np.ceil(hoped)))


@inner
def await_loans(book: Any, state: Any, n: int, missing: int) -> int:
    """Loans under notice that no other call waits for, then new notices; returns what will be due to node `n`."""
    promised = min(missing, int(state.expected[n]))
    state.expected[n] -= float(promised)
    if promised == missing:
        return promised
    return promised + recall(book, state, n, missing - promised)


@inner
def top_up(book: Any, state: Any, i: int) -> bool:
    """The owner of account `i` posts what is missing, source by source; whether more money is on its way."""
    missing, sources, owner = shortfall(book, state, i), book.sources[i], int(book.owner[i])
    if missing <= 0 or state.venues[book.venue[i]].failed:
        return False
    missing -= pay_cash(book, state, i, missing)
    if missing > 0 and sources >= FROM_MARGIN:
        missing -= pay_margin(book, state, i, missing)
    if missing <= 0 or sources < FROM_HOLDINGS:
        return False
    total = missing * int(book.count[i])
    hoped = offer_holdings(book, state, owner, total)
    if hoped < total and sources >= FROM_LOANS:
        hoped += await_loans(book, state, owner, total - hoped)
    return hoped > 0


@inner
def withdraw_offers(state: Any) -> None:
    """Holdings are offered anew every round."""
    if state.clock[0].n_on_sale > 0:
        state.on_sale[:] = 0.0
        state.clock[0].n_on_sale = 0
