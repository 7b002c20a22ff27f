"""Options that no book takes: the venue itself takes them, at the model's value less a penalty.

Where a venue states `model_penalty`, lots of a forced order in options that the end of the book (or its price limit)
has cut off are closed at the mark, which is the model's value, less that share of it to the account's cost. The other
side is the venue's inventory: it sells what it holds into the book as that takes it again, within the venue's
throughput, and holds the rest until the options expire or the run ends. Its gain goes to the fund, its loss is a
deficit of the venue. What a halt, a throttle or throughput holds back waits as everywhere; so do offers at a price of
their own.

References
----------
cascade chapter, section 4, steps 4c and 5. Margin chapter, section 5 (venues that take positions over).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import note, post
from contagion.propagation.cascade.codes import (
    ACCOUNT,
    BY_MODEL_CLOSE,
    CLIPPED,
    EVENT_MODEL_CLOSE,
    MODEL_CLOSED,
    MONEY,
    OPTION,
    ORDERED,
)
from contagion.propagation.cascade.fills import (
    average_entry,
    count_liquidated,
    leg_bankruptcy,
    measure_at,
    record_fill,
)
from contagion.propagation.cascade.inventories import inventory_leg


@inner
def model_price(market: Any, sign: float, penalty: float) -> float:
    """What the venue pays for a long leg, or asks for a short one: the mark, less (plus) its share of penalty."""
    return float(market.mark * (1.0 - sign * penalty))


@inner
def dry_lots(book: Any, state: Any, i: int, k: int, sells: bool) -> float:
    """Lots of leg `k`, of one account, that were asked for and that the book of an option did not take."""
    market = state.markets[book.leg_market[k]]
    venue = state.venues[market.venue]
    if market.kind != OPTION or math.isnan(venue.model_penalty) or venue.inventory < 0:
        return 0.0
    if state.manner[i] != ORDERED and state.manner[i] != CLIPPED:
        return 0.0
    dry = market.dry_sell if sells else market.dry_buy
    return float(min(state.wanted[k] - state.taken[k], np.floor(dry / book.count[i])))


@inner
def close_at_model(
    book: Any,
    state: Any,
    k: int,
    lots: float,
    sign: int,
    worth: float,
    total: float,
    healthy: bool,
) -> float:
    """Move `lots` of leg `k` (of the `sign` it had) to the venue's inventory; returns the money, all of the row."""
    i, m = book.leg_account[k], book.leg_market[k]
    market, number, v = state.markets[m], int(book.count[i]), book.venue[i]
    j = state.venues[v].inventory
    to, price = inventory_leg(book, j, m), model_price(market, float(sign), state.venues[v].model_penalty)
    money, moved = int(np.rint(lots * (market.lot_scale * price))), int(lots) * number
    note(
        state,
        EVENT_MODEL_CLOSE,
        i,
        book.owner[i],
        v,
        m,
        -float(sign * moved),
        price,
        float(money * number),
    )
    at, trigger = state.clock[0].n_events - 1, state.trigger_mark[k]
    bankrupt = leg_bankruptcy(market, float(sign), worth, total)
    asked = state.wanted[k] * number
    record_fill(state, at, i, m, float(sign), float(moved), asked, trigger, price, bankrupt)
    average_entry(state, to, float(sign * moved), price)
    state.quantity[k] -= sign * lots
    state.quantity[to] += float(sign * moved)
    state.cash[i] += sign * money
    state.cash[j] -= sign * money * number
    market.inventory_cash -= sign * money * number
    post(state, ACCOUNT, i, BY_MODEL_CLOSE, m, -sign * moved)
    post(state, ACCOUNT, j, BY_MODEL_CLOSE, m, sign * moved)
    post(state, ACCOUNT, i, BY_MODEL_CLOSE, MONEY, sign * money * number)
    post(state, ACCOUNT, j, BY_MODEL_CLOSE, MONEY, -sign * money * number)
    if sign > 0:
        market.dry_sell -= float(moved)
    else:
        market.dry_buy -= float(moved)
    measure_at(state, market, sign, float(moved), trigger, price)
    notional = moved * (market.lot_scale * price)
    count_liquidated(state, v, market, sign > 0, notional, healthy)
    state.counters[MODEL_CLOSED] += notional
    state.taken[k] += lots
    return float(money * number)
