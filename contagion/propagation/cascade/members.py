"""Step 5, what stands between the insurance fund and the winners of a central counterparty.

In this order, each layer only when the one before is exhausted: the venue's own capital in front of its members
(`own_capital`, as far as its cash goes), the default fund that members have prefunded in proportion to their opening
requirements, and assessments: more money called from the members' cash, up to `assessment` times what each had
prefunded. Nobody pays more than he can; what one member cannot pay the others do.

References
----------
cascade chapter, section 4, step 6: defaulter's margin, own capital, default fund, assessments, gains haircutting.
CPMI-IOSCO, Principles for financial market infrastructures (2012), principle 4: prefunded and committed money.
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
def from_default_fund(book: Any, state: Any, v: int, need: int) -> int:
    """Members lose their contributions in proportion; returns what is still missing."""
    first, last = book.member_indptr[v], book.member_indptr[v + 1]
    taken = spread(book.member_contribution[first:last], state.member_fund[first:last], need)
    for j in range(taken.shape[0]):
        if taken[j] > 0:
            member = first + j
            money = int(taken[j])
            note(
                state,
                EVENT_DEFAULT_FUND,
                -1,
                book.member_node[member],
                v,
                -1,
                0.0,
                np.nan,
                float(money),
            )
            state.member_fund[member] -= money
            post(state, DEFAULT_FUND, member, BY_DEFAULT_FUND, MONEY, -money)
            state.venues[v].default_fund_paid += money
            state.counters[DEFAULT_FUND_PAID] += float(money)
            need -= money
    return need


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
    """Own capital, default fund, assessments; returns what is still missing."""
    if need > 0 and state.venues[v].own_capital > 0:
        need = from_own_capital(state, v, need)
    if need > 0 and book.member_indptr[v + 1] > book.member_indptr[v]:
        need = from_default_fund(book, state, v, need)
        if need > 0 and state.venues[v].assessment > 0.0:
            need = from_assessments(book, state, v, need)
    return need


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
