"""Hedgers of options: each round they trade minus the change of their book's delta, in the flow of the round.

A book that is short of gamma sells into falls and buys into rises. Nothing is traded at the opening: the delta of then
counts as hedged, whatever stands against it. What the market does not take, or free margin (coins, cash) does not
allow, is asked for again, because `exposure` only moves by what was hedged. Options that expire or are closed lower
delta, and their hedge is taken off. A hedge in a future counts by the future's own slope in the spot price, until it
expires: from then on the options stand unhedged. A hedge that is closed by force is asked for again (`lost_hedges`);
while its account is being liquidated, once it was closed out, or when its owner has failed, nobody hedges.

In the timeless limit, orders that turn round without becoming smaller have no end (a book long of gamma whose hedges
move the price more than the price moves them): after `MOST_TURNS` of them such a hedger stands still.

References
----------
cascade chapter, section 2 ("delta-hedged in `hedge_market`") and section 4, step 4d. Frey, Stremme (1997), "Market
volatility and feedback effects from dynamic hedging", Mathematical Finance 7(4).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.arbitrage import long_room, room, trade_leg
from contagion.propagation.cascade.books import note
from contagion.propagation.cascade.codes import (
    BY_DELTA_HEDGE,
    DELTA_HEDGE,
    DELTA_HEDGED,
    EVENT_DELTA_HEDGE,
    OPTION,
)
from contagion.propagation.cascade.lost_hedges import lot_delta
from contagion.propagation.cascade.outages import is_out
from contagion.propagation.cascade.settle import sell_holding

MOST_TURNS = 100


@inner
def book_delta(book: Any, state: Any, strategy: Any) -> float:
    """Units of the asset that the hedger's options are worth like now."""
    i, asset, total = strategy.book, state.markets[strategy.long_market].asset, 0.0
    for k in range(book.indptr[i], book.indptr[i + 1]):
        market = state.markets[book.leg_market[k]]
        if market.kind == OPTION and market.asset == asset and state.quantity[k] != 0.0:
            total += state.quantity[k] * (market.lot * market.delta)
    return total


@inner
def may_hedge(book: Any, state: Any, strategy: Any) -> bool:
    """Whether the hedger may ask: market and venue are there, nobody behind it has failed, and its account is fine.

    It is not while it is being liquidated, and no more once it was closed out.
    """
    market = state.markets[strategy.long_market]
    if market.dead or is_out(state, market.venue) or state.node_failed[book.owner[strategy.book]]:
        return False
    if strategy.short_leg < 0:
        return not state.node_failed[book.holding_node[strategy.long_holding]]
    i = book.leg_account[strategy.short_leg]
    if state.node_failed[book.owner[i]] or not math.isnan(state.closed_at[i]):
        return False
    return bool(state.acted_in[i] != state.clock[0].round)


@inner
def affordable_lots(book: Any, state: Any, strategy: Any, lots: float) -> float:
    """As many of `lots` (positive: sold) as coins, cash or free margin allow."""
    market, sells, wanted = state.markets[strategy.long_market], lots > 0.0, abs(lots)
    if strategy.long_holding >= 0:
        if sells:
            most = float(max(0, state.holding[strategy.long_holding]))
        else:
            money = long_room(book, state, strategy, market, False)
            most = np.floor(money / (market.last * market.lot_scale))
    else:
        held = state.quantity[strategy.short_leg]
        closes = abs(held) if held != 0.0 and (held > 0.0) == sells else 0.0
        most = closes
        if wanted > closes:
            money = room(book, state, strategy.short_leg, market, strategy.capital, sells)
            most = max(closes, np.floor(money / (market.mark * market.lot_scale)))
    return math.copysign(min(wanted, most), lots)


@inner
def plan_hedges(book: Any, state: Any) -> None:
    """What every hedger asks for this round, at the deltas of the marks."""
    clock = state.clock[0]
    for s in range(state.strategies.shape[0]):
        strategy = state.strategies[s]
        if strategy.kind != DELTA_HEDGE:
            continue
        strategy.hedge_wanted = strategy.hedge_taken = 0.0
        delta = book_delta(book, state, strategy)
        if clock.round == 0:
            strategy.exposure = delta
        units = strategy.ratio * (delta - strategy.exposure)
        if units == 0.0 or not may_hedge(book, state, strategy):
            continue
        lots = float(np.trunc(units / lot_delta(state, state.markets[strategy.long_market])))
        if lots != 0.0:
            lots = affordable_lots(book, state, strategy, lots)
        if not clock.sticky or strategy.turns <= MOST_TURNS:
            strategy.hedge_wanted = lots


@inner
def fill_delta_hedges(book: Any, state: Any) -> None:
    """Step 4d: hedges trade at the price of the round; what was not taken stays wanted."""
    clock = state.clock[0]
    for s in range(state.strategies.shape[0]):
        strategy = state.strategies[s]
        lots = strategy.hedge_taken
        if strategy.kind != DELTA_HEDGE or lots == 0.0:
            continue
        m = strategy.long_market
        market = state.markets[m]
        worth = abs(lots) * (market.lot_scale * market.fill)
        if strategy.long_holding >= 0:
            h = strategy.long_holding
            node = book.holding_node[h]
            note(state, EVENT_DELTA_HEDGE, -1, node, market.venue, m, -lots, market.fill, worth)
            sell_holding(book, state, h, m, lots, market.fill, BY_DELTA_HEDGE)
        else:
            trade_leg(book, state, strategy.short_leg, lots, EVENT_DELTA_HEDGE, BY_DELTA_HEDGE)
        strategy.exposure += lots * lot_delta(state, market) / strategy.ratio
        if lots * strategy.hedge_last < 0.0 and abs(lots) >= abs(strategy.hedge_last):
            strategy.turns += 1.0
        strategy.hedge_last = lots
        strategy.hedge_wanted -= lots
        strategy.hedge_taken = 0.0
        state.counters[DELTA_HEDGED] += worth
        state.history[clock.round, m].sold += worth * clock.quantum
        clock.acted = True


@inner
def hedges_to_come(state: Any) -> bool:
    """Whether a hedger still waits for a lot that the market did not take."""
    for s in range(state.strategies.shape[0]):
        strategy = state.strategies[s]
        if strategy.kind == DELTA_HEDGE and abs(strategy.hedge_wanted) >= 1.0:
            return True
    return False
