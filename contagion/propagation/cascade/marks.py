"""Marks that are medians: of the index, the index with its average basis, the last price, other venues.

One kernel for each rule of `contagion.markets.marks`, for a market of a round. The model has no spread: the middle of
the book, bid and ask are the last price. What is an average over time is one over rounds; with rounds longer than the
window it is the current value, and the median of Binance then is the last price.

References
----------
Margin chapter, section 7 (`mark_price_median_binance`, `mark_price_median_hyperliquid`, `ema_time_weighted`,
`weighted_median`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.codes import PERP

BASIS_WINDOW = 30.0  # s, of the average basis in Binance's mark price (its documentation)
BASIS_FADES = 150.0  # s, time constant of the basis average in Hyperliquid's mark price (its documentation)
LOCAL_FADES = 30.0  # s, time constant of the local average that stands in for other venues there


@inner
def middle_of(one: float, two: float, three: float) -> float:
    """Median of three numbers."""
    return max(min(one, two), min(max(one, two), three))


@inner
def average_basis(state: Any, m: int) -> float:
    """Mean of last price less index over the rounds of the window that ends now, at least the current one."""
    clock, market = state.clock[0], state.markets[m]
    n, at = max(1, int(np.floor(BASIS_WINDOW / clock.step + 1e-9))), int(clock.round)
    first, total = max(0, at - n + 1), market.last - market.index
    for r in range(first, at):
        total += state.history[r, m].last - state.history[r, m].index
    return float(total / (at - first + 1))


@inner
def until_funding(clock: Any, market: Any) -> float:
    """Share of the funding interval that is still to go; 0 in the round of the payment and without funding."""
    if market.funding_interval == np.inf:
        return 0.0
    gone = clock.time / market.funding_interval
    return float(max(0.0, np.ceil(gone - 1e-9) - gone))


@inner
def mark_binance(state: Any, m: int) -> float:
    """Median of the last price, the index with what is left of the last funding rate, the index with its basis."""
    market = state.markets[m]
    funded = market.index * (1.0 + market.funding_rate * until_funding(state.clock[0], market))
    return middle_of(funded, market.index + average_basis(state, m), market.last)


@inner
def weight_elsewhere(state: Any, m: int, most: float) -> float:
    """Weight of the asset's perpetuals at other venues whose last price is at most `most`."""
    here, total = state.markets[m], 0.0
    for n in range(state.markets.shape[0]):
        other = state.markets[n]
        counts = other.kind == PERP and other.asset == here.asset and other.venue != here.venue
        if counts and not other.dead and other.last <= most:
            total += state.venues[other.venue].mid_weight
    return total


@inner
def price_elsewhere(state: Any, m: int) -> float:
    """Weighted median of the last prices of the asset's perpetuals at other venues; nan where there is none."""
    here, found = state.markets[m], math.nan
    total = weight_elsewhere(state, m, math.inf)
    if total <= 0.0:
        return found
    for n in range(state.markets.shape[0]):
        other = state.markets[n]
        counts = other.kind == PERP and other.asset == here.asset and other.venue != here.venue
        lower = counts and not other.dead and not found <= other.last
        if lower and weight_elsewhere(state, m, other.last) >= 0.5 * total:
            found = float(other.last)
    return found


@inner
def mark_hyperliquid(state: Any, m: int) -> float:
    """Median of the index with its fading basis, the last price, and the other venues (or the own average)."""
    market, step = state.markets[m], state.clock[0].step
    keep, kept = math.exp(-step / BASIS_FADES), math.exp(-step / LOCAL_FADES)
    market.basis_sum = market.basis_sum * keep + (market.last - market.index) * step
    market.basis_weight = market.basis_weight * keep + step
    market.local_sum = market.local_sum * kept + market.last * step
    market.local_weight = market.local_weight * kept + step
    third = price_elsewhere(state, m)
    if math.isnan(third):
        third = market.local_sum / market.local_weight
    return middle_of(market.index + market.basis_sum / market.basis_weight, market.last, third)
