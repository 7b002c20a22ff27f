"""Step 4: caps, orders by rank, the price of the round, the fill.

All forced orders and unwinding legs of a market and round trade at one average price, from the displacement of step 1;
what is sold against what is bought meets at that price, the difference goes to the liquidity provider.

References
----------
cascade chapter, sections 2 and 4.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.markets.impact import SQUARE_ROOT, average, capacity, move, price
from contagion.propagation.cascade.attacking import add_attacks, take_attacks
from contagion.propagation.cascade.codes import OFFERED
from contagion.propagation.cascade.deals import take_deal
from contagion.propagation.cascade.hedge_orders import add_delta_hedges, take_delta_hedges
from contagion.propagation.cascade.inventories import flow_inventories, take_inventories
from contagion.propagation.cascade.kernels import stable_order
from contagion.propagation.cascade.loans import is_loan
from contagion.propagation.cascade.minting import add_minted, take_minted
from contagion.propagation.cascade.offers import add_owners, take_owners
from contagion.propagation.cascade.procedures import fillable_price
from contagion.propagation.cascade.worth import lot_flow, lot_money, lot_worth

NOTHING = np.zeros(0)


@inner
def side_scale(market: Any, side: int) -> float:
    """Displacement per quantum of flow (square root: per root of a quantum) on a side of the book, depth as it is."""
    depth = market.depth * (market.depth_bid if side == 0 else market.depth_ask)
    if market.impact == SQUARE_ROOT:
        return float(market.coefficient / math.sqrt(depth))
    return float(market.coefficient / depth)


@inner
def side_bands(book: Any, market: Any, side: int) -> Any:
    """Bands of a side of the book."""
    if side == 0:
        return book.bands[market.band_first : market.band_mid]
    return book.bands[market.band_mid : market.band_last]


@inner
def side_volumes(book: Any, market: Any, side: int) -> Any:
    """Cumulative money in the bands of a side, at the depth in force, in quanta."""
    if side == 0:
        return book.volumes[market.band_first : market.band_mid] * market.depth
    return book.volumes[market.band_mid : market.band_last] * market.depth


@inner
def book_limit(book: Any, market: Any, side: int) -> float:
    """Lots that a side of the book takes this round, down (up) to the price limit and to its end."""
    if market.depth <= 0.0:
        return 0.0
    return takes_within(book, market, side, market.lower if side == 0 else market.upper)


@inner
def takes_within(book: Any, market: Any, side: int, limit: float) -> float:
    """Lots that a side of the book takes until its price reaches `limit`."""
    per_lot = lot_flow(market)
    if (side == 0 and limit <= 0.0) or (side == 1 and limit == np.inf):
        limit = np.nan
    money = capacity(
        market.impact,
        market.reference,
        market.permanent + market.temporary,
        limit,
        side,
        side_scale(market, side),
        per_lot,
        side_bands(book, market, side),
        side_volumes(book, market, side),
    )
    return math.inf if money == np.inf else np.floor(money / per_lot)


@inner
def cap_by_throughput(state: Any) -> None:
    """Venues execute at most `throughput` money a second; their markets share it pro rata to what is asked."""
    for v in range(state.venues.shape[0]):
        venue = state.venues[v]
        if venue.throughput == np.inf:
            continue
        total = 0.0
        for m in range(state.markets.shape[0]):
            market = state.markets[m]
            if market.venue == v:
                total += (market.cap_sell + market.cap_buy) * lot_money(market, market.mark)
        room = venue.throughput * state.clock[0].step
        if total > room:
            for m in range(state.markets.shape[0]):
                market = state.markets[m]
                if market.venue == v:
                    market.cap_sell = np.floor(market.cap_sell * (room / total))
                    market.cap_buy = np.floor(market.cap_buy * (room / total))


@inner
def cap_by_book(book: Any, state: Any) -> None:
    """Price limits and the end of the book; what these cut off is dry."""
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        market.dry_sell, market.dry_buy = market.cap_sell, market.cap_buy
        if market.cap_sell > 0.0:
            market.cap_sell = min(market.cap_sell, book_limit(book, market, 0))
        if market.cap_buy > 0.0:
            market.cap_buy = min(market.cap_buy, book_limit(book, market, 1))
        market.dry_sell -= market.cap_sell
        market.dry_buy -= market.cap_buy


@inner
def rank(state: Any) -> None:
    """Order of execution: lowest margin ratio first, then account id."""
    n = state.clock[0].n_acting
    ratios = np.empty(n)
    for j in range(n):
        ratios[j] = state.ratio[state.acting[j]]
    by_ratio = stable_order(ratios)
    for j in range(n):
        state.order[j] = state.acting[by_ratio[j]]


@inner
def take(book: Any, state: Any) -> None:
    """Give the capped lots to the orders by rank, in multiples of `count`; then unwinding, hedgers, owners."""
    markets = state.markets
    sell, buy = np.empty(markets.shape[0]), np.empty(markets.shape[0])
    for m in range(markets.shape[0]):
        sell[m], buy[m] = markets[m].cap_sell, markets[m].cap_buy
    for j in range(state.clock[0].n_acting):
        i = state.order[j]
        for k in range(book.indptr[i], book.indptr[i + 1]):
            state.taken[k] = 0.0
            if state.wanted[k] > 0.0:
                m = book.leg_market[k]
                room = sell[m] if state.quantity[k] > 0.0 else buy[m]
                if state.manner[i] == OFFERED:
                    room = min(room, offered_room(book, state, k, sell[m], buy[m]))
                lots = min(state.wanted[k], np.floor(room / book.count[i]))
                state.taken[k] = lots
                if state.quantity[k] > 0.0:
                    sell[m] -= lots * book.count[i]
                else:
                    buy[m] -= lots * book.count[i]
        if is_loan(book, state, i):
            take_deal(book, state, i, sell, buy)
            continue
        for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
            state.traded[b] = 0.0
            if state.offered[b] > 0.0:
                m = state.slots[book.hold_slot[b]].market
                room = sell[m] if state.held[b] > 0.0 else buy[m]
                lots = min(state.offered[b], np.floor(room / book.count[i]))
                state.traded[b] = lots
                if state.held[b] > 0.0:
                    sell[m] -= lots * book.count[i]
                else:
                    buy[m] -= lots * book.count[i]
    for s in range(state.strategies.shape[0]):
        strategy = state.strategies[s]
        if strategy.ask_long > 0.0:
            strategy.ask_long = min(strategy.ask_long, sell[strategy.long_market])
            sell[strategy.long_market] -= strategy.ask_long
        if strategy.ask_short > 0.0:
            strategy.ask_short = min(strategy.ask_short, buy[strategy.short_market])
            buy[strategy.short_market] -= strategy.ask_short
    take_delta_hedges(state, sell, buy)
    take_owners(book, state, sell, buy)
    take_inventories(book, state, sell, buy)
    take_minted(state, sell)
    take_attacks(state, sell, buy)


@inner
def offered_room(book: Any, state: Any, k: int, sell: float, buy: float) -> float:
    """Lots that the book takes of leg `k` at its fillable price or better, after those that came before it.

    `sell` and `buy` are what is left of the caps of its market.
    """
    m = book.leg_market[k]
    market, price = state.markets[m], fillable_price(book, state, k)
    if market.depth <= 0.0:
        return 0.0
    if state.quantity[k] > 0.0:
        return max(0.0, takes_within(book, market, 0, price) - (market.cap_sell - sell))
    return max(0.0, takes_within(book, market, 1, price) - (market.cap_buy - buy))


@inner
def withdraw_offers(book: Any, state: Any) -> None:
    """Offers that the average price of the round would miss wait; the price is computed anew without them."""
    missed = True
    while missed:
        missed = False
        for j in range(state.clock[0].n_acting):
            i = state.acting[j]
            if state.manner[i] != OFFERED:
                continue
            for k in range(book.indptr[i], book.indptr[i + 1]):
                if state.taken[k] > 0.0:
                    fill, price = state.markets[book.leg_market[k]].fill, fillable_price(book, state, k)
                    if (fill < price) if state.quantity[k] > 0.0 else (fill > price):
                        state.taken[k], missed = 0.0, True
        if missed:
            set_price(book, state)


@inner
def unwindable(book: Any, state: Any, k: int, lots: float, long_side: bool) -> float:
    """Lots of leg `k` that can be unwound this round: none of an account that acts, no more than is still held."""
    if state.acted_in[book.leg_account[k]] == state.clock[0].round:
        return 0.0
    held = state.quantity[k] if long_side else -state.quantity[k]
    return float(min(lots, max(0.0, held)))


@inner
def fit_unwinding(book: Any, state: Any) -> None:
    """Cut unwinding legs of accounts to what liquidation and deleveraging of this round leave of them."""
    for s in range(state.strategies.shape[0]):
        strategy = state.strategies[s]
        if strategy.ask_long > 0.0 and strategy.long_leg >= 0:
            strategy.ask_long = unwindable(book, state, strategy.long_leg, strategy.ask_long, True)
        if strategy.ask_short > 0.0:
            strategy.ask_short = unwindable(book, state, strategy.short_leg, strategy.ask_short, False)


@inner
def net_flow(book: Any, state: Any) -> None:
    """Net lots sold to each book by the orders taken, the unwinding legs, the hedgers and the owners."""
    markets = state.markets
    fit_unwinding(book, state)
    for m in range(markets.shape[0]):
        markets[m].flow = 0.0
    for j in range(state.clock[0].n_acting):
        i = state.acting[j]
        for k in range(book.indptr[i], book.indptr[i + 1]):
            if state.taken[k] > 0.0:
                lots = state.taken[k] * book.count[i]
                markets[book.leg_market[k]].flow += lots if state.quantity[k] > 0.0 else -lots
        for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
            if state.traded[b] > 0.0:
                lots = state.traded[b] * book.count[i]
                m = state.slots[book.hold_slot[b]].market
                markets[m].flow += lots if state.held[b] > 0.0 else -lots
    for s in range(state.strategies.shape[0]):
        strategy = state.strategies[s]
        if strategy.ask_long > 0.0:
            markets[strategy.long_market].flow += strategy.ask_long
        if strategy.ask_short > 0.0:
            markets[strategy.short_market].flow -= strategy.ask_short
    add_delta_hedges(state)
    flow_inventories(book, state)
    add_minted(state)
    add_attacks(state)
    add_owners(book, state)


@inner
def trade_price(book: Any, market: Any, lots: float) -> Any:
    """Average price of a net flow of `lots` (positive: sold) and the displacement it reaches."""
    start = market.permanent + market.temporary
    if lots == 0.0:
        return market.last, start
    side = 0 if lots > 0.0 else 1
    per_lot = lot_flow(market)
    scale = side_scale(market, side)
    bands, volumes = side_bands(book, market, side), side_volumes(book, market, side)
    reached = move(market.impact, start, lots * per_lot, scale, per_lot, bands, volumes)
    zone = scale * math.sqrt(per_lot) if market.impact == SQUARE_ROOT else 0.0
    return average(market.impact, market.reference, start, reached, zone, bands, volumes), reached


@inner
def set_price(book: Any, state: Any) -> None:
    """Average execution price and displacement of the round in every market, for the flow as it stands."""
    net_flow(book, state)
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        market.fill, market.reached = trade_price(book, market, market.flow)
        if market.auction and market.flow != 0.0:  # a call auction: everybody trades where the orders meet
            market.fill = float(price(market.impact, market.reference, market.reached))


@inner
def add_flow(state: Any) -> None:
    """Step 4e: the temporary displacement decays, then the round's flow is added."""
    clock = state.clock[0]
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        added = market.reached - (market.permanent + market.temporary)
        if market.half_life <= 0.0:
            market.temporary = 0.0
        elif market.half_life < np.inf:
            market.temporary *= 2.0 ** (-clock.step / market.half_life)
        market.temporary += (1.0 - market.permanent_share) * added
        market.permanent += market.permanent_share * added
        state.history[clock.round, m].added = added
        if market.backed > 1.0 and market.flow != 0.0:
            lots = market.flow * (1.0 - 1.0 / market.backed)
            market.backed_lots += lots
            market.backed_cost += lots * lot_worth(market, market.fill)


