"""What taking liquidity costs: the share of every trade that its market's provider keeps.

A forced order, an unwinding leg, an arbitrage trade and an attack pay `markets.fee` times the money they trade,
whatever the account has left: it is part of the execution, as slippage is. The fee of a pool stays with the pool, that
of a book with its provider. What leaves the book (deleveraging, the closing of a failed venue) pays nothing.

References
----------
Margin chapter, section 11 (`constant_product_swap`: the fee stays in the pool).
"""

from __future__ import annotations

import math
from typing import Any

from contagion.compiled import inner
from contagion.propagation.cascade.books import pay_node, post
from contagion.propagation.cascade.codes import (
    ACCOUNT,
    BY_ARBITRAGE,
    BY_ATTACK,
    BY_DELTA_HEDGE,
    BY_FEE,
    BY_HEDGE,
    BY_LIQUIDATION,
    BY_REACTION,
    FEES,
    FORCED_COST,
    MONEY,
    PROVIDER,
)


@inner
def taker_fee(market: Any, money: float) -> int:
    """Whole quanta that a trade of `money` quanta pays."""
    return int(math.floor(market.fee * abs(money)))


@inner
def keep_fee(state: Any, m: int, reason: int, fee: int) -> None:
    """The provider of market `m` keeps a fee; what a forced trade pays is part of its cost."""
    state.markets[m].provider_cash += fee
    post(state, PROVIDER, m, BY_FEE, MONEY, fee)
    forced = reason != BY_ARBITRAGE and reason != BY_REACTION and reason != BY_HEDGE
    if forced and reason != BY_ATTACK and reason != BY_DELTA_HEDGE:
        state.counters[FORCED_COST] += float(fee)
    if reason == BY_LIQUIDATION:
        state.counters[FEES] += float(fee)


@inner
def charge_taker(book: Any, state: Any, i: int, m: int, reason: int, money: int) -> None:
    """Account row `i` pays for a trade of `money` quanta (of one account) in market `m`."""
    fee, number = taker_fee(state.markets[m], float(money)), int(book.count[i])
    if fee > 0:
        state.cash[i] -= fee
        post(state, ACCOUNT, i, BY_FEE, MONEY, -fee * number)
        keep_fee(state, m, reason, fee * number)


@inner
def charge_node(state: Any, node: int, m: int, reason: int, money: int) -> None:
    """A node pays for a trade of its holding."""
    fee = taker_fee(state.markets[m], float(money))
    if fee > 0:
        pay_node(state, node, BY_FEE, -fee)
        keep_fee(state, m, reason, fee)


@inner
def gap_beyond_fees(gap: float, a: Any, b: Any) -> float:
    """The part of the log gap between two markets that the fees of a trade in both leave, with its sign."""
    if a.fee == 0.0 and b.fee == 0.0:
        return gap
    sold, bought = (a.fee, b.fee) if gap > 0.0 else (b.fee, a.fee)
    left = abs(gap) + math.log1p(-sold) - math.log1p(bought)
    return math.copysign(left, gap) if left > 0.0 else 0.0
