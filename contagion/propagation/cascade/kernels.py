"""The look at every account: what is it worth, what must it hold, must it be called or closed?

`look` is the hot loop of the cascade. Per account: ``equity = cash + sum(quantity * value)`` and ``requirement = sum
over legs of max over tier lines (rate * notional - amount)``, legs from left to right, cash last. An account may be
skipped only when its clock proves that it cannot have crossed a trigger since the last look.

References
----------
Maintenance as the maximum of tier lines: the published deduction amounts of exchanges, which are those lines.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.codes import OPTION
from contagion.propagation.cascade.scans import scan
from contagion.propagation.cascade.worth import lot_money, lot_worth

GUARD = 1e-9


@inner
def mix(x: Any) -> Any:
    """One round of the splitmix64 finaliser: 64 well mixed bits."""
    x = np.uint64(x) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@inner
def uniform(key: Any, name: Any, number: int) -> float:
    """Uniform number in [0, 1) that depends on the key of the run, an account's name and a call number only."""
    bits = mix(mix(np.uint64(key) ^ np.uint64(name)) + np.uint64(number))
    return float(bits >> np.uint64(11)) * 2.0**-53


@inner
def maintenance(book: Any, market: Any, notional: float, lots: float) -> float:
    """Maintenance margin of a notional (quanta) of `lots`: the market's tier lines, and its growth with size."""
    best = 0.0
    for t in range(market.tier_first, market.tier_last):
        line = book.tier_rate[t] * notional - book.tier_amount[t]
        if line > best:
            best = line
    return best + market.size_slope * lots * notional


@inner
def outside_worth(state: Any, market: Any) -> float:
    """Quanta that a long lot is worth at outside prices."""
    if market.inverse:
        coin = state.markets[state.slots[market.coin_slot].market].outside
        return float(-market.lot_scale * (coin / market.outside))
    return float(market.outside * market.lot_scale)


@inner
def settling(book: Any, state: Any, i: int, b: int, outside: bool) -> float:
    """Worth (quanta) of the legs of account `i` that settle in its coin `b`: a part of its balance."""
    total = 0.0
    for k in range(book.indptr[i], book.indptr[i + 1]):
        if book.leg_coin[k] == b:
            market = state.markets[book.leg_market[k]]
            worth = outside_worth(state, market) if outside else lot_worth(market, market.mark)
            total += state.quantity[k] * worth
    return total


@inner
def balance_in(book: Any, state: Any, i: int, b: int) -> float:
    """What account `i` has in its coin `b`, in quanta: lots of it, and the worth of the legs that settle in it."""
    slot = state.slots[book.hold_slot[b]]
    value = state.held[b] * (slot.price * slot.lot_scale)
    if book.settles[b]:
        value += settling(book, state, i, b, False)
    return float(value)


@inner
def coins(book: Any, state: Any, i: int) -> tuple[float, float]:
    """Worth of the coins of account `i` less its debts in coins, and the haircut on what it holds, in quanta."""
    worth, haircut = 0.0, 0.0
    for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
        slot = state.slots[book.hold_slot[b]]
        value = state.held[b] * (slot.price * slot.lot_scale)
        worth += value
        if book.settles[b]:
            value += settling(book, state, i, b, False)
        if value > 0.0:
            haircut += (1.0 - slot.weight) * value
    return worth, haircut + (1.0 - state.venues[book.venue[i]].unit_weight) * max(0.0, float(state.cash[i]))


@inner
def debts(book: Any, state: Any, i: int) -> float:
    """What account `i` owes: missing money and debts in coins at the oracle's price, in quanta."""
    total = max(0.0, -float(state.cash[i]))
    for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
        slot = state.slots[book.hold_slot[b]]
        total += max(0.0, -state.held[b]) * (slot.price * slot.lot_scale)
    return total


@inner
def level(book: Any, state: Any, i: int, required: float, ratio: float) -> float:
    """Equity at which the margin balance is `ratio` times the requirement; at a protocol, the health factor `ratio`.

    `required` contains the haircuts, on which no multiple is asked.
    """
    if book.hold_indptr[i + 1] == book.hold_indptr[i]:
        return ratio * required
    _, haircut = coins(book, state, i)
    asked = haircut + ratio * (required - haircut)
    if state.venues[book.venue[i]].protocol:
        asked += (ratio - 1.0) * debts(book, state, i)
    return asked


@inner
def side_margin(
    book: Any, state: Any, i: int, asset: int, long_side: bool, share: float, outside: bool
) -> float:
    """Maintenance margin of `share` of the legs of account `i` on one asset and side, in quanta."""
    total = 0.0
    for k in range(book.indptr[i], book.indptr[i + 1]):
        market = state.markets[book.leg_market[k]]
        if market.asset == asset and state.quantity[k] != 0.0 and (state.quantity[k] > 0.0) == long_side:
            worth = outside_worth(state, market) if outside else lot_worth(market, market.mark)
            notional = abs(state.quantity[k] * worth)
            total += market.multiplier * maintenance(
                book, market, share * notional, share * abs(state.quantity[k])
            )
    return total


