"""A failed venue pays out late: what its customers get is theirs, but nobody has it until then.

What a failure leaves of a balance is settled at once and the rest is lost, as without a delay. With `payout_delay` what
is left stays at the dead venue until the venue has been failed for so long. Frozen money counts as its owner's: nodes
fail for want of resources, not of cash in hand. But it answers no call, is no free margin and cannot be withdrawn.

References
----------
Assumption without a range of its own: the delay is a rule of the case. Mt. Gox customers waited ten years, those of
FTX two (`events.md`); within the horizon of a run such a delay means never.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import note, pay_node, post
from contagion.propagation.cascade.codes import (
    ACCOUNT,
    BY_PAYOUT,
    BY_VENUE_DEFAULT,
    EVENT_PAYOUT,
    FROZEN,
    MONEY,
)
from contagion.propagation.cascade.kernels import wake


@inner
def freezes(state: Any, v: int) -> bool:
    """Whether venue `v`, which has failed, pays out later than now."""
    return bool(state.venues[v].payout_delay > 0.0 and not state.clock[0].sticky)


@inner
def pay_customers(book: Any, state: Any, v: int, recovery: float) -> None:
    """Pay the balances at a failed venue out to their owners, or freeze what is left of them."""
    venue = state.venues[v]
    rate, late = venue.customer_share + (1.0 - venue.customer_share) * recovery, freezes(state, v)
    for j in range(book.venue_indptr[v], book.venue_indptr[v + 1]):
        i = book.venue_accounts[j]
        number, balance = int(book.count[i]), int(state.cash[i])
        if balance <= 0:
            continue
        paid = min(balance, int(np.floor(balance * rate)))
        if late and book.owner[i] != venue.node:
            state.cash[i] = paid
            post(state, ACCOUNT, i, BY_VENUE_DEFAULT, MONEY, -(balance - paid) * number)
        else:
            state.cash[i] = 0
            post(state, ACCOUNT, i, BY_VENUE_DEFAULT, MONEY, -balance * number)
            pay_node(state, book.owner[i], BY_VENUE_DEFAULT, paid * number)
        pay_node(state, venue.node, BY_VENUE_DEFAULT, (balance - paid) * number)
    if late:
        venue.payout_at = state.clock[0].time + venue.payout_delay
        state.counters[FROZEN] = max(state.counters[FROZEN], frozen_money(book, state))


@inner
def frozen_money(book: Any, state: Any) -> float:
    """Quanta that customers have at failed venues and cannot get yet."""
    total = 0.0
    for v in range(state.venues.shape[0]):
        if not np.isnan(state.venues[v].payout_at):
            for j in range(book.venue_indptr[v], book.venue_indptr[v + 1]):
                i = book.venue_accounts[j]
                total += float(state.cash[i]) * float(book.count[i])
    return total


@inner
def pay_out(book: Any, state: Any) -> None:
    """Frozen money whose time has come goes to its owners."""
    for v in range(state.venues.shape[0]):
        venue = state.venues[v]
        if not state.clock[0].time >= venue.payout_at:
            continue
        venue.payout_at = np.nan
        for j in range(book.venue_indptr[v], book.venue_indptr[v + 1]):
            i = book.venue_accounts[j]
            money = int(state.cash[i]) * int(book.count[i])
            if money > 0:
                owner = book.owner[i]
                note(state, EVENT_PAYOUT, i, owner, v, -1, 0.0, np.nan, float(money))
                state.cash[i] = 0
                post(state, ACCOUNT, i, BY_PAYOUT, MONEY, -money)
                pay_node(state, owner, BY_PAYOUT, money)
                wake(book, state, i)
        state.clock[0].acted = True


@inner
def payout_to_come(state: Any) -> bool:
    """Whether frozen money is still paid out within the horizon."""
    clock = state.clock[0]
    for v in range(state.venues.shape[0]):
        if state.venues[v].payout_at <= float(clock.last_round) * clock.step:
            return True
    return False
