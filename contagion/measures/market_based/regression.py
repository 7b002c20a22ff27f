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

__all__ = ["Start", "best_line", "quantile_regression"]

Array = npt.NDArray[np.float64]

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
