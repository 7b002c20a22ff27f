"""Step 4a, outages: a venue refuses orders and top-ups for a time; marks, calls and clocks go on.

References
----------
cascade chapter, section 4, "Halts": what stops while a market is shut; the shock says when.
"""

from __future__ import annotations

from typing import Any

from contagion.compiled import inner
from contagion.propagation.cascade.books import note
from contagion.propagation.cascade.codes import EVENT_OUTAGE, EVENT_REOPEN
from contagion.propagation.cascade.indices import row_of


@inner
def is_out(state: Any, v: int) -> bool:
    """Whether venue `v` refuses orders, top-ups and withdrawals this round."""
    return bool(state.shock_outage[row_of(state.clock[0], state.shock_outage), v])


@inner
def shut_venues(state: Any) -> None:
    """Shut the markets of venues that are out; note where an outage begins and ends."""
    for v in range(state.venues.shape[0]):
        venue, out = state.venues[v], is_out(state, v)
        changed = out != venue.out
        if not out and not changed:
            continue
        venue.out = out
        for m in range(state.markets.shape[0]):
            market = state.markets[m]
            if market.venue == v and not market.dead:
                market.shut = market.shut or out
                if changed:
                    kind = EVENT_OUTAGE if out else EVENT_REOPEN
                    note(state, kind, -1, venue.node, v, m, 0.0, market.last, 0.0)
