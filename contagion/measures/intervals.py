"""How bad is the tail, and how sure is that? Value at risk and expected shortfall with intervals.

Losses are positive, the tail is the upper one. `level` says where it begins (0.95: the worst 5 %),
`confidence` how sure an interval is. A number whose interval could not be trusted has none, and says why.

References
----------
Acerbi, Tasche (2002), "On the coherence of expected shortfall", for the estimator with a fractional point.
Davison, Hinkley (1997), chapter 5, for studentised bootstrap intervals. Hill (1975), "A simple general
approach to inference about the tail of a distribution".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from contagion.errors import SchemaError
from contagion.measures.resampling import FEW_NETWORKS, Resampling, central, samples
from contagion.measures.shortfall import (
    check_level,
    finite,
    order_statistics,
    resampled_difference,
    resampled_tail,
    studentised,
    tail,
    tail_points,
)

__all__ = [
    "Interval",
    "es_difference",
    "es_interval",
    "expected_shortfall",
    "hill_estimate",
    "joined",
    "tail_points",
    "value_at_risk",
    "var_interval",
]

Array = npt.NDArray[np.float64]

LEAST_TAIL: Final = 25
PLAIN_TAIL: Final = 100
LEAST_TAIL_DIFFERENCE: Final = 50
PLAIN_TAIL_DIFFERENCE: Final = 200
LEAST_HILL: Final = 2.5
NAN: Final = float("nan")


@dataclass(frozen=True)
class Interval:
    """A number with its interval.

    Parameters
    ----------
    value, low, high : float
        The estimate and its interval; NaN where there is none.
    note : str
        Empty, or why there is no interval, why it is approximate, and what stands behind it.
    """

    value: float
    low: float
    high: float
    note: str = ""


def value_at_risk(losses: npt.ArrayLike, level: float = 0.95) -> float:
    """Return the smallest loss that at most the share 1 - level of scenarios exceeds; NaNs are left out.

    Examples
    --------
    >>> value_at_risk(range(1, 101), 0.95)
    95.0
    """
    present = finite(samples(losses))
    return tail(present, check_level(level))[1] if len(present) else NAN


def expected_shortfall(losses: npt.ArrayLike, level: float = 0.95) -> float:
    """Return the mean loss in the worst share 1 - level of scenarios; NaNs are left out.

    Examples
    --------
    >>> expected_shortfall(range(1, 101), 0.95)
    98.0
    """
    present = finite(samples(losses))
    return tail(present, check_level(level))[0] if len(present) else NAN


def hill_estimate(losses: npt.ArrayLike, points: int) -> float:
    """Return Hill's estimate of the tail exponent on the largest `points` losses.

    Only positive losses have a logarithm: where fewer than `points` + 1 are positive, those are used.

    Returns
    -------
    float
        The exponent, small for heavy tails; NaN below 10 positive losses or where they are all equal.

    Examples
    --------
    >>> round(hill_estimate(1.0 / np.arange(1, 2000) ** 0.5, 200), 1)
    2.0
    """
    largest = np.sort(finite(samples(losses)))[::-1][: points + 1]
    positive = largest[largest > 0.0]
    if len(positive) < 10 or positive[0] == positive[-1]:
        return NAN
    return float(1.0 / np.mean(np.log(positive[:-1] / positive[-1])))


def var_interval(
    losses: npt.ArrayLike,
    level: float = 0.95,
    *,
    confidence: float = 0.95,
    networks: npt.ArrayLike | None = None,
    seed: int = 0,
    key: tuple[str, ...] = (),
) -> Interval:
    """Return value at risk with the interval between two order statistics, whose ranks are binomial.

    From 20 networks on scenarios are no independent draws, and the interval is the percentile bootstrap over
    whole networks (`contagion.measures.resampling` has its coverage).

    Parameters
    ----------
    losses : array_like
        One loss per scenario, shape (n,); NaN marks a scenario that failed.
    level : float, default 0.95
        Share of scenarios below.
    confidence : float, default 0.95
        Nominal coverage.
    networks : array_like, optional
        Network of every scenario, shape (n,).
    seed : int, default 0
        Root seed of the bootstrap.
    key : tuple of str, optional
        What its streams are keyed by besides.

    Returns
    -------
    Interval
        A side without a large enough order statistic is NaN. Failed scenarios widen it to their worst case.

    Raises
    ------
    SchemaError, ValueRangeError
        If the losses are no numbers or none, or a level is out of range.

    Examples
    --------
    >>> interval = var_interval(range(1, 1001), 0.95)
    >>> interval.low, interval.value, interval.high
    (936.0, 950.0, 964.0)
    """
    check_level(level), check_level(confidence, "confidence")

    def estimate(values: Array, resampling: Resampling) -> Interval:
        value = tail(values, level)[1]
        if resampling.n_networks >= FEW_NETWORKS:
            return Interval(
                value, *central(resampled_tail(values, level, resampling)[1], resampling.level(confidence))
            )
        low, high = order_statistics(np.sort(values), level, confidence)
        missing = [side for side, bound in (("lower", low), ("upper", high)) if np.isnan(bound)]
        note = f"no {' and no '.join(missing)} bound of var: n = {len(values)}" if missing else ""
        return Interval(value, low, high, note)

    return _with_failures(samples(losses), networks, seed, ("tail", *key), estimate)


def es_interval(
    losses: npt.ArrayLike,
    level: float = 0.95,
    *,
    confidence: float = 0.95,
    networks: npt.ArrayLike | None = None,
    seed: int = 0,
    key: tuple[str, ...] = (),
) -> Interval:
    """Return expected shortfall with its log-studentised bootstrap interval.

    With k = n (1 - level) points in the tail and se² = (variance of the tail + level (ES - VaR)²) / k, each
    of 999 draws gives t* = (log ES* - log ES) / (se* / ES*); the interval is ES exp(-quantiles(t*) se / ES).
    If the shortfall is not positive, in the sample or in a draw, the same without logs.

    Parameters as in `var_interval`.

    Returns
    -------
    Interval
        No interval below k = 25; "approximate" below k = 100 and where Hill's estimate on 2 k points is
        below 2.5.

    Raises
    ------
    SchemaError, ValueRangeError
        As in `var_interval`.

    Examples
    --------
    >>> es_interval(range(1, 101), 0.95).note
    'no interval: k = 5 < 25'
    """
    check_level(level), check_level(confidence, "confidence")

    def estimate(values: Array, resampling: Resampling) -> Interval:
        shortfall, _, error = tail(values, level)
        k = tail_points(len(values), level)
        refusal = f"k = {k} < {LEAST_TAIL}" if k < LEAST_TAIL else resampling.refusal
        if refusal:
            return Interval(shortfall, NAN, NAN, f"no interval: {refusal}")
        low, high = studentised(
            shortfall, error, resampled_tail(values, level, resampling), resampling.level(confidence)
        )
        if not np.isfinite([low, high]).all():
            return Interval(shortfall, NAN, NAN, "no interval: the tail has too few distinct values")
        return Interval(shortfall, low, high, _caution(values, k, PLAIN_TAIL))

    return _with_failures(samples(losses), networks, seed, ("tail", *key), estimate)


def es_difference(
    losses: npt.ArrayLike,
    against: npt.ArrayLike,
    level: float = 0.95,
    *,
    confidence: float = 0.95,
    networks: npt.ArrayLike | None = None,
    seed: int = 0,
    key: tuple[str, ...] = (),
) -> Interval:
    """Return the difference of two expected shortfalls on the same scenarios, percentile bootstrap.

    Both sides of a draw have the same weights. Scenarios that failed on a side widen the interval: in the best
    case they were the mildest there and the worst under `against`, in the worst case the other way round.

    Parameters
    ----------
    losses, against : array_like
        Losses under two sets of rules, scenario by scenario, shape (n,).
    level, confidence, networks, seed, key
        As in `var_interval`.

    Returns
    -------
    Interval
        Negative: a smaller shortfall than `against`. No interval below k = 50, "approximate" below 200.

    Raises
    ------
    SchemaError, ValueRangeError
        As in `var_interval`, or if the lengths differ.

    Examples
    --------
    >>> es_difference(range(1000), range(1000)).high
    0.0
    """
    check_level(level), check_level(confidence, "confidence")
    first, second = samples(losses), samples(against, "against")
    if first.shape != second.shape:
        raise SchemaError(f"has {len(second)} scenarios, losses have {len(first)}", where="against")
    resampling = Resampling.make(len(first), networks, seed, ("tail", *key))
    both = np.isfinite(first) & np.isfinite(second)
    if both.all():
        return _difference(first, second, level, confidence, resampling)
    if not both.any():
        return Interval(NAN, NAN, NAN, "no scenario finished")
    fewer = Resampling.make(int(both.sum()), resampling.codes[both], seed, ("tail", *key))
    finished = _difference(first[both], second[both], level, confidence, fewer)
    best, worst = (
        _difference(_filled(first, one), _filled(second, other), level, confidence, resampling)
        for one, other in ((np.nanmin, np.nanmax), (np.nanmax, np.nanmin))
    )
    return _bounded(finished, best, worst, int((~both).sum()), len(both))


def _difference(
    first: Array, second: Array, level: float, confidence: float, resampling: Resampling
) -> Interval:
    if np.array_equal(first, second):
        return Interval(0.0, 0.0, 0.0)
    value = tail(first, level)[0] - tail(second, level)[0]
    k = tail_points(len(first), level)
    refusal = f"k = {k} < {LEAST_TAIL_DIFFERENCE}" if k < LEAST_TAIL_DIFFERENCE else resampling.refusal
    if refusal:
        return Interval(value, NAN, NAN, f"no interval: {refusal}")
    low, high = central(resampled_difference(first, second, level, resampling), resampling.level(confidence))
    caution = f"approximate: k = {k} < {PLAIN_TAIL_DIFFERENCE}" if k < PLAIN_TAIL_DIFFERENCE else ""
    return Interval(value, low, high, caution)


def _filled(values: Array, extreme: Callable[[Array], float]) -> Array:
    """Put an extreme of the scenarios that finished in the place of those that failed."""
    return values if np.isnan(values).all() else np.where(np.isnan(values), extreme(values), values)


def joined(*notes: str) -> str:
    """Join the notes that are not empty, each once."""
    return "; ".join(dict.fromkeys(note for note in notes if note))


def _caution(values: Array, k: int, plain: int) -> str:
    few = f"approximate: k = {k} < {plain}" if k < plain else ""
    exponent = hill_estimate(values, 2 * k)
    heavy = (
        f"approximate: heavy tail, Hill estimate {exponent:.1f} < {LEAST_HILL}"
        if exponent < LEAST_HILL
        else ""
    )
    return joined(few, heavy)


def _with_failures(
    values: Array,
    networks: npt.ArrayLike | None,
    seed: int,
    key: tuple[str, ...],
    estimate: Callable[[Array, Resampling], Interval],
) -> Interval:
    """Estimate on the scenarios that finished; bound by the worst and the best case for the others."""
    done = np.isfinite(values)
    if not done.any():
        return Interval(NAN, NAN, NAN, "no scenario finished")
    labels = None if networks is None else np.asarray(networks)
    everything = Resampling.make(len(values), labels, seed, key)
    if done.all():
        return estimate(values, everything)
    finished = estimate(
        values[done], Resampling.make(int(done.sum()), None if labels is None else labels[done], seed, key)
    )
    best = estimate(np.where(done, values, values[done].min()), everything)
    worst = estimate(np.where(done, values, values[done].max()), everything)
    return _bounded(finished, best, worst, int((~done).sum()), len(values))


def _bounded(finished: Interval, best: Interval, worst: Interval, failed: int, n: int) -> Interval:
    """Widen the interval of the scenarios that finished to the best and the worst case of those that failed."""
    count = f"{failed:,} of {n:,} scenarios failed"
    if np.isnan([finished.low, finished.high]).all():
        bounds = f"{count}: {best.value:.4g} to {worst.value:.4g} in their best and worst case"
        return replace(finished, note=joined(finished.note, bounds))
    return replace(
        finished,
        low=float(np.minimum(best.low, finished.low)),
        high=float(np.maximum(worst.high, finished.high)),
        note=joined(finished.note, f"{count}; low and high are their best and worst case"),
    )
