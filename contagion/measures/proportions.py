"""How often does something happen, and how sure is that? Shares of scenarios with exact intervals.

On one network scenarios are independent, and the interval is that of Clopper and Pearson: whatever the true share, it
is covered with at least the confidence asked, often with more, for a count is discrete. A few networks are strata; the
share for these networks has a smaller variance than the binomial's (Hoeffding 1956), so that the same interval
holds. From 20 networks on scenarios of one network belong together, and the binomial count is replaced by the
effective one of Korn and Graubard. A mean of shares (what part of a system failed) has the interval of Chernoff and
Hoeffding, which holds for any distribution on [0, 1].

References
----------
Clopper, Pearson (1934), "The use of confidence or fiducial limits illustrated in the case of the binomial". Korn,
Graubard (1998), "Confidence intervals for proportions with small expected number of positive counts estimated from
survey data". Hoeffding (1956), "On the distribution of the number of successes in independent trials". Hoeffding
(1963), "Probability inequalities for sums of bounded random variables", theorem 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.intervals import Interval
from contagion.measures.resampling import FEW_NETWORKS, samples
from contagion.measures.shortfall import check_level

__all__ = ["clopper_pearson", "mean_share_interval", "share_interval"]

Array = npt.NDArray[np.float64]
NAN = float("nan")


def clopper_pearson(hits: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share of which `hits` of n were seen.

    Parameters
    ----------
    hits : float
        How often it happened, from 0 to n; need not be whole (an effective count).
    n : float
        Of how many, above 0.
    confidence : float, default 0.95
        Least coverage.

    Raises
    ------
    ValueRangeError
        If the counts are out of range.

    Examples
    --------
    >>> low, high = clopper_pearson(0, 100)
    >>> low, round(high, 4)
    (0.0, 0.0362)
    """
    from scipy.special import betaincinv

    check_level(confidence, "confidence")
    if not (n > 0 and 0 <= hits <= n):
        raise ValueRangeError("are no counts", where="hits, n", value=(hits, n), allowed="0 <= hits <= n > 0")
    outside = (1.0 - confidence) / 2.0
    low = float(betaincinv(hits, n - hits + 1.0, outside)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1.0, n - hits, 1.0 - outside)) if hits < n else 1.0
    return low, high


def share_interval(
    hits: npt.ArrayLike, *, confidence: float = 0.95, networks: npt.ArrayLike | None = None
) -> Interval:
    """Return the share of scenarios in which something happened, with its interval.

    Parameters
    ----------
    hits : array_like
        1 where it happened, 0 where not, NaN where the scenario failed, shape (n,).
    confidence : float, default 0.95
        Nominal coverage; see the module for what is exact.
    networks : array_like, optional
        Network of every scenario, shape (n,).

    Returns
    -------
    Interval
        The share is that of the scenarios that finished; low counts those that failed as 0, high as 1.

    Raises
    ------
    SchemaError, ValueRangeError
        If the hits are none or something else than 0, 1 and NaN, or do not fit the networks.

    Examples
    --------
    >>> interval = share_interval([1] * 5 + [0] * 95)
    >>> interval.value, round(interval.low, 4), round(interval.high, 4)
    (0.05, 0.0164, 0.1128)
    """
    found = samples(hits, "hits")
    done = np.isfinite(found)
    if not np.isin(found[done], (0.0, 1.0)).all():
        raise ValueRangeError("holds another number", where="hits", allowed="0, 1 and NaN")
    labels = np.zeros(len(found), dtype=np.intp) if networks is None else np.asarray(networks)
    if labels.shape != found.shape:
        raise SchemaError(
            f"has shape {labels.shape}", where="networks", allowed=f"one per scenario, {found.shape}"
        )
    if not done.any():
        return Interval(NAN, NAN, NAN, "no scenario finished")
    value = float(found[done].mean())
    codes = np.unique(labels, return_inverse=True)[1]
    low = _bounds(np.where(done, found, 0.0), codes, confidence)[0]
    high = _bounds(np.where(done, found, 1.0), codes, confidence)[1]
    failed = int((~done).sum())
    note = f"{failed:,} of {len(found):,} scenarios failed; low and high are their best and worst case"
    return Interval(value, low, high, note if failed else "")


def mean_share_interval(shares: npt.ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Return the mean of independent shares with an interval that holds for any distribution on [0, 1].

    Parameters
    ----------
    shares : array_like
        From 0 to 1, shape (n,).
    confidence : float, default 0.95
        Least coverage.

    Returns
    -------
    Interval
        All means under which one as far out as that of the sample has at least half the remaining probability, by
        Hoeffding's bound; wider than an interval that trusts the spread of the sample, and never of width 0.

    Raises
    ------
    SchemaError, ValueRangeError
        If there are none, or one is no share.

    Examples
    --------
    >>> interval = mean_share_interval([0.0] * 90 + [1.0] * 10)
    >>> interval.value, round(interval.low, 3), round(interval.high, 3)
    (0.1, 0.038, 0.2)
    >>> round(mean_share_interval([0.0] * 100).high, 4)
    0.0362
    """
    found = samples(shares, "shares")
    check_level(confidence, "confidence")
    if not ((found >= 0.0) & (found <= 1.0)).all():
        raise ValueRangeError("holds a number that is no share", where="shares", allowed="0 to 1")
    value = float(found.mean())
    most = float(np.log(2.0 / (1.0 - confidence))) / len(found)
    return Interval(value, _furthest(value, 0.0, most), _furthest(value, 1.0, most))


def _furthest(value: float, end: float, most: float) -> float:
    """Mean between `value` and `end` whose divergence from `value` is `most`, or the end, by bisection."""
    inside, outside = value, end
    for _ in range(60):
        middle = 0.5 * (inside + outside)
        if _divergence(value, middle) <= most:
            inside = middle
        else:
            outside = middle
    return outside


def _divergence(seen: float, true: float) -> float:
    """Relative entropy of one coin to another."""
    total = 0.0
    for p, q in ((seen, true), (1.0 - seen, 1.0 - true)):
        if p > 0.0:
            if q <= 0.0:
                return float("inf")
            total += p * float(np.log(p / q))
    return total


def _bounds(hits: Array, codes: npt.NDArray[np.intp], confidence: float) -> tuple[float, float]:
    n, share = float(len(hits)), float(hits.mean())
    if codes.max() + 1 >= FEW_NETWORKS:
        n = _effective(hits, codes, confidence)
    return clopper_pearson(min(share * n, n) if n < len(hits) else float(hits.sum()), n, confidence)


def _effective(hits: Array, codes: npt.NDArray[np.intp], confidence: float) -> float:
    """Return how many independent scenarios would tell as much; as many as networks where all are alike."""
    from scipy.special import stdtrit

    n, networks = len(hits), int(codes.max()) + 1
    share = float(hits.mean())
    sums = np.bincount(codes, hits - share)
    variance = float((sums**2).sum()) * networks / (networks - 1.0) / n**2
    if share in (0.0, 1.0):
        return float(networks)
    if variance == 0.0:
        return float(n)
    outside = (1.0 + confidence) / 2.0
    wider = float(stdtrit(n - 1.0, outside) / stdtrit(networks - 1.0, outside)) ** 2
    return min(float(n), share * (1.0 - share) / variance * wider)
