"""When is trading stopped? Market-wide breakers on the fall of a day, dynamic ones on a rolling window.

References
----------
Rule 80B of the US exchanges (7, 13 and 20 %, 15 minutes, none of the first two from 15:25 on); CME on dynamic circuit
breakers (a halt of 2 minutes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray, real, reals
from contagion.errors import PolicyError, SchemaError, ValueRangeError


@dataclass(frozen=True)
class MarketWide:
    """Values that trigger each level, and the number of levels that each observed value has reached."""

    trigger_prices: FloatArray
    levels_reached: Any


@dataclass(frozen=True)
class MarketWideHalts:
    """Halts of a day: start (minutes after midnight), level from 1, length (minutes; nan: for the day)."""

    time_min: FloatArray
    level: NDArray[np.int64]
    duration_min: FloatArray


@dataclass(frozen=True)
class DynamicLimits:
    """Width and limits around a window of prices, money per unit."""

    variant: Any
    low_limit: Any
    high_limit: Any


@dataclass(frozen=True)
class DynamicHalt:
    """Width of the limits, and the place (from 0) of the first price outside them, None if there is none."""

    variant: float
    halt_index: int | None


def circuit_breaker_market_wide(prior_close: Any, values: Any, *, levels: Any) -> MarketWide:
    """How many levels of a market-wide breaker each value has reached.

    Parameters
    ----------
    prior_close
        Index at the close of the day before, > 0.
    values
        Index values, > 0, any shape.
    levels
        Falls as fractions in [0, 1], rising; 0.07, 0.13, 0.20 in the US.

    Returns
    -------
    MarketWide
        Triggers ``close (1 - level)``; a level is reached at its trigger and below.

    Raises
    ------
    InputError
        If a number is out of range or the levels do not rise.

    Examples
    --------
    >>> circuit_breaker_market_wide(100, [95, 90, 79], levels=[0.07, 0.13, 0.2]).levels_reached
    array([0, 1, 3])
    """
    close, seen = real(prior_close, "prior_close", above=0.0), reals(values, "values", above=0.0)
    triggers = close * (1.0 - _levels(levels))
    reached = (seen[..., None] <= triggers).sum(axis=-1)
    return MarketWide(triggers, reached[()])


def circuit_breaker_market_wide_halts(
    prior_close: Any, time_min: Any, value: Any, *, levels: Any, halt_min: Any, last_halt_min: Any
) -> MarketWideHalts:
    """Halts of one day along the observed path of the index.

    Parameters
    ----------
    prior_close, levels
        As in `circuit_breaker_market_wide`.
    time_min
        Minutes after midnight, >= 0, ascending, shape ``(n,)``.
    value
        Index at these times, > 0.
    halt_min
        Length of a halt, >= 0; 15 in the US.
    last_halt_min
        From this minute on only the last level stops trading; 925 (15:25) in the US.

    Returns
    -------
    MarketWideHalts
        Observations during a halt are skipped; a halt uses up its level and those below; the last level closes
        the market for the day.

    Raises
    ------
    InputError
        If a number is out of range, lengths differ, times fall, or the levels do not rise.

    Examples
    --------
    >>> found = circuit_breaker_market_wide_halts(
    ...     100, [600, 610, 620], [92, 85, 85], levels=[0.07, 0.13, 0.2], halt_min=15, last_halt_min=925)
    >>> found.time_min, found.level
    (array([600., 620.]), array([1, 2]))
    """
    length, last = real(halt_min, "halt_min", low=0.0), real(last_halt_min, "last_halt_min", low=0.0)
    times, seen = _path(time_min, value, "time_min", "value")
    reached = circuit_breaker_market_wide(prior_close, seen, levels=levels).levels_reached
    final = len(_levels(levels))
    halts: list[tuple[float, int, float]] = []
    used, resumed = 0, -np.inf
    for minute, level in zip(times.tolist(), np.asarray(reached).tolist(), strict=True):
        if minute < resumed or level <= used:
            continue
        if level == final:
            halts.append((minute, level, np.nan))
            break
        if minute < last:
            halts.append((minute, level, length))
            used, resumed = level, minute + length
    columns = list(zip(*halts, strict=True)) or [(), (), ()]
    return MarketWideHalts(
        np.array(columns[0], dtype=np.float64),
        np.array(columns[1], dtype=np.int64),
        np.array(columns[2], dtype=np.float64),
    )


def circuit_breaker_dynamic(settlement_price: Any, window_prices: Any, *, percent: Any) -> DynamicLimits:
    """Limits that follow the prices of the last hour.

    Parameters
    ----------
    settlement_price
        Of the day before, money per unit, > 0, shape ``(...)``.
    window_prices
        Prices in the window, > 0, shape ``(..., n)`` with n >= 1.
    percent
        Width as a fraction of the settlement price, >= 0; 0.1 for Bitcoin futures.

    Returns
    -------
    DynamicLimits
        ``variant = settlement percent``; highest price less it (at least 0), lowest price plus it.

    Raises
    ------
    InputError
        If a number is out of range or there is no price.

    Examples
    --------
    >>> found = circuit_breaker_dynamic(100_000, [104_000, 99_000, 101_500], percent=0.1)
    >>> float(found.low_limit), float(found.high_limit)
    (94000.0, 109000.0)
    """
    window = reals(window_prices, "window_prices", above=0.0)
    if window.ndim == 0 or window.shape[-1] == 0:
        raise SchemaError("is empty", where="window_prices", allowed="at least one price")
    variant = reals(settlement_price, "settlement_price", above=0.0) * reals(percent, "percent", low=0.0)
    low, high = np.maximum(window.max(axis=-1) - variant, 0.0), window.min(axis=-1) + variant
    return DynamicLimits(variant[()], low[()], high[()])


def circuit_breaker_dynamic_path(
    settlement_price: Any, prices: Any, times_s: Any, *, percent: Any, window_s: Any
) -> DynamicHalt:
    """First price of a path that leaves the limits of its own window.

    Parameters
    ----------
    settlement_price, percent
        As in `circuit_breaker_dynamic`, one number each.
    prices
        Money per unit, > 0, shape ``(n,)``.
    times_s
        Seconds, >= 0, ascending, shape ``(n,)``.
    window_s
        Oldest age of a price that counts, >= 0; 3,600 at CME.

    Returns
    -------
    DynamicHalt
        A price exactly at a limit does not halt.

    Raises
    ------
    InputError
        If a number is out of range, lengths differ or times fall.

    Examples
    --------
    >>> circuit_breaker_dynamic_path(5000, [5000, 4900, 4820], [0, 600, 1200], percent=0.035, window_s=3600)
    DynamicHalt(variant=175.00000000000003, halt_index=2)
    """
    times, seen = _path(times_s, prices, "times_s", "prices")
    settled, width = real(settlement_price, "settlement_price", above=0.0), real(percent, "percent", low=0.0)
    window = real(window_s, "window_s", low=0.0)
    variant = settled * width
    first = 0
    for place, now in enumerate(times.tolist()):
        while now - times[first] > window:
            first += 1
        near = seen[first : place + 1]
        if seen[place] < near.max() - variant or seen[place] > near.min() + variant:
            return DynamicHalt(variant, place)
    return DynamicHalt(variant, None)


def _levels(levels: Any) -> FloatArray:
    """Checked levels."""
    found = reals(levels, "levels", low=0.0, high=1.0, dimensions=1)
    if len(found) == 0 or (np.diff(found) <= 0).any():
        raise PolicyError("do not rise", where="levels", value=levels, allowed="falls from small to large")
    return found


def _path(times: Any, values: Any, time_name: str, value_name: str) -> tuple[FloatArray, FloatArray]:
    """Checked times and prices of one length, times ascending."""
    when = reals(times, time_name, low=0.0, dimensions=1)
    what = reals(values, value_name, above=0.0, dimensions=1)
    if when.shape != what.shape:
        raise SchemaError(
            f"have the shapes {when.shape} and {what.shape}",
            where=f"{time_name}, {value_name}",
            allowed="one value for each time",
        )
    back = np.flatnonzero(np.diff(when) < 0)
    if len(back):
        raise ValueRangeError(
            "is before the time in front of it",
            where=f"{time_name}[{back[0] + 1}]",
            value=float(when[back[0] + 1]),
            allowed="ascending times",
        )
    return when, what
