"""How far does a margin rate swing, and was it enough? Peak over trough, largest rises, breaches.

Margin that follows volatility asks for most when money is scarcest. A margin rate that never moves is not procyclical,
and either expensive or too low: the measures here are read together with the breaches.

References
----------
Murphy, Vasios, Vause (2014), An investigation into the procyclicality of risk-based initial margin models (Bank of
England): peak-to-trough ratio, largest n-day increase. Kupiec (1995), Techniques for verifying the accuracy of risk
measurement models: test of the proportion of failures.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy
from scipy.stats import chi2

from contagion.errors import SchemaError, ValueRangeError

__all__ = ["KupiecTest", "Procyclicality", "kupiec", "largest_rise", "procyclicality"]

DAY = 86_400.0


@dataclass(frozen=True)
class KupiecTest:
    """Proportion of failures against its promise.

    Parameters
    ----------
    breaches, n
        Failures, and times looked at.
    expected
        Failures promised: ``(1 - level) n``.
    statistic
        Likelihood ratio, chi-squared with one degree of freedom if the promise holds.
    p_value
        Probability of a statistic at least as large if it holds.
    """

    breaches: int
    n: int
    expected: float
    statistic: float
    p_value: float


@dataclass(frozen=True)
class Procyclicality:
    """How a margin rate moved.

    Parameters
    ----------
    peak, trough
        Largest and smallest rate.
    peak_to_trough
        Their ratio, at least 1.
    rise_1_day, rise_5_day
        Largest rise within one day and within five, as a share of the rate before it; 0 if it never rose.
    test
        Breaches and their test; None without losses.
    """

    peak: float
    trough: float
    peak_to_trough: float
    rise_1_day: float
    rise_5_day: float
    test: KupiecTest | None


def kupiec(breaches: int, n: int, level: float) -> KupiecTest:
    """Test whether breaches are as rare as promised.

    Parameters
    ----------
    breaches
        How often the loss exceeded the margin, 0 to n.
    n
        How often it was looked at, at least 1.
    level
        Promised coverage, strictly between 0 and 1.

    Returns
    -------
    KupiecTest
        ``LR = -2 ln[(1 - p)^(n - x) p^x] + 2 ln[(1 - x/n)^(n - x) (x/n)^x]``, p = 1 - level.

    Raises
    ------
    SchemaError, ValueRangeError
        If counts are no whole numbers, or anything is out of range.

    Examples
    --------
    >>> test = kupiec(7, 255, 0.99)
    >>> round(test.statistic, 3), round(test.p_value, 4)
    (5.316, 0.0211)
    """
    for name, count in (("breaches", breaches), ("n", n)):
        if isinstance(count, bool) or not isinstance(count, int | np.integer):
            raise SchemaError("is no whole number", where=name, value=count)
    if n < 1:
        raise ValueRangeError("is below 1", where="n", value=n)
    if not 0 <= breaches <= n:
        raise ValueRangeError("is out of range", where="breaches", value=breaches, allowed=f"0 to {n}")
    if not 0.0 < level < 1.0:
        raise ValueRangeError("is out of range", where="level", value=level, allowed="between 0 and 1")
    p, x, rest = 1.0 - level, float(breaches), float(n - breaches)
    promised = float(xlogy(rest, 1.0 - p) + xlogy(x, p))
    found = float(xlogy(rest, rest / n) + xlogy(x, x / n))
    statistic = max(0.0, 2.0 * (found - promised))
    return KupiecTest(int(breaches), int(n), p * n, statistic, float(chi2.sf(statistic, 1)))


def largest_rise(rates: npt.ArrayLike, times: npt.ArrayLike, within: float) -> float:
    """Return the largest rise of a rate from one time to another at most `within` seconds later.

    Parameters
    ----------
    rates
        Margin rates, above 0, shape (n,).
    times
        Seconds, or numpy datetimes, rising, shape (n,).
    within
        Seconds, above 0.

    Returns
    -------
    float
        A share of the rate before the rise; 0 if it never rose.

    Examples
    --------
    >>> largest_rise([0.10, 0.12, 0.18], [0.0, 86_400.0, 172_800.0], 86_400.0)
    0.5
    """
    rate, seconds = _path(rates, times)
    if not within > 0.0:
        raise ValueRangeError("is not above 0", where="within", value=within)
    largest = 0.0
    lows: deque[int] = (
        deque()
    )  # places in the window whose rate is below all later ones: the first is the lowest
    for now in range(len(rate)):
        while lows and rate[lows[-1]] >= rate[now]:
            lows.pop()
        lows.append(now)
        while seconds[now] - seconds[lows[0]] > within:
            lows.popleft()
        largest = max(largest, float(rate[now] / rate[lows[0]] - 1.0))
    return largest


def procyclicality(
    rates: npt.ArrayLike,
    times: npt.ArrayLike,
    *,
    losses: npt.ArrayLike | None = None,
    level: float = 0.99,
) -> Procyclicality:
    """Measure how procyclical the path of a margin rate is, and whether it covered the losses it was asked for.

    Parameters
    ----------
    rates
        Margin rate (or multiplier) at each time, above 0, shape (n,).
    times
        Seconds, or numpy datetimes, rising, shape (n,).
    losses
        Loss over the next holding period after each time, in the unit of the rates, shape (n,); NaN where unknown. A
        loss above the rate is a breach.
    level
        Coverage that the margin promises.

    Returns
    -------
    Procyclicality
        Peak over trough, largest rises, and Kupiec's test of the breaches.

    Raises
    ------
    SchemaError, ValueRangeError
        If shapes differ, times do not rise, or a rate is not above 0.

    Examples
    --------
    >>> found = procyclicality([0.1, 0.2, 0.1], [0.0, 86_400.0, 172_800.0], losses=[0.05, 0.25, 0.0])
    >>> found.peak_to_trough, found.rise_1_day, found.test.breaches
    (2.0, 1.0, 1)
    """
    rate, seconds = _path(rates, times)
    test = None
    if losses is not None:
        lost = np.asarray(losses, dtype=np.float64)
        if lost.shape != rate.shape:
            raise SchemaError(f"has shape {lost.shape}", where="losses", allowed=f"{rate.shape}")
        known = ~np.isnan(lost)
        test = kupiec(int((lost[known] > rate[known]).sum()), int(known.sum()), level)
    peak, trough = float(rate.max()), float(rate.min())
    rises = [largest_rise(rate, seconds, days * DAY) for days in (1.0, 5.0)]
    return Procyclicality(peak, trough, peak / trough, rises[0], rises[1], test)


def _path(
    rates: npt.ArrayLike, times: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return checked rates, and times in seconds."""
    rate = np.asarray(rates, dtype=np.float64)
    given = np.asarray(times)
    if np.issubdtype(given.dtype, np.datetime64):
        given = (given - given[:1]) / np.timedelta64(1, "s")
    seconds = np.asarray(given, dtype=np.float64)
    if rate.ndim != 1 or rate.shape != seconds.shape or not len(rate):
        raise SchemaError(f"has shape {rate.shape}", where="rates", allowed="shape (n,), as many as times")
    if not (np.isfinite(rate).all() and (rate > 0.0).all()):
        worst = rate[~(np.isfinite(rate) & (rate > 0.0))][0]
        raise ValueRangeError("is not above 0", where="rates", value=float(worst))
    if not np.isfinite(seconds).all() or (np.diff(seconds) <= 0.0).any():
        raise ValueRangeError("do not rise", where="times", value=math.nan, allowed="rising times")
    return rate, seconds
