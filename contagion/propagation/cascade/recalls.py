"""Step 2, loans: a lender who needs money recalls what it lent, and calls travel to borrowers.

A claim marked `callable` is due `notice` seconds after its creditor has asked for it. Then the debtor pays what its
cash allows, debtors in turn, until nobody can pay more: so money that one of them receives is passed on in the same
round. A debtor who sees that its cash will not do recalls its own loans at once. One who cannot pay what is due has
failed to pay, and is settled in step 6 like any failing node. One notice at a time runs for a claim.

References
----------
cascade chapter, section 4, steps 2 and 6.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import cancel_claim, note, pay_node
from contagion.propagation.cascade.codes import BY_RECALL, EVENT_RECALL, RECALLED


@inner
def under_notice(state: Any, c: int) -> int:
    """Quanta of claim `c` that its debtor has been asked for."""
    return min(int(state.recalled[c]), int(state.remaining[c]))


@inner
def coming(book: Any, state: Any, n: int) -> int:
    """Quanta that node `n` has asked its debtors for."""
    total = 0
    for j in range(book.lent_indptr[n], book.lent_indptr[n + 1]):
        total += under_notice(state, book.lent_claims[j])
    return total


@inner
def recall(book: Any, state: Any, n: int, wanted: int) -> int:
    """Node `n` gives notice for up to `wanted` quanta, debtors in their order; returns what it has asked for."""
    clock, left = state.clock[0], wanted
    for j in range(book.lent_indptr[n], book.lent_indptr[n + 1]):
        c = book.lent_claims[j]
        debtor = book.debtor[c]
        free = book.recallable[c] and state.recall_due[c] == np.inf and not state.forced_default[debtor]
        money = min(left, int(state.remaining[c]))
        if free and money > 0:
            note(state, EVENT_RECALL, -1, debtor, book.venue_of_node[debtor], -1, 0.0, np.nan, float(money))
            state.recalled[c] = money
            state.recall_due[c] = clock.time + book.notice[c]
            clock.n_recalls += 1
            clock.acted = True
            left -= money
    return wanted - left


@inner
def pay_claim(book: Any, state: Any, c: int) -> bool:
    """The debtor of claim `c` pays what is under notice, as far as its cash goes; whether it paid anything."""
    debtor, creditor, due = book.debtor[c], book.creditor[c], under_notice(state, c)
    money = min(due, max(0, int(state.node_cash[debtor])))
    if money == 0:
        return False
    venue = book.venue_of_node[debtor]
    note(state, EVENT_RECALL, -1, debtor, venue, -1, 0.0, float(money) / float(due), float(money))
    pay_node(state, debtor, BY_RECALL, -money)
    pay_node(state, creditor, BY_RECALL, money)
    cancel_claim(state, debtor, creditor, BY_RECALL, money)
    state.remaining[c] -= money
    state.recalled[c] -= money
    state.counters[RECALLED] += float(money)
    state.clock[0].acted = True
    return True


@inner
def pay_recalls(book: Any, state: Any) -> None:
    """Claims whose notice has run out are paid; whoever cannot pay in full has failed to pay."""
    clock, due = state.clock[0], 0
    if clock.n_recalls == 0:
        return
    for c in range(state.recall_due.shape[0]):
        if state.recall_due[c] <= clock.time:
            due += 1
    for _ in range(due):  # as many turns as the longest chain of debtors
        paid = False
        for c in range(state.recall_due.shape[0]):
            if state.recall_due[c] <= clock.time:
                paid = pay_claim(book, state, c) or paid
        if not paid:
            break
    for c in range(state.recall_due.shape[0]):
        if state.recall_due[c] <= clock.time:
            if under_notice(state, c) > 0:
                state.forced_default[book.debtor[c]] = True
            state.recalled[c] = 0
            state.recall_due[c] = np.inf
    clock.n_recalls -= due


@inner
def pass_on(book: Any, state: Any) -> None:
    """Debtors whose cash, with what they have asked for, will not cover what is under notice recall their own loans."""
    if state.clock[0].n_recalls == 0:
        return
    more = True
    while more:  # every turn gives a notice, and a claim has one at most
        more = False
        for n in range(state.node_cash.shape[0]):
            missing = 0
            for c in range(book.debt_indptr[n], book.debt_indptr[n + 1]):
                missing += under_notice(state, c)
            if missing > 0:
                missing -= max(0, int(state.node_cash[n])) + coming(book, state, n)
            if missing > 0 and recall(book, state, n, missing) > 0:
                more = True
