"""Liquidations of loans between decision and fill: who plans them, and what of them the markets take.

References
----------
cascade chapter, section 4, steps 3 and 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.loans import leaves_dust, side_lots, side_market, side_price


@inner
def forget(state: Any, i: int) -> None:
    """No deal with account `i` this round."""
    deal = state.deals[i]
    deal.seize = deal.repay = 0.0
    if deal.collateral >= 0:
        state.offered[deal.collateral] = state.traded[deal.collateral] = 0.0
    if deal.debt >= 0:
        state.offered[deal.debt] = state.traded[deal.debt] = 0.0


@inner
def cut_deal(book: Any, state: Any, i: int, sell: Any, buy: Any) -> None:
    """Cut a deal to the lots its markets still take, both sides in proportion; nothing where it would leave dust."""
    deal, number = state.deals[i], float(book.count[i])
    c, d = deal.collateral, deal.debt
    if c >= 0:
        room = np.floor(sell[side_market(book, state, c)] / number)
        if deal.seize > room:
            deal.seize, deal.repay = room, min(deal.repay, np.floor(room * deal.rate))
    if d >= 0:
        room = np.floor(buy[side_market(book, state, d)] / number)
        if deal.repay > room:
            deal.repay, deal.seize = room, min(deal.seize, np.floor(room / deal.rate))
    if deal.seize <= 0.0 or (deal.repay <= 0.0 and deal.rate > 0.0):
        deal.seize = deal.repay = 0.0
        return
    least = state.venues[book.venue[i]].min_leftover
    owed = (-side_lots(state, i, d) - deal.repay) * side_price(book, state, d)
    kept = (side_lots(state, i, c) - deal.seize) * side_price(book, state, c)
    if leaves_dust(owed, kept, least):
        deal.seize = deal.repay = 0.0


@inner
def take_deal(book: Any, state: Any, i: int, sell: Any, buy: Any) -> None:
    """Give a deal its lots; `sell` and `buy` are what the markets still take, and are lowered."""
    deal, number = state.deals[i], float(book.count[i])
    if deal.seize <= 0.0:
        return
    cut_deal(book, state, i, sell, buy)
    if deal.collateral >= 0:
        state.traded[deal.collateral] = deal.seize
        sell[side_market(book, state, deal.collateral)] -= deal.seize * number
    if deal.debt >= 0:
        state.traded[deal.debt] = deal.repay
        buy[side_market(book, state, deal.debt)] -= deal.repay * number
