"""Hedges of options that are closed by force: what they hedged is unhedged again.

The hedger asks for it anew as soon as its account is out of liquidation, as far as free margin goes: winners who are
deleveraged come back to the market. Whose account was closed out by force has lost its leg and hedges no more.

References
----------
cascade chapter, section 2 ("delta-hedged in `hedge_market`") and section 4, steps 3 to 5.
"""

from __future__ import annotations

from typing import Any

from contagion.compiled import inner
from contagion.propagation.cascade.codes import DELTA_HEDGE
from contagion.propagation.cascade.revalue import worth_at


@inner
def lot_delta(state: Any, market: Any) -> float:
    """Units of delta in a lot of the hedge: its units, times the slope of a future's price."""
    return float(market.lot * worth_at(state.clock[0], market, 1.0))


@inner
def hedge_lost(book: Any, state: Any, k: int, lots: float) -> None:
    """Leg `k` was closed by force, `lots` of it (positive: sold): if it is a hedge of options, they are unhedged."""
    s = book.strategy_of_leg[k]
    if s < 0:
        return
    strategy = state.strategies[s]
    if strategy.kind == DELTA_HEDGE and strategy.ratio > 0.0:
        market = state.markets[strategy.long_market]
        strategy.exposure += lots * lot_delta(state, market) / strategy.ratio
