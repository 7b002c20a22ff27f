"""Step 2: who is asked for margin, and whose money arrives?

A call is placed when the margin balance falls below `call_ratio` times the requirement. The owner answers with the
probability `response`, decided by a hash of the run's key, the account's name and the number of the call; the money
comes from the node's cash `call_delay` later, for the shortfall as it is then. One call at a time, three at most.

At venues on a chain (`block_time` above 0) a transfer takes `call_delay`, `latency` and one block more than those that
the answered calls before it fill, `block_capacity` transfers each.

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
    BY_TOP_UP,
    EVENT_CALL,
    EVENT_TOP_UP,
    MARGIN_CALLED,
    MARGIN_POSTED,
    MONEY,
)
from contagion.propagation.cascade.kernels import level, stable_order, uniform, value_account, wake
from contagion.propagation.cascade.outages import is_out


@inner
def top_up(book: Any, state: Any, i: int) -> None:
    """The owner of account `i` posts the shortfall to the call target, as far as the node's cash goes."""
    equity, required = value_account(book, state, i)
    venue = state.venues[book.venue[i]]
    shortfall = np.ceil(level(book, state, i, required, venue.call_target) - equity)
    count, owner = int(book.count[i]), int(book.owner[i])
    money = min(int(shortfall), max(0, int(state.node_cash[owner])) // count)
    if required <= 0.0 or money <= 0 or venue.failed:
        return
    note(state, EVENT_TOP_UP, i, owner, book.venue[i], -1, 0.0, np.nan, float(money * count))
    state.cash[i] += money
    state.posted[i] += money * count
    post(state, ACCOUNT, i, BY_TOP_UP, MONEY, money * count)
    pay_node(state, owner, BY_TOP_UP, -money * count)
    state.counters[MARGIN_POSTED] += float(money * count)
    state.rounds[state.clock[0].round].margin_posted += float(money * count) * state.clock[0].quantum
    state.clock[0].acted = True


@inner
def deliver(book: Any, state: Any) -> None:
    """Top-ups that are due arrive, accounts in id order; calls that nobody answers lapse; an outage makes all wait."""
    clock = state.clock[0]
    if clock.n_calls == 0:
        return
    pending = state.calling[: clock.n_calls].copy()
    kept = 0
    for j in stable_order(pending.astype(np.float64)):
        i = pending[j]
        if state.due[i] > clock.time or is_out(state, book.venue[i]):
            state.calling[kept] = i
            kept += 1
            continue
        if state.answered[i]:
            top_up(book, state, i)
        state.due[i] = np.inf
        wake(book, state, i)
    clock.n_calls = kept


@inner
def transfers(book: Any, state: Any) -> Any:
    """Transfers under way to every venue: calls that will be answered, one for each account behind a row."""
    waiting = np.zeros(state.venues.shape[0])
    for j in range(state.clock[0].n_calls):
        i = state.calling[j]
        if state.answered[i]:
            waiting[book.venue[i]] += float(book.count[i])
    return waiting


@inner
def delay(venue: Any, ahead: float) -> float:
    """Seconds from a call to the answer; on a chain it waits behind the full blocks of `ahead` transfers."""
    if venue.block_time <= 0.0:
        return float(venue.call_delay)
    blocks = np.floor(ahead / venue.block_capacity) + 1.0
    return float(venue.call_delay + venue.latency + blocks * venue.block_time)


@inner
def place(book: Any, state: Any) -> None:
    """Call the accounts that the look found below their call level."""
    clock = state.clock[0]
    if clock.n_called == 0:
        return
    ahead = transfers(book, state)
    for j in range(clock.n_called):
        i = state.called[j]
        venue = state.venues[book.venue[i]]
        target = level(book, state, i, state.requirement[i], venue.call_target)
        short = (target - state.equity[i]) * float(book.count[i])
        note(state, EVENT_CALL, i, book.owner[i], book.venue[i], -1, 0.0, np.nan, short)
        state.answered[i] = uniform(clock.key, book.name_hash[i], state.calls[i]) < book.response[i]
        state.due[i] = clock.time + delay(venue, ahead[book.venue[i]])
        if state.answered[i]:
            ahead[book.venue[i]] += float(book.count[i])
        state.calls[i] += 1
        state.calling[clock.n_calls] = i
        clock.n_calls += 1
        clock.acted = True
        wake(book, state, i)
        state.counters[MARGIN_CALLED] += short
        state.rounds[clock.round].margin_called += short * clock.quantum
