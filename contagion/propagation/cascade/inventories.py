"""Orders of the inventories: what venues have taken over is worked off into the book, within their throughput.

An inventory asks every round for all it holds. The venue's `throughput` and its books cap that like any other order;
accounts that are liquidated and unwinding legs are served first.

References
----------
cascade chapter, section 4, step 4c; margin chapter, section 5 (BitMEX works positions off with the fund as collateral).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.kernels import is_flat, value_account


@inner
def is_inventory(book: Any, state: Any, i: int) -> bool:
    """Whether account `i` is the inventory of its venue."""
    return bool(state.venues[book.venue[i]].inventory == i)


@inner
def inventory_worth(book: Any, state: Any, v: int) -> float:
    """What the inventory of venue `v` is worth at the marks (quanta): a claim on the fund when negative."""
    j = state.venues[v].inventory
    if j < 0:
        return 0.0
    equity, _ = value_account(book, state, j)
    return float(equity)


@inner
def inventory_leg(book: Any, j: int, m: int) -> int:
    """Leg of inventory `j` in market `m`."""
    for k in range(book.indptr[j], book.indptr[j + 1]):
        if book.leg_market[k] == m:
            return int(k)
    return -1


@inner
def holds_inventory(book: Any, state: Any) -> bool:
    """Whether some inventory has positions left to work off."""
    for v in range(state.venues.shape[0]):
        j = state.venues[v].inventory
        if j >= 0 and not is_flat(book, state, j):
            return True
    return False


@inner
def ask_inventories(book: Any, state: Any) -> None:
    """Add the orders of the inventories to what is asked."""
    for v in range(state.venues.shape[0]):
        j = state.venues[v].inventory
        if j < 0:
            continue
        for k in range(book.indptr[j], book.indptr[j + 1]):
            market = state.markets[book.leg_market[k]]
            lots = state.quantity[k]
            state.wanted[k], state.taken[k] = abs(lots), 0.0
            if lots > 0.0:
                market.asked_sell += lots
            elif lots < 0.0:
                market.asked_buy -= lots


@inner
def take_inventories(book: Any, state: Any, sell: Any, buy: Any) -> None:
    """Give the inventories what the caps have left: `sell` and `buy`, lots by market."""
    for v in range(state.venues.shape[0]):
        j = state.venues[v].inventory
        if j < 0:
            continue
        for k in range(book.indptr[j], book.indptr[j + 1]):
            m = book.leg_market[k]
            room = sell[m] if state.quantity[k] > 0.0 else buy[m]
            lots = min(state.wanted[k], np.floor(room))
            state.taken[k] = lots
            if state.quantity[k] > 0.0:
                sell[m] -= lots
            else:
                buy[m] -= lots


@inner
def flow_inventories(book: Any, state: Any) -> None:
    """Add what the inventories trade to the net flow."""
    for v in range(state.venues.shape[0]):
        j = state.venues[v].inventory
        if j < 0:
            continue
        for k in range(book.indptr[j], book.indptr[j + 1]):
            lots = state.taken[k]
            if lots > 0.0:
                state.markets[book.leg_market[k]].flow += lots if state.quantity[k] > 0.0 else -lots
