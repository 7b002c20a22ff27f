"""Legs that basis traders unwind, from round to round: what is still there, and where can it be sold?

A leg at a venue that fails is closed at the mark, with its other positions: the trader has lost it as by force, and
unwinds the other. Coins whose spot market went with the venue are sold in another one of the asset.

References
----------
cascade chapter, section 2 ("Basis traders") and section 4, step 6.
"""

from __future__ import annotations

from typing import Any

from contagion.compiled import inner
from contagion.propagation.cascade.execute import leg_reduced, long_lots
from contagion.propagation.cascade.topups import sale_place
from contagion.propagation.cascade.worth import lot_money


@inner
def leg_gone(book: Any, state: Any, k: int, lots: float) -> None:
    """The venue of leg `k` has failed; where it takes both legs of a trade there is nothing to unwind."""
    s = book.strategy_of_leg[k]
    if s < 0:
        return
    strategy, v = state.strategies[s], state.markets[book.leg_market[k]].venue
    other = strategy.long_leg if k == strategy.short_leg else strategy.short_leg
    if other < 0 or state.markets[book.leg_market[other]].venue != v:
        leg_reduced(book, state, k, lots)


@inner
def find_place(book: Any, state: Any, strategy: Any) -> None:
    """Coins of a basis trade are sold elsewhere where the venue of their spot market has failed."""
    market = state.markets[strategy.long_market]
    if strategy.kind == 0 and strategy.long_holding >= 0 and market.dead and strategy.pending_long > 0.0:
        m = sale_place(book, state, market.asset)
        if m >= 0:
            strategy.long_market = m


@inner
def give_up_unwinding(state: Any, strategy: Any) -> None:
    """Where the venue of a leg has failed nothing can be unwound any more: the rest counts as deferred.

    What has expired was paid out, and needs no unwinding.
    """
    long_market, short_market = state.markets[strategy.long_market], state.markets[strategy.short_market]
    if long_market.dead and not long_market.expired and strategy.pending_long > 0.0:
        long_market.deferred += strategy.pending_long * lot_money(long_market, long_market.last)
        strategy.pending_long = 0.0
    if short_market.dead and strategy.pending_short > 0.0:
        strategy.pending_short = 0.0


@inner
def trim_unwinding(book: Any, state: Any) -> None:
    """Legs that were closed meanwhile need no unwinding; what nobody trades any more waits for nothing."""
    for s in range(state.strategies.shape[0]):
        strategy = state.strategies[s]
        if strategy.pending_long > 0.0:
            strategy.pending_long = min(strategy.pending_long, long_lots(state, strategy))
        if strategy.pending_short > 0.0:
            strategy.pending_short = min(
                strategy.pending_short, max(0.0, -state.quantity[strategy.short_leg])
            )
        find_place(book, state, strategy)
        give_up_unwinding(state, strategy)
