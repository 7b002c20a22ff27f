"""Which line has the share q of all observations below it? Quantile regression on one variable, exactly.

The linear programme min Σ w (q u⁺ + (1 - q) u⁻) has an optimum that passes through two observations. The search
walks along the edges of the arrangement of lines, each step the steepest of those that start at the present
line, to the end of the edge: the simplex method on that programme, without its matrices.

References
----------
Koenker, Bassett (1978), "Regression quantiles", Econometrica 46(1). Koenker, d'Orey (1987), "Computing
regression quantiles", Applied Statistics 36(3).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from contagion.errors import ValueRangeError
from contagion.measures.market_based.checks import pair, share

__all__ = ["Start", "best_line", "best_slopes", "quantile_regression"]

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

Start = tuple[int, int]
"""Two observations with different x."""

NEAR: Final = 1e-12
"""Residuals and slopes below this share of the data's scale are rounding, hence 0."""


def quantile_regression(x: npt.ArrayLike, y: npt.ArrayLike, q: float) -> tuple[float, float]:
    """Return intercept and slope of the q-quantile of y given x.

    Parameters
    ----------
    x, y : array_like
        Observations, shape (n,) with n at least 2.
    q : float
        Share of observations below the line, between 0 and 1.

    Returns
    -------
    intercept, slope : float
        An optimum of the linear programme; it need not be the only one.

    Raises
    ------
    SchemaError
        If the series differ in length or hold no numbers.
    ValueRangeError
        If a number is not finite, x is constant, or q is out of range.

    Examples
    --------
    >>> quantile_regression([0.0, 1.0, 2.0, 1.0], [1.0, 3.0, 5.0, 9.0], 0.3)
    (1.0, 2.0)
    """
    first, second = pair(x, y, ("x", "y"))
    share(q)
    if first.min() == first.max():
        raise ValueRangeError("is constant, so no line has a slope", where="x", value=float(first[0]))
    start = int(first.argmin()), int(first.argmax())
    i, j = best_line(first, second, np.ones(len(first)), q, start)
    return line_through(first, second, i, j)


def line_through(x: Array, y: Array, i: int, j: int) -> tuple[float, float]:
    """Return intercept and slope of the line through two observations."""
    slope = (y[j] - y[i]) / (x[j] - x[i])
    return float(y[i] - slope * x[i]), float(slope)


def best_line(x: Array, y: Array, weights: Array, q: float, start: Start) -> Start:
    """Return two observations on the line with the least weighted loss, from a line through two others.

    Parameters
    ----------
    x, y, weights : numpy.ndarray
        Observations and how often each counts, shape (n,); a weight may be 0.
    q : float
        Share of the weight below the line.
    start : tuple of int
        Where the search begins.
    """
    i, j = start
    while True:
        found = _steepest(x, y, weights, q, i, j)
        if found is None:
            return i, j
        i, j = found, _turned(x, y, weights, q, found)


def best_slopes(x: Array, y: Array, weights: Array, q: float, start: Start) -> Array:
    """Return the slope of the best line under every row of weights: `best_line` for many draws at a time.

    Parameters
    ----------
    x, y : numpy.ndarray
        Observations, shape (n,).
    weights : numpy.ndarray
        How often each counts, shape (b, n).
    q, start
        As in `best_line`.

    Returns
    -------
    numpy.ndarray
        Shape (b,). Draws on whose line more than two observations lie are finished by `best_line`, one by one.
    """
    ends = np.tile(np.array(sorted(start), dtype=np.intp), (len(weights), 1))
    height = float(np.abs(y).max()), float(np.abs(x).max())
    active = np.arange(len(weights))
    while len(active):
        first, second = ends[active].T
        slope = (y[second] - y[first]) / (x[second] - x[first])
        residuals = y - y[first, np.newaxis] - slope[:, np.newaxis] * (x - x[first, np.newaxis])
        near = np.abs(residuals) <= NEAR * (height[0] + np.abs(slope) * height[1])[:, np.newaxis]
        row = np.arange(len(active))
        near[row, first] = near[row, second] = True
        crowded = near.sum(axis=1) > 2
        for one in active[crowded]:
            ends[one] = best_line(x, y, weights[one], q, (int(ends[one, 0]), int(ends[one, 1])))
        active, residuals, near = active[~crowded], residuals[~crowded], near[~crowded]
        own = weights[active]
        pivot, falls = _steepest_ends(
            x, own, np.where(near, 0.0, own * np.where(residuals > 0.0, q, q - 1.0)), q, ends[active]
        )
        active, pivot = active[falls], pivot[falls]
        ends[active] = np.sort(np.stack([pivot, _turns(x, y, own[falls], q, pivot)], axis=1), axis=1)
    first, second = ends.T
    return np.asarray((y[second] - y[first]) / (x[second] - x[first]))


