"""What did rules change, and how likely is a loss, where scenarios carry weights?

Importance sampling draws more scenarios where losses are large; the weight of a scenario undoes it. Means are
sum(w x) / sum(w). Intervals are those of `contagion.measures.paired_effects`: the same bootstrap draws multiply the
weights, percentile and studentised bounds together, with se² = sum(w² (x - mean)²) / sum(w)². In the rules for
refusals the effective sample size sum(w)² / sum(w²) (Kish 1965) stands where else the number of scenarios stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.intervals import Interval, joined
from contagion.measures.paired import (
    LEAST_DIFFERING,
    LEAST_SCENARIOS,
    PLAIN_DIFFERING,
    PLAIN_SCENARIOS,
    PairedEffect,
)
from contagion.measures.resampling import DRAWS, Resampling, central, samples
from contagion.measures.shortfall import check_level

__all__ = [
    "check_weights",
    "effective_size",
    "exceedance_interval",
    "weighted_carried",
    "weighted_effects",
    "weighted_mean",
    "weighted_quantile",
]

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

NAN: Final = float("nan")


def check_weights(weights: npt.ArrayLike, n: int) -> Array:
    """Return one weight per scenario as floats, finite, at least 0 and not all 0, or refuse them."""
    found = samples(weights, "weights")
    if found.shape != (n,):
        raise SchemaError(f"has {len(found)} entries", where="weights", allowed=f"one per scenario, ({n},)")
    if np.isnan(found).any() or (found < 0.0).any() or not found.any():
        raise ValueRangeError("holds a number below 0 or none above 0", where="weights")
    return found


def effective_size(weights: Array) -> float:
    """Return how many scenarios of equal weight would tell as much: sum(w)² / sum(w²); 0 without any weight.

    Examples
    --------
    >>> effective_size(np.array([1.0, 1.0, 0.0]))
    2.0
    """
    total = float(weights.sum())
    return total**2 / float((weights**2).sum()) if total > 0.0 else 0.0


def weighted_mean(values: Array, weights: Array) -> float:
    """Return sum(w x) / sum(w); NaN without any weight."""
    total = float(weights.sum())
    if not total > 0.0:
        return NAN
    base = float(values[0])
    return base + float((weights * (values - base)).sum()) / total


def weighted_quantile(values: Array, weights: Array, level: float) -> float:
    """Return the smallest value at or below which at least the share `level` of the weight lies."""
    order = np.argsort(values, kind="stable")
    sums = np.cumsum(weights[order])
    place = int(np.searchsorted(sums, level * sums[-1] * (1.0 - 1e-12)))
    return float(values[order][min(place, len(values) - 1)])


def weighted_carried(differences: Array, weights: Array, share: float) -> float:
    """Return the part of a weighted mean effect that the scenarios with this share of the weight make.

    Those that push the mean furthest its way count, as in `contagion.measures.concentration.carried`; NaN where the
    effective sample size is below 1 / `share` or the mean is 0.

    Examples
    --------
    >>> weighted_carried(np.array([-1.0] * 99 + [-101.0]), np.ones(100), 0.01)
    0.505
    """
    present = np.isfinite(differences)
    values, load = differences[present], weights[present]
    total = float((load * values).sum())
    if effective_size(load) * share < 1.0 - 1e-9 or total == 0.0:
        return NAN
    order = np.argsort(-values * np.sign(total), kind="stable")
    sums = np.cumsum(load[order])
    used = np.clip(share * sums[-1] - (sums - load[order]), 0.0, load[order])
    return float((used * values[order]).sum()) / total


@dataclass(frozen=True)
class _Bounds:
    """Mean, interval and p-value of one row of values; NaN where there is none."""

    mean: float
    low: float
    high: float
    p_value: float


def weighted_effects(
    losses: npt.ArrayLike | Sequence[npt.ArrayLike],
    against: npt.ArrayLike,
    weights: npt.ArrayLike,
    *,
    undefined: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    networks: npt.ArrayLike | None = None,
    seed: int = 0,
    key: tuple[str, ...] = (),
) -> list[PairedEffect]:
    """Return what several sets of rules changed over weighted scenarios.

    Parameters
    ----------
    losses, against, undefined, confidence, networks, seed, key
        As in `contagion.measures.paired_effects`.
    weights : array_like
        Weight of every scenario, shape (n,).

    Returns
    -------
    list of PairedEffect
        One per set of rules; shares are shares of the weight, the interval of the median is the percentile bootstrap.
        No interval where the effective sample size is below 25, or that of the scenarios that differ below 10.

    Raises
    ------
    SchemaError, ValueRangeError
        If arrays do not fit together or hold something else than numbers.

    Examples
    --------
    >>> weighted_effects([[1.0, 3.0]], [2.0, 2.0], [1.0, 3.0])[0].difference
    0.5
    """
    check_level(confidence, "confidence")
    base = samples(against, "against")
    rows = [samples(row) for row in np.atleast_2d(np.asarray(losses))]
    load = check_weights(weights, len(base))
    out = np.zeros((len(rows), len(base)), dtype=bool) if undefined is None else np.asarray(undefined)
    resampling = Resampling.make(len(base), networks, seed, ("effect", *key))
    median = Resampling.make(len(base), networks, seed, ("tail", "median", *key))
    return [
        _effect(np.where(left_out, NAN, row - base), load, left_out, resampling, median, confidence)
        for row, left_out in zip(rows, out, strict=True)
    ]


def exceedance_interval(
    losses: npt.ArrayLike,
    above: float,
    weights: npt.ArrayLike | None = None,
    *,
    confidence: float = 0.95,
    networks: npt.ArrayLike | None = None,
    seed: int = 0,
    key: tuple[str, ...] = (),
) -> Interval:
    """Return the probability that a loss is above a number, with its bootstrap interval.

    Parameters
    ----------
    losses : array_like
        One loss per scenario, shape (n,); NaN marks one that failed, which counts as not above in the best and as above
        in the worst case.
    above : float
        The number.
    weights : array_like, optional
        Weight of every scenario, shape (n,); all the same if not given.
    confidence, networks, seed, key
        As in `contagion.measures.var_interval`.

    Returns
    -------
    Interval
        No interval where the effective number of scenarios above, or not above, is below 10; "approximate" below 25.

    Raises
    ------
    SchemaError, ValueRangeError
        If arrays do not fit together or hold something else than numbers.

    Examples
    --------
    >>> exceedance_interval(range(100), 89.5).value
    0.1
    """
    check_level(confidence, "confidence")
    values = samples(losses)
    load = np.ones(len(values)) if weights is None else check_weights(weights, len(values))
    resampling = Resampling.make(len(values), networks, seed, ("exceedance", *key))
    hit = np.where(np.isnan(values), NAN, values > above)
    present = np.isfinite(hit)
    if not present.any():
        return Interval(NAN, NAN, NAN, "no scenario finished")
    failed = ~present
    variants = [hit, *(np.where(failed, fill, hit) for fill in ((0.0, 1.0) if failed.any() else ()))]
    found = _bounds(variants, load, resampling, confidence)
    fewest = min(effective_size(load[hit == side]) for side in (0.0, 1.0))
    refusal = f"effective scenarios on the rarer side {fewest:.0f} < {LEAST_DIFFERING}"
    refusal = refusal if fewest < LEAST_DIFFERING else resampling.refusal
    low, high = min(one.low for one in found), max(one.high for one in found)
    caution = (
        f"approximate: {fewest:.0f} effective scenarios on the rarer side < {PLAIN_DIFFERING}"
        if fewest < PLAIN_DIFFERING
        else ""
    )
    notes = [f"{int(failed.sum()):,} of {len(hit):,} scenarios failed"] if failed.any() else []
    if refusal or not np.isfinite([low, high]).all():
        why = refusal or "too few scenarios differ"
        return Interval(found[0].mean, NAN, NAN, joined(f"no interval: {why}", *notes))
    return Interval(found[0].mean, max(low, 0.0), min(high, 1.0), joined(caution, *notes))


def _effect(
    differences: Array,
    weights: Array,
    left_out: Mask,
    resampling: Resampling,
    middle: Resampling,
    confidence: float,
) -> PairedEffect:
    """Return one effect from its differences, NaN where a scenario failed or has no value."""
    present = np.isfinite(differences)
    own, load = differences[present], weights[present]
    if not len(own) or not load.any():
        why = "no scenario has a value" if left_out.all() else "no scenario finished"
        return PairedEffect(NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0, NAN, NAN, NAN, why)
    failed = ~present & ~left_out
    fills = (own.min(), own.max()) if failed.any() else ()
    variants = [differences, *(np.where(failed, fill, differences) for fill in fills)]
    found = _bounds(variants, weights, resampling, confidence)
    size, differing = effective_size(load), effective_size(np.where(own != 0.0, load, 0.0))
    refused = _refusal(size, differing) or (resampling.refusal if own.any() else "")
    low, high = min(one.low for one in found), max(one.high for one in found)
    p_value = max(one.p_value for one in found)
    if not refused and not np.isfinite([low, high]).all():
        refused = "too few scenarios differ"
    if refused:
        low = high = p_value = NAN
    least, most = (NAN, NAN) if refused else _median_bounds(differences, weights, middle, confidence, present)
    total = float(load.sum())
    notes = [f"effective sample size {size:,.0f} of {len(own):,}"]
    if failed.any():
        told = f"{int(failed.sum()):,} of {int((~left_out).sum()):,} scenarios failed"
        notes.append(f"{told}: mean {found[1].mean:.4g} to {found[2].mean:.4g} in their best and worst case")
    if left_out.any():
        notes.append(f"{int(left_out.sum()):,} scenarios have no value and are left out")
    return PairedEffect(
        difference=found[0].mean,
        low=low,
        high=high,
        p_value=p_value,
        helped=float(load[own < 0.0].sum()) / total,
        unchanged=float(load[own == 0.0].sum()) / total,
        harmed=float(load[own > 0.0].sum()) / total,
        n=len(own),
        median=weighted_quantile(own, load, 0.5),
        median_low=least,
        median_high=most,
        note=joined(f"no interval: {refused}" if refused else _caution(size, differing), *notes),
    )


def _bounds(
    variants: list[Array], weights: Array, resampling: Resampling, confidence: float
) -> list[_Bounds]:
    """Return mean, interval and p-value of each row of values over the same bootstrap draws; NaN is left out."""
    masks = [np.isfinite(row) for row in variants]
    loads = [np.where(mask, weights, 0.0) for mask in masks]
    means = [weighted_mean(row[m], w[m]) for row, m, w in zip(variants, masks, loads, strict=True)]
    apart = [np.where(m, row - mean, 0.0) for row, m, mean in zip(variants, masks, means, strict=True)]
    parts: list[list[Array]] = [[] for _ in variants]
    for counts, _ in resampling.blocks(np.arange(len(weights))):
        for part, load, distance in zip(parts, loads, apart, strict=True):
            part.append(_statistics(counts, load, distance))
    return [
        _studentised(mean, distance, load, np.concatenate(part, axis=1), resampling, confidence)
        for mean, distance, load, part in zip(means, apart, loads, parts, strict=True)
    ]


def _statistics(counts: Array, weights: Array, distances: Array) -> Array:
    """Return mean* - mean and t* of every draw, shape (2, b)."""
    scaled, squares = counts * weights, counts * weights**2
    totals = np.maximum(scaled.sum(axis=1), np.finfo(np.float64).tiny)
    means = (scaled * distances).sum(axis=1) / totals
    around = distances - means[:, np.newaxis]
    errors = np.sqrt((squares * around**2).sum(axis=1)) / totals
    errors[errors < 1e-12 * np.abs(distances).max(initial=0.0)] = 0.0
    far: Array = np.where(means == 0.0, 0.0, np.copysign(np.inf, means))
    np.divide(means, errors, out=far, where=errors > 0.0)
    return np.stack([means, far])


def _studentised(
    mean: float, distances: Array, weights: Array, draws: Array, resampling: Resampling, confidence: float
) -> _Bounds:
    """Return the bounds that span the percentile and the studentised interval, and the larger p-value."""
    if not distances.any():
        return _Bounds(mean, mean, mean, 1.0 if mean == 0.0 else 2.0 / (DRAWS + 1))
    shifts, ratios = draws
    level = resampling.level(confidence)
    lower, upper = central(ratios, level)
    if not np.isfinite([lower, upper]).all():
        return _Bounds(mean, NAN, NAN, NAN)
    error = float(np.sqrt((weights**2 * distances**2).sum()) / weights.sum())
    least, most = central(shifts, level)
    low, high = min(mean + least, mean - upper * error), max(mean + most, mean - lower * error)
    p_value = resampling.p_value(max(_p_value(-shifts, mean), _p_value(ratios, mean / error)))
    return _Bounds(mean, low, high, p_value)


def _p_value(draws: Array, found: float) -> float:
    beyond = min(int((draws >= found).sum()), int((draws <= found).sum()))
    return min(1.0, 2.0 * (1 + beyond) / (DRAWS + 1))


def _median_bounds(
    differences: Array, weights: Array, resampling: Resampling, confidence: float, present: Mask
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the weighted median."""
    order = np.flatnonzero(present)[np.argsort(differences[present], kind="stable")]
    medians = []
    for counts, _ in resampling.blocks(np.arange(len(weights))):
        sums = np.cumsum(counts[:, order] * weights[order], axis=1)
        beyond = sums >= 0.5 * sums[:, -1:] * (1.0 - 1e-12)
        medians.append(differences[order][beyond.argmax(axis=1)])
    return central(np.concatenate(medians), resampling.level(confidence))


def _refusal(size: float, differing: float) -> str:
    if differing == 0.0:
        return ""
    if size < LEAST_SCENARIOS:
        return f"effective sample size {size:.0f} < {LEAST_SCENARIOS}"
    return (
        f"effective scenarios that differ {differing:.0f} < {LEAST_DIFFERING}"
        if differing < LEAST_DIFFERING
        else ""
    )


def _caution(size: float, differing: float) -> str:
    if differing == 0.0:
        return ""
    if size < PLAIN_SCENARIOS:
        return f"approximate: effective sample size {size:.0f} < {PLAIN_SCENARIOS}"
    return (
        f"approximate: {differing:.0f} effective scenarios differ < {PLAIN_DIFFERING}"
        if differing < PLAIN_DIFFERING
        else ""
    )
