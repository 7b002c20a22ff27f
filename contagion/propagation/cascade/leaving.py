"""Step 4c: which bankrupt positions leave the order for winners? The triggers of the venues.

``fund``: accounts that the trial fill closes completely and leaves below zero are covered by the fund, lowest margin
ratio first, while the running sum of their deficits fits; from the first that does not fit on they leave. ``pool``
(Bybit): they leave when the fund is empty or one of their markets has cost it too much; ``fund_drawdown`` (OKX): when
the fund has fallen too far from its peak. The fund of a venue with an inventory is counted with what that is worth.
Under `dydx` an account below zero leaves when the book did not take its offer, whatever the fund.

References
----------
cascade chapter, section 4, step 4c; margin chapter, section 6 (`adl_trigger_pool`, `adl_trigger_fund_drawdown`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.codes import BY_BALANCE, BY_DRAWDOWN, BY_POOL, OFFERED, TAKEN
from contagion.propagation.cascade.inventories import inventory_worth
from contagion.propagation.cascade.kernels import coins, is_tradable
from contagion.propagation.cascade.takeover import may_move, result_of
from contagion.propagation.cascade.worth import lot_worth


@inner
def deficit_at_fill(book: Any, state: Any, i: int) -> float:
    """Money (quanta, of one account) missing after the trial fill; 0 unless it closes the account completely."""
    worth = float(state.cash[i])
    for k in range(book.indptr[i], book.indptr[i + 1]):
        lots = state.quantity[k]
        if lots != 0.0:
            if state.taken[k] != abs(lots):
                return 0.0
            market = state.markets[book.leg_market[k]]
            money = lots * lot_worth(market, market.fill)
            worth += money - market.fee * abs(money)
    if book.hold_indptr[i + 1] > book.hold_indptr[i]:
        owned, _ = coins(book, state, i)
        worth += owned
    return max(0.0, -worth)


@inner
def deficit_of(book: Any, state: Any, i: int) -> float:
    """Money (quanta, of one account) that the fund would have to bring for account `i`: at the fill, or taken over."""
    if state.manner[i] == TAKEN:
        return max(0.0, -state.equity[i]) if may_move(book, state, i) else 0.0
    return deficit_at_fill(book, state, i)


@inner
def first_in_window(state: Any, v: int) -> int:
    """First round whose end lies in the window of the venue's trigger."""
    clock = state.clock[0]
    return max(0, int(clock.round) - int(min(float(clock.round), state.venues[v].adl_window / clock.step)))


@inner
def fund_peak(state: Any, v: int) -> float:
    """Highest backing (quanta) in the window that ends with the last round; the opening counts while it is in it."""
    first, peak = first_in_window(state, v), -np.inf
    if first == 0:
        peak = float(state.venues[v].fund_opening)
    for r in range(first, int(state.clock[0].round)):
        peak = max(peak, state.fund_path[r, v])
    return peak


@inner
def cost_too_much(book: Any, state: Any, m: int, peak: float) -> bool:
    """Whether the result of market `m` has fallen from its maximum by more than the ratio of the pool's."""
    v = state.markets[m].venue
    if peak <= 0.0:
        return False
    first, now = first_in_window(state, v), result_of(book, state, m)
    best = max(now, 0.0) if first == 0 else now
    for r in range(first, int(state.clock[0].round)):
        best = max(best, state.result_path[r, m])
    return bool((now - best) / peak < -state.venues[v].adl_ratio)


@inner
def is_low(state: Any, v: int, backing: float) -> bool:
    """Whether a backing of this size (quanta) fires the trigger of venue `v`."""
    venue = state.venues[v]
    if venue.adl_trigger == BY_POOL:
        return backing <= 0.0
    if venue.adl_trigger == BY_DRAWDOWN:
        peak = max(fund_peak(state, v), backing)
        return bool(peak > 0.0 and (peak - backing) / peak >= venue.adl_ratio)
    return backing < 0.0


@inner
def has_costly_market(book: Any, state: Any, i: int) -> bool:
    """Whether a market in which account `i` holds lots has cost the pool of its venue too much."""
    v = book.venue[i]
    if state.venues[v].adl_trigger != BY_POOL:
        return False
    peak = max(fund_peak(state, v), float(state.venues[v].fund) + inventory_worth(book, state, v))
    for k in range(book.indptr[i], book.indptr[i + 1]):
        if state.quantity[k] != 0.0 and cost_too_much(book, state, book.leg_market[k], peak):
            return True
    return False


@inner
def is_left_waiting(book: Any, state: Any, i: int) -> bool:
    """Whether account `i`, below zero, offered lots that the book did not take."""
    if state.manner[i] != OFFERED or state.equity[i] >= 0.0:
        return False
    for k in range(book.indptr[i], book.indptr[i + 1]):
        if state.taken[k] < state.wanted[k] and is_tradable(state.markets[book.leg_market[k]]):
            return True
    return False


@inner
def give_up(book: Any, state: Any, i: int) -> None:
    """All lots of an account that are in open markets are there for winners, whatever the book would have taken."""
    for k in range(book.indptr[i], book.indptr[i + 1]):
        if is_tradable(state.markets[book.leg_market[k]]):
            state.taken[k] = abs(state.quantity[k])


@inner
def choose_leavers(book: Any, state: Any, spent: Any) -> int:
    """Mark the accounts that leave the order; `spent` by venue gets the deficits left to the fund. Returns how many."""
    clock, found = state.clock[0], 0
    full = np.zeros(state.venues.shape[0], np.bool_)
    for j in range(clock.n_acting):
        i = state.order[j]
        state.leave[i] = False
        v = book.venue[i]
        if not state.venues[v].adl or not clock.adl:
            continue
        deficit = deficit_of(book, state, i) * float(book.count[i])
        if is_left_waiting(book, state, i):
            state.leave[i] = True
        elif deficit > 0.0:
            backing = float(state.venues[v].fund) + inventory_worth(book, state, v)
            if state.venues[v].adl_trigger == BY_BALANCE:
                full[v] = full[v] or spent[v] + deficit > backing
                state.leave[i] = full[v]
            else:
                state.leave[i] = is_low(state, v, backing - spent[v]) or has_costly_market(book, state, i)
            if not state.leave[i]:
                spent[v] += deficit
        if state.leave[i]:
            found += 1
            if state.manner[i] == TAKEN or state.manner[i] == OFFERED:
                give_up(book, state, i)
    return found


@inner
def inventory_must_go(book: Any, state: Any, v: int, spent: float) -> bool:
    """Whether the inventory of venue `v` is to be deleveraged: its trigger has fired, deficits of the round counted."""
    if not state.venues[v].adl or not state.clock[0].adl:
        return False
    backing = float(state.venues[v].fund) + inventory_worth(book, state, v) - spent
    return is_low(state, v, backing) or has_costly_market(book, state, state.venues[v].inventory)