def _steepest_ends(
    x: Array, weights: Array, pull: Array, q: float, ends: Places
) -> tuple[Places, npt.NDArray[np.bool_]]:
    """Return the end of every line about which a turn lowers the loss fastest, and whether it does lower it."""
    row = np.arange(len(ends))
    other = ends[:, ::-1]
    off = (pull @ x)[:, np.newaxis] - x[ends] * pull.sum(axis=1)[:, np.newaxis]
    ahead = (x[other] - x[ends]) * weights[row[:, np.newaxis], other]
    right, left = np.maximum(ahead, 0.0), np.maximum(-ahead, 0.0)
    rising = (1.0 - q) * right + q * left - off
    falling = q * right + (1.0 - q) * left + off
    change = np.minimum(rising, falling)
    best = change.argmin(axis=1)
    pivot = ends[row, best]
    scale = (weights * np.abs(x - x[pivot, np.newaxis])).sum(axis=1)
    return pivot, change[row, best] < -NEAR * scale


def _turns(x: Array, y: Array, weights: Array, q: float, pivot: Places) -> Places:
    """Return the observation that the best line through the pivot of every draw passes, as `_turned`."""
    apart = x - x[pivot, np.newaxis]
    slopes = np.full(apart.shape, np.inf)
    np.divide(y - y[pivot, np.newaxis], apart, out=slopes, where=apart != 0.0)
    order = np.argsort(slopes, axis=1, kind="stable")
    reach = weights * np.abs(apart)
    below = (reach * np.where(apart > 0.0, q, 1.0 - q)).sum(axis=1)
    sums = np.cumsum(np.take_along_axis(reach, order, axis=1), axis=1)
    place = np.minimum((sums < below[:, np.newaxis]).sum(axis=1), (apart != 0.0).sum(axis=1) - 1)
    return np.asarray(order[np.arange(len(order)), place])


def _steepest(x: Array, y: Array, weights: Array, q: float, i: int, j: int) -> int | None:
    """Return the observation on the line about which a turn lowers the loss fastest; None at the optimum."""
    intercept, slope = line_through(x, y, i, j)
    residuals = y - intercept - slope * x
    height = float(np.abs(y).max() + abs(slope) * np.abs(x).max())
    on = np.abs(residuals) <= NEAR * height
    on[i] = on[j] = True
    pivots = np.flatnonzero(on)
    pull = np.where(on, 0.0, weights * np.where(residuals > 0.0, q, q - 1.0))
    off = float(pull @ x) - x[pivots] * float(pull.sum())
    ahead = x[pivots] - x[pivots][:, np.newaxis]
    right = np.maximum(ahead, 0.0) @ weights[pivots]
    left = np.maximum(-ahead, 0.0) @ weights[pivots]
    rising = (1.0 - q) * right + q * left - off
    falling = q * right + (1.0 - q) * left + off
    change = np.minimum(rising, falling)
    best = int(change.argmin())
    scale = float(weights @ np.abs(x - x[pivots[best]]))
    return int(pivots[best]) if change[best] < -NEAR * scale else None


def _turned(x: Array, y: Array, weights: Array, q: float, pivot: int) -> int:
    """Return the observation that the best line through `pivot` passes: a weighted quantile of slopes."""
    apart = x - x[pivot]
    others = np.flatnonzero(apart)
    apart = apart[others]
    slopes = (y[others] - y[pivot]) / apart
    order = np.argsort(slopes, kind="stable")
    reach = weights[others] * np.abs(apart)
    below = float((reach * np.where(apart > 0.0, q, 1.0 - q)).sum())
    place = int(np.searchsorted(np.cumsum(reach[order]), below))
    return int(others[order[min(place, len(order) - 1)]])
