"""Between steps 5 and 6: owners take money out of a venue, and the venue pays while it has liquid money.

Owners ask for the same share of every balance of money, and get at most the free margin: what equity at the marks
exceeds initial margin with the haircuts on coins, and the level of `call_target`, to which they would fill it up. Coins
stay where they are, and count towards what is free.

What is in custody (`customer_share`) is always paid. For the rest the venue held `reserve_ratio` liquid at the opening;
what has been posted since, its own cash and its fund come on top. When that is gone, all who ask are paid the same
part, the rest is refused, and the venue fails in step 6 though it may be solvent.

A protocol has lent its deposits to the borrowers among its accounts: it can pay no more than deposits less what they
owe it, its own cash and its fund. All who ask are paid the same part. The rest waits, and is paid as loans are repaid:
nobody can make a protocol fail by asking. One that auctions collateral has minted what its borrowers owe, and lent no
deposits. At a protocol `reserve_ratio` is about what it lends to others than those.

References
----------
Diamond, Dybvig (1983): a run on a solvent intermediary. `reserve_ratio` and `illiquid_discount` are assumptions about
a venue, between 0 and 1; 1 and 0 leave them out. Gudgeon, Werner, Perez, Knottenbelt (2020): a pool of loanable funds
pays out what is not lent, and is illiquid, not insolvent, when all of it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.arbitrage import initial
from contagion.propagation.cascade.books import note, pay_node, pay_outside, post
from contagion.propagation.cascade.codes import (
    ACCOUNT,
    AUCTION,
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
from contagion.propagation.cascade.worth import lot_money


@inner
def balance(book: Any, state: Any, i: int) -> float:
    """Money of one account behind row `i` in quanta, without the entry values of its lots."""
    total = float(state.cash[i])
    for k in range(book.indptr[i], book.indptr[i + 1]):
        if book.leg_coin[k] < 0:
            total += state.quantity[k] * (state.markets[book.leg_market[k]].lot_scale * state.entry[k])
    return total


@inner
def not_needed(book: Any, state: Any, i: int) -> float:
    """Quanta by which equity of account `i` exceeds its initial margin with haircuts, and its call target."""
    equity, required = value_account(book, state, i)
    _, first = coins(book, state, i)
    if book.scanned[i]:
        first += state.venues[book.venue[i]].scan_initial * (required - first)
    else:
        for k in range(book.indptr[i], book.indptr[i + 1]):
            market = state.markets[book.leg_market[k]]
            first += initial(book, market, abs(state.quantity[k]) * lot_money(market, market.mark))
    return float(
        equity - max(first, level(book, state, i, required, state.venues[book.venue[i]].call_target))
    )


@inner
def takes_out(book: Any, state: Any, i: int, share: float) -> int:
    """Quanta that each owner behind row `i` takes out when `share` of the balance is wanted."""
    return int(max(0.0, np.floor(min(share * balance(book, state, i), not_needed(book, state, i)))))


@inner
def not_lent(book: Any, state: Any, v: int) -> float:
    """Quanta of the deposits not in custody at protocol `v` that borrowers have not got, with its own money."""
    venue = state.venues[v]
    if not venue.protocol or venue.procedure == AUCTION:
        return np.inf
    total = max(0.0, float(state.node_cash[venue.node])) + float(venue.fund)
    for j in range(book.venue_indptr[v], book.venue_indptr[v + 1]):
        i = book.venue_accounts[j]
        if not book.exempt[i]:
            money = balance(book, state, i) * float(book.count[i])
            total += (1.0 - venue.customer_share) * money if money > 0.0 else money
    return max(0.0, total)


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
def can_pay(book: Any, state: Any, v: int) -> float:
    """Quanta that venue `v` can send away now of money not in custody, that lent to its borrowers left out."""
    return min(liquid_money(book, state, v), not_lent(book, state, v))


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
def run_on(book: Any, state: Any, v: int, share: float) -> float:
    """The owners at venue `v` ask for `share` of their balances; all get the same part of what is not in custody.

    Returns which part of what was asked for has been paid or refused; the rest waits for borrowers.
    """
    venue, first = state.venues[v], book.venue_indptr[v]
    wanted = np.zeros(book.venue_indptr[v + 1] - first, np.int64)
    total = 0.0
    for j in range(wanted.shape[0]):
        i = book.venue_accounts[first + j]
        if not book.exempt[i] and book.owner[i] != venue.node:
            wanted[j] = takes_out(book, state, i, share)
            total += float(wanted[j]) * float(book.count[i])
    own = (1.0 - venue.customer_share) * total
    unlent = not_lent(book, state, v)
    able = min(liquid_money(book, state, v), unlent)
    met = 1.0 if own <= able else able / own
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
    if met == 1.0:
        keep_waiting(state, v, 0.0)
        return 1.0
    if able < unlent:
        keep_waiting(state, v, 0.0)
        refuse(state, v, total - paid)
        return 1.0
    keep_waiting(state, v, total - paid)
    return paid / total


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
def keep_waiting(state: Any, v: int, money: float) -> None:
    """Owners wait for `money` quanta that protocol `v` has lent; counted as refused until they are paid."""
    venue = state.venues[v]
    more = int(money) - int(venue.waiting)
    if more > 0:
        note(state, EVENT_WITHDRAWAL, -1, venue.node, v, -1, 0.0, np.nan, -float(more))
    state.counters[REFUSED] += float(more)
    venue.refused += more
    venue.waiting = int(money)


@inner
def withdraw(book: Any, state: Any) -> None:
    """All runs of the round; what an outage held back is asked for after it, what waits is asked for again."""
    now = row_of(state.clock[0], state.shock_withdrawn)
    for v in range(state.venues.shape[0]):
        venue, share = state.venues[v], state.shock_withdrawn[now, v]
        if share > venue.asked_share and not venue.failed and not is_out(state, v):
            part = (share - venue.asked_share) / (1.0 - venue.asked_share)
            done = run_on(book, state, v, part)
            venue.asked_share = (
                share if done == 1.0 else venue.asked_share + done * (share - venue.asked_share)
            )


@inner
def sell_illiquid(state: Any, v: int) -> None:
    """An illiquid venue fails: what it had lent out is sold at once, with a loss to the world outside."""
    venue = state.venues[v]
    lost = int(np.floor(venue.illiquid_discount * float(venue.lent)))
    if venue.illiquid and lost > 0:
        pay_node(state, venue.node, BY_VENUE_DEFAULT, -lost)
        pay_outside(state, BY_VENUE_DEFAULT, lost)
