"""Steps 4d and 5: who trades at which money, who pays the fee, who pays for what is missing?

Every trade rounds its money once; the provider takes the exact counterpart. Deficits exist only for flat accounts: the
fund pays first, then the venue's residual rule (profit haircut pro rata or by queue, or socialised), then the venue's
own cash, which may thereby fall below zero: the venue fails in step 6.

References
----------
cascade chapter, section 4, step 5; margin chapter, section 6 (`liquidation_waterfall`, `adl_pro_rata`, `adl_queue`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.attacking import fill_attacks
from contagion.propagation.cascade.books import note, pay_node, post
from contagion.propagation.cascade.codes import (
    ACCOUNT,
    BURN,
    BY_FEE,
    BY_LIQUIDATION,
    BY_UNWIND,
    CLIPPED,
    EVENT_LIQUIDATION,
    EVENT_UNWIND,
    FEES,
    FORCED_COST,
    FUND,
    KEEPER,
    LIQUIDATED_ACCOUNTS,
    MONEY,
    PROVIDER,
)
from contagion.propagation.cascade.execute import leg_reduced
from contagion.propagation.cascade.fills import (
    coin_bankruptcy,
    coin_spread,
    count_liquidated,
    leg_bankruptcy,
    measure_coverage,
    measure_fill,
    record_fill,
    spread,
)
from contagion.propagation.cascade.kernels import equity_at_outside, is_flat, value_account, wake
from contagion.propagation.cascade.loans import is_loan
from contagion.propagation.cascade.lost_hedges import hedge_lost
from contagion.propagation.cascade.minting import fill_minted
from contagion.propagation.cascade.model_close import close_at_model, dry_lots
from contagion.propagation.cascade.settlement import is_settled, settle_trade
from contagion.propagation.cascade.taker import charge_node, charge_taker
from contagion.propagation.cascade.worth import lot_money


@inner
def sell_leg(book: Any, state: Any, k: int, lots: float, price: float, reason: int) -> float:
    """Close `lots` of leg `k` against the provider at `price`; returns the money that changed hands, all of the row."""
    i, m = book.leg_account[k], book.leg_market[k]
    market, number = state.markets[m], int(book.count[i])
    sign = 1 if state.quantity[k] > 0.0 else -1
    moved = int(lots) * number
    state.quantity[k] -= sign * lots
    market.provider_lots += sign * moved
    post(state, ACCOUNT, i, reason, m, -sign * moved)
    post(state, PROVIDER, m, reason, m, sign * moved)
    money = settle_trade(book, state, k, sign * lots, price, reason)
    charge_taker(book, state, i, m, reason, money)
    wake(book, state, i)
    return float(money * number)


@inner
def sell_holding(book: Any, state: Any, h: int, m: int, lots: float, price: float, reason: int) -> float:
    """Sell `lots` (buy, if negative) of a node's holding in spot market `m`; returns the money received."""
    market, node, asset = state.markets[m], book.holding_node[h], book.holding_asset[h]
    instrument = state.markets.shape[0] + int(asset)
    money, moved = int(np.rint(lots * lot_money(market, price))), int(lots)
    state.holding[h] -= moved
    market.provider_lots += moved
    market.provider_cash -= money
    post(state, 3, node, reason, instrument, -moved)
    post(state, PROVIDER, m, reason, instrument, moved)
    pay_node(state, node, reason, money)
    post(state, PROVIDER, m, reason, MONEY, -money)
    charge_node(state, node, m, reason, money)
    return float(money)


@inner
def charge(state: Any, v: int, money: int) -> None:
    """Split a fee between fund, keeper, burn and the venue's own cash; the account's leg is posted by the caller."""
    venue = state.venues[v]
    to_fund = int(np.floor(venue.fee_to_fund * money))
    to_keeper = int(np.floor(venue.fee_to_keeper * money))
    burned = int(np.floor(venue.fee_burned * money))
    own = money - to_fund - to_keeper - burned
    venue.fund += to_fund
    venue.keeper += to_keeper
    venue.burned += burned
    venue.fee_to_venue += own
    venue.fees += money
    post(state, FUND, v, BY_FEE, MONEY, to_fund)
    post(state, KEEPER, v, BY_FEE, MONEY, to_keeper)
    post(state, BURN, v, BY_FEE, MONEY, burned)
    pay_node(state, venue.node, BY_FEE, own)
    state.counters[FEES] += float(money)


@inner
def charge_account(book: Any, state: Any, i: int, due: float) -> None:
    """Take a fee from account `i`, at most its positive equity."""
    if due <= 0.0:
        return
    equity, _ = value_account(book, state, i)
    number = int(book.count[i])
    money = int(min(np.floor(due), max(0.0, np.floor(equity))))
    if money > 0:
        state.cash[i] -= money
        post(state, ACCOUNT, i, BY_FEE, MONEY, -money * number)
        charge(state, book.venue[i], money * number)


