"""Step 4e: capital that trades two markets of one asset towards each other, or buys far below the outside price.

After the fill every arbitrage strategy wants to close `rate` times the step of the gap between its two markets, less
what the fees of both cost, as far as free margin and capital allow. The gap is that of the logs of price over fair
value, so that a dated future which stands where the carry puts it is not traded. Wishes are added per market and
executed at one average price, from the displacement then in force, against the providers.

References
----------
Shleifer, Vishny (1997): limits of arbitrage; cascade chapter, section 4, "Arbitrage (4e)".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.markets.impact import SQUARE_ROOT, price, slope
from contagion.propagation.cascade.books import note, post
from contagion.propagation.cascade.codes import (
    ACCOUNT,
    BY_ARBITRAGE,
    EVENT_ARBITRAGE,
    FUTURE,
    PROVIDER,
    SPOT,
)
from contagion.propagation.cascade.execute import (
    book_limit,
    side_bands,
    side_scale,
    side_volumes,
    trade_price,
)
from contagion.propagation.cascade.fills import average_entry
from contagion.propagation.cascade.kernels import coins, is_tradable, value_account, wake
from contagion.propagation.cascade.scans import scan_room
from contagion.propagation.cascade.settle import sell_holding
from contagion.propagation.cascade.settlement import settle_trade
from contagion.propagation.cascade.taker import charge_taker, gap_beyond_fees
from contagion.propagation.cascade.worth import lot_flow, lot_money, stated_price


@inner
def stands_at(market: Any) -> float:
    """Price at the displacement in force, after the round's fill."""
    return float(price(market.impact, market.reference, market.permanent + market.temporary))


@inner
def steepness(book: Any, market: Any, side: int) -> float:
    """Change of the log price per quantum traded on a side of the book, at the displacement in force."""
    if market.depth <= 0.0:
        return math.inf
    per_lot = lot_flow(market)
    x = market.permanent + market.temporary
    scale = side_scale(market, side)
    per_quantum = slope(
        market.impact, x, scale, per_lot, side_bands(book, market, side), side_volumes(book, market, side)
    )
    if market.impact == SQUARE_ROOT:
        per_quantum = max(per_quantum, 1e-300)
    return float(per_quantum)


@inner
def initial(book: Any, market: Any, notional: float) -> float:
    """Initial margin of a notional (quanta): all of it at the rate of its tier, as exchanges state it."""
    rate = 0.0
    for t in range(market.tier_first, market.tier_last):
        if t == market.tier_first or notional > book.tier_floor[t]:
            rate = book.tier_initial[t]
    rate += (1.0 - rate) * market.crowding
    lots = notional / lot_money(market, market.mark)
    return market.multiplier * (rate + market.initial_slope * lots) * notional


@inner
def affordable(market: Any, rate: float, free: float) -> float:
    """Notional (quanta) whose initial margin is `free`, at a rate that grows with size where the market's does."""
    bend = market.multiplier * market.initial_slope / lot_money(market, market.mark)
    if bend > 0.0:
        return 2.0 * free / (rate + math.sqrt(rate * rate + 4.0 * bend * free)) if free > 0.0 else 0.0
    return free / rate if rate > 0.0 else math.inf


@inner
def crowd(book: Any, state: Any) -> None:
    """How far initial rates have risen with open interest, at the marks, where the schedule says so."""
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        if market.interest_upper <= market.interest_lower:
            continue
        lots = max(0.0, float(market.provider_lots))
        for j in range(book.slot_indptr[m], book.slot_indptr[m + 1]):
            k = book.slot_legs[j]
            lots += max(0.0, state.quantity[k]) * book.count[book.leg_account[k]]
        interest = lots * lot_money(market, market.mark) - market.interest_lower
        market.crowding = min(1.0, max(0.0, interest / (market.interest_upper - market.interest_lower)))


@inner
def largest_notional(book: Any, market: Any, free: float) -> float:
    """The largest notional (quanta) whose initial margin `free` covers, within the cap of the last tier."""
    best = 0.0
    for t in range(market.tier_first, market.tier_last):
        rate = market.multiplier * (book.tier_initial[t] + (1.0 - book.tier_initial[t]) * market.crowding)
        reached = min(book.tier_top[t], affordable(market, rate, free))
        if reached > book.tier_floor[t]:
            best = max(best, reached)
    return best


@inner
def free_margin(book: Any, state: Any, leg: int) -> float:
    """Equity that the initial margin of the account's other legs leaves for `leg`, in quanta, at least 0."""
    i = book.leg_account[leg]
    free, _ = value_account(book, state, i)
    _, haircut = coins(book, state, i)
    free -= haircut
    for k in range(book.indptr[i], book.indptr[i + 1]):
        if k != leg and state.quantity[k] != 0.0:
            market = state.markets[book.leg_market[k]]
            free -= initial(book, market, abs(state.quantity[k]) * lot_money(market, market.mark))
    return max(0.0, free)


