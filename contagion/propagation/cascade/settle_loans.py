"""Steps 4d and 5 at protocols: keepers repay, seize, sell and pay for gas; what no collateral covers is written off.

The deal with the account is done at the oracle's price (in an auction at the auction's), to the lot; the keeper's gain
or loss is what its sale at the price of the round leaves, and stays in its purse. No interest accrues during a run.

References
----------
margin chapter, section 9 (`aave_liquidation`: fee, deficit); cascade chapter, section 4, step 5.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import note, post
from contagion.propagation.cascade.codes import (
    ACCOUNT,
    AUCTION,
    BURN,
    BY_FEE,
    BY_GAS,
    BY_LIQUIDATION,
    BY_REPAYMENT,
    BY_SEIZURE,
    COVERAGE_SUM,
    COVERAGE_WEIGHT,
    EVENT_AUCTION,
    EVENT_LIQUIDATION,
    EVENT_RESIDUAL,
    FEES,
    FORCED_COST,
    GAS,
    KEEPER,
    KEEPER_GAIN,
    LIQUIDATED_ACCOUNTS,
    MONEY,
    PROVIDER,
    REPAID,
    SEIZED,
)
from contagion.propagation.cascade.fills import (
    coin_bankruptcy,
    coin_spread,
    count_liquidated,
    measure_fill,
    record_coverage,
    record_fill,
)
from contagion.propagation.cascade.gas import gas_of
from contagion.propagation.cascade.keepers import protocol_fee
from contagion.propagation.cascade.kernels import debts, equity_at_outside, value_account, wake
from contagion.propagation.cascade.loans import has_collateral, is_loan, side_lots, side_market, side_price
from contagion.propagation.cascade.settle import charge
from contagion.propagation.cascade.taker import keep_fee, taker_fee


@inner
def move_side(book: Any, state: Any, i: int, side: int, lots: float, price: float, reason: int) -> int:
    """Move `lots` of a side into (out of, if negative) account `i`, against the keeper, who trades them at once.

    Coins come from the provider of their market at `price`. Returns the keeper's money, of the whole row, in quanta.
    """
    number, v = int(book.count[i]), book.venue[i]
    moved = int(lots) * number
    if side < 0:
        state.cash[i] += int(lots)
        state.venues[v].keeper -= moved
        post(state, ACCOUNT, i, reason, MONEY, moved)
        post(state, KEEPER, v, reason, MONEY, -moved)
        return -moved
    slot = state.slots[book.hold_slot[side]]
    m = int(slot.market)
    market = state.markets[m]
    instrument = state.markets.shape[0] + int(slot.asset)
    money = int(np.rint(-float(moved) * (market.lot_scale * price)))
    state.held[side] += lots
    market.provider_lots -= moved
    market.provider_cash -= money
    state.venues[v].keeper += money
    post(state, ACCOUNT, i, reason, instrument, moved)
    post(state, PROVIDER, m, reason, instrument, -moved)
    post(state, PROVIDER, m, reason, MONEY, -money)
    post(state, KEEPER, v, reason, MONEY, money)
    fee = taker_fee(market, float(money))
    if fee > 0:
        state.venues[v].keeper -= fee
        post(state, KEEPER, v, BY_FEE, MONEY, -fee)
        keep_fee(state, m, BY_LIQUIDATION, fee)
    return money - fee


@inner
def fill_price(book: Any, state: Any, side: int) -> float:
    """Price of the round in the market of a side; 1 for money."""
    return 1.0 if side < 0 else float(state.markets[state.slots[book.hold_slot[side]].market].fill)


@inner
def pay_fee_and_gas(book: Any, state: Any, i: int, gross: float, price: float) -> int:
    """The protocol's part of the bonus and the gas, out of the keeper's purse; returns both, in quanta."""
    number, v, deal = int(book.count[i]), book.venue[i], state.deals[i]
    venue = state.venues[v]
    fee = int(np.rint(protocol_fee(venue.protocol_fee, deal.seize, gross, price) * number))
    if fee > 0:
        venue.keeper -= fee
        post(state, KEEPER, v, BY_FEE, MONEY, -fee)
        charge(state, v, fee)
        state.counters[FORCED_COST] += float(fee)
    gas = int(gas_of(state, v)) * number
    if gas > 0:
        venue.keeper -= gas
        venue.burned += gas
        post(state, KEEPER, v, BY_GAS, MONEY, -gas)
        post(state, BURN, v, BY_GAS, MONEY, gas)
        state.counters[GAS] += float(gas)
    state.venues[venue.chain].served += float(number)
    return fee + gas


@inner
def measure_side(book: Any, state: Any, i: int, side: int, sign: int, lots: float) -> float:
    """Counters of the trade of one side; the money (quanta, of the whole row) it was worth."""
    if side < 0:
        return lots * float(book.count[i])
    slot, number = state.slots[book.hold_slot[side]], float(book.count[i])
    market = state.markets[slot.market]
    measure_fill(state, market, sign, lots * number, state.trigger_price[side])
    worth = lots * number * (market.lot_scale * market.fill)
    state.history[state.clock[0].round, slot.market].sold += worth * state.clock[0].quantum
    return worth


@inner
def record_side(book: Any, state: Any, i: int, side: int, sign: float, lots: float) -> None:
    """Add the trade of one side, not carried out yet, to the latest event."""
    if side < 0:
        return
    slot, number, at = state.slots[book.hold_slot[side]], float(book.count[i]), state.clock[0].n_events - 1
    m, asked = int(slot.market), max(state.offered[side], lots) * number
    worth, total = coin_spread(book, state, i, sign)
    bankrupt, trigger = coin_bankruptcy(slot, sign, worth, total), state.trigger_price[side]
    record_fill(state, at, i, m, sign, lots * number, asked, trigger, state.markets[m].fill, bankrupt)


@inner
def fill_deal(book: Any, state: Any, i: int) -> None:
    """Carry out the deal of the round with account `i`, if there is one."""
    deal, clock, v, number = state.deals[i], state.clock[0], book.venue[i], int(book.count[i])
    if deal.seize <= 0.0:
        return
    c, d = int(deal.collateral), int(deal.debt)
    auction = state.venues[v].procedure == AUCTION
    equity, required = equity_at_outside(book, state, i)
    worth = measure_side(book, state, i, c, 1, deal.seize)
    measure_side(book, state, i, d, -1, deal.repay)
    kind = EVENT_AUCTION if auction else EVENT_LIQUIDATION
    side, lots = (
        (c, -deal.seize) if c >= 0 else (d, deal.repay)
    )  # what is traded: where money was seized, the debt
    m, paid = side_market(book, state, side), deal.repay * side_price(book, state, d) * number
    count_liquidated(state, v, state.markets[m], c >= 0, worth, equity >= required)
    note(state, kind, i, book.owner[i], v, m, lots * number, fill_price(book, state, side), paid)
    record_side(book, state, i, c, 1.0, deal.seize)
    record_side(book, state, i, d, -1.0, deal.repay)
    gain = move_side(book, state, i, c, -deal.seize, fill_price(book, state, c), BY_SEIZURE)
    gain += move_side(book, state, i, d, deal.repay, fill_price(book, state, d), BY_REPAYMENT)
    gain -= pay_fee_and_gas(book, state, i, deal.gross, side_price(book, state, c))
    state.counters[KEEPER_GAIN] += float(gain)
    state.counters[SEIZED] += deal.seize * number * side_price(book, state, c)
    state.counters[REPAID] += paid
    if state.liquidated[i] == 0.0:
        state.counters[LIQUIDATED_ACCOUNTS] += float(number)
    state.liquidated[i] += worth
    now = state.rounds[clock.round]
    now.liquidations += float(number)
    now.liquidated_notional += worth * clock.quantum
    clock.acted = True
    wake(book, state, i)


@inner
def charge_penalty(book: Any, state: Any, i: int) -> None:
    """What an auction has raised beyond the debt is penalty, up to the tab."""
    deal = state.deals[i]
    over = min(int(state.cash[i]), int(deal.repay))
    deal.tab -= deal.repay
    if over > 0:
        before = state.counters[FEES]
        state.cash[i] -= over
        post(state, ACCOUNT, i, BY_FEE, MONEY, -over * int(book.count[i]))
        charge(state, book.venue[i], over * int(book.count[i]))
        state.counters[FORCED_COST] += state.counters[FEES] - before


@inner
def write_off(book: Any, state: Any, i: int) -> None:
    """Debts that no collateral covers become the venue's deficit; those in coins at the oracle, without a trade."""
    number, v, clock = int(book.count[i]), book.venue[i], state.clock[0]
    for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
        if state.held[b] < 0.0:
            slot = state.slots[book.hold_slot[b]]
            lots = -state.held[b]
            money = int(np.rint(lots * (slot.price * slot.lot_scale)))
            note(state, EVENT_RESIDUAL, i, book.owner[i], v, slot.market, lots * number, slot.price, 0.0)
            settle_coin_debt(book, state, i, b, money)
    if state.cash[i] < 0:
        missing = -int(state.cash[i]) * number
        state.deficit[i] += missing
        state.venues[v].deficit += missing
        clock.acted = True
    wake(book, state, i)


