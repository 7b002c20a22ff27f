"""Step 6: which nodes and venues fail, and who loses by it?

A watched node fails when its resources and what it recovers from its debtors fall short of what it owes. Claims are
valued by the greatest clearing vector and settled for failing nodes only: paid at the recovery rate and removed. A
venue that fails closes all its positions at the mark without impact, then pays its customers' balances: the share in
custody in full, the rest at its recovery rate, pari passu with its other creditors. A venue that could not meet
withdrawals fails too, however solvent it is.

The tokens that a node has issued are among its debts. A node that owes nothing else goes on when it falls short: there
is nobody whom it has failed to pay, its token is worth less (`recoveries`).

References
----------
Eisenberg, Noe (2001), equation 2 and theorem 1; cascade chapter, section 4, step 6.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import (
    cancel_claim,
    cancel_external,
    note,
    pay_node,
    pay_outside,
    post,
)
from contagion.propagation.cascade.codes import (
    ACCOUNT,
    BY_NODE_DEFAULT,
    BY_SHOCK,
    BY_VENUE_DEFAULT,
    EVENT_NODE_DEFAULT,
    EVENT_SHOCK,
    EVENT_VENUE_DEFAULT,
    FUND,
    MONEY,
    NODE_DEFAULTS,
    PROVIDER,
    SPOT,
    VENUE_DEFAULTS,
)
from contagion.propagation.cascade.kernels import wake
from contagion.propagation.cascade.members import keep_contribution, return_contributions
from contagion.propagation.cascade.payouts import pay_customers
from contagion.propagation.cascade.recoveries import clear_claims, loose_tokens, on_haircut, set_recoveries
from contagion.propagation.cascade.settlement import amount, give, provider_gives
from contagion.propagation.cascade.sheets import SLACK, face_value, falls_short, owed_by, resources
from contagion.propagation.cascade.takeover import empty_inventory
from contagion.propagation.cascade.unwinding import leg_gone
from contagion.propagation.cascade.withdrawals import sell_illiquid


@inner
def strike(book: Any, state: Any) -> None:
    """Nodes that the shock forces into default lose their cash, their outside assets and, if venues, their fund."""
    clock = state.clock[0]
    if clock.struck or clock.round < 1:
        return
    clock.struck = True
    for n in range(state.forced_default.shape[0]):
        if not state.forced_default[n]:
            continue
        clock.acted = True
        if not book.watched[n]:
            state.node_failed[n], state.node_failed_at[n] = True, clock.time
            state.counters[NODE_DEFAULTS] += 1.0
        lost = max(0, int(state.node_cash[n]))
        note(
            state,
            EVENT_SHOCK,
            -1,
            n,
            book.venue_of_node[n],
            -1,
            0.0,
            np.nan,
            float(lost + state.external_assets[n]),
        )
        pay_node(state, n, BY_SHOCK, -lost)
        pay_outside(state, BY_SHOCK, lost)
        cancel_external(state, n, BY_SHOCK, int(state.external_assets[n]))
        state.external_assets[n] = 0
        v = book.venue_of_node[n]
        if v >= 0:
            post(state, FUND, v, BY_SHOCK, MONEY, -int(state.venues[v].fund))
            pay_outside(state, BY_SHOCK, int(state.venues[v].fund))
            state.venues[v].fund = 0


@inner
def anyone_short(book: Any, state: Any) -> bool:
    """Whether some watched node that has not failed cannot pay even if everybody else pays in full."""
    owed_to = face_value(book, state)
    for j in range(book.sheet_nodes.shape[0]):
        n = book.sheet_nodes[j]
        if state.node_failed[n]:
            continue
        if state.forced_default[n] and state.clock[0].round >= 1:
            return True
        v = book.venue_of_node[n]
        if v >= 0 and state.venues[v].illiquid:
            return True
        if falls_short(state.own_resources[n] + owed_to[n], owed_by(book, state, n) + state.fixed_debt[n]):
            return True
    return False


@inner
def turn_into_money(book: Any, state: Any, v: int) -> None:
    """The coins and coin debts of a failed venue's accounts become money at the index, without impact."""
    for j in range(book.venue_indptr[v], book.venue_indptr[v + 1]):
        i = book.venue_accounts[j]
        for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
            lots = state.held[b]
            if lots == 0.0:
                continue
            slot, number = state.slots[book.hold_slot[b]], int(book.count[i])
            market, instrument = state.markets[slot.market], state.markets.shape[0] + int(slot.asset)
            money = int(np.rint(lots * (slot.lot_scale * state.index[slot.asset])))
            state.held[b] = 0.0
            state.cash[i] += money
            market.provider_lots += int(lots) * number
            market.provider_cash -= money * number
            post(state, ACCOUNT, i, BY_VENUE_DEFAULT, instrument, -int(lots) * number)
            post(state, PROVIDER, slot.market, BY_VENUE_DEFAULT, instrument, int(lots) * number)
            post(state, ACCOUNT, i, BY_VENUE_DEFAULT, MONEY, money * number)
            post(state, PROVIDER, slot.market, BY_VENUE_DEFAULT, MONEY, -money * number)