@inner
def trade_coin(book: Any, state: Any, b: int, lots: float, reason: int) -> float:
    """Sell `lots` of a coin (buy a debt back) against the provider; returns the money, all of the row."""
    i, slot = book.hold_account[b], state.slots[book.hold_slot[b]]
    market, number = state.markets[slot.market], int(book.count[i])
    sign = 1 if state.held[b] > 0.0 else -1
    instrument = state.markets.shape[0] + int(slot.asset)
    money, moved = int(np.rint(lots * lot_money(market, market.fill))), int(lots) * number
    state.held[b] -= sign * lots
    state.cash[i] += sign * money
    market.provider_lots += sign * moved
    market.provider_cash -= sign * money * number
    post(state, ACCOUNT, i, reason, instrument, -sign * moved)
    post(state, PROVIDER, slot.market, reason, instrument, sign * moved)
    post(state, ACCOUNT, i, reason, MONEY, sign * money * number)
    post(state, PROVIDER, slot.market, reason, MONEY, -sign * money * number)
    charge_taker(book, state, i, slot.market, reason, money)
    wake(book, state, i)
    return float(money * number)


@inner
def fill_coins(book: Any, state: Any, i: int, healthy: bool) -> float:
    """Forced sales of the coins of account `i` at the price of the round; returns the money traded."""
    clock, number, traded = state.clock[0], int(book.count[i]), 0.0
    worth, long = coin_spread(book, state, i, 1.0)
    _, short = coin_spread(book, state, i, -1.0)
    for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
        lots = state.traded[b]
        if lots == 0.0:
            continue
        slot, sign = state.slots[book.hold_slot[b]], 1 if state.held[b] > 0.0 else -1
        m, market = slot.market, state.markets[slot.market]
        moved = -sign * lots * number
        note(state, EVENT_LIQUIDATION, i, book.owner[i], book.venue[i], m, moved, market.fill, 0.0)
        at = clock.n_events - 1
        money = trade_coin(book, state, b, lots, BY_LIQUIDATION)
        if at < state.events.shape[0]:
            state.events[at].money = money * clock.quantum
        asked, trigger = state.offered[b] * number, state.trigger_price[b]
        bankrupt = coin_bankruptcy(slot, float(sign), worth, long if sign > 0 else short)
        record_fill(state, at, i, m, float(sign), lots * number, asked, trigger, market.fill, bankrupt)
        measure_fill(state, market, sign, lots * number, trigger)
        notional = lots * number * lot_money(market, market.fill)
        count_liquidated(state, book.venue[i], market, sign > 0, notional, healthy)
        state.history[clock.round, m].sold += money * clock.quantum
        traded += money
    return traded


@inner
def fill_account(book: Any, state: Any, i: int) -> None:
    """All fills of one account: trades, fees, and its closing if nothing is left."""
    clock, number = state.clock[0], int(book.count[i])
    first = state.liquidated[i] == 0.0 and state.taken_over[i] == 0.0
    equity, required = equity_at_outside(book, state, i)
    healthy, due, traded = equity >= required, 0.0, 0.0
    worth, total = spread(book, state, i)
    for k in range(book.indptr[i], book.indptr[i + 1]):
        lots = state.taken[k]
        dry = dry_lots(book, state, i, k, state.quantity[k] > 0.0)
        if dry > 0.0:
            side = 1 if state.quantity[k] > 0.0 else -1
            closed = close_at_model(book, state, k, dry, side, worth, total, healthy)
            traded += closed
            due += (state.venues[book.venue[i]].fee) * closed / number
        if lots > 0.0:
            m = book.leg_market[k]
            market, sign = state.markets[m], 1 if state.quantity[k] > 0.0 else -1
            note(
                state,
                EVENT_LIQUIDATION,
                i,
                book.owner[i],
                book.venue[i],
                m,
                -sign * lots * number,
                market.fill,
                0.0,
            )
            at = clock.n_events - 1
            money = sell_leg(book, state, k, lots, market.fill, BY_LIQUIDATION)
            if at < state.events.shape[0]:
                state.events[at].money = money * clock.quantum
            asked, price = state.wanted[k] * number, leg_bankruptcy(market, float(sign), worth, total)
            moved, trigger = lots * number, state.trigger_mark[k]
            record_fill(state, at, i, m, float(sign), moved, asked, trigger, market.fill, price)
            measure_fill(state, market, sign, moved, trigger)
            notional = moved * lot_money(market, market.fill)
            count_liquidated(state, book.venue[i], market, sign > 0, notional, healthy)
            state.history[clock.round, m].sold += money * clock.quantum
            traded += money
            due += (state.venues[book.venue[i]].fee) * money / number
            leg_reduced(book, state, k, lots)
            hedge_lost(book, state, k, sign * lots)
    if book.hold_indptr[i + 1] > book.hold_indptr[i]:
        more = fill_coins(book, state, i, healthy)
        traded += more
        due += (state.venues[book.venue[i]].fee) * more / number
    if traded > 0.0:
        if state.manner[i] == CLIPPED:
            state.clipped_at[i] = clock.time
        measure_coverage(book, state, i)
        state.liquidated[i] += traded
        if first:
            state.counters[LIQUIDATED_ACCOUNTS] += float(number)
        state.rounds[clock.round].liquidations += float(number)
        state.rounds[clock.round].liquidated_notional += traded * clock.quantum
        before = state.counters[FEES]
        charge_account(book, state, i, due)
        state.counters[FORCED_COST] += state.counters[FEES] - before
        clock.acted = True


