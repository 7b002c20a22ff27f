"""Step 2, trades: owners who sell before they are sold, and owners who hedge.

`deleverage`: when the call is due, every leg is cut by the smallest fraction after which equity covers `call_target`
times the requirement. `hedge`: the same share of every leg is offset by a perp on the same asset at another venue, in
the owner's account there, as far as its free initial margin goes and until the pair is flat; what finds no such account
or no room is cut. Owners trade once `call_delay` has passed, in the round's flow behind the forced orders; what is not
filled is decided anew in the next round, and the call stays outstanding. An account that is liquidated first does not
react any more.

References
----------
cascade chapter, section 4, step 2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.arbitrage import free_margin, initial, largest_notional, room, trade_leg
from contagion.propagation.cascade.books import note
from contagion.propagation.cascade.calls import forget
from contagion.propagation.cascade.codes import (
    BY_HEDGE,
    BY_HEDGING,
    BY_REACTION,
    BY_UNWIND,
    EVENT_HEDGE,
    EVENT_REACTION,
    EVENT_UNWIND,
    HEDGED,
    REACTED,
)
from contagion.propagation.cascade.execute import leg_reduced
from contagion.propagation.cascade.kernels import coins, level, maintenance, relief, value_account, wake
from contagion.propagation.cascade.outages import is_out
from contagion.propagation.cascade.scans import least_share, scan
from contagion.propagation.cascade.settle import measure_unwinding, sell_holding, sell_leg
from contagion.propagation.cascade.topups import shortfall
from contagion.propagation.cascade.worth import lot_money

HALVINGS = 40


@inner
def is_relieved(book: Any, state: Any, i: int, equity: float, fraction: float) -> bool:
    """Whether account `i`, without `fraction` of every leg, meets its call target at the marks."""
    required, paid = 0.0, 0.0
    for k in range(book.indptr[i], book.indptr[i + 1]):
        market = state.markets[book.leg_market[k]]
        notional = abs(state.quantity[k]) * lot_money(market, market.mark)
        required += market.multiplier * maintenance(
            book, market, (1.0 - fraction) * notional, (1.0 - fraction) * abs(state.quantity[k])
        )
        paid += market.fee * (fraction * notional)
    if book.paired[i]:
        required -= relief(book, state, i, 1.0 - fraction, False)
    _, haircut = coins(book, state, i)
    return bool(
        equity - paid >= level(book, state, i, required + haircut, state.venues[book.venue[i]].call_target)
    )


@inner
def scanned_cut(book: Any, state: Any, i: int, equity: float) -> float:
    """The same where margin is scanned: all terms are linear in it."""
    cost, target = 0.0, state.venues[book.venue[i]].call_target
    for k in range(book.indptr[i], book.indptr[i + 1]):
        market = state.markets[book.leg_market[k]]
        cost += market.fee * (abs(state.quantity[k]) * lot_money(market, market.mark))
    _, haircut = coins(book, state, i)
    asked = target * scan(book, state, i, False)
    return least_share(asked - (equity - haircut), asked, cost)


@inner
def least_cut(book: Any, state: Any, i: int) -> float:
    """Smallest fraction of every leg without which account `i` meets its call target, by halving."""
    equity, _ = value_account(book, state, i)
    if book.scanned[i]:
        return scanned_cut(book, state, i, equity)
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if is_relieved(book, state, i, equity, middle):
            high = middle
        else:
            low = middle
    return high


@inner
def hedge_room(book: Any, state: Any, k: int, sells: bool) -> float:
    """Quanta of notional that the account behind leg `k` may hedge with, other hedges of the round allowed for."""
    j, market = book.leg_account[k], state.markets[book.leg_market[k]]
    if book.scanned[j]:
        return room(book, state, k, market, math.inf, sells)
    free = free_margin(book, state, k)
    for other in range(book.indptr[j], book.indptr[j + 1]):
        if other != k and state.hedge_wanted[other] != 0.0:
            its = state.markets[book.leg_market[other]]
            free -= initial(book, its, abs(state.hedge_wanted[other]) * lot_money(its, its.mark))
    lots = state.quantity[k] - state.hedge_wanted[k]
    held = abs(lots) * lot_money(market, market.mark)
    most = largest_notional(book, market, max(0.0, free))
    if lots != 0.0 and (lots > 0.0) == sells:
        return held + most
    return max(0.0, most - held)


@inner
def can_hedge(book: Any, state: Any, k: int) -> bool:
    """Whether the account behind hedge leg `k` may trade it this round."""
    if k < 0:
        return False
    j, market = book.leg_account[k], state.markets[book.leg_market[k]]
    return bool(
        not market.dead and not is_out(state, market.venue) and state.acted_in[j] != state.clock[0].round
    )


@inner
def list_hedge(state: Any, k: int, lots: float) -> None:
    """Ask for `lots` (positive: sold) in hedge leg `k`, of each account behind its row."""
    clock = state.clock[0]
    state.hedge_wanted[k] += lots
    for j in range(clock.n_hedging):
        if state.hedging[j] == k:
            return
    state.hedging[clock.n_hedging] = k
    clock.n_hedging += 1


@inner
def offset(book: Any, state: Any, k: int, lots: float) -> float:
    """Hedge `lots` of leg `k` as far as possible; returns how many of them that covers."""
    other = book.hedge_leg[k]
    if not can_hedge(book, state, other):
        return 0.0
    own, its = state.markets[book.leg_market[k]], state.markets[book.leg_market[other]]
    sells, sign = state.quantity[k] > 0.0, 1.0 if state.quantity[k] > 0.0 else -1.0
    lot = own.lot * float(book.count[book.leg_account[k]])  # units of the asset
    its_lot = its.lot * float(book.count[book.leg_account[other]])
    already = max(0.0, -sign * (state.quantity[other] - state.hedge_wanted[other]) * its_lot)
    open_units = max(0.0, abs(state.quantity[k]) * lot - already)
    room = hedge_room(book, state, other, sells) / lot_money(its, its.mark) * its_lot
    wanted = lots * lot
    units = min(wanted, open_units, room)
    hedge_lots = math.floor(units / its_lot)
    if hedge_lots <= 0.0:
        return 0.0
    list_hedge(state, other, sign * hedge_lots)
    if units == wanted:
        return lots  # but for a part of a lot
    return min(lots, math.floor(hedge_lots * its_lot / lot))


@inner
def prepare(book: Any, state: Any, i: int) -> None:
    """Orders of account `i`: cut lots in `wanted`, hedges in `hedge_wanted`."""
    fraction = least_cut(book, state, i)
    for k in range(book.indptr[i], book.indptr[i + 1]):
        held = abs(state.quantity[k])
        lots = min(held, np.ceil(fraction * held))
        if lots > 0.0 and book.reaction[i] == BY_HEDGING:
            lots -= offset(book, state, k, lots)
        state.wanted[k] = lots


@inner
def react(book: Any, state: Any) -> None:
    """Orders of the owners who trade; those who need not or cannot any more have answered their call."""
    clock, kept = state.clock[0], 0
    clock.n_hedging = 0
    if clock.n_reacting == 0:
        return
    for j in range(clock.n_reacting):
        i = state.reacting[j]
        late = state.acted_in[i] == clock.round or state.venues[book.venue[i]].failed
        if late or shortfall(book, state, i) <= 0:
            state.due[i] = np.inf
            wake(book, state, i)  # it can be called again
        else:
            prepare(book, state, i)
            state.reacting[kept] = i
            kept += 1
    clock.n_reacting = kept
    forget(state)


@inner
def fill_cut(book: Any, state: Any, k: int) -> None:
    """Close the lots of leg `k` that were taken, at the price of the round."""
    i, m, lots, clock = book.leg_account[k], book.leg_market[k], state.taken[k], state.clock[0]
    market, number, sign = state.markets[m], float(book.count[i]), 1.0 if state.quantity[k] > 0.0 else -1.0
    worth = lots * number * lot_money(market, market.fill)
    note(state, EVENT_REACTION, i, book.owner[i], book.venue[i], m, -sign * lots * number, market.fill, worth)
    sell_leg(book, state, k, lots, market.fill, BY_REACTION)
    leg_reduced(book, state, k, lots)
    state.counters[REACTED] += worth
    state.history[clock.round, m].sold += worth * clock.quantum
    clock.acted = True


@inner
def fill_account(book: Any, state: Any, i: int) -> None:
    """The cuts of account `i`; its call is answered when all its orders were filled."""
    whole = True
    for k in range(book.indptr[i], book.indptr[i + 1]):
        other = book.hedge_leg[k]
        whole = whole and state.taken[k] == state.wanted[k]
        whole = whole and (other < 0 or state.hedge_taken[other] == state.hedge_wanted[other])
        if state.taken[k] > 0.0:
            fill_cut(book, state, k)
        state.wanted[k] = state.taken[k] = 0.0
    if whole:
        state.due[i] = np.inf
    wake(book, state, i)


@inner
def fill_hedges(book: Any, state: Any) -> None:
    """Hedges open at the price of the round."""
    clock = state.clock[0]
    for j in range(clock.n_hedging):
        k = state.hedging[j]
        lots, market = state.hedge_taken[k], state.markets[book.leg_market[k]]
        if lots != 0.0:
            worth = abs(lots) * book.count[book.leg_account[k]] * lot_money(market, market.fill)
            trade_leg(book, state, k, lots, EVENT_HEDGE, BY_HEDGE)
            state.counters[HEDGED] += worth
            state.history[clock.round, book.leg_market[k]].sold += worth * clock.quantum
            clock.acted = True
        state.hedge_wanted[k] = state.hedge_taken[k] = 0.0
    clock.n_hedging = 0


@inner
def fill_holdings(book: Any, state: Any) -> None:
    """Holdings on sale change hands at the price of the round; the money is the node's, for the next round's top-up."""
    if state.clock[0].n_on_sale == 0:
        return
    for h in range(state.on_sale.shape[0]):
        lots = state.on_sale[h]
        if lots > 0.0:
            m, node = state.sale_market[h], book.holding_node[h]
            market = state.markets[m]
            worth = lots * lot_money(market, market.fill)
            note(state, EVENT_UNWIND, -1, node, market.venue, m, -lots, market.fill, worth)
            sell_holding(book, state, h, m, lots, market.fill, BY_UNWIND)
            measure_unwinding(state, m, lots)
            state.clock[0].acted = True


@inner
def fill_owners(book: Any, state: Any) -> None:
    """Step 4d for the owners' orders: holdings, cuts, hedges, in the order in which they were ranked."""
    fill_holdings(book, state)
    for j in range(state.clock[0].n_reacting):
        fill_account(book, state, state.reacting[j])
    fill_hedges(book, state)
    forget(state)
