"""Which price does a venue's oracle report for a coin? The index or the venue's own market, late and only in steps.

`oracle` says what is looked at: ``index``, the index as the venue sees it, or ``local``, the venue's own spot market or
pool (a local depeg then liquidates there only). The oracle reports what it saw `oracle_lag` ago, rounded up to rounds,
once that is `oracle_threshold` off the last report or `oracle_heartbeat` has passed since. An error of an oracle
(`OracleShock`) is in the venue's index too.

References
----------
Cascade chapter, section 2.
"""

from __future__ import annotations

from typing import Any

from contagion.compiled import inner
from contagion.propagation.cascade.indices import index_at, oracle_error, rounds_ago

LOCAL = 1  # code of the word `local`


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
