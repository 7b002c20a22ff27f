"""Step 2: who is asked for margin, and when does the answer come?

A call is placed when the margin balance falls below `call_ratio` times the requirement. The owner answers with the
probability `response`, decided by a hash of the run's key, the account's name and the number of the call; the answer
comes `call_delay` later, for the shortfall as it is then. One call at a time, three at most.

A transfer takes `call_delay` and `latency`; at venues on a chain (`block_time` above 0) also one block more than those
that the answered calls before it fill, `block_capacity` transfers each.

What the owner does is the account's `reaction`: `top_up` posts money (`topups`), `deleverage` and `hedge` trade
(`reactions`); an account that has no position left is topped up, and a borrower who never had one may not be told to
trade. A call stays outstanding until all of that is done.

References
----------
cascade chapter, section 4, step 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import note
from contagion.propagation.cascade.codes import BY_TRADING, EVENT_CALL, FROM_LOANS, MARGIN_CALLED
from contagion.propagation.cascade.kernels import stable_order, uniform, wake, without_positions
from contagion.propagation.cascade.outages import is_out
from contagion.propagation.cascade.recalls import coming, pass_on, pay_recalls
from contagion.propagation.cascade.topups import money_missing, top_up, withdraw_offers


@inner
def forget(state: Any) -> None:
    """Strike calls that are no longer outstanding off the list."""
    clock, kept = state.clock[0], 0
    for j in range(clock.n_calls):
        i = state.calling[j]
        if state.due[i] < np.inf:
            state.calling[kept] = i
            kept += 1
    clock.n_calls = kept


@inner
def deliver(book: Any, state: Any) -> None:
    """Answers that are due arrive, accounts in id order; calls that nobody answers lapse; an outage makes all wait."""
    clock = state.clock[0]
    clock.n_reacting = 0
    withdraw_offers(state)
    pay_recalls(book, state)
    if clock.n_calls == 0:
        pass_on(book, state)
        return
    pending = state.calling[: clock.n_calls].copy()
    by_id = stable_order(pending.astype(np.float64))
    for j in range(pending.shape[0]):
        i = pending[by_id[j]]
        state.calling[j] = i
        if state.due[i] <= clock.time and book.sources[i] >= FROM_LOANS:
            state.expected[book.owner[i]] = float(coming(book, state, book.owner[i]))
    for j in range(clock.n_calls):
        i = state.calling[j]
        if state.due[i] <= clock.time and not is_out(state, book.venue[i]):
            answer(book, state, i)
    forget(state)
    pass_on(book, state)


@inner
def answer(book: Any, state: Any, i: int) -> None:
    """The call to account `i` is due: money is posted, or the account is listed as one that trades, or it lapses."""
    more = False
    trades = book.reaction[i] >= BY_TRADING and not without_positions(book, state, i)
    if state.answered[i] and trades:
        state.reacting[state.clock[0].n_reacting] = i
        state.clock[0].n_reacting += 1
        more = True
    elif state.answered[i]:
        more = top_up(book, state, i)
    if not more:
        state.due[i] = np.inf
    wake(book, state, i)


@inner
def transfers(book: Any, state: Any) -> Any:
    """Transfers under way on every chain, at its first venue: calls that will be answered, one per account of a row."""
    waiting = np.zeros(state.venues.shape[0])
    for j in range(state.clock[0].n_calls):
        i = state.calling[j]
        if state.answered[i]:
            waiting[state.venues[book.venue[i]].chain] += float(book.count[i])
    return waiting


@inner
def delay(venue: Any, ahead: float) -> float:
    """Seconds from a call to the answer; on a chain it waits behind the full blocks of `ahead` transfers."""
    if venue.block_time <= 0.0:
        return float(venue.call_delay + venue.latency)
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
        short = money_missing(book, state, i, state.equity[i], state.requirement[i]) * float(book.count[i])
        note(state, EVENT_CALL, i, book.owner[i], book.venue[i], -1, 0.0, np.nan, short)
        state.answered[i] = uniform(clock.key, book.name_hash[i], state.calls[i]) < book.response[i]
        state.due[i] = clock.time + delay(venue, ahead[venue.chain])
        if state.answered[i]:
            ahead[venue.chain] += float(book.count[i])
        state.calls[i] += 1
        state.calling[clock.n_calls] = i
        clock.n_calls += 1
        clock.acted = True
        wake(book, state, i)
        state.counters[MARGIN_CALLED] += short
        state.rounds[clock.round].margin_called += short * clock.quantum