@inner
def scanned_room(book: Any, state: Any, leg: int, market: Any, capital: float, sells: bool) -> float:
    """The same where margin is scanned: initial margin is a multiple of the scan of all legs together."""
    i, worth = book.leg_account[leg], market.mark * market.lot_scale
    equity, _ = value_account(book, state, i)
    _, haircut = coins(book, state, i)
    free = max(0.0, equity - haircut) / state.venues[book.venue[i]].scan_initial
    lots = state.quantity[leg]
    most = capital + lots * worth if sells else capital - lots * worth
    return max(0.0, min(scan_room(book, state, leg, free, sells) * worth, most))


@inner
def room(book: Any, state: Any, leg: int, market: Any, capital: float, sells: bool) -> float:
    """Quanta of notional the account behind `leg` may trade: what closes, and what free margin then lets it open."""
    if book.scanned[book.leg_account[leg]]:
        return scanned_room(book, state, leg, market, capital, sells)
    lots = state.quantity[leg]
    held = abs(lots) * lot_money(market, market.mark)
    most = min(largest_notional(book, market, free_margin(book, state, leg)), capital)
    if lots != 0.0 and (lots > 0.0) == sells:
        return held + most
    return max(0.0, most - held)


@inner
def long_room(book: Any, state: Any, strategy: Any, market: Any, sells: bool) -> float:
    """The same for a strategy's long leg, which may be a holding: sold while it lasts, bought with the node's cash."""
    if strategy.long_holding >= 0:
        held = max(0.0, float(state.holding[strategy.long_holding])) * lot_money(market, market.last)
        if sells:
            return held
        cash = float(max(0, state.node_cash[book.holding_node[strategy.long_holding]]))
        return min(cash / (1.0 + market.fee), max(0.0, strategy.capital - held))
    return room(book, state, strategy.long_leg, market, strategy.capital, sells)


@inner
def mispricing(a: Any, b: Any) -> float:
    """Log of price over fair value in market `a`, less that in market `b`, both on one asset.

    Fair values at one price of the asset are to each other as the prices at which the books stand undisplaced; only
    those of dated futures differ from that of the asset.
    """
    if a.kind != FUTURE and b.kind != FUTURE:
        return math.log(stands_at(a) / stands_at(b))
    return math.log((stands_at(a) / a.reference) / (stands_at(b) / b.reference))


@inner
def wish(book: Any, state: Any, s: int) -> float:
    """Units of the asset the strategy wants to sell in its long market and buy in its short one (negative: reverse)."""
    strategy, clock = state.strategies[s], state.clock[0]
    a, b = state.markets[strategy.long_market], state.markets[strategy.short_market]
    if not is_tradable(a) or not is_tradable(b):
        return 0.0
    gap = gap_beyond_fees(mispricing(a, b), a, b)
    if gap == 0.0:
        return 0.0
    sells = gap > 0.0
    dearer = b.reference / a.reference  # a unit in the short market, in those of the long one
    slopes = steepness(book, a, 0 if sells else 1) + steepness(book, b, 1 if sells else 0) * dearer
    money = min(1.0, strategy.rate * clock.step) * abs(gap) / slopes
    money = min(money, strategy.long_share * long_room(book, state, strategy, a, sells))
    other = room(book, state, strategy.short_leg, b, strategy.capital, not sells)
    money = min(money, strategy.short_share * other / dearer)
    units = money / lot_flow(a) * a.lot
    return units if sells else -units


@inner
def dip_wish(book: Any, state: Any, s: int) -> float:
    """Lots that a dip buyer wants to buy: towards its reservation price, as capital and free margin allow."""
    strategy, clock = state.strategies[s], state.clock[0]
    market = state.markets[strategy.long_market]
    if not is_tradable(market):
        return 0.0
    gap = math.log(market.reference * (1.0 - strategy.discount) / stands_at(market)) - market.fee
    if gap <= 0.0:
        return 0.0
    money = min(1.0, strategy.rate * clock.step) * gap / steepness(book, market, 1)
    money = min(money, long_room(book, state, strategy, market, False))
    return float(np.floor(money / lot_flow(market)))


@inner
def trade_leg(book: Any, state: Any, k: int, lots: float, event: int, reason: int) -> None:
    """An account trades `lots` (positive: sells) of leg `k` at the price of the round; the leg may grow or flip."""
    i, m = book.leg_account[k], book.leg_market[k]
    market, number = state.markets[m], int(book.count[i])
    money = int(np.rint(lots * lot_money(market, market.fill)))
    average_entry(state, k, -lots, stated_price(state, market, market.fill))
    state.quantity[k] -= lots
    market.provider_lots += int(lots) * number
    note(
        state,
        event,
        i,
        book.owner[i],
        book.venue[i],
        m,
        -lots * number,
        market.fill,
        abs(money) * number,
    )
    post(state, ACCOUNT, i, reason, m, -int(lots) * number)
    post(state, PROVIDER, m, reason, m, int(lots) * number)
    settle_trade(book, state, k, lots, market.fill, reason)
    charge_taker(book, state, i, m, reason, money)
    wake(book, state, i)


