"""How likely does a log-normal price leave an interval before a horizon, or lie outside it at the horizon?

References
----------
The reflection principle of Brownian motion, with drift by Girsanov's change of measure: Karatzas, Shreve (1991),
"Brownian motion and stochastic calculus", sections 2.6, 2.8 and 3.5; two barriers by the series of images, Borodin,
Salminen (2002), "Handbook of Brownian motion", part II, 1.15.8 and 2.15.8.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.arrays import FloatArray, fitted, reals, word

IMAGES = 24
NARROW = 6.0
"""Interval widths below 1 / NARROW of a standard deviation: the chance to stay is below exp(-pi^2 NARROW^2 / 2)."""
PASSAGES = ("first", "end")
DRIFTS = ("log", "price")


def exit_probability(
    lower: Any,
    upper: Any,
    volatility: Any,
    horizon: Any,
    *,
    passage: str = "first",
    drift: str = "log",
) -> FloatArray:
    """Return the probability that a price is at or past a barrier, without trend.

    Parameters
    ----------
    lower, upper : array_like
        Price ratios to today's price of the barriers: 0 <= lower <= 1 <= upper; 0 and infinity are no barrier.
    volatility : array_like
        Standard deviation of the log return, per square root of the unit of the horizon.
    horizon : array_like
        Time, in that unit. All four broadcast.
    passage : {"first", "end"}
        Whether a barrier was met at any time up to the horizon, or is passed at the horizon.
    drift : {"log", "price"}
        What has no trend: the logarithm of the price, or the price itself (a martingale; its logarithm then drifts
        by minus half the variance).

    Returns
    -------
    ndarray
        Probabilities. With one barrier at log distance b and a driftless logarithm ``2 Φ(-b / (σ √T))``.

    Raises
    ------
    SchemaError, ValueRangeError
        If an argument is no number or out of its range, or shapes do not fit.
    InputError
        If `passage` or `drift` is another word.

    Examples
    --------
    >>> from math import inf
    >>> print(exit_probability(0.9, inf, 0.04, 1.0).round(6))
    0.008438
    >>> print(exit_probability(0.9, inf, 0.04, 1.0, passage="end").round(6))
    0.004219
    """
    word(passage, "passage", PASSAGES), word(drift, "drift", DRIFTS)
    low, high, sigma, time = fitted(
        lower=reals(lower, "lower", low=0.0, high=1.0),
        upper=reals(upper, "upper", low=1.0, infinite=True),
        volatility=reals(volatility, "volatility", low=0.0),
        horizon=reals(horizon, "horizon", low=0.0),
    )
    with np.errstate(divide="ignore"):
        below, above = np.log(low), np.log(high)
    spread = sigma * np.sqrt(time)
    trend = np.zeros_like(spread) if drift == "log" else -0.5 * spread * spread
    still = spread == 0.0
    safe = np.where(still, 1.0, spread)
    found = _outside(below, above, safe, trend) if passage == "end" else _left(below, above, safe, trend)
    met = (below == 0.0) | (above == 0.0) if passage == "first" else np.zeros_like(still)
    return np.where(met, 1.0, np.where(still, 0.0, np.clip(found, 0.0, 1.0)))


def _outside(below: FloatArray, above: FloatArray, spread: FloatArray, trend: FloatArray) -> FloatArray:
    """Return the probability of an end past a barrier; `trend` is the mean of the log return."""
    from scipy.special import ndtr

    return np.asarray(ndtr((below - trend) / spread) + ndtr((trend - above) / spread), dtype=np.float64)


def _left(below: FloatArray, above: FloatArray, spread: FloatArray, trend: FloatArray) -> FloatArray:
    """Return the probability of having met a barrier."""
    from scipy.special import ndtr

    tilt = 2.0 * trend / (spread * spread)
    single = np.where(np.isfinite(below), below, 0.0), np.where(np.isfinite(above), above, 0.0)
    down = ndtr((single[0] - trend) / spread) + np.exp(tilt * single[0]) * ndtr((single[0] + trend) / spread)
    up = ndtr((trend - single[1]) / spread) + np.exp(tilt * single[1]) * ndtr((-single[1] - trend) / spread)
    one = np.where(np.isfinite(below), down, np.where(np.isfinite(above), up, 0.0))
    both = np.isfinite(below) & np.isfinite(above)
    if not both.any():
        return one
    inner = [np.where(both, value, empty) for value, empty in ((below, -1.0), (above, 1.0))]
    return np.where(both, 1.0 - _stayed(inner[0], inner[1], spread, trend, tilt), one)


def _stayed(
    below: FloatArray, above: FloatArray, spread: FloatArray, trend: FloatArray, tilt: FloatArray
) -> FloatArray:
    """Return the probability of never having met either barrier, by images of the start in both."""
    from scipy.special import ndtr

    width = above - below
    narrow = width * NARROW < spread
    step = np.where(narrow, 1.0, width)
    total = np.zeros_like(spread)
    for k in range(-IMAGES, IMAGES + 1):
        for image, sign in ((2.0 * k * step, 1.0), (2.0 * below - 2.0 * k * step, -1.0)):
            mass = ndtr((above - image - trend) / spread) - ndtr((below - image - trend) / spread)
            with np.errstate(over="ignore", invalid="ignore"):
                weighted = np.exp(0.5 * tilt * image) * mass
            total += sign * np.where(mass > 0.0, weighted, 0.0)
    return np.where(narrow, 0.0, np.clip(total, 0.0, 1.0))
