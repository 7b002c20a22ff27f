"""Steps 3 and 4, attacks: somebody outside trades coins to move a price, and trades them back.

He asks for what his plan lacks by now; forced orders, unwinding legs and minted tokens of the round go first, price
limits, throughput, halts and the end of the book hold for him too. He trades at the price of the round and pays the
market's fee. Coins are borrowed from outside and money goes there: no account of the network is his. What he holds
besides is only measured.

References
----------
cascade chapter, section 4, step 4: one average price for all forced flows of the round. Brunnermeier and Pedersen
(2005), "Predatory trading".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import note, pay_outside, post
from contagion.propagation.cascade.codes import (
    ATTACK_RECEIVED,
    ATTACK_SPENT,
    BY_ATTACK,
    BY_FEE,
    EVENT_ATTACK,
    MONEY,
    OUTSIDE,
    PROVIDER,
)
from contagion.propagation.cascade.taker import keep_fee, taker_fee

(
    MARKET,
    SIDE,  # 1: sells first, -1: buys first
    LOTS,  # to be traded
    BEGINS,  # s
    LASTS,  # s
    RETURN_ROUND,  # from which on he trades back, inf: never
    RETURNS,  # s
    RETURN_LASTS,  # s
    ASKED,  # lots this round, positive: sold
    DONE,  # lots traded so far
    BACK,  # lots traded back so far
    UNITS,  # signed units held outside; a row with units has no lots
) = range(12)
"""Columns of `State.shock_attack`, one row per attack and market."""
WIDTH = 12
ON_TIME = 1.0 + 1e-12  # the clock is a product: the end of a slice is met in spite of rounding


@inner
def share_by_now(clock: Any, begins: float, lasts: float) -> float:
    """Share of a flow of equal slices that has come by now; all of it at once where it has no length."""
    if clock.round < 1 or clock.time * ON_TIME < begins:
        return 0.0
    if clock.time * ON_TIME >= begins + lasts:
        return 1.0
    return float((clock.time - begins) / lasts)


@inner
def ask_attacks(state: Any) -> None:
    """Add what the plans lack by now to the orders of the round; nothing is asked for where the market is gone."""
    clock = state.clock[0]
    for r in range(state.shock_attack.shape[0]):
        row = state.shock_attack[r]
        market = state.markets[int(row[MARKET])]
        row[ASKED] = 0.0
        if market.dead:
            continue
        if clock.round >= row[RETURN_ROUND]:
            due = np.floor(row[DONE] * share_by_now(clock, row[RETURNS], row[RETURN_LASTS]))
            row[ASKED] = -row[SIDE] * (due - row[BACK])
        else:
            due = np.floor(row[LOTS] * share_by_now(clock, row[BEGINS], row[LASTS]))
            row[ASKED] = row[SIDE] * (due - row[DONE])
        if row[ASKED] > 0.0:
            market.asked_sell += row[ASKED]
        else:
            market.asked_buy -= row[ASKED]


@inner
def take_attacks(state: Any, sell: Any, buy: Any) -> None:
    """Cut the orders to what is left of the caps `sell` and `buy` (lots per market), which they use up."""
    for r in range(state.shock_attack.shape[0]):
        row = state.shock_attack[r]
        m = int(row[MARKET])
        if row[ASKED] > 0.0:
            row[ASKED] = min(row[ASKED], max(0.0, sell[m]))
            sell[m] -= row[ASKED]
        elif row[ASKED] < 0.0:
            row[ASKED] = -min(-row[ASKED], max(0.0, buy[m]))
            buy[m] += row[ASKED]


@inner
def add_attacks(state: Any) -> None:
    """Add the orders to the flow of their markets."""
    for r in range(state.shock_attack.shape[0]):
        row = state.shock_attack[r]
        state.markets[int(row[MARKET])].flow += row[ASKED]


@inner
def fill_attacks(state: Any) -> None:
    """Attackers trade with the liquidity provider at the price of the round."""
    for r in range(state.shock_attack.shape[0]):
        row = state.shock_attack[r]
        if row[ASKED] == 0.0:
            continue
        settle_attack(state, int(row[MARKET]), row[ASKED])
        if state.clock[0].round >= row[RETURN_ROUND]:
            row[BACK] += abs(row[ASKED])
        else:
            row[DONE] += abs(row[ASKED])
        state.clock[0].acted = True


@inner
def settle_attack(state: Any, m: int, lots: float) -> None:
    """Book a trade of `lots` (positive: sold) in market `m`, and its fee."""
    market, sold = state.markets[m], int(lots)
    money, instrument = (
        int(np.rint(lots * (market.lot_scale * market.fill))),
        state.markets.shape[0] + int(market.asset),
    )
    fee = taker_fee(market, float(money))
    note(state, EVENT_ATTACK, -1, -1, market.venue, m, -lots, market.fill, float(abs(money)))
    market.provider_lots += sold
    market.provider_cash -= money
    post(state, OUTSIDE, 0, BY_ATTACK, instrument, -sold)
    post(state, PROVIDER, m, BY_ATTACK, instrument, sold)
    post(state, PROVIDER, m, BY_ATTACK, MONEY, -money)
    pay_outside(state, BY_ATTACK, money)
    if fee > 0:
        pay_outside(state, BY_FEE, -fee)
        keep_fee(state, m, BY_ATTACK, fee)
    if sold > 0:
        state.counters[ATTACK_RECEIVED] += float(money - fee)
    else:
        state.counters[ATTACK_SPENT] += float(fee - money)


@inner
def attacks_to_come(state: Any) -> bool:
    """Whether an attack still has something to trade, now or later."""
    for r in range(state.shock_attack.shape[0]):
        row = state.shock_attack[r]
        if state.markets[int(row[MARKET])].dead:
            continue
        if row[DONE] < row[LOTS] and state.clock[0].round < row[RETURN_ROUND]:
            return True
        if row[BACK] < row[DONE] and row[RETURN_ROUND] < np.inf:
            return True
    return False


def budget_traded(state: Any) -> float:
    """What attackers have traded of their budgets, in quanta at opening prices; what is traded back is not in it."""
    traded = 0.0
    for row in state.shock_attack:
        market = state.markets[int(row[MARKET])]
        traded += row[DONE] * market["lot_scale"] * float(market["opening"])
    return traded


def trading_gain(state: Any) -> float:
    """What attackers got for coins less what they paid, in quanta; coins still owed at the outside price."""
    gain = float(state.counters[ATTACK_RECEIVED] - state.counters[ATTACK_SPENT])
    for row in state.shock_attack:
        market = state.markets[int(row[MARKET])]
        gain -= row[SIDE] * (row[DONE] - row[BACK]) * market["lot_scale"] * market["outside"]
    return gain


def position_gain(state: Any) -> float:
    """What the positions that attackers hold outside have gained, in quanta, at the marks at which they are settled."""
    last, gain = int(state.clock["round"][0]) - 1, 0.0
    for row in state.shock_attack:
        m = int(row[MARKET])
        market, settled = state.markets[m], state.history["mark"][int(min(row[RETURN_ROUND], last)), m]
        gain += row[UNITS] * market["lot_scale"] / market["lot"] * float(settled - market["opening"])
    return gain
