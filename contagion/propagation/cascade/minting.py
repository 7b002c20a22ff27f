"""Steps 3 and 4, minted tokens: somebody outside sells what he has made, as fast as the book takes it.

He asks for all he has left in the deepest spot market of the token; forced orders and unwinding legs of the round go
first, price limits and the end of the book hold for him too. He trades at the price of the round. The tokens come from
outside, the money leaves to outside: his gain is what liquidity providers pay for tokens that nobody backs.

References
----------
cascade chapter, section 4, step 4: one average price for all forced flows of the round.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import note, pay_outside, post
from contagion.propagation.cascade.codes import BY_MINT, EVENT_MINT, MONEY, OUTSIDE, PROVIDER

BEGINS, TOKEN, MARKET, LEFT, ASKED, SOLD = range(6)
"""Columns of `State.shock_mint`: round, asset, market, lots still to be sold, lots this round, lots sold so far."""


@inner
def ask_minted(state: Any) -> None:
    """Add what is still to be sold to the orders of the round; where the market is gone it is given up.

    From the first round on all that was minted is outstanding, sold or not.
    """
    for r in range(state.shock_mint.shape[0]):
        row = state.shock_mint[r]
        market = state.markets[int(row[MARKET])]
        if state.clock[0].round == row[BEGINS] and state.issued[int(row[TOKEN])] > 0.0:
            state.issued[int(row[TOKEN])] += row[LEFT]
        if market.dead:
            row[LEFT] = 0.0
        row[ASKED] = row[LEFT] if state.clock[0].round >= row[BEGINS] else 0.0
        market.asked_sell += row[ASKED]


@inner
def take_minted(state: Any, sell: Any) -> None:
    """Cut the order to what is left of the caps `sell` (lots per market), which it uses up."""
    for r in range(state.shock_mint.shape[0]):
        row = state.shock_mint[r]
        m = int(row[MARKET])
        row[ASKED] = min(row[ASKED], max(0.0, sell[m]))
        sell[m] -= row[ASKED]


@inner
def add_minted(state: Any) -> None:
    """Add the order to the flow of its market."""
    for r in range(state.shock_mint.shape[0]):
        row = state.shock_mint[r]
        state.markets[int(row[MARKET])].flow += row[ASKED]


@inner
def fill_minted(state: Any) -> None:
    """The minter sells to the liquidity provider at the price of the round."""
    clock = state.clock[0]
    for r in range(state.shock_mint.shape[0]):
        row = state.shock_mint[r]
        lots = row[ASKED]
        if lots <= 0.0:
            continue
        m = int(row[MARKET])
        market = state.markets[m]
        money, instrument = (
            int(np.rint(lots * (market.lot_scale * market.fill))),
            state.markets.shape[0] + int(row[TOKEN]),
        )
        note(state, EVENT_MINT, -1, -1, market.venue, m, -lots, market.fill, float(money))
        market.provider_lots += int(lots)
        market.provider_cash -= money
        post(state, OUTSIDE, 0, BY_MINT, instrument, -int(lots))
        post(state, PROVIDER, m, BY_MINT, instrument, int(lots))
        post(state, PROVIDER, m, BY_MINT, MONEY, -money)
        pay_outside(state, BY_MINT, money)
        row[LEFT] -= lots
        row[SOLD] += lots
        clock.acted = True


@inner
def still_minting(state: Any) -> bool:
    """Whether minted tokens are still to be sold."""
    for r in range(state.shock_mint.shape[0]):
        if state.shock_mint[r, LEFT] > 0.0:
            return True
    return False