@inner
def leg_reduced(book: Any, state: Any, k: int, lots: float) -> None:
    """A leg was closed by force: the basis trader's other leg must be unwound, in equal slices.

    Parts of a lot wait until more of the leg is closed.
    """
    clock = state.clock[0]
    s = book.strategy_of_leg[k]
    if s < 0 or not clock.unwinding:
        return
    strategy = state.strategies[s]
    if strategy.kind != 0:
        return
    rounds = max(1.0, np.ceil(strategy.unwind / clock.step))
    if k == strategy.short_leg:
        number = float(book.count[book.leg_account[k]])  # the holding belongs to all accounts behind the row
        units = lots * number * state.markets[strategy.short_market].lot * strategy.ratio
        asked = units / state.markets[strategy.long_market].lot + strategy.part_long
        more = np.floor(asked)
        strategy.part_long = asked - more
        strategy.pending_long = min(strategy.pending_long + more, long_lots(state, strategy))
        strategy.slice_long = max(1.0, np.ceil(strategy.pending_long / rounds))
    else:
        units = lots * state.markets[strategy.long_market].lot / strategy.ratio
        asked = units / state.markets[strategy.short_market].lot + strategy.part_short
        more = np.floor(asked)
        strategy.part_short = asked - more
        strategy.pending_short = min(
            strategy.pending_short + more, max(0.0, -state.quantity[strategy.short_leg])
        )
        strategy.slice_short = max(1.0, np.ceil(strategy.pending_short / rounds))


@inner
def long_lots(state: Any, strategy: Any) -> float:
    """Lots of a strategy's long leg that can still be sold."""
    if strategy.long_holding >= 0:
        return float(max(0, state.holding[strategy.long_holding]))
    return max(0.0, state.quantity[strategy.long_leg])