@inner
def settle_coin_debt(book: Any, state: Any, i: int, b: int, money: int) -> None:
    """Turn a debt in coins of account `i` into a debt of `money` (quanta, of one account)."""
    slot, number = state.slots[book.hold_slot[b]], int(book.count[i])
    m = int(slot.market)
    instrument, lots = state.markets.shape[0] + int(slot.asset), -int(state.held[b]) * number
    state.held[b] = 0.0
    state.cash[i] -= money
    state.markets[m].provider_lots -= lots
    state.markets[m].provider_cash += money * number
    post(state, ACCOUNT, i, BY_REPAYMENT, instrument, lots)
    post(state, PROVIDER, m, BY_REPAYMENT, instrument, -lots)
    post(state, ACCOUNT, i, BY_REPAYMENT, MONEY, -money * number)
    post(state, PROVIDER, m, BY_REPAYMENT, MONEY, money * number)


@inner
def note_closed(book: Any, state: Any, i: int) -> None:
    """Account `i` is healthy again or empty: when, and which part of what it owed at its trigger was covered."""
    clock, number = state.clock[0], float(book.count[i])
    state.selected[i] = False
    if not math.isnan(state.closed_at[i]):
        return
    state.closed_at[i] = clock.time
    state.closing_time[i] = clock.time + clock.step - state.trigger_time[i]
    if state.owed[i] > 0.0 and not has_collateral(book, state, i):
        missing = debts(book, state, i)
        coverage = 1.0 - missing / state.owed[i]
        state.counters[COVERAGE_SUM] += coverage * number
        state.counters[COVERAGE_WEIGHT] += number
        record_coverage(state, i, coverage)


