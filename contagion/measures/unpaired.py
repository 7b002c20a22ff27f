"""How far are two means apart whose scenarios are not the same? A difference with an interval, without pairs.

The interval spans two bootstrap intervals of independent draws on both sides, percentile and studentised, as in
`contagion.measures.paired`; the p-value is the larger of the two. It is wider than a paired one: whatever the two
sides have in common is not taken out.

References
----------
Davison, Hinkley (1997), "Bootstrap Methods and their Application", sections 3.2 and 5.2, on several samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from contagion.measures.intervals import joined
from contagion.measures.resampling import DRAWS, Resampling, central, samples
from contagion.measures.shortfall import check_level

__all__ = ["UnpairedDifference", "unpaired_difference"]

Array = npt.NDArray[np.float64]

LEAST: Final = 25
PLAIN: Final = 200
NAN: Final = float("nan")


@dataclass(frozen=True)
class UnpairedDifference:
    """Difference of two means, second minus first.

    Parameters
    ----------
    difference, low, high : float
        The difference and its interval; NaN where there is none.
    p_value : float
        Two-sided, of the hypothesis that the means are equal.
    n_first, n_second : int
        Scenarios behind the means.
    note : str
        Empty, or why there is no interval, or why it is approximate.
    """

    difference: float
    low: float
    high: float
    p_value: float
    n_first: int
    n_second: int
    note: str = ""


def unpaired_difference(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    networks: tuple[npt.ArrayLike | None, npt.ArrayLike | None] = (None, None),
    seed: int = 0,
    key: tuple[str, ...] = (),
) -> UnpairedDifference:
    """Return mean of `second` minus mean of `first`, whose scenarios have nothing to do with one another.

    Parameters
    ----------
    first, second : array_like
        One number per scenario, shapes (n_first,) and (n_second,); NaN marks a scenario that failed.
    confidence : float, default 0.95
        Nominal coverage of the interval.
    networks : pair of array_like, optional
        Network of every scenario on either side.
    seed : int, default 0
        Root seed of the bootstrap.
    key : tuple of str, optional
        What its streams are keyed by besides.

    Returns
    -------
    UnpairedDifference
        No interval below 25 scenarios on a side, or where scenarios failed: without pairs nothing bounds what they
        would have shown. "approximate" below 200.

    Raises
    ------
    SchemaError, ValueRangeError
        If a side holds no numbers, or a level is out of range.

    Examples
    --------
    >>> found = unpaired_difference([1.0] * 30, [3.0] * 40)
    >>> found.difference, found.low, found.high, found.n_second
    (2.0, 2.0, 2.0, 40)
    """
    check_level(confidence, "confidence")
    sides = (samples(first, "first"), samples(second, "second"))
    present = [side[np.isfinite(side)] for side in sides]
    sizes = (len(present[0]), len(present[1]))
    if not all(sizes):
        return UnpairedDifference(NAN, NAN, NAN, NAN, *sizes, "no scenario finished")
    found = float(present[1].mean()) - float(present[0].mean())
    plans = [
        Resampling.make(len(side), labels, seed, ("unpaired", name, *key))
        for side, labels, name in zip(sides, networks, ("first", "second"), strict=True)
    ]
    failed = sum(len(side) - size for side, size in zip(sides, sizes, strict=True))
    refused = _refusal(sizes, failed, plans)
    if refused:
        return UnpairedDifference(found, NAN, NAN, NAN, *sizes, f"no interval: {refused}")
    low, high, p_value = _bounds(present, plans, found, confidence)
    note = f"approximate: n = {min(sizes)} < {PLAIN}" if min(sizes) < PLAIN else ""
    return UnpairedDifference(found, low, high, p_value, *sizes, joined(note))


def _refusal(sizes: tuple[int, int], failed: int, plans: list[Resampling]) -> str:
    if failed:
        return f"{failed:,} scenarios failed"
    if min(sizes) < LEAST:
        return f"n = {min(sizes)} < {LEAST}"
    return next((plan.refusal for plan in plans if plan.refusal), "")


def _bounds(
    present: list[Array], plans: list[Resampling], found: float, confidence: float
) -> tuple[float, float, float]:
    """Return interval and p-value."""
    error = float(np.sqrt(sum(side.var() / len(side) for side in present)))
    if error == 0.0:
        return found, found, 1.0 if found == 0.0 else 2.0 / (DRAWS + 1)
    (shift_first, var_first), (shift_second, var_second) = (
        _draws(side, plan) for side, plan in zip(present, plans, strict=True)
    )
    shifts, errors = shift_second - shift_first, np.sqrt(var_first + var_second)
    ratios = np.where(shifts == 0.0, 0.0, np.copysign(np.inf, shifts))
    np.divide(shifts, errors, out=ratios, where=errors > 0.0)
    fewest = max(plans, key=lambda plan: plan.level(confidence))
    level = fewest.level(confidence)
    (least, most), (lower, upper) = central(shifts, level), central(ratios, level)
    if not np.isfinite([lower, upper]).all():
        return NAN, NAN, NAN
    low, high = min(found + least, found - upper * error), max(found + most, found - lower * error)
    return low, high, fewest.p_value(max(_p_value(shifts, found), _p_value(ratios, found / error)))


def _draws(values: Array, plan: Resampling) -> tuple[Array, Array]:
    """Return mean* - mean and squared standard error* of every draw, shapes (999,)."""
    distances = values - values.mean()
    means, errors = [], []
    for weights, totals in plan.blocks(np.arange(len(values))):
        size = np.maximum(totals, 1.0)
        mean = (weights * distances).sum(axis=1) / size
        spread = (weights * distances**2).sum(axis=1) / size - mean**2
        means.append(mean)
        errors.append(np.maximum(spread, 0.0) / size)
    return np.concatenate(means), np.concatenate(errors)


def _p_value(draws: Array, found: float) -> float:
    """Two-sided share of draws of no difference as far out as what was found."""
    beyond = min(int((draws >= found).sum()), int((draws <= found).sum()))
    return min(1.0, 2.0 * (1 + beyond) / (DRAWS + 1))
