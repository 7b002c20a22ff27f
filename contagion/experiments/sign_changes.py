"""Between which values does a function change its sign, and where is it exactly 0?

A sign is -1, 0 or 1: a stretch in which a policy changes nothing is a finding of its own, not a crossing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

__all__ = ["Edge", "crossings_of", "edges_between", "flats_of"]

MOST_HALVINGS = 40


@dataclass(frozen=True)
class Edge:
    """Two neighbouring values at which a function has different signs.

    Parameters
    ----------
    low, high
        The values, low below high.
    before, after
        The function at them.
    """

    low: float
    high: float
    before: float
    after: float


def edges_between(
    values: Sequence[float], mean: Callable[[float], float], resolution: float, *, whole: bool = False
) -> list[Edge]:
    """Find where a function's sign changes.

    Parameters
    ----------
    values
        Rising; changes within a pair of neighbours that cancel each other are not seen.
    mean
        The function.
    resolution
        Width of a bracket as a share of its larger end; half of it where the function is 0 at one end.
    whole
        Whether only whole numbers are looked at; a bracket ends at two neighbours at the latest.

    Returns
    -------
    list of Edge
        Rising; where two of them meet in a value, the function is 0 there and nowhere else near by.

    Examples
    --------
    >>> [(edge.low, edge.high) for edge in edges_between([1.0, 4.0], lambda x: x - 2.6, 0.2)]
    [(2.5, 2.875)]
    """
    found: list[Edge] = []
    for low, high in pairwise(values):
        found += _narrowed(low, high, mean, resolution, whole)
    return found


def crossings_of(edges: Sequence[Edge]) -> pd.DataFrame:
    """Return the changes from one sign to the other, each a row.

    Parameters
    ----------
    edges
        As `edges_between` has them.

    Returns
    -------
    pandas.DataFrame
        crossing (where a straight line through the bracket is 0, or the one value at which the function is), low,
        high, resolution (high - low), helps (``below`` or ``above``: where the function is negative).
    """
    rows = []
    for edge in edges:
        if edge.before * edge.after < 0.0:
            share = edge.before / (edge.before - edge.after)
            rows.append((edge.low + (edge.high - edge.low) * share, edge.low, edge.high, edge.before))
    for left, right in pairwise(edges):
        if left.after == right.before == 0.0 and left.high == right.low and left.before * right.after < 0.0:
            rows.append((left.high, left.low, right.high, left.before))
    return pd.DataFrame(
        [
            (at, low, high, high - low, "below" if before < 0.0 else "above")
            for at, low, high, before in sorted(rows)
        ],
        columns=["crossing", "low", "high", "resolution", "helps"],
    )


def flats_of(edges: Sequence[Edge], low: float, high: float, first: float) -> pd.DataFrame:
    """Return the stretches of values at which the function is 0, each a row.

    Parameters
    ----------
    edges
        As `edges_between` has them.
    low, high
        Ends of the search.
    first
        The function at `low`.

    Returns
    -------
    pandas.DataFrame
        low, high (ends of the stretch), before, after (sign on either side; NaN at an end of the search). A single
        value at which the function is 0 is no stretch.
    """
    rows = []
    start = (low, math.nan) if first == 0.0 else None
    for edge in edges:
        if start is not None and start[0] < edge.low:
            rows.append((start[0], edge.low, start[1], float(np.sign(edge.after))))
        start = (edge.high, float(np.sign(edge.before))) if edge.after == 0.0 else None
    if start is not None and start[0] < high:
        rows.append((start[0], high, start[1], math.nan))
    return pd.DataFrame(rows, columns=["low", "high", "before", "after"], dtype="float64")


def _narrowed(
    low: float, high: float, mean: Callable[[float], float], resolution: float, whole: bool
) -> list[Edge]:
    """Halve a bracket until it is as narrow as asked; a third sign inside splits it."""
    before, after = float(np.sign(mean(low))), float(np.sign(mean(high)))
    if before == after:
        return []
    width = resolution if before * after else 0.5 * resolution
    for _ in range(MOST_HALVINGS):
        middle = 0.5 * (low + high)
        if whole:
            middle = math.floor(middle)
        if high - low <= width * max(abs(low), abs(high)) or not low < middle < high:
            break
        sign = float(np.sign(mean(middle)))
        if sign == before:
            low = middle
        elif sign == after:
            high = middle
        else:
            return [
                *_narrowed(low, middle, mean, resolution, whole),
                *_narrowed(middle, high, mean, resolution, whole),
            ]
    return [Edge(low, high, mean(low), mean(high))]
