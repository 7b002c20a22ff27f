"""Orders of delta hedgers on their way through the round: asked for, capped behind the forced ones, in the flow."""

from __future__ import annotations

from typing import Any

from contagion.compiled import inner
from contagion.propagation.cascade.codes import DELTA_HEDGE


@inner
def ask_delta_hedges(state: Any) -> None:
    """Add what hedgers want to what is asked of each market."""
    for s in range(state.strategies.shape[0]):
        strategy = state.strategies[s]
        if strategy.kind == DELTA_HEDGE:
            market = state.markets[strategy.long_market]
            market.asked_sell += max(0.0, strategy.hedge_wanted)
            market.asked_buy += max(0.0, -strategy.hedge_wanted)


@inner
def take_delta_hedges(state: Any, sell: Any, buy: Any) -> None:
    """Give hedgers what forced orders and unwinding legs have left of the caps, `sell` and `buy` lots by market."""
    for s in range(state.strategies.shape[0]):
        strategy = state.strategies[s]
        if strategy.kind == DELTA_HEDGE:
            m = strategy.long_market
            if strategy.hedge_wanted > 0.0:
                strategy.hedge_taken = min(strategy.hedge_wanted, sell[m])
                sell[m] -= strategy.hedge_taken
            elif strategy.hedge_wanted < 0.0:
                strategy.hedge_taken = -min(-strategy.hedge_wanted, buy[m])
                buy[m] += strategy.hedge_taken


@inner
def add_delta_hedges(state: Any) -> None:
    """Add what they got to the net flow."""
    for s in range(state.strategies.shape[0]):
        strategy = state.strategies[s]
        if strategy.kind == DELTA_HEDGE:
            state.markets[strategy.long_market].flow += strategy.hedge_taken
