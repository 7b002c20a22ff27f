"""Step 5, what stands between a defaulter's margin and the winners of a central counterparty.

In this order, each layer only when the one before is exhausted: what the members whose accounts miss money have
themselves prefunded in the default fund, each for his own accounts only; the insurance fund; the venue's own capital
in front of its members (`own_capital`, as far as its cash goes); the rest of the default fund, in proportion to what
each member still has in it (at the opening in proportion to the requirements); and assessments: more money called from
the members' cash, up to `assessment` times what each had prefunded. Nobody pays more than he can; what one member
cannot pay the others do.

References
----------
cascade chapter, section 4, step 6: defaulter's margin, own capital, default fund, assessments, gains haircutting.
CPMI-IOSCO, Principles for financial market infrastructures (2012), principle 4: prefunded and committed money, that of
the defaulter before any other; Regulation (EU) 648/2012, article 45: margin and contribution of the defaulting member,
then the counterparty's own resources, then contributions of the other members.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import note, pay_node, post
from contagion.propagation.cascade.codes import (
    ASSESSED,
    BY_ASSESSMENT,
    BY_DEFAULT_FUND,
    BY_OWN_CAPITAL,
    BY_REPLENISHMENT,
    BY_VENUE_DEFAULT,
    DEFAULT_FUND,
    DEFAULT_FUND_PAID,
    EVENT_ASSESSMENT,
    EVENT_DEFAULT_FUND,
    EVENT_OWN_CAPITAL,
    EVENT_REPLENISHMENT,
    FUND,
    MONEY,
    OWN_CAPITAL_PAID,
)
from contagion.propagation.cascade.kernels import is_flat
from contagion.propagation.cascade.loans import is_loan


@inner
def spread(weights: Any, caps: Any, need: int) -> Any:
    """Quanta of `need` from each in proportion to `weights`, nobody above his cap: others pay what he cannot."""
    n = caps.shape[0]
    taken = np.zeros(n, np.int64)
    left = need
    for _ in range(n + 1):  # every pass but the last brings somebody to his cap
        total, before = 0.0, left
        for j in range(n):
            if taken[j] < caps[j]:
                total += weights[j]
        if left == 0 or total <= 0.0:
            break
        for j in range(n):
            if taken[j] < caps[j]:
                part = min(int(np.floor(before * (weights[j] / total))), caps[j] - taken[j], left)
                taken[j] += part
                left -= part
        if left == before:
            break
    for j in range(n):  # quanta that rounding left
        more = min(left, caps[j] - taken[j])
        taken[j] += more
        left -= more
    return taken


@inner
def from_own_capital(state: Any, v: int, need: int) -> int:
    """The venue pays out of its cash, up to the capital it has pledged; returns what is still missing."""
    venue = state.venues[v]
    paid = min(need, int(venue.own_capital), max(0, int(state.node_cash[venue.node])))
    if paid > 0:
        note(state, EVENT_OWN_CAPITAL, -1, venue.node, v, -1, 0.0, np.nan, float(paid))
        pay_node(state, venue.node, BY_OWN_CAPITAL, -paid)
        venue.own_capital -= paid
        venue.own_capital_paid += paid
        state.counters[OWN_CAPITAL_PAID] += float(paid)
    return need - paid


@inner
def left_unpaid(book: Any, state: Any, v: int, i: int) -> int:
    """Quanta that a flat account of venue `v` leaves unpaid, of one account; 0 for a loan that is not written off."""
    if book.venue[i] != v or state.cash[i] >= 0 or not is_flat(book, state, i):
        return 0
    if is_loan(book, state, i) and not state.venues[v].write_off:
        return 0
    return -int(state.cash[i])


@inner
def take_contributions(book: Any, state: Any, v: int, taken: Any) -> int:
    """Take so many quanta from the contribution of each member of venue `v`; returns their sum."""
    total = 0
    for j in range(taken.shape[0]):
        money, member = int(taken[j]), book.member_indptr[v] + j
        if money > 0:
            node = book.member_node[member]
            note(state, EVENT_DEFAULT_FUND, -1, node, v, -1, 0.0, np.nan, float(money))
            state.member_fund[member] -= money
            post(state, DEFAULT_FUND, member, BY_DEFAULT_FUND, MONEY, -money)
            total += money
    state.venues[v].default_fund_paid += total
    state.counters[DEFAULT_FUND_PAID] += float(total)
    return total


@inner
def from_own_contributions(book: Any, state: Any, v: int, need: int) -> int:
    """Members pay for their own accounts out of their own contributions; returns what is still missing."""
    first, last = book.member_indptr[v], book.member_indptr[v + 1]
    if last == first:
        return need
    taken = np.zeros(last - first, np.int64)
    for j in range(state.clock[0].n_acting):
        i = state.acting[j]
        member = book.member_of[i]
        if member >= 0:
            missing = left_unpaid(book, state, v, i) * int(book.count[i])
            if missing > 0:
                taken[member - first] += min(missing, state.member_fund[member] - taken[member - first])
    paid = take_contributions(book, state, v, taken)
    state.venues[v].own_contributions_paid += paid
    return need - paid


@inner
def from_default_fund(book: Any, state: Any, v: int, need: int) -> int:
    """Members lose what they have in the fund, in proportion; returns what is still missing."""
    left = state.member_fund[book.member_indptr[v] : book.member_indptr[v + 1]].copy()
    return need - take_contributions(book, state, v, spread(left, left, need))


@inner
def from_assessments(book: Any, state: Any, v: int, need: int) -> int:
    """Members that have not failed are called for more, as far as their cash goes; returns what is still missing."""
    first, last = book.member_indptr[v], book.member_indptr[v + 1]
    caps = np.zeros(last - first, np.int64)
    for j in range(caps.shape[0]):
        node = book.member_node[first + j]
        limit = int(np.floor(state.venues[v].assessment * float(book.member_contribution[first + j])))
        if not state.node_failed[node]:
            caps[j] = max(0, min(limit - int(state.member_assessed[first + j]), int(state.node_cash[node])))
    taken = spread(book.member_contribution[first:last], caps, need)
    for j in range(taken.shape[0]):
        if taken[j] > 0:
            member = first + j
            money, node = int(taken[j]), int(book.member_node[member])
            note(state, EVENT_ASSESSMENT, -1, node, v, -1, 0.0, np.nan, float(money))
            pay_node(state, node, BY_ASSESSMENT, -money)
            state.member_assessed[member] += money
            state.venues[v].assessed += money
            state.counters[ASSESSED] += float(money)
            need -= money
    return need


@inner
def call_on_members(book: Any, state: Any, v: int, need: int) -> int:
    """Own capital, the rest of the default fund, assessments; returns what is still missing."""
    if need > 0 and state.venues[v].own_capital > 0:
        need = from_own_capital(state, v, need)
    if need > 0 and book.member_indptr[v + 1] > book.member_indptr[v]:
        need = from_default_fund(book, state, v, need)
        if need > 0 and state.venues[v].assessment > 0.0:
            need = from_assessments(book, state, v, need)
    return need


@inner
def keep_contribution(book: Any, state: Any, v: int, i: int, missing: int) -> int:
    """A venue has failed: what account `i` owes it is kept from the contribution behind it; returns what was kept."""
    member = book.member_of[i]
    if member < 0:
        return 0
    kept = min(missing, int(state.member_fund[member]))
    state.member_fund[member] -= kept
    post(state, DEFAULT_FUND, member, BY_VENUE_DEFAULT, MONEY, -kept)
    state.venues[v].default_fund_paid += kept
    state.venues[v].own_contributions_paid += kept
    state.counters[DEFAULT_FUND_PAID] += float(kept)
    return kept


@inner
def return_contributions(book: Any, state: Any, v: int) -> None:
    """A venue has failed: what is left of its default fund goes back to its members."""
    for j in range(book.member_indptr[v], book.member_indptr[v + 1]):
        money = int(state.member_fund[j])
        state.member_fund[j] = 0
        post(state, DEFAULT_FUND, j, BY_VENUE_DEFAULT, MONEY, -money)
        pay_node(state, book.member_node[j], BY_VENUE_DEFAULT, money)


@inner
def replenish(state: Any) -> None:
    """Venues fill their insurance funds up to the opening level, so much a second, out of their cash."""
    for v in range(state.venues.shape[0]):
        venue = state.venues[v]
        if venue.replenish <= 0.0 or venue.failed:
            continue
        due = int(np.floor(min(venue.replenish * state.clock[0].step, 2.0**62)))
        money = min(due, int(venue.fund_opening) - int(venue.fund), int(state.node_cash[venue.node]))
        if money > 0:
            note(state, EVENT_REPLENISHMENT, -1, venue.node, v, -1, 0.0, np.nan, float(money))
            venue.fund += money
            venue.replenished += money
            post(state, FUND, v, BY_REPLENISHMENT, MONEY, money)
            pay_node(state, venue.node, BY_REPLENISHMENT, -money)
