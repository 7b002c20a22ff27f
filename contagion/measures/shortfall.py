"""What is the mean of the worst scenarios, and how does it vary? The arithmetic behind `intervals`.

Arrays hold no NaN here. Standard error of expected shortfall with k = n (1 - level) points in the tail:
se² = (variance of the tail + level (ES - VaR)²) / k.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.resampling import Resampling, central

__all__ = [
    "check_level",
    "finite",
    "order_statistics",
    "resampled_difference",
    "resampled_tail",
    "studentised",
    "tail",
    "tail_points",
    "weighted_tail",
]

Array = npt.NDArray[np.float64]

NAN: Final = float("nan")

ROUNDING: Final = 1e-12
"""A standard error below this share of the range of the largest values is rounding, hence 0."""


def tail_points(n: int, level: float) -> int:
    """Return k, the number of scenarios in the tail: n (1 - level), rounded down.

    Examples
    --------
    >>> tail_points(1000, 0.95)
    50
    """
    return int(n * (1.0 - level) + 1e-9)


def check_level(level: float, where: str = "level") -> float:
    """Return a share strictly between 0 and 1, or refuse it with SchemaError or ValueRangeError."""
    allowed = "a share between 0 and 1, such as 0.95"
    if isinstance(level, (bool, np.bool_)) or not isinstance(level, (int, float, np.integer, np.floating)):
        raise SchemaError("is no number", where=where, value=level, allowed=allowed)
    if not 0.0 < level < 1.0:
        raise ValueRangeError("is out of range", where=where, value=level, allowed=allowed)
    return float(level)


def finite(values: Array) -> Array:
    """Return the values that are no NaN."""
    return values[np.isfinite(values)]


def tail(values: Array, level: float) -> tuple[float, float, float]:
    """Return expected shortfall, value at risk and the standard error of the shortfall of a sample."""
    ordered = np.sort(values)[::-1]
    shortfall, risk, error = weighted_tail(
        ordered, np.ones((1, len(ordered))), np.array([float(len(ordered))]), level
    )
    return float(shortfall[0]), float(risk[0]), float(error[0])


def weighted_tail(ordered: Array, weights: Array, totals: Array, level: float) -> tuple[Array, Array, Array]:
    """Return shortfall, value at risk and standard error of every draw, shape (b,) each.

    Parameters
    ----------
    ordered : numpy.ndarray
        The largest values of the sample, falling, shape (m,); enough of them to hold the tail of every draw.
    weights : numpy.ndarray
        Their weights in every draw, shape (b, m).
    totals : numpy.ndarray
        Weight of all scenarios in every draw, shape (b,).
    level : float
        Where the tail begins. A point on its edge counts with the fraction that lies inside.
    """
    k = totals * (1.0 - level)
    k = np.where(np.abs(k - np.rint(k)) < 1e-9 * np.maximum(k, 1.0), np.rint(k), k)
    sums = np.cumsum(weights, axis=1)
    used = np.clip(k[:, np.newaxis] - (sums - weights), 0.0, weights)
    base = float(ordered[0])
    distances = ordered - base
    shortfall = (used * distances).sum(axis=1) / k
    spread = (used * (distances - shortfall[:, np.newaxis]) ** 2).sum(axis=1) / k
    beyond = sums > k[:, np.newaxis]
    place = np.where(beyond.any(axis=1), beyond.argmax(axis=1), len(ordered) - 1)
    risk = distances[place]
    error = np.sqrt((spread + level * (shortfall - risk) ** 2) / k)
    error[error <= ROUNDING * -distances[-1]] = 0.0
    return base + shortfall, ordered[place], error


def resampled_tail(values: Array, level: float, resampling: Resampling) -> tuple[Array, Array, Array]:
    """Return shortfall, value at risk and standard error of every bootstrap draw, shape (999,) each."""
    reach = resampling.reach(len(values) * (1.0 - level))
    largest = np.argsort(-values, kind="stable")[:reach]
    kept = np.sort(largest)
    places = np.searchsorted(kept, largest)
    parts = [
        weighted_tail(values[largest], weights[:, places], totals, level)
        for weights, totals in resampling.blocks(kept)
    ]
    shortfalls, risks, errors = (np.concatenate(part) for part in zip(*parts, strict=True))
    return shortfalls, risks, errors


def resampled_difference(first: Array, second: Array, level: float, resampling: Resampling) -> Array:
    """Return the difference of the shortfalls in every draw, both sides with the same weights."""
    reach = resampling.reach(len(first) * (1.0 - level))
    orders = [np.argsort(-values, kind="stable")[:reach] for values in (first, second)]
    kept = np.union1d(*orders)
    places = [np.searchsorted(kept, order) for order in orders]
    differences = []
    for weights, totals in resampling.blocks(kept):
        ones, others = (
            weighted_tail(values[order], weights[:, place], totals, level)[0]
            for values, order, place in zip((first, second), orders, places, strict=True)
        )
        differences.append(ones - others)
    return np.concatenate(differences)


def studentised(
    shortfall: float, error: float, draws: tuple[Array, Array, Array], confidence: float
) -> tuple[float, float]:
    """Return the studentised bootstrap interval of the shortfall, on logs where it is positive throughout.

    Both ends are NaN where too many draws have no spread in their tail.
    """
    shortfalls, _, errors = draws
    if error == 0.0:
        return (shortfall, shortfall) if (shortfalls == shortfall).all() else (NAN, NAN)
    logs = shortfall > 0.0 and bool((shortfalls > 0.0).all())
    if logs:
        distance, unit = np.log(shortfalls / shortfall), errors / shortfalls
    else:
        distance, unit = shortfalls - shortfall, errors
    apart = np.where(distance == 0.0, 0.0, np.copysign(np.inf, distance))
    ratios = np.divide(distance, unit, out=apart, where=unit > 0.0)
    lower, upper = central(ratios, confidence)
    if not np.isfinite([lower, upper]).all():
        return NAN, NAN
    if logs:
        relative = error / shortfall
        return float(shortfall * np.exp(-upper * relative)), float(shortfall * np.exp(-lower * relative))
    return shortfall - upper * error, shortfall - lower * error


def order_statistics(ordered: Array, level: float, confidence: float) -> tuple[float, float]:
    """Return the order statistics that enclose a quantile; how many values lie below it is binomial.

    `ordered` rises. A side without a large enough order statistic is NaN.
    """
    from scipy.special import bdtr

    n = len(ordered)
    shares = bdtr(np.arange(n + 1, dtype=np.float64), n, level)
    outside = (1.0 - confidence) / 2.0
    low = int(np.searchsorted(shares, outside))
    high = int(np.searchsorted(shares, 1.0 - outside)) + 1
    return float(ordered[low - 1]) if low >= 1 else NAN, float(ordered[high - 1]) if high <= n else NAN