@inner
def relief(book: Any, state: Any, i: int, share: float, outside: bool) -> float:
    """Margin that opposite legs on one asset spare account `i` at its venue, keeping `share` of every leg.

    At outside prices or at the marks; ``offset * min(long, short)`` per asset, so that the requirement stays
    non-decreasing in every notional.
    """
    theta = state.venues[book.venue[i]].portfolio_offset
    total = 0.0
    if theta == 0.0:
        return total
    for k in range(book.indptr[i], book.indptr[i + 1]):
        asset = state.markets[book.leg_market[k]].asset
        first = True
        for j in range(book.indptr[i], k):
            first = first and state.markets[book.leg_market[j]].asset != asset
        if first:
            long = side_margin(book, state, i, asset, True, share, outside)
            total += theta * min(long, side_margin(book, state, i, asset, False, share, outside))
    return total


@inner
def value_account(book: Any, state: Any, i: int) -> tuple[float, float]:
    """Equity and requirement of account `i` at the marks, in quanta; haircuts on its coins are required of it too."""
    worth, required = 0.0, 0.0
    for k in range(np.uint64(book.indptr[i]), np.uint64(book.indptr[i + 1])):
        lots = state.quantity[k]
        if lots != 0.0:
            market = state.markets[book.leg_market[k]]
            value = lots * lot_worth(market, market.mark)
            worth += value
            required += market.multiplier * maintenance(book, market, abs(value), abs(lots))
    if book.scanned[i]:
        required = scan(book, state, i, False)
    elif book.paired[i]:
        required -= relief(book, state, i, 1.0, False)
    if book.hold_indptr[i + 1] > book.hold_indptr[i]:
        owned, haircut = coins(book, state, i)
        worth += owned
        required += haircut
    return worth + float(state.cash[i]), required


@inner
def equity_at_outside(book: Any, state: Any, i: int) -> tuple[float, float]:
    """Equity and requirement of account `i` at outside prices, in quanta."""
    worth, required = 0.0, 0.0
    for k in range(book.indptr[i], book.indptr[i + 1]):
        lots = state.quantity[k]
        if lots != 0.0:
            market = state.markets[book.leg_market[k]]
            value = lots * outside_worth(state, market)
            worth += value
            required += market.multiplier * maintenance(book, market, abs(value), abs(lots))
    if book.scanned[i]:
        required = scan(book, state, i, True)
    elif book.paired[i]:
        required -= relief(book, state, i, 1.0, True)
    for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
        slot = state.slots[book.hold_slot[b]]
        value = state.held[b] * (state.markets[slot.market].outside * slot.lot_scale)
        worth += value
        if book.settles[b]:
            value += settling(book, state, i, b, True)
        if value > 0.0:
            required += (1.0 - slot.weight) * value
    if book.hold_indptr[i + 1] > book.hold_indptr[i]:
        required += (1.0 - state.venues[book.venue[i]].unit_weight) * max(0.0, float(state.cash[i]))
    return worth + float(state.cash[i]), required


@inner
def gross(book: Any, state: Any, i: int) -> float:
    """Sum of the notionals of account `i` at the marks, in quanta."""
    total = 0.0
    for k in range(book.indptr[i], book.indptr[i + 1]):
        market = state.markets[book.leg_market[k]]
        total += abs(state.quantity[k]) * lot_money(market, market.mark)
    return total


@inner
def stable_order(values: Any) -> Any:
    """Positions of `values` (contiguous floats) from low to high, equal ones in their order."""
    return np.argsort(values, kind="mergesort")


@inner
def is_flat(book: Any, state: Any, i: int) -> bool:
    """Whether account `i` holds no position and no coins."""
    for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
        if state.held[b] != 0.0:
            return False
    return without_positions(book, state, i)


@inner
def without_positions(book: Any, state: Any, i: int) -> bool:
    """Whether account `i` holds no position; it may hold coins."""
    for k in range(book.indptr[i], book.indptr[i + 1]):
        if state.quantity[k] != 0.0:
            return False
    return True


