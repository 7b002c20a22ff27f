"""Between steps 5 and 6: owners take money out of a venue, and the venue pays while it has liquid money.

Owners ask for the same share of every balance of money, and get at most the free margin: what equity at the marks
exceeds initial margin with the haircuts on coins, and the level of `call_target`, to which they would fill it up. What
is in custody (`customer_share`) is always paid. For the rest the venue held `reserve_ratio` liquid at the opening; what
has been posted since, its own cash and its fund come on top. When that is gone, all who ask are paid the same part, the
rest is refused, and the venue fails in step 6 though it may be solvent.

References
----------
Diamond, Dybvig (1983): a run on a solvent intermediary. `reserve_ratio` and `illiquid_discount` are assumptions about
a venue, between 0 and 1; 1 and 0 leave them out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.arbitrage import initial
from contagion.propagation.cascade.books import note, pay_node, pay_outside, post
from contagion.propagation.cascade.codes import (
    ACCOUNT,
    BY_VENUE_DEFAULT,
    BY_WITHDRAWAL,
    EVENT_WITHDRAWAL,
    MONEY,
    REFUSED,
    WITHDRAWN,
)
from contagion.propagation.cascade.indices import row_of
from contagion.propagation.cascade.kernels import coins, level, value_account, wake
from contagion.propagation.cascade.outages import is_out


@inner
def balance(book: Any, state: Any, i: int) -> float:
    """Money of one account behind row `i` in quanta, without the entry values of its lots."""
    total = float(state.cash[i])
    for k in range(book.indptr[i], book.indptr[i + 1]):
        total += state.quantity[k] * (state.markets[book.leg_market[k]].lot_scale * state.entry[k])
    return total


@inner
def takes_out(book: Any, state: Any, i: int, share: float) -> int:
    """Quanta that each owner behind row `i` takes out when `share` of the balance is wanted."""
    equity, required = value_account(book, state, i)
    _, first = coins(book, state, i)
    for k in range(book.indptr[i], book.indptr[i + 1]):
        market = state.markets[book.leg_market[k]]
        first += initial(book, market, abs(state.quantity[k]) * (market.mark * market.lot_scale))
    free = equity - max(first, level(book, state, i, required, state.venues[book.venue[i]].call_target))
    return int(max(0.0, np.floor(min(share * balance(book, state, i), free))))


@inner
def liquid_money(book: Any, state: Any, v: int) -> float:
    """Quanta that venue `v` can pay out now to customers whose money is not in custody."""
    venue = state.venues[v]
    if venue.reserve_ratio >= 1.0:
        return np.inf
    posted = 0.0
    for j in range(book.venue_indptr[v], book.venue_indptr[v + 1]):
        posted += float(state.posted[book.venue_accounts[j]])
    own = max(0.0, float(state.node_cash[venue.node])) + float(venue.fund)
    total = float(venue.reserve) + (1.0 - venue.customer_share) * posted + own - float(venue.paid_out)
    return max(0.0, total)


@inner
def pay_owner(book: Any, state: Any, i: int, money: int) -> None:
    """Each account behind row `i` pays `money` quanta to its owner."""
    number, owner = int(book.count[i]), int(book.owner[i])
    note(state, EVENT_WITHDRAWAL, i, owner, book.venue[i], -1, 0.0, np.nan, float(money * number))
    state.cash[i] -= money
    post(state, ACCOUNT, i, BY_WITHDRAWAL, MONEY, -money * number)
    pay_node(state, owner, BY_WITHDRAWAL, money * number)
    state.counters[WITHDRAWN] += float(money * number)
    state.venues[book.venue[i]].withdrawn += money * number
    state.clock[0].acted = True
    wake(book, state, i)


@inner
def run_on(book: Any, state: Any, v: int, share: float) -> None:
    """The owners at venue `v` ask for `share` of their balances; all get the same part of what is not in custody."""
    venue, first = state.venues[v], book.venue_indptr[v]
    wanted = np.zeros(book.venue_indptr[v + 1] - first, np.int64)
    total = 0.0
    for j in range(wanted.shape[0]):
        i = book.venue_accounts[first + j]
        if not book.exempt[i] and book.owner[i] != venue.node:
            wanted[j] = takes_out(book, state, i, share)
            total += float(wanted[j]) * float(book.count[i])
    own = (1.0 - venue.customer_share) * total
    liquid = liquid_money(book, state, v)
    met = 1.0 if own <= liquid else liquid / own
    paid = 0.0
    for j in range(wanted.shape[0]):
        i = book.venue_accounts[first + j]
        money = int(wanted[j])
        if met < 1.0:
            money = int(np.floor(float(money) * (venue.customer_share + (1.0 - venue.customer_share) * met)))
        if money > 0:
            pay_owner(book, state, i, money)
            paid += float(money) * float(book.count[i])
    venue.paid_out += int(np.floor((1.0 - venue.customer_share) * paid))
    if met < 1.0:
        refuse(state, v, total - paid)


@inner
def refuse(state: Any, v: int, money: float) -> None:
    """Venue `v` does not pay `money` quanta: from now on it is illiquid."""
    venue = state.venues[v]
    note(state, EVENT_WITHDRAWAL, -1, venue.node, v, -1, 0.0, np.nan, -money)
    state.counters[REFUSED] += money
    venue.refused += int(money)
    venue.illiquid = True
    state.clock[0].acted = True


@inner
def withdraw(book: Any, state: Any) -> None:
    """All runs of the round; what an outage held back is asked for after it."""
    now = row_of(state.clock[0], state.shock_withdrawn)
    for v in range(state.venues.shape[0]):
        venue, share = state.venues[v], state.shock_withdrawn[now, v]
        if share > venue.asked_share and not venue.failed and not is_out(state, v):
            part = (share - venue.asked_share) / (1.0 - venue.asked_share)
            venue.asked_share = share
            run_on(book, state, v, part)


@inner
def sell_illiquid(state: Any, v: int) -> None:
    """An illiquid venue fails: what it had lent out is sold at once, with a loss to the world outside."""
    venue = state.venues[v]
    lost = int(np.floor(venue.illiquid_discount * float(venue.lent)))
    if venue.illiquid and lost > 0:
        pay_node(state, venue.node, BY_VENUE_DEFAULT, -lost)
        pay_outside(state, BY_VENUE_DEFAULT, lost)