@inner
def close_account(book: Any, state: Any, i: int) -> None:
    """Note when an account has become flat, and what it leaves unpaid."""
    clock = state.clock[0]
    flat = is_flat(book, state, i)
    if not flat and not is_settled(book, state, i):
        return
    state.selected[i] = False
    if math.isnan(state.closed_at[i]):
        state.closed_at[i] = clock.time
        state.closing_time[i] = clock.time + clock.step - state.trigger_time[i]
    if state.cash[i] < 0:
        missing = -int(state.cash[i]) * int(book.count[i])
        state.deficit[i] += missing
        state.venues[book.venue[i]].deficit += missing
        charge_markets(book, state, i, missing)


@inner
def charge_markets(book: Any, state: Any, i: int, missing: int) -> None:
    """Share the deficit of an account among the markets in which it was closed this round, by what was traded."""
    total = 0.0
    for k in range(book.indptr[i], book.indptr[i + 1]):
        market = state.markets[book.leg_market[k]]
        total += state.taken[k] * lot_money(market, market.fill)
    for k in range(book.indptr[i], book.indptr[i + 1]):
        market = state.markets[book.leg_market[k]]
        if total > 0.0:
            market.lost += missing * (state.taken[k] * lot_money(market, market.fill) / total)


@inner
def fill(book: Any, state: Any) -> None:
    """Step 4d: everybody trades, in account order; what was not taken is counted as deferred."""
    clock, unfilled = state.clock[0], 0.0
    for v in range(state.venues.shape[0]):
        state.venues[v].deficit = 0
    for j in range(clock.n_acting):
        i = state.acting[j]
        if is_loan(book, state, i):
            continue
        fill_account(book, state, i)
        close_account(book, state, i)
        for k in range(book.indptr[i], book.indptr[i + 1]):
            market = state.markets[book.leg_market[k]]
            unfilled += (state.wanted[k] - state.taken[k]) * book.count[i] * lot_money(market, market.mark)
            state.wanted[k] = state.taken[k] = 0.0
        for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
            market = state.markets[state.slots[book.hold_slot[b]].market]
            left = state.offered[b] - state.traded[b]
            unfilled += left * book.count[i] * lot_money(market, market.mark)
            state.offered[b] = state.traded[b] = 0.0
        state.touched[i] = False
    fill_unwinding(book, state)
    fill_minted(state)
    fill_attacks(state)
    state.rounds[clock.round].deferred_notional += unfilled * clock.quantum


@inner
def fill_unwinding(book: Any, state: Any) -> None:
    """Basis traders sell (buy back) this round's slices at the price of the round."""
    clock = state.clock[0]
    for s in range(state.strategies.shape[0]):
        strategy = state.strategies[s]
        if strategy.ask_long > 0.0:
            market = state.markets[strategy.long_market]
            lots = strategy.ask_long
            if strategy.long_holding >= 0:
                node, account = book.holding_node[strategy.long_holding], -1
            else:
                account = book.leg_account[strategy.long_leg]
                node = book.owner[account]
            worth = lots * lot_money(market, market.fill)
            note(
                state,
                EVENT_UNWIND,
                account,
                node,
                market.venue,
                strategy.long_market,
                -lots,
                market.fill,
                worth,
            )
            if account < 0:
                sell_holding(
                    book, state, strategy.long_holding, strategy.long_market, lots, market.fill, BY_UNWIND
                )
            else:
                sell_leg(book, state, strategy.long_leg, lots, market.fill, BY_UNWIND)
            measure_unwinding(state, strategy.long_market, lots)
            strategy.pending_long -= lots
        if strategy.ask_short > 0.0:
            market, lots = state.markets[strategy.short_market], strategy.ask_short
            account = book.leg_account[strategy.short_leg]
            worth = lots * lot_money(market, market.fill)
            note(
                state,
                EVENT_UNWIND,
                account,
                book.owner[account],
                market.venue,
                strategy.short_market,
                lots,
                market.fill,
                worth,
            )
            sell_leg(book, state, strategy.short_leg, lots, market.fill, BY_UNWIND)
            measure_unwinding(state, strategy.short_market, -lots)
            strategy.pending_short -= lots
        if strategy.ask_long > 0.0 or strategy.ask_short > 0.0:
            clock.acted = True


@inner
def measure_unwinding(state: Any, m: int, lots: float) -> None:
    """An unwinding leg is a forced fill too: its cost against the outside price counts."""
    market, clock = state.markets[m], state.clock[0]
    state.counters[FORCED_COST] += lots * market.lot_scale * (market.outside - market.fill)
    state.history[clock.round, m].sold += abs(lots) * lot_money(market, market.fill) * clock.quantum
