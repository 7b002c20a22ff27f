"""The index of an asset, and the index as each venue sees it: without outliers, or late.

The mean of the spot markets and pools that belong to the index, by the depth of the last round; the outside price
where there is none. A venue with `index_deviation` leaves out the one market that deviates further from the median of
all, and takes the median itself where several do; one with `index_lag` sees the index of that long ago, rounded up to
rounds.

References
----------
Cascade chapter, section 2; margin chapter, section 7 (`index_price_weighted`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner

TINY = 1e-200
"""Money per unit below which an index counts as this much in its return: a linear book can be sold down to nothing."""


@inner
def row_of(clock: Any, table: Any) -> int:
    """Row of a path that belongs to this round; the last row goes on for ever."""
    return min(int(clock.round), table.shape[0] - 1)


@inner
def rounds_ago(clock: Any, at: int, seconds: float) -> int:
    """The round `seconds` before round `at`, rounded up to rounds; the opening stands for all that was before it."""
    return max(0, int(at) - int(np.ceil(seconds / clock.step - 1e-9)))


@inner
def oracle_error(state: Any, v: int, a: int, at: int) -> float:
    """Factor by which the prices that venue `v` hears in round `at` are off."""
    return float(state.shock_oracle[min(int(at), state.shock_oracle.shape[0] - 1), v, a])


@inner
def median_of_spots(book: Any, state: Any, a: int) -> float:
    """Median of the asset's index members that are open, the mean of the middle two; nan where there is none."""
    first, last = book.index_indptr[a], book.index_indptr[a + 1]
    prices, n = np.empty(last - first), 0
    for j in range(first, last):
        market = state.markets[book.index_market[j]]
        if not market.dead:
            prices[n] = market.last
            n += 1
    if n == 0:
        return math.nan
    ranked = np.sort(prices[:n].copy())
    return float(0.5 * (ranked[(n - 1) // 2] + ranked[n // 2]))


@inner
def mean_of_spots(
    book: Any, state: Any, a: int, outside: float, middle: float, most: float
) -> tuple[float, int]:
    """Depth-weighted mean of the index members at most `most` from `middle`, and how many are further off."""
    total, weight, outliers = 0.0, 0.0, 0
    for j in range(book.index_indptr[a], book.index_indptr[a + 1]):
        market = state.markets[book.index_market[j]]
        if market.dead:
            continue
        if abs(market.last - middle) > most:
            outliers += 1
        else:
            total += book.index_weight[j] * market.depth * (market.last - outside)
            weight += book.index_weight[j] * market.depth
    # as a distance from outside: markets that stand there give the outside price to the last bit
    return (outside + total / weight if weight > 0.0 else outside), outliers


@inner
def index_of_venue(book: Any, state: Any, venue: Any, a: int, outside: float) -> float:
    """The asset's index of this round by the outlier rule of a venue."""
    if math.isnan(venue.index_deviation):
        return float(state.index[a])
    middle = median_of_spots(book, state, a)
    if math.isnan(middle):
        return outside
    mean, outliers = mean_of_spots(book, state, a, outside, middle, venue.index_deviation * middle)
    return middle if outliers > 1 else mean


@inner
def set_index(book: Any, state: Any) -> None:
    """The index of every asset with its return, and that of every venue."""
    clock = state.clock[0]
    now, at = row_of(clock, state.outside), int(clock.round)
    for a in range(state.index.shape[0]):
        before, outside = state.index[a], state.outside[now, a] * state.recovery[a]
        state.index[a], _ = mean_of_spots(book, state, a, outside, outside, np.inf)
        growth = max(state.index[a], TINY) / max(before, TINY)
        state.index_return[at, a] = math.log(growth) if at > 0 else 0.0
        for v in range(state.venues.shape[0]):
            index = index_of_venue(book, state, state.venues[v], a, outside)
            state.venue_index[at, v, a] = index * oracle_error(state, v, a, at)


@inner
def index_at(state: Any, v: int, a: int, at: int) -> float:
    """The asset's index as venue `v` saw it in round `at`."""
    return float(state.venue_index[rounds_ago(state.clock[0], at, state.venues[v].index_lag), v, a])