@inner
def close_venue(book: Any, state: Any, v: int) -> float:
    """Close every position at the mark; returns the customers' balances (quanta) that are not in custody."""
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        if market.venue != v:
            continue
        market.dead, market.shut, paid = True, True, 0
        if market.kind == SPOT:
            continue
        for j in range(book.slot_indptr[m], book.slot_indptr[m + 1]):
            k = book.slot_legs[j]
            i, lots = book.leg_account[k], state.quantity[k]
            if lots != 0.0:
                money, number = amount(state, m, lots, market.mark), int(book.count[i])
                state.quantity[k] = 0.0
                paid += money * number
                post(state, ACCOUNT, i, BY_VENUE_DEFAULT, m, -int(lots) * number)
                give(book, state, k, money, BY_VENUE_DEFAULT)
                leg_gone(book, state, k, abs(lots))
        post(state, PROVIDER, m, BY_VENUE_DEFAULT, m, -int(market.provider_lots))
        provider_gives(state, m, paid, BY_VENUE_DEFAULT)
        market.provider_lots = 0
    turn_into_money(book, state, v)
    empty_inventory(book, state, v)
    balances, node = 0.0, int(state.venues[v].node)
    for j in range(book.venue_indptr[v], book.venue_indptr[v + 1]):
        i = book.venue_accounts[j]
        number = int(book.count[i])
        state.selected[i] = False
        wake(book, state, i)
        if state.cash[i] < 0:
            missing = -int(state.cash[i]) * number
            state.deficit[i] += missing
            state.venues[v].bad_debt += missing
            state.cash[i] = 0
            post(state, ACCOUNT, i, BY_VENUE_DEFAULT, MONEY, missing)
            missing -= keep_contribution(book, state, v, i, missing)
            state.venues[v].uncovered += missing
            pay_node(state, node, BY_VENUE_DEFAULT, -missing)
        balances += float(state.cash[i]) * float(number)
    fund = int(state.venues[v].fund)
    post(state, FUND, v, BY_VENUE_DEFAULT, MONEY, -fund)
    pay_node(state, node, BY_VENUE_DEFAULT, fund)
    state.venues[v].fund = 0
    return_contributions(book, state, v)
    return balances * (1.0 - state.venues[v].customer_share)


@inner
def settle_node(book: Any, state: Any, n: int, recovery: float) -> None:
    """A failing node pays its creditors at the recovery rate; the claims are gone."""
    clock = state.clock[0]
    state.node_failed[n], state.node_failed_at[n] = True, clock.time
    state.counters[NODE_DEFAULTS] += 1.0
    clock.acted = True
    note(state, EVENT_NODE_DEFAULT, -1, n, book.venue_of_node[n], -1, 0.0, recovery, owed_by(book, state, n))
    for c in range(book.debt_indptr[n], book.debt_indptr[n + 1]):
        claim = int(state.remaining[c])
        if claim > 0:
            paid = min(claim, int(np.floor(claim * recovery)))
            pay_node(state, n, BY_NODE_DEFAULT, -paid)
            pay_node(state, book.creditor[c], BY_NODE_DEFAULT, paid)
            cancel_claim(state, n, book.creditor[c], BY_NODE_DEFAULT, claim)
            state.remaining[c] = 0
    debt = int(state.external_liabilities[n])
    paid = min(debt, int(np.floor(debt * recovery)))
    pay_node(state, n, BY_NODE_DEFAULT, -paid)
    pay_outside(state, BY_NODE_DEFAULT, paid)
    cancel_external(state, n, BY_NODE_DEFAULT, -debt)
    state.external_liabilities[n] = 0


@inner
def close_failing_venues(book: Any, state: Any, balances: Any, recovery: Any) -> bool:
    """Close venues that fall short and have not been closed; True if one was (the claims must be cleared again)."""
    closed = False
    for v in range(state.venues.shape[0]):
        venue = state.venues[v]
        n = int(venue.node)
        short = recovery[n] < 1.0 - SLACK and not on_haircut(book, state, n)
        short = short or state.forced_default[n] or venue.illiquid
        if not venue.failed and state.clock[0].round >= 1 and short:
            venue.failed, venue.failed_at = True, state.clock[0].time
            state.counters[VENUE_DEFAULTS] += 1.0
            at = state.clock[0].n_events
            note(state, EVENT_VENUE_DEFAULT, -1, n, v, -1, 0.0, np.nan, 0.0)
            sell_illiquid(state, v)
            balances[n] = close_venue(book, state, v)
            if at < state.events.shape[0]:
                state.events[at].money = balances[n] * state.clock[0].quantum
            closed = True
    return closed


@inner
def waits_for_halt(state: Any) -> bool:
    """In the timeless limit nobody is declared failed while a halt holds his orders back: a halt only delays."""
    clock = state.clock[0]
    if not clock.sticky or clock.acted or clock.n_acting == 0:
        return False
    for m in range(state.markets.shape[0]):
        if state.markets[m].shut and not state.markets[m].dead:
            return True
    return False


@inner
def defaults(book: Any, state: Any) -> None:
    """Step 6 as a whole; does nothing as long as every watched node can pay."""
    if not state.clock[0].defaults or book.sheet_nodes.shape[0] == 0:
        return
    if waits_for_halt(state):
        return
    strike(book, state)
    resources(book, state)
    loose = loose_tokens(book, state)
    if not anyone_short(book, state):
        set_recoveries(book, state, loose, np.ones(state.node_cash.shape[0]))
        return
    balances = np.zeros(state.node_cash.shape[0])
    recovery = clear_claims(book, state, balances)
    while close_failing_venues(book, state, balances, recovery):
        resources(book, state)
        recovery = clear_claims(book, state, balances)
    for j in range(book.sheet_nodes.shape[0]):
        n = book.sheet_nodes[j]
        v = book.venue_of_node[n]
        forced = state.forced_default[n] and state.clock[0].round >= 1
        forced = forced or (v >= 0 and state.venues[v].illiquid)
        short = recovery[n] < 1.0 - SLACK and not on_haircut(book, state, n)
        waits = v >= 0 and not state.venues[v].failed  # at the opening no venue is closed
        if not state.node_failed[n] and (short or forced) and not waits:
            settle_node(book, state, n, recovery[n])
            if v >= 0 and state.venues[v].failed:
                pay_customers(book, state, v, recovery[n])
    set_recoveries(book, state, loose, recovery)
