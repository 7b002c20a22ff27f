"""At which price are positions valued? Mark prices as medians of what could not all be moved at once.

Numbers may be arrays over markets.

References
----------
Rules of Binance and Hyperliquid on the mark price.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, fitted, reals
from contagion.errors import SchemaError
from contagion.markets.index import median_by_weight, stacked


@dataclass(frozen=True)
class BinanceMark:
    """Price from funding, price from the average basis, and the mark; money per unit."""

    price_1: Any
    price_2: Any
    mark_price: Any


@dataclass(frozen=True)
class HyperliquidMark:
    """Median of the own book, weighted median of other venues (nan: none), and the mark; money per unit."""

    local_median: Any
    venue_median: Any
    mark_price: Any


def mark_price_median_binance(
    index_price: Any,
    last_price: Any,
    moving_average_basis: Any,
    hours_to_funding: Any,
    *,
    funding_rate: Any,
    interval_hours: Any,
) -> BinanceMark:
    """Median of the last price and of two prices built on the index.

    Parameters
    ----------
    index_price, last_price
        Money per unit, > 0, any shape.
    moving_average_basis
        Mean of the book's middle less the index over 30 seconds, any sign.
    hours_to_funding
        Until the next payment, >= 0.
    funding_rate
        Last rate, any sign.
    interval_hours
        Between payments, > 0.

    Returns
    -------
    BinanceMark
        ``price_1 = index (1 + rate hours / interval)``, ``price_2 = index + basis``.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> found = mark_price_median_binance(60_000, 60_010, 45, 2, funding_rate=-0.0003, interval_hours=8)
    >>> float(found.mark_price)
    60010.0
    """
    index, last, basis, hours, rate, interval = fitted(
        index_price=reals(index_price, "index_price", above=0.0),
        last_price=reals(last_price, "last_price", above=0.0),
        moving_average_basis=reals(moving_average_basis, "moving_average_basis"),
        hours_to_funding=reals(hours_to_funding, "hours_to_funding", low=0.0),
        funding_rate=reals(funding_rate, "funding_rate"),
        interval_hours=reals(interval_hours, "interval_hours", above=0.0),
    )
    first, second = index * (1.0 + rate * hours / interval), index + basis
    return BinanceMark(first[()], second[()], _median(first, second, last)[()])


def mark_price_median_hyperliquid(
    oracle_price: Any,
    ema_basis: Any,
    bid: Any,
    ask: Any,
    last_price: Any,
    venue_mids: Mapping[str, Any],
    *,
    weights: Mapping[str, Any],
    local_ema: Any = None,
) -> HyperliquidMark:
    """Median of the oracle with its basis, the own book and other venues.

    Parameters
    ----------
    oracle_price, bid, ask, last_price
        Money per unit, > 0, any shape.
    ema_basis
        Average of the mark less the oracle over 150 seconds, any sign.
    venue_mids
        Middle price of each venue that is present, > 0.
    weights
        Weight of each venue, >= 0.
    local_ema
        Average of the local median over 30 seconds; takes the place of the venues where none is present.

    Returns
    -------
    HyperliquidMark
        ``local_median = median(bid, ask, last)``.

    Raises
    ------
    InputError
        If a number is out of range, a venue has no weight, or neither a venue nor `local_ema` is given.

    Examples
    --------
    >>> found = mark_price_median_hyperliquid(
    ...     100_000, -300, 99_400, 99_500, 99_450, {}, weights={}, local_ema=99_550)
    >>> float(found.mark_price)
    99550.0
    """
    oracle, basis, bought, sold, last = fitted(
        oracle_price=reals(oracle_price, "oracle_price", above=0.0),
        ema_basis=reals(ema_basis, "ema_basis"),
        bid=reals(bid, "bid", above=0.0),
        ask=reals(ask, "ask", above=0.0),
        last_price=reals(last_price, "last_price", above=0.0),
    )
    names, price, weight = stacked(venue_mids, weights, "venue_mids")
    local = _median(bought, sold, last)
    if names:
        venues = third = median_by_weight(price, weight)
    elif local_ema is None:
        raise SchemaError(
            "has no key 'local_ema'", where="venue_mids", allowed="a venue, or local_ema in its place"
        )
    else:
        venues, third = np.full(local.shape, np.nan), reals(local_ema, "local_ema", above=0.0)
    return HyperliquidMark(local[()], venues[()], _median(oracle + basis, local, third)[()])


def _median(one: FloatArray, two: FloatArray, three: FloatArray) -> FloatArray:
    """Middle of three numbers, element by element."""
    one, two, three = fitted(first=one, second=two, third=three)
    return np.asarray(np.median(np.stack([one, two, three]), axis=0))
