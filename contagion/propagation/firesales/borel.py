"""How likely is a cluster of k closes when each causes n more on average? The Borel law without loss of digits.

The far tail is summed term by term (one minus the distribution function loses all digits); where the terms
fall too slowly, the rest is an integral with Euler-Maclaurin corrections.

References
----------
Borel (1942); Tanner (1961), Biometrika 48.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from contagion.arrays import FloatArray

TERMS = 20_000  # summed one by one before the integral takes over
NEGLIGIBLE = 45.0  # exp(-45): what is left after this many decay lengths is below the last digit
_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


def probability(size: int, branching_ratio: float) -> float:
    """P(cluster size = k), ``exp(-nk) (nk)^(k-1) / k!``.

    Examples
    --------
    >>> probability(1, 0.0)
    1.0
    """
    if size < 1 or (branching_ratio == 0.0 and size > 1):
        return 0.0
    if branching_ratio == 0.0:
        return 1.0
    return float(np.exp(_log_probability(np.array([float(size)]), branching_ratio))[0])


def tail(size: int, branching_ratio: float) -> float:
    """P(cluster size >= k), to nearly full relative precision however small it is.

    Examples
    --------
    >>> tail(1, 1.0)
    1.0
    """
    if size <= 1:
        return 1.0
    if branching_ratio == 0.0:
        return 0.0
    needed = NEGLIGIBLE / max(_decay(branching_ratio), 1e-300)
    terms = int(min(needed, TERMS)) + 1
    sizes = float(size) + np.arange(terms, dtype=np.float64)
    total = math.fsum(np.exp(_log_probability(sizes, branching_ratio)))
    if needed > TERMS:
        total += _rest(float(size) + terms, branching_ratio)
    return total


def _decay(branching_ratio: float) -> float:
    """Exponential rate of the tail, ``n - 1 - log n``, accurate near the critical ratio."""
    distance = branching_ratio - 1.0
    if abs(distance) > 1e-2:
        return distance - math.log(branching_ratio)
    return sum((-distance) ** power / power for power in range(2, 12))


def _log_probability(size: FloatArray, branching_ratio: float) -> FloatArray:
    """Logarithm of the probability, by the series of Stirling for the factorial beyond 30."""
    log_factorial_rest = 1 / (12 * size) - 1 / (360 * size**3) + 1 / (1260 * size**5) - 1 / (1680 * size**7)
    large = (
        -_decay(branching_ratio) * size
        - math.log(branching_ratio)
        - 1.5 * np.log(size)
        - _HALF_LOG_TWO_PI
        - log_factorial_rest
    )
    small = size < 30
    if small.any():
        few = size[small]
        factorials = np.array([math.lgamma(k + 1.0) for k in few])
        large[small] = -branching_ratio * few + (few - 1.0) * np.log(branching_ratio * few) - factorials
    return np.asarray(large)


def _rest(start: float, branching_ratio: float) -> float:
    """Sum of all probabilities from `start` on, for a large start, by Euler-Maclaurin."""
    decay = _decay(branching_ratio)
    first = float(np.exp(_log_probability(np.array([start]), branching_ratio))[0])
    return _integral(start, decay, branching_ratio) + 0.5 * first + first * (decay + 1.5 / start) / 12.0


def _integral(start: float, decay: float, branching_ratio: float) -> float:
    """Integral of the probability over sizes from `start` to infinity."""
    scale = math.exp(-decay * start - _HALF_LOG_TWO_PI) / branching_ratio
    if decay * start > 50.0:  # in units of the decay length the power varies slowly
        points, weights = _laguerre()
        sizes = start + points / decay
        return scale / decay * float(np.sum(weights * _power(sizes)))
    reach = decay * start
    bracket = 1.0 - math.sqrt(math.pi * reach) * math.exp(reach) * math.erfc(math.sqrt(reach))
    # integrals of size^(-3/2), ^(-5/2), ^(-7/2), times exp(decay start); the last two by parts
    first = 2.0 / math.sqrt(start) * bracket
    second = (start**-1.5 - decay * first) / 1.5
    third = (start**-2.5 - decay * second) / 2.5
    return float(scale * (first - second / 12.0 + third / 288.0))


def _power(size: FloatArray) -> FloatArray:
    """``size^(-3/2)`` with the first corrections of Stirling's series."""
    return np.asarray(size**-1.5 * np.exp(-1.0 / (12.0 * size) + 1.0 / (360.0 * size**3)))


@cache
def _laguerre() -> tuple[FloatArray, FloatArray]:
    """Points and weights for ``exp(-y)`` on [0, inf)."""
    points, weights = np.polynomial.laguerre.laggauss(40)
    return np.asarray(points), np.asarray(weights)
