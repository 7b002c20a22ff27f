"""Who liquidates a loan, when, and how much? Keepers, who act only when it pays and when a block has room.

A keeper repays the debt, receives the collateral and sells it in the same round, as forced flow at the price that all
flow of the round gets; a debt in another asset than the unit is bought the same way. Before, it reckons with the price
that its own size gets after the orders that came before it, in rank. Where all of it does not pay it tries half, at
most `HALVINGS` times; where nothing pays the account waits. In the timeless limit keepers always act, on all of a debt.

References
----------
margin chapter, section 9 (`keeper_profit`, latency); cascade chapter, section 4, steps 3 and 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.codes import ASKED, KEEPER_WAITS
from contagion.propagation.cascade.execute import book_limit, trade_price
from contagion.propagation.cascade.gas import gas_of, is_dear
from contagion.propagation.cascade.kernels import debts
from contagion.propagation.cascade.loans import (
    NONE,
    bonus_of,
    close_share,
    health_factor,
    largest_side,
    leaves_dust,
    most_repaid,
    seizure,
    side_lots,
    side_market,
    side_price,
    undusted,
)
from contagion.propagation.cascade.outages import is_out
from contagion.propagation.cascade.taker import taker_fee

HALVINGS = 10


@inner
def protocol_fee(share: float, seize: float, gross: float, price: float) -> float:
    """Protocol's part (quanta) of the bonus on `seize` lots, at the oracle."""
    return share * (seize - seize / gross) * price


@inner
def keeper_gain(proceeds: float, cost: float, fee: float, gas: float) -> float:
    """What a liquidation leaves to the keeper, in quanta."""
    return proceeds - cost - fee - gas


@inner
def money_for(book: Any, market: Any, before: float, lots: float) -> float:
    """Quanta that selling `lots` (buying, if negative) brings after a net flow of `before` lots."""
    after, _ = trade_price(book, market, before + lots)
    first, _ = trade_price(book, market, before)
    return float(market.lot_scale * ((before + lots) * after - before * first))


@inner
def side_money(book: Any, state: Any, side: int, lots: float) -> float:
    """Quanta that a keeper expects for `lots` of a side, behind what is asked for already (negative: pays)."""
    if side < 0:
        return lots
    market = state.markets[side_market(book, state, side)]
    money = money_for(book, market, market.asked_sell - market.asked_buy, lots)
    return money - float(taker_fee(market, money))


@inner
def has_room(book: Any, state: Any, side: int, lots: float) -> bool:
    """Whether the book takes `lots` of a side (negative: gives) beyond what is asked for already."""
    if side < 0 or lots == 0.0:
        return True
    market = state.markets[side_market(book, state, side)]
    if lots > 0.0:
        return bool(market.asked_sell + lots <= book_limit(book, market, 0))
    return bool(market.asked_buy - lots <= book_limit(book, market, 1))


@inner
def pays(
    book: Any, state: Any, i: int, collateral: int, debt: int, seize: float, repay: float, fee: float
) -> bool:
    """Whether keepers earn more than the venue's `min_profit` on the deal with each account behind row `i`."""
    if state.clock[0].sticky:
        return True
    number = float(book.count[i])
    if not (
        has_room(book, state, collateral, seize * number) and has_room(book, state, debt, -repay * number)
    ):
        return False
    venue = state.venues[book.venue[i]]
    proceeds = side_money(book, state, collateral, seize * number)
    cost = -side_money(book, state, debt, -repay * number)
    gas = number * gas_of(state, book.venue[i])
    return bool(keeper_gain(proceeds, cost, fee * number, gas) > venue.min_profit * number)


