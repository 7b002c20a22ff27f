"""Between revaluation and the look: how much margin is asked, how much depth rests, who refills a fund?

Every built-in policy that acts here is one parameter row. Rows act in list order: multipliers of maintenance margin and
factors on depth multiply.

References
----------
dYdX v4: margin that rises with open interest. European regulation 153/2013, article 28: margin against volatility has
a floor. Subrahmanyam (1994): the magnet effect of a trigger that is near.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import note, pay_node, pay_outside, post
from contagion.propagation.cascade.breakers import distance_to_trigger
from contagion.propagation.cascade.codes import (
    BACKSTOP,
    BY_INJECTION,
    BY_REPLENISHMENT,
    EVENT_REPLENISHMENT,
    FUND,
    HAIRCUTS,
    HALT,
    INTEREST_MARGIN,
    MONEY,
    REPLENISHMENT,
    VOLATILITY_MARGIN,
)
from contagion.propagation.cascade.revalue import SECONDS_A_DAY, volatility_over
from contagion.propagation.cascade.worth import lot_money


@inner
def reset_rules(state: Any) -> None:
    """Before the policies speak every market asks for the margin of its tiers, and coins have their own weights."""
    for m in range(state.markets.shape[0]):
        state.markets[m].multiplier = 1.0
        state.markets[m].backed = 1.0
    for s in range(state.slots.shape[0]):
        state.slots[s].weight = state.slots[s].opening_weight


@inner
def cut_weights(state: Any, p: int) -> None:
    """Lower the weights of coins to what their volatility and the depth of their spot market leave."""
    policy = state.policies[p]
    days = math.sqrt(policy.length / SECONDS_A_DAY)
    for s in range(state.slots.shape[0]):
        slot = state.slots[s]
        haircut = policy.times * volatility_over(state, slot.asset, policy.window) * days
        haircut += policy.share * max(0.0, 1.0 - state.markets[slot.market].depth)
        slot.weight = min(slot.weight, max(policy.floor * slot.opening_weight, 1.0 - haircut))


@inner
def volatility_multiplier(state: Any, policy: Any, m: int) -> float:
    """Running over calm volatility, within floor and cap; the floor where calm volatility is unknown."""
    market = state.markets[m]
    calm = market.volatility if math.isnan(policy.calm) else policy.calm
    ratio = 0.0
    if calm > 0.0:
        ratio = volatility_over(state, market.asset, policy.window) / calm
    return float(min(policy.cap, max(policy.floor, ratio)))


@inner
def open_interest(book: Any, state: Any, m: int) -> float:
    """Money in long positions of market `m` at the mark, in quanta."""
    market, lots = state.markets[m], 0.0
    for j in range(book.slot_indptr[m], book.slot_indptr[m + 1]):
        k = book.slot_legs[j]
        if state.quantity[k] > 0.0:
            lots += state.quantity[k] * float(book.count[book.leg_account[k]])
    return float(lots * lot_money(market, market.mark))


@inner
def interest_multiplier(book: Any, state: Any, policy: Any, m: int) -> float:
    """From 1 to `cap` as open interest goes from `below` to `above`, both in multiples of `money` or of the book."""
    unit = policy.money if policy.money > 0.0 else state.markets[m].capital
    interest, lower, upper = open_interest(book, state, m), policy.below * unit, policy.above * unit
    if interest <= lower:
        return 1.0
    share = 1.0
    if interest < upper:
        share = (interest - lower) / (upper - lower)
    return float(1.0 + (policy.cap - 1.0) * share)


@inner
def support(state: Any, p: int) -> None:
    """Depth that an outside payer adds where the price is far below outside; what it has spent is gone."""
    policy, total = state.policies[p], 0.0
    for m in range(state.markets.shape[0]):
        if state.covered[p, m]:
            total += state.markets[m].capital
    if total <= 0.0:
        return
    share = policy.money / total
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        if state.covered[p, m] and market.last <= market.reference * (1.0 - policy.drop):
            paid = float(market.provider_cash)
            if market.coin_slot >= 0:
                slot = state.slots[market.coin_slot]
                paid += float(market.provider_coins) * (slot.opening * slot.lot_scale)
            spent = max(0.0, -paid) / (1.0 + share)
            left = max(0.0, market.capital - spent)
            more = 1.0 + share * (left / market.capital)
            market.depth *= more
            market.backed *= more


@inner
def refill(state: Any, p: int) -> None:
    """Pay into every fund that stands below its level, from the venue's own cash or from outside."""
    policy, clock = state.policies[p], state.clock[0]
    for v in range(state.venues.shape[0]):
        venue = state.venues[v]
        missing = np.floor(policy.share * float(venue.fund_opening)) - float(venue.fund)
        most = np.floor(policy.speed * clock.step * float(venue.fund_opening))
        money = int(max(0.0, min(missing, most)))
        if policy.outsider == 0.0:
            money = min(money, max(0, int(state.node_cash[venue.node])))
        if money > 0 and not venue.failed:
            note(state, EVENT_REPLENISHMENT, -1, venue.node, v, -1, 0.0, np.nan, float(money))
            venue.fund += money
            venue.replenished += money
            if policy.outsider == 0.0:
                post(state, FUND, v, BY_REPLENISHMENT, MONEY, money)
                pay_node(state, venue.node, BY_REPLENISHMENT, -money)
            else:
                post(state, FUND, v, BY_INJECTION, MONEY, money)
                pay_outside(state, BY_INJECTION, -money)


@inner
def standing_row(book: Any, state: Any, p: int) -> None:
    """Let the policy in row `p` change multipliers, depth or funds before the look."""
    policy = state.policies[p]
    if policy.kind == BACKSTOP:
        support(state, p)
    elif policy.kind == REPLENISHMENT:
        refill(state, p)
    elif policy.kind == HAIRCUTS:
        cut_weights(state, p)
    elif policy.kind == VOLATILITY_MARGIN or policy.kind == INTEREST_MARGIN:
        for m in range(state.markets.shape[0]):
            if state.covered[p, m]:
                factor = 1.0
                if policy.kind == VOLATILITY_MARGIN:
                    factor = volatility_multiplier(state, policy, m)
                else:
                    factor = interest_multiplier(book, state, policy, m)
                state.markets[m].multiplier *= factor
    elif policy.kind == HALT and policy.magnet > 0.0:
        for m in range(state.markets.shape[0]):
            if state.covered[p, m]:
                state.markets[m].depth *= 1.0 - policy.magnet * (1.0 - distance_to_trigger(state, p, m))