@inner
def close_loan(book: Any, state: Any, i: int) -> None:
    """After the fill: an auction's end, a debt that is bad, an account that is healthy again."""
    deal, venue = state.deals[i], state.venues[book.venue[i]]
    if venue.procedure == AUCTION and deal.seize > 0.0:
        charge_penalty(book, state, i)
    deal.seize = deal.repay = 0.0
    if deal.active and (deal.tab <= 0.0 or side_lots(state, i, deal.collateral) <= 0.0):
        deal.active = False
        state.selected[i] = False
    if not has_collateral(book, state, i):
        deal.tab = 0.0
        note_closed(book, state, i)
        if venue.write_off:
            write_off(book, state, i)
        return
    equity, required = value_account(book, state, i)
    if equity >= required and not deal.active:
        note_closed(book, state, i)


@inner
def count_unfilled(book: Any, state: Any, i: int) -> float:
    """Money (quanta, of the whole row) that keepers wanted to trade and markets did not take; orders are cleared."""
    unfilled = 0.0
    for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
        market = state.markets[state.slots[book.hold_slot[b]].market]
        left = state.offered[b] - state.traded[b]
        unfilled += left * book.count[i] * (market.mark * market.lot_scale)
        state.offered[b] = state.traded[b] = 0.0
    return unfilled


@inner
def fill_loans(book: Any, state: Any) -> None:
    """Carry out the round's liquidations of loans, in account order."""
    clock, unfilled = state.clock[0], 0.0
    if state.deals.shape[0] == 0:
        return
    for j in range(clock.n_acting):
        i = state.acting[j]
        if is_loan(book, state, i):
            fill_deal(book, state, i)
            close_loan(book, state, i)
            unfilled += count_unfilled(book, state, i)
            state.touched[i] = False
    state.rounds[clock.round].deferred_notional += unfilled * clock.quantum