@inner
def offer(book: Any, state: Any, i: int, collateral: int, debt: int, seize: float, repay: float) -> None:
    """Write a deal down, and its orders."""
    deal, number = state.deals[i], float(book.count[i])
    deal.collateral, deal.debt, deal.seize, deal.repay = collateral, debt, seize, repay
    if collateral >= 0:
        state.offered[collateral] = seize
        market = state.markets[side_market(book, state, collateral)]
        market.asked_sell += seize * number
        state.counters[ASKED] += seize * number * (market.mark * market.lot_scale)
    if debt >= 0:
        state.offered[debt] = repay
        other = state.markets[side_market(book, state, debt)]
        other.asked_buy += repay * number
        state.counters[ASKED] += repay * number * (other.mark * other.lot_scale)
    state.venues[state.venues[book.venue[i]].chain].room -= number


@inner
def wait(book: Any, state: Any, i: int, for_ever: bool) -> None:
    """Nobody liquidates account `i` this round; `for_ever` unless a price moves."""
    state.counters[KEEPER_WAITS] += float(book.count[i])
    if for_ever:
        state.clock[0].n_waiting += 1


@inner
def open_blocks(state: Any) -> None:
    """Room in the blocks of this round: what is not used is lost, what was used beyond it is owed.

    Venues on one chain share the room, which is kept at the first of them.
    """
    clock = state.clock[0]
    clock.n_waiting = 0
    for v in range(state.venues.shape[0]):
        venue = state.venues[v]
        venue.queue = 0.0
        if venue.block_time > 0.0:
            room = venue.block_capacity * clock.step / venue.block_time
            venue.room = min(venue.room, 0.0) + room
        else:
            venue.room = np.inf


@inner
def is_served(book: Any, state: Any, i: int) -> bool:
    """Whether a transaction for account `i` can stand in a block of this round, behind those of a lower ratio."""
    clock, venue = state.clock[0], state.venues[book.venue[i]]
    if is_out(state, book.venue[i]):
        return False
    if clock.sticky:
        return True
    first = state.venues[venue.chain]
    ahead = first.queue
    first.queue += float(book.count[i])
    blocks = np.floor(ahead / venue.block_capacity) + 1.0
    waited = clock.time + clock.step - state.trigger_time[i]
    return bool(first.room > 0.0 and waited >= venue.latency + blocks * venue.block_time)


@inner
def plan_loan(book: Any, state: Any, i: int) -> None:
    """What keepers do with one unhealthy account of a lending protocol."""
    venue, sticky = state.venues[book.venue[i]], state.clock[0].sticky
    c, d = largest_side(book, state, i, 1.0), largest_side(book, state, i, -1.0)
    if c == NONE or d == NONE:
        return
    if not is_served(book, state, i):
        wait(book, state, i, False)
        return
    price, unit, gross = (
        side_price(book, state, c),
        side_price(book, state, d),
        1.0 + bonus_of(book, state, i, c),
    )
    held, owed, least = side_lots(state, i, c), -side_lots(state, i, d), venue.min_leftover
    total = debts(book, state, i)
    health, whole = health_factor(state, i, total), venue.small_position > 0.0 or least > 0.0
    share = close_share(
        health, held * price, owed * unit, venue.close_factor, venue.full_close, venue.small_position
    )
    request = most_repaid(1.0 if sticky else share, owed, unit, total, whole)
    repay, seize = seizure(request, unit, gross, price, held)
    if leaves_dust((owed - repay) * unit, (held - seize) * price, least):
        request = min(request, np.floor(undusted(owed * unit, held * price, gross, least) / unit))
    for _ in range(HALVINGS + 1):
        repay, seize = seizure(request, unit, gross, price, held)
        if repay <= 0.0 or seize <= 0.0:
            break
        fee = protocol_fee(venue.protocol_fee, seize, gross, price)
        dust = leaves_dust((owed - repay) * unit, (held - seize) * price, least)
        if not dust and pays(book, state, i, c, d, seize, repay, fee):
            state.deals[i].rate = price / (gross * unit)
            state.deals[i].gross = gross
            offer(book, state, i, c, d, seize, repay)
            return
        request = np.floor(0.5 * request)
    wait(book, state, i, not is_dear(state, book.venue[i]))
