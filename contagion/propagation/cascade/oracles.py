"""Which price does a venue's oracle report for a coin? The index or the venue's own market, late and only in steps.

`oracle` says what is looked at: ``index``, the index as the venue sees it, or ``local``, the venue's own spot market or
pool (a local depeg then liquidates there only). The oracle reports what it saw `oracle_lag` ago, rounded up to rounds,
once that is `oracle_threshold` off the last report or `oracle_heartbeat` has passed since. An error of an oracle
(`OracleShock`) is in the venue's index too. A run does not end while a price is still on its way.

References
----------
Cascade chapter, section 2.
"""

from __future__ import annotations

import math
from typing import Any

from contagion.compiled import inner
from contagion.propagation.cascade.codes import PERP
from contagion.propagation.cascade.indices import index_at, oracle_error, rounds_ago

LOCAL = 1  # code of the word `local`
MEDIANS = 3  # codes of marks that are medians begin here
SETTLED = 1e-6  # a price that is this near to where it goes has arrived


@inner
def price_seen(state: Any, slot: Any) -> float:
    """What the oracle of a slot's venue looked at, `oracle_lag` ago."""
    clock, venue = state.clock[0], state.venues[slot.venue]
    seen = rounds_ago(clock, clock.round, venue.oracle_lag)
    if venue.oracle != LOCAL:
        return index_at(state, slot.venue, slot.asset, seen)
    price = state.markets[slot.local].last if seen == clock.round else state.history[seen, slot.local].last
    return float(price * oracle_error(state, slot.venue, slot.asset, seen))


@inner
def set_oracles(book: Any, state: Any) -> None:
    """Report the price of every coin at every venue, where a report is due."""
    clock = state.clock[0]
    for s in range(state.slots.shape[0]):
        slot = state.slots[s]
        venue, price = state.venues[slot.venue], price_seen(state, slot)
        moved = abs(price / slot.price - 1.0)
        stale = clock.time - slot.reported >= venue.oracle_heartbeat - 1e-9
        if clock.round == 0 or moved >= venue.oracle_threshold or stale:
            slot.price, slot.reported = price, clock.time


@inner
def price_now(state: Any, slot: Any) -> float:
    """What the oracle of a slot's venue would report now if it were never late."""
    at = state.clock[0].round
    if state.venues[slot.venue].oracle != LOCAL:
        return float(state.venue_index[at, slot.venue, slot.asset])
    return float(state.history[at, slot.local].last * oracle_error(state, slot.venue, slot.asset, at))


@inner
def report_to_come(state: Any, slot: Any) -> bool:
    """Whether the price of a slot is on its way: off the last report by its threshold, or to be renewed anyway."""
    venue = state.venues[slot.venue]
    off = abs(price_now(state, slot) / slot.price - 1.0)
    return bool(off > SETTLED and (off >= venue.oracle_threshold or venue.oracle_heartbeat < math.inf))


@inner
def prices_to_come(state: Any) -> bool:
    """Whether a late index, a median mark or an oracle still moves although nothing else does."""
    clock = state.clock[0]
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        index = state.venue_index[clock.round, market.venue, market.asset]
        if abs(market.index / index - 1.0) > SETTLED:
            return True
        row = state.history[clock.round, m]
        medians = market.kind == PERP and market.mark_rule >= MEDIANS and not clock.observed
        if medians and not market.dead and abs(row.mark / row.last - 1.0) > SETTLED:
            return True
    for s in range(state.slots.shape[0]):
        if report_to_come(state, state.slots[s]):
            return True
    return False