@inner
def advance_clocks(book: Any, state: Any) -> None:
    """Add to every market's clock how far health can have fallen since the last look, per unit of `slope`.

    A move of the mark by d costs at most |q| d of equity and, at a call ratio A >= 1, A |q| d of requirement at most
    when the notional grows. Favourable moves are not credited: the clocks never go back.
    """
    markets, widest = state.markets, 0.0
    for m in range(markets.shape[0]):
        market = markets[m]
        if market.kind == OPTION:  # whoever holds options is looked at in every round
            continue
        mark, multiplier, opening = state.before[m, 0], state.before[m, 1], market.opening
        move = abs(market.mark - mark) / opening * max(1.0, multiplier)
        if market.multiplier > multiplier:
            move += (market.multiplier - multiplier) * market.mark / opening
        state.before[m, 0], state.before[m, 1] = market.mark, market.multiplier
        state.tick[m] += move
        widest = max(widest, move)
    for s in range(state.slots.shape[0]):
        slot = state.slots[s]
        price, weight = state.slot_before[s, 0], state.slot_before[s, 1]
        move = abs(slot.price - price) / slot.opening
        if slot.weight < weight:
            move += (weight - slot.weight) * slot.price / slot.opening
        state.slot_before[s, 0], state.slot_before[s, 1] = slot.price, slot.weight
        widest = max(widest, move)
    state.tick[markets.shape[0]] += widest


@inner
def price_lots(state: Any) -> Any:
    """Quanta that a lot is worth at the mark, per market, with multiplier, tier lines and slope."""
    n = state.markets.shape[0]
    price, multiplier = np.empty(n), np.empty(n)
    first, last, slope = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n)
    for m in range(n):
        market = state.markets[m]
        slope[m] = market.size_slope
        price[m], multiplier[m] = lot_worth(market, market.mark), market.multiplier
        first[m], last[m] = market.tier_first, market.tier_last
    return price, multiplier, first, last, slope


@inner
def weigh(
    quantity: Any, leg_market: Any, rules: Any, rate: Any, amount: Any, start: int, stop: int
) -> tuple[float, float]:
    """Worth and requirement of legs `start` to `stop`: the arithmetic of `value_account`, on arrays held locally."""
    price, multiplier, first, last, slope = rules
    worth, required = 0.0, 0.0
    for k in range(np.uint64(start), np.uint64(stop)):  # unsigned: no test for negative indices
        lots = quantity[k]
        if lots != 0.0:
            m = np.uint64(leg_market[k])
            value = lots * price[m]
            worth += value
            size, best = abs(value), 0.0
            for t in range(np.uint64(first[m]), np.uint64(last[m])):
                line = rate[t] * size - amount[t]
                if line > best:
                    best = line
            required += multiplier[m] * (best + slope[m] * abs(lots) * size)
    return worth, required


@inner
def look(book: Any, state: Any) -> None:
    """Find the accounts that must act: `acting` lists those below maintenance, `called` those below the call level.

    Accounts whose key lies above their clock are left out; `key` is the clock reading before which no armed trigger of
    the account can fire.
    """
    clock = state.clock[0]
    skip, key, tick, clock_of, exempt = clock.skip, state.key, state.tick, book.clock_of, book.exempt
    hold_indptr, paired, scanned = book.hold_indptr, book.paired, book.scanned
    indptr, leg_market, quantity, cash = book.indptr, book.leg_market, state.quantity, state.cash
    rules, rate, amount = price_lots(state), book.tier_rate, book.tier_amount
    clock.n_acting, clock.n_called = 0, 0
    for i in range(key.shape[0]):
        if (skip and key[i] > tick[clock_of[i]]) or exempt[i]:
            continue
        worth, required = weigh(quantity, leg_market, rules, rate, amount, indptr[i], indptr[i + 1])
        if scanned[i]:
            required = scan(book, state, i, False)
        elif paired[i]:
            required -= relief(book, state, i, 1.0, False)
        if hold_indptr[i + 1] > hold_indptr[i]:
            owned, haircut = coins(book, state, i)
            worth += owned
            required += haircut
        slack = sort_account(book, state, i, worth + float(cash[i]), required)
        if skip and slack >= 0.0:
            reading = tick[clock_of[i]]
            safe = required == 0.0 and hold_indptr[i + 1] == hold_indptr[i] and not scanned[i]
            key[i] = np.inf if safe else reading + slack / book.slope[i] - GUARD * (1.0 + reading)


@inner
def sort_account(book: Any, state: Any, i: int, equity: float, required: float) -> float:
    """Put account `i` on the list where it belongs; its distance to the nearest armed trigger, or -1 if listed."""
    clock = state.clock[0]
    state.equity[i], state.requirement[i] = equity, required
    if equity < required or (state.selected[i] and required > 0.0):
        state.acting[clock.n_acting] = i
        clock.n_acting += 1
        return -1.0
    armed = (
        clock.calls and book.answers[i] and state.calls[i] < 3 and state.due[i] == np.inf and required > 0.0
    )
    if not armed:
        return equity - required
    asked = level(book, state, i, required, state.venues[book.venue[i]].call_ratio)
    if equity < asked:
        state.called[clock.n_called] = i
        clock.n_called += 1
        return -1.0
    return equity - asked


@inner
def wake(book: Any, state: Any, i: int) -> None:
    """Account `i` was touched: look at it in the next round."""
    state.key[i] = -np.inf


@inner
def is_tradable(market: Any) -> bool:
    """Whether orders in this market can be filled now."""
    return not market.shut and not market.dead
