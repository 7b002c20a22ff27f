"""Lending protocols among the venues: one round of their liquidations, planned in rank order.

Venues with the procedures `lending` and `auction` liquidate loans; Liquity's pool and crvUSD's bands are not among
them: those are rules of their own in `contagion.lending`.

References
----------
cascade chapter, section 4, step 3.
"""

from __future__ import annotations

from typing import Any

from contagion.compiled import inner
from contagion.propagation.cascade.auctions import plan_auction
from contagion.propagation.cascade.codes import AUCTION, LENDING
from contagion.propagation.cascade.deals import forget
from contagion.propagation.cascade.execute import rank
from contagion.propagation.cascade.keepers import open_blocks, plan_loan
from contagion.propagation.cascade.loans import has_collateral, is_loan


@inner
def leave_bad_loans(book: Any, state: Any) -> None:
    """Take loans off the list that nothing covers and that stay open: nobody will ever act on them."""
    clock, kept = state.clock[0], 0
    for j in range(clock.n_acting):
        i = state.acting[j]
        open_for_ever = is_loan(book, state, i) and not state.venues[book.venue[i]].write_off
        if not (open_for_ever and not has_collateral(book, state, i)):
            state.acting[kept] = i
            kept += 1
    clock.n_acting = kept


@inner
def plan(book: Any, state: Any) -> None:
    """Liquidations of this round at all protocols; their orders are added to what the markets are asked for."""
    open_blocks(state)
    rank(state)
    for j in range(state.clock[0].n_acting):
        i = state.order[j]
        procedure = state.venues[book.venue[i]].procedure
        if procedure == LENDING:
            forget(state, i)
            plan_loan(book, state, i)
        elif procedure == AUCTION:
            plan_auction(book, state, i)
