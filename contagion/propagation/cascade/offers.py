"""Orders that owners send in when they are called: asked for, ranked behind the forced ones, added to the flow.

Holdings on sale come first, then the legs that are cut, by account, then hedges. All trade at the price of the round.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner


@inner
def ask_owners(book: Any, state: Any) -> None:
    """Add the owners' orders to what is asked of each market."""
    clock, markets = state.clock[0], state.markets
    if clock.n_on_sale > 0:
        for h in range(state.on_sale.shape[0]):
            if state.on_sale[h] > 0.0:
                markets[state.sale_market[h]].asked_sell += state.on_sale[h]
    for j in range(clock.n_reacting):
        i = state.reacting[j]
        for k in range(book.indptr[i], book.indptr[i + 1]):
            lots = state.wanted[k] * book.count[i]
            if lots > 0.0 and state.quantity[k] > 0.0:
                markets[book.leg_market[k]].asked_sell += lots
            elif lots > 0.0:
                markets[book.leg_market[k]].asked_buy += lots
    for j in range(clock.n_hedging):
        k = state.hedging[j]
        lots = state.hedge_wanted[k] * book.count[book.leg_account[k]]
        if lots > 0.0:
            markets[book.leg_market[k]].asked_sell += lots
        else:
            markets[book.leg_market[k]].asked_buy -= lots


@inner
def take_owners(book: Any, state: Any, sell: Any, buy: Any) -> None:
    """Give them what the forced orders left of each market, `sell` and `buy` lots, in multiples of `count`."""
    clock = state.clock[0]
    if clock.n_on_sale > 0:
        for h in range(state.on_sale.shape[0]):
            if state.on_sale[h] > 0.0:
                m = state.sale_market[h]
                state.on_sale[h] = min(state.on_sale[h], sell[m])
                sell[m] -= state.on_sale[h]
    for j in range(clock.n_reacting):
        i = state.reacting[j]
        for k in range(book.indptr[i], book.indptr[i + 1]):
            room = sell if state.quantity[k] > 0.0 else buy
            m = book.leg_market[k]
            state.taken[k] = min(state.wanted[k], np.floor(room[m] / book.count[i]))
            room[m] -= state.taken[k] * book.count[i]
    for j in range(clock.n_hedging):
        k = state.hedging[j]
        m, number, wanted = book.leg_market[k], book.count[book.leg_account[k]], state.hedge_wanted[k]
        room = sell if wanted > 0.0 else buy
        lots = min(abs(wanted), np.floor(room[m] / number))
        room[m] -= lots * number
        state.hedge_taken[k] = lots if wanted > 0.0 else -lots


@inner
def add_owners(book: Any, state: Any) -> None:
    """Add what they got to the net flow; a leg that was deleveraged meanwhile sells no more than is left of it."""
    clock, markets = state.clock[0], state.markets
    if clock.n_on_sale > 0:
        for h in range(state.on_sale.shape[0]):
            if state.on_sale[h] > 0.0:
                markets[state.sale_market[h]].flow += state.on_sale[h]
    for j in range(clock.n_reacting):
        i = state.reacting[j]
        for k in range(book.indptr[i], book.indptr[i + 1]):
            state.wanted[k] = min(state.wanted[k], abs(state.quantity[k]))
            state.taken[k] = min(state.taken[k], state.wanted[k])
            lots = state.taken[k] * book.count[i]
            if lots > 0.0:
                markets[book.leg_market[k]].flow += lots if state.quantity[k] > 0.0 else -lots
    for j in range(clock.n_hedging):
        k = state.hedging[j]
        markets[book.leg_market[k]].flow += state.hedge_taken[k] * book.count[book.leg_account[k]]
