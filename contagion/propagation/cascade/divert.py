"""Step 4e: orders that a halt holds up press on the markets of the asset that stay open.

Holders who cannot trade in the halted market hedge elsewhere: a share of the orders that wait there is sold (bought) in
the open markets of the asset, and bought back as the orders go away or the halt ends. Both sides of a hedge are outside
the network, so that it moves prices and no account: no lots, no money.

References
----------
Subrahmanyam (1994), Circuit breakers and market volatility: trading moves to the market that stays open.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.codes import HALT
from contagion.propagation.cascade.execute import book_limit, trade_price
from contagion.propagation.cascade.kernels import is_tradable


@inner
def takes_hedges(state: Any, m: int, other: int) -> bool:
    """Whether orders that wait in market `m` may be hedged in `other`: another market of the asset, open."""
    market = state.markets[other]
    return other != m and bool(market.asset == state.markets[m].asset) and is_tradable(market)


@inner
def open_weight(state: Any, m: int) -> float:
    """Money that rests in the markets that take hedges of market `m`, in quanta."""
    total = 0.0
    for other in range(state.markets.shape[0]):
        if takes_hedges(state, m, other):
            total += state.markets[other].capital * state.markets[other].depth
    return total


@inner
def press(book: Any, state: Any, m: int, lots: float) -> float:
    """Sell (buy, if negative) `lots` in the book of market `m` between outsiders; returns what the book took."""
    market = state.markets[m]
    side = 0 if lots > 0.0 else 1
    taken = math.copysign(min(np.floor(abs(lots)), book_limit(book, market, side)), lots)
    if taken == 0.0:
        return 0.0
    _, reached = trade_price(book, market, taken)
    added = reached - (market.permanent + market.temporary)
    market.permanent += market.permanent_share * added
    market.temporary += (1.0 - market.permanent_share) * added
    return taken


@inner
def hedge_halted(book: Any, state: Any, p: int, m: int) -> None:
    """Bring the hedge of market `m` to its share of the orders that wait there; to nothing once it is open."""
    breaker, halted = state.breakers[p, m], state.markets[m]
    wanted = 0.0
    if breaker.active:
        wanted = state.policies[p].diversion * (halted.asked_sell - halted.asked_buy) * halted.lot
    units, weight = wanted - breaker.diverted, open_weight(state, m)
    if units == 0.0 or weight <= 0.0:
        return
    for other in range(state.markets.shape[0]):
        if takes_hedges(state, m, other):
            market = state.markets[other]
            share = market.capital * market.depth / weight
            taken = press(book, state, other, units * share / market.lot)
            if taken != 0.0:
                breaker.diverted += taken * market.lot
                state.clock[0].acted = True


@inner
def divert(book: Any, state: Any) -> None:
    """All hedges of all halts."""
    for p in range(state.policies.shape[0]):
        if state.policies[p].kind == HALT and state.policies[p].diversion > 0.0:
            for m in range(state.markets.shape[0]):
                if state.covered[p, m]:
                    hedge_halted(book, state, p, m)
