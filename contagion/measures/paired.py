"""What did a set of rules change? Differences on the same scenarios, with intervals and p-values.

A difference is the loss under the rules minus the loss without them: negative means less loss, the scenario
was helped. The interval of the mean effect spans two bootstrap intervals from the same 999 draws: percentile,
which is too narrow for lopsided differences, and studentised (t* = (mean* - mean) / se*), which is too narrow for
heavy tails on both sides. The p-value is the larger of the two. The same weights serve every set of rules.

Measured coverage at nominal 95 % (1 000 repetitions, ±0.7), percentile / studentised / both together:

==========================  ==================  ==================  ==================
differences                 n = 25              n = 100             n = 400
==========================  ==================  ==================  ==================
normal                      94.0 / 95.4 / 95.7  95.2 / 95.3 / 96.1  95.3 / 95.9 / 96.0
log-normal                  89.0 / 92.8 / 93.3  92.3 / 93.9 / 94.6  93.7 / 94.2 / 95.1
Student t 4                 93.1 / 93.8 / 94.7  95.0 / 94.6 / 95.2  93.1 / 92.7 / 93.3
Pareto 3                    85.6 / 91.1 / 91.6  91.1 / 92.8 / 93.9  93.1 / 93.8 / 94.9
log-normal - log-normal     92.6 / 90.7 / 93.0  92.7 / 90.1 / 92.8  94.2 / 93.2 / 94.4
Pareto 3 - Pareto 3         90.9 / 89.8 / 91.3  94.1 / 91.8 / 94.1  94.2 / 93.5 / 94.4
==========================  ==================  ==================  ==================

References
----------
Davison, Hinkley (1997), "Bootstrap Methods and their Application", section 5.2. Holm (1979), "A simple
sequentially rejective multiple test procedure".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.intervals import Interval, joined, var_interval
from contagion.measures.resampling import DRAWS, Resampling, central, samples
from contagion.measures.shortfall import check_level

__all__ = ["PairedEffect", "holm", "paired_effect", "paired_effects"]

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

LEAST_SCENARIOS: Final = 25
PLAIN_SCENARIOS: Final = 200
LEAST_DIFFERING: Final = 10
PLAIN_DIFFERING: Final = 25
NAN: Final = float("nan")


@dataclass(frozen=True)
class PairedEffect:
    """What a set of rules changed, over the scenarios that finished on both sides.

    Parameters
    ----------
    difference, low, high : float
        Mean of the paired differences and its interval.
    p_value : float
        Two-sided, of the hypothesis that the mean is 0.
    helped, unchanged, harmed : float
        Shares of scenarios with less, the same and more loss.
    n : int
        Number of scenarios behind them.
    median, median_low, median_high : float
        Median of the paired differences and its interval between order statistics.
    note : str
        Empty, or why there is no interval, why it is approximate, and how many scenarios failed.
    """

    difference: float
    low: float
    high: float
    p_value: float
    helped: float
    unchanged: float
    harmed: float
    n: int
    median: float
    median_low: float
    median_high: float
    note: str = ""


@dataclass(frozen=True, eq=False)
class _Case:
    """Differences under one set of rules, NaN for scenarios that do not count."""

    differences: Array

    @cached_property
    def mask(self) -> Mask:
        return np.isfinite(self.differences)

    @cached_property
    def present(self) -> Array:
        return self.differences[self.mask]

    @cached_property
    def mean(self) -> float:
        base = float(self.present[0])
        return base + float((self.present - base).mean())

    @cached_property
    def distances(self) -> Array:
        return np.where(self.mask, self.differences - self.mean, 0.0)

    @cached_property
    def constant(self) -> bool:
        return bool(self.present.min() == self.present.max())


def paired_effect(
    losses: npt.ArrayLike,
    against: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    networks: npt.ArrayLike | None = None,
    seed: int = 0,
    key: tuple[str, ...] = (),
) -> PairedEffect:
    """Return what one set of rules changed; see `paired_effects`.

    Examples
    --------
    >>> effect = paired_effect([1.0] * 50, [3.0] * 50)
    >>> effect.difference, effect.helped, effect.n
    (-2.0, 1.0, 50)
    """
    return paired_effects([losses], against, confidence=confidence, networks=networks, seed=seed, key=key)[0]


def paired_effects(
    losses: npt.ArrayLike | Sequence[npt.ArrayLike],
    against: npt.ArrayLike,
    *,
    undefined: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    networks: npt.ArrayLike | None = None,
    seed: int = 0,
    key: tuple[str, ...] = (),
) -> list[PairedEffect]:
    """Return what several sets of rules changed, each on its own: none depends on which others are there.

    Parameters
    ----------
    losses : array_like
        Loss under every set of rules and scenario, shape (n_policies, n); NaN marks a scenario that failed.
    against : array_like
        Loss without the rules, shape (n,); NaN as above.
    undefined : array_like of bool, optional
        Scenarios that are left out because the metric has no value there, shape (n_policies, n).
    confidence : float, default 0.95
        Nominal coverage of the intervals.
    networks : array_like, optional
        Network of every scenario, shape (n,).
    seed : int, default 0
        Root seed of the bootstrap.
    key : tuple of str, optional
        What its streams are keyed by besides, such as the name of a metric.

    Returns
    -------
    list of PairedEffect
        One per set of rules. Differences that are all 0 have the interval [0, 0] and p-value 1. Scenarios that
        failed widen the interval: in the best case they were helped like the most helped, in the worst harmed
        like the most harmed. No interval and no p-value below 25 scenarios, or if fewer than 10 differ;
        "approximate" below 200, or if fewer than 25 differ.

    Raises
    ------
    SchemaError, ValueRangeError
        If arrays do not fit together or hold something else than numbers, or a level is out of range.

    Examples
    --------
    >>> placebo = paired_effects([[5.0, 7.0]], [5.0, 7.0])[0]
    >>> placebo.low, placebo.high, placebo.p_value, placebo.note
    (0.0, 0.0, 1.0, '')
    """
    check_level(confidence, "confidence")
    base = samples(against, "against")
    rows = [samples(row) for row in np.atleast_2d(np.asarray(losses))]
    left_out = _left_out(undefined, (len(rows), len(base)))
    for row in rows:
        if row.shape != base.shape:
            raise SchemaError(f"has {len(base)} scenarios, losses have {len(row)}", where="against")
    resampling = Resampling.make(len(base), networks, seed, ("effect", *key))
    cases = [_cases(row - base, out) for row, out in zip(rows, left_out, strict=True)]
    draws = iter(_draws([case for own in cases for case in own], resampling))
    labels = resampling.codes
    effects = []
    for row, out, own in zip(rows, left_out, cases, strict=True):
        if not own:
            effects.append(_no_effect("no scenario has a value" if out.all() else "no scenario finished"))
            continue
        bounds = np.array([_bounds(case, next(draws), resampling, confidence) for case in own])
        differences = (row - base)[~out]
        median = var_interval(
            differences, 0.5, confidence=confidence, networks=labels[~out], seed=seed, key=("median", *key)
        )
        notes = _notes(own, differences, int(out.sum()))
        effects.append(_effect(own[0], bounds, resampling.refusal, median, notes))
    return effects


def holm(p_values: npt.ArrayLike) -> Array:
    """Return p-values adjusted for their number by Holm's step-down rule; NaNs stay and do not count.

    Parameters
    ----------
    p_values : array_like
        Shape (n,).

    Returns
    -------
    numpy.ndarray
        Adjusted p-values, at most 1, shape (n,).

    Raises
    ------
    SchemaError, ValueRangeError
        If they are no numbers from 0 to 1.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(p_values, dtype=np.float64)
    if given.ndim != 1:
        raise SchemaError(f"has shape {given.shape}", where="p_values", allowed="shape (n,)")
    adjusted = np.full(given.shape, NAN)
    present = np.flatnonzero(~np.isnan(given))
    if ((given[present] < 0.0) | (given[present] > 1.0)).any():
        raise ValueRangeError("holds a number outside 0 to 1", where="p_values")
    order = present[np.argsort(given[present], kind="stable")]
    steps = given[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def _left_out(undefined: npt.ArrayLike | None, shape: tuple[int, int]) -> Mask:
    if undefined is None:
        return np.zeros(shape, dtype=bool)
    mask = np.asarray(undefined)
    if mask.dtype != bool or mask.shape != shape:
        raise SchemaError(
            f"has shape {mask.shape} and holds {mask.dtype}", where="undefined", allowed=f"{shape}"
        )
    return mask


def _cases(differences: Array, left_out: Mask) -> list[_Case]:
    """Scenarios that finished; if some failed, also all of them with the failed in best and worst case."""
    differences = np.where(left_out, NAN, differences)
    present = differences[np.isfinite(differences)]
    if not len(present):
        return []
    failed = np.isnan(differences) & ~left_out
    fills = (present.min(), present.max()) if failed.any() else ()
    return [_Case(differences), *(_Case(np.where(failed, fill, differences)) for fill in fills)]


def _draws(cases: list[_Case], resampling: Resampling) -> list[Array | None]:
    """Return mean* - mean and t* of every draw for every case, shape (2, 999); None where nothing varies.

    All cases get the same weights.
    """
    parts: list[list[Array]] = [[] for _ in cases]
    varying = [place for place, case in enumerate(cases) if not case.constant]
    if not varying:
        return [None] * len(cases)
    for weights, totals in resampling.blocks(np.arange(len(resampling.codes))):
        for place in varying:
            mask, distances = cases[place].mask, cases[place].distances
            present = totals if mask.all() else (weights * mask).sum(axis=1)
            parts[place].append(_statistics(weights, distances, np.maximum(present, 1.0)))
    return [np.concatenate(part, axis=1) if part else None for part in parts]


def _statistics(weights: Array, distances: Array, totals: Array) -> Array:
    means = (weights * distances).sum(axis=1) / totals
    spread = (weights * distances**2).sum(axis=1) / totals - means**2
    errors = np.sqrt(np.maximum(spread, 0.0) / totals)
    apart: Array = np.where(means == 0.0, 0.0, np.copysign(np.inf, means))
    np.divide(means, errors, out=apart, where=errors > 0.0)
    return np.stack([means, apart])


def _no_effect(why: str) -> PairedEffect:
    return PairedEffect(NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0, NAN, NAN, NAN, why)


def _effect(
    finished: _Case, bounds: Array, refusal: str, median: Interval, notes: tuple[str, ...]
) -> PairedEffect:
    present = finished.present
    n, differing = len(present), int(np.count_nonzero(present))
    refused = _refusal(n, differing, refusal)
    if not refused and not np.isfinite(bounds).all():
        refused = "too few scenarios differ"
    low, high, p_value = float(bounds[:, 0].min()), float(bounds[:, 1].max()), float(bounds[:, 2].max())
    if refused:
        low, high, p_value = NAN, NAN, NAN
    return PairedEffect(
        difference=finished.mean,
        low=low,
        high=high,
        p_value=p_value,
        helped=float((present < 0.0).mean()),
        unchanged=float((present == 0.0).mean()),
        harmed=float((present > 0.0).mean()),
        n=n,
        median=float(np.median(present)),
        median_low=median.low,
        median_high=median.high,
        note=joined(f"no interval: {refused}" if refused else _caution(n, differing), *notes),
    )


def _notes(cases: list[_Case], differences: Array, left_out: int) -> tuple[str, ...]:
    """What to know about scenarios that failed or have no value."""
    notes = []
    if len(cases) > 1:
        _, best, worst = cases
        failed = f"{int(np.isnan(differences).sum()):,} of {len(differences):,} scenarios failed"
        notes.append(f"{failed}: mean {best.mean:.4g} to {worst.mean:.4g} in their best and worst case")
    if left_out:
        notes.append(f"{left_out:,} scenarios have no value and are left out")
    return tuple(notes)


def _bounds(
    case: _Case, draws: Array | None, resampling: Resampling, confidence: float
) -> tuple[float, float, float]:
    """Return interval and p-value of one case; NaNs where too many draws have no spread."""
    mean = case.mean
    if draws is None:
        return mean, mean, 1.0 if mean == 0.0 else 2.0 / (DRAWS + 1)
    shifts, ratios = draws
    level = resampling.level(confidence)
    lower, upper = central(ratios, level)
    if not np.isfinite([lower, upper]).all():
        return NAN, NAN, NAN
    distances = case.present - mean
    error = float(np.sqrt((distances**2).mean() / len(distances)))
    least, most = central(shifts, level)
    low, high = min(mean + least, mean - upper * error), max(mean + most, mean - lower * error)
    return low, high, resampling.p_value(max(_p_value(-shifts, mean), _p_value(ratios, mean / error)))


def _p_value(draws: Array, found: float) -> float:
    """Two-sided share of draws as far out as what was found."""
    beyond = min(int((draws >= found).sum()), int((draws <= found).sum()))
    return min(1.0, 2.0 * (1 + beyond) / (DRAWS + 1))


def _refusal(n: int, differing: int, refusal: str) -> str:
    """Why there is no interval; differences that are all 0 need none of these."""
    if differing == 0:
        return ""
    if n < LEAST_SCENARIOS:
        return f"n = {n} < {LEAST_SCENARIOS}"
    if differing < LEAST_DIFFERING:
        return f"{differing} scenarios differ < {LEAST_DIFFERING}"
    return refusal


def _caution(n: int, differing: int) -> str:
    if differing == 0:
        return ""
    if n < PLAIN_SCENARIOS:
        return f"approximate: n = {n} < {PLAIN_SCENARIOS}"
    return (
        f"approximate: {differing} scenarios differ < {PLAIN_DIFFERING}"
        if differing < PLAIN_DIFFERING
        else ""
    )