@inner
def ask_lots(strategy: Any, a: Any, b: Any, units: float) -> None:
    """Ask for `units` of the asset in both markets, as whole lots of the larger of the two.

    Where the larger is no multiple of the smaller, the legs differ by at most half a lot of the smaller.
    """
    larger = max(a.lot, b.lot)
    number = math.copysign(np.floor(abs(units) / larger), units)
    strategy.ask_long, strategy.ask_short = (
        np.rint(number * (larger / a.lot)),
        np.rint(number * (larger / b.lot)),
    )


@inner
def fit_to_books(book: Any, state: Any) -> None:
    """Cut both legs of every strategy so that no book is asked for more than it takes; whole lots remain."""
    markets, strategies = state.markets, state.strategies
    share = np.ones(markets.shape[0])
    for m in range(markets.shape[0]):
        wished = abs(markets[m].wish)
        if wished > 0.0:
            share[m] = min(1.0, book_limit(book, markets[m], 0 if markets[m].wish > 0.0 else 1) / wished)
        markets[m].wish = 0.0
    for s in range(strategies.shape[0]):
        strategy = strategies[s]
        if strategy.kind == 2 and strategy.ask_long != 0.0:
            strategy.ask_long = -np.floor(-strategy.ask_long * share[strategy.long_market])
            markets[strategy.long_market].wish += strategy.ask_long
        if strategy.kind == 1 and strategy.ask_long != 0.0:
            a, b = markets[strategy.long_market], markets[strategy.short_market]
            part = min(share[strategy.long_market], share[strategy.short_market])
            ask_lots(strategy, a, b, math.copysign(abs(strategy.ask_long) * a.lot * part, strategy.ask_long))
            a.wish += strategy.ask_long
            b.wish -= strategy.ask_short


@inner
def arbitrage(book: Any, state: Any) -> None:
    """All arbitrage strategies act at once."""
    markets, strategies = state.markets, state.strategies
    any_wish = False
    for m in range(markets.shape[0]):
        markets[m].wish = 0.0
    for s in range(strategies.shape[0]):
        strategy = strategies[s]
        strategy.ask_long = strategy.ask_short = 0.0
        if strategy.kind == 2:
            strategy.ask_long = -dip_wish(book, state, s)
            markets[strategy.long_market].wish += strategy.ask_long
            any_wish = any_wish or strategy.ask_long != 0.0
        if strategy.kind != 1:
            continue
        units = wish(book, state, s)
        ask_lots(strategy, markets[strategy.long_market], markets[strategy.short_market], units)
        markets[strategy.long_market].wish += strategy.ask_long
        markets[strategy.short_market].wish -= strategy.ask_short
        any_wish = any_wish or strategy.ask_long != 0.0
    if not any_wish:
        return
    fit_to_books(book, state)
    for m in range(markets.shape[0]):
        market = markets[m]
        market.last = stands_at(market)
        market.fill, market.reached = trade_price(book, market, market.wish)
        if market.wish != 0.0:
            added = market.reached - (market.permanent + market.temporary)
            market.permanent += market.permanent_share * added
            market.temporary += (1.0 - market.permanent_share) * added
    for s in range(strategies.shape[0]):
        strategy = strategies[s]
        if strategy.kind > 0 and strategy.ask_long != 0.0:
            trade_strategy(book, state, strategy)


@inner
def trade_strategy(book: Any, state: Any, strategy: Any) -> None:
    """Both legs of one strategy; a dip buyer has one."""
    market = state.markets[strategy.long_market]
    if strategy.long_holding >= 0:
        h, lots = strategy.long_holding, strategy.ask_long
        node = book.holding_node[h]
        worth = abs(lots) * lot_money(market, market.fill)
        note(state, EVENT_ARBITRAGE, -1, node, market.venue, strategy.long_market, -lots, market.fill, worth)
        sell_holding(book, state, h, strategy.long_market, lots, market.fill, BY_ARBITRAGE)
    elif market.kind != SPOT:
        trade_leg(book, state, strategy.long_leg, strategy.ask_long, EVENT_ARBITRAGE, BY_ARBITRAGE)
    if strategy.short_leg >= 0:
        trade_leg(book, state, strategy.short_leg, -strategy.ask_short, EVENT_ARBITRAGE, BY_ARBITRAGE)
