"""Margin by scenario scan: what would an account lose in the worst of its venue's scenarios?

Per asset the worst sum, over scenarios, of lots times the gain of a lot (`scan_risks`), so that products on one asset
offset each other; never below the short minimum of the options sold; times the largest margin multiplier of the markets
held, since one multiplier by leg could lower the margin of a hedge that it breaks. Assets do not offset each other. The
requirement grows in proportion to the account: without a share of every leg it is smaller by that share, while closing
one leg of a hedge can raise it.

References
----------
`contagion.margin.scan_margin` and `contagion.markets.risk_array`, which the requirement equals.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.codes import OPTION
from contagion.propagation.cascade.indices import row_of


@inner
def is_first_on_asset(book: Any, state: Any, i: int, k: int) -> bool:
    """Whether no leg of account `i` before leg `k` is on the same asset."""
    asset = state.markets[book.leg_market[k]].asset
    for j in range(book.indptr[i], k):
        if state.markets[book.leg_market[j]].asset == asset:
            return False
    return True


@inner
def scenario_gain(book: Any, state: Any, i: int, asset: int, c: int, outside: bool) -> float:
    """Gain of the legs of account `i` on one asset in scenario `c`, quanta."""
    total = 0.0
    for j in range(book.indptr[i], book.indptr[i + 1]):
        m = book.leg_market[j]
        if state.markets[m].asset == asset:
            total += state.quantity[j] * (state.risk_outside[m, c] if outside else state.risk[m, c])
    return total


@inner
def short_floor(book: Any, state: Any, i: int, asset: int, outside: bool) -> float:
    """Least margin for the options on one asset that account `i` has sold, quanta."""
    least, total = state.venues[book.venue[i]].short_minimum, 0.0
    for j in range(book.indptr[i], book.indptr[i + 1]):
        market = state.markets[book.leg_market[j]]
        if market.asset == asset and market.kind == OPTION:
            price = market.index
            if outside:
                price = state.outside[row_of(state.clock[0], state.outside), asset]
            total += least * max(0.0, -state.quantity[j]) * (price * market.lot_scale)
    return total


@inner
def asset_multiplier(book: Any, state: Any, i: int, asset: int) -> float:
    """Largest multiplier of the markets on one asset in which account `i` has lots; 0 where it has none."""
    largest = 0.0
    for j in range(book.indptr[i], book.indptr[i + 1]):
        market = state.markets[book.leg_market[j]]
        if market.asset == asset and state.quantity[j] != 0.0:
            largest = max(largest, market.multiplier)
    return largest


@inner
def asset_scan(book: Any, state: Any, i: int, asset: int, outside: bool) -> float:
    """Margin of the legs of account `i` on one asset, quanta."""
    venue, worst = state.venues[book.venue[i]], 0.0
    for c in range(venue.scan_first, venue.scan_last):
        worst = min(worst, scenario_gain(book, state, i, asset, c, outside))
    floor = short_floor(book, state, i, asset, outside)
    return float(asset_multiplier(book, state, i, asset) * max(-worst, floor))


@inner
def scan(book: Any, state: Any, i: int, outside: bool) -> float:
    """Margin that account `i` must hold at its venue, without haircuts: at the marks, or at outside prices; quanta."""
    total = 0.0
    for k in range(book.indptr[i], book.indptr[i + 1]):
        if is_first_on_asset(book, state, i, k):
            asset = state.markets[book.leg_market[k]].asset
            total += asset_scan(book, state, i, asset, outside)
    return total


@inner
def least_share(short: float, freed: float, cost: float) -> float:
    """Smallest share of all legs to close, at most 1: `short` is missing, all of them free `freed` and cost `cost`."""
    if short <= 0.0:
        return 0.0
    if freed - cost <= short:
        return 1.0
    return float(short / (freed - cost))


@inner
def scan_room(book: Any, state: Any, leg: int, free: float, sells: bool) -> float:
    """Lots that the account behind `leg` may trade there until the scan of all its legs exceeds `free` (quanta).

    At least what closes the leg, and 0 for other trades of an account whose scan exceeds it already. Hedges that other
    orders of the round make (`hedge_wanted`) count as made.
    """
    i, m = book.leg_account[leg], book.leg_market[leg]
    venue, market = state.venues[book.venue[i]], state.markets[m]
    asset, way = market.asset, -1.0 if sells else 1.0
    for k in range(book.indptr[i], book.indptr[i + 1]):
        other = state.markets[book.leg_market[k]].asset
        if other != asset and is_first_on_asset(book, state, i, k):
            free -= asset_scan(book, state, i, other, False)
    largest = max(market.multiplier, asset_multiplier(book, state, i, asset))
    room = np.inf
    for c in range(venue.scan_first, venue.scan_last):
        gain, step = scenario_gain(book, state, i, asset, c, False), way * state.risk[m, c]
        for k in range(book.indptr[i], book.indptr[i + 1]):
            if state.hedge_wanted[k] != 0.0 and state.markets[book.leg_market[k]].asset == asset:
                gain -= state.hedge_wanted[k] * state.risk[book.leg_market[k], c]
        left = free + largest * gain
        if left < 0.0:
            room = 0.0
        elif step < 0.0:
            room = min(room, left / (-largest * step) if largest > 0.0 else np.inf)
    if sells and market.kind == OPTION:
        least = largest * venue.short_minimum * market.index * market.lot_scale
        left = free - largest * short_floor(book, state, i, asset, False)
        room = min(room, max(0.0, state.quantity[leg]) + max(0.0, left) / least if least > 0.0 else np.inf)
    lots = state.quantity[leg] - state.hedge_wanted[leg]
    closes = abs(lots) if lots != 0.0 and (lots > 0.0) == sells else 0.0
    return float(max(closes, room))
