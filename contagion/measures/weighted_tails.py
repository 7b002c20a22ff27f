"""How bad is the tail, where scenarios carry weights?

Value at risk and expected shortfall are those of the weighted sample, with the same fractional point on the edge of
the tail. Bootstrap draws multiply the weights. Standard error of the shortfall, with u = (x - VaR)+ / (1 - level):
se² = sum(w² (u - (ES - VaR))²) / sum(w)², which is the usual one where all weights are the same. In the rules for
refusals the effective sample size of the tail (Kish) stands where else the number of its points stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from contagion.measures.intervals import (
    LEAST_HILL,
    LEAST_TAIL,
    LEAST_TAIL_DIFFERENCE,
    PLAIN_TAIL,
    PLAIN_TAIL_DIFFERENCE,
    Interval,
    joined,
)
from contagion.measures.resampling import Resampling, central, samples
from contagion.measures.shortfall import check_level, studentised, weighted_tail
from contagion.measures.weighted import check_weights, effective_size, weighted_mean

__all__ = [
    "tail_size",
    "weighted_between_networks",
    "weighted_es_difference",
    "weighted_es_interval",
    "weighted_var_interval",
]

Array = npt.NDArray[np.float64]
Estimate = Callable[[Array, Array, Resampling], Interval]

NAN: Final = float("nan")


def tail_size(losses: Array, weights: Array, level: float) -> float:
    """Return the effective sample size of the tail: Kish's, over the losses at or above value at risk.

    Examples
    --------
    >>> tail_size(np.arange(100.0), np.ones(100), 0.9)
    11.0
    """
    present = np.isfinite(losses)
    if not present.any() or not weights[present].any():
        return 0.0
    risk = _tail(losses[present], weights[present], level)[1]
    return effective_size(weights[present & (losses >= risk)])


def weighted_var_interval(
    losses: npt.ArrayLike,
    weights: npt.ArrayLike,
    level: float = 0.95,
    *,
    confidence: float = 0.95,
    networks: npt.ArrayLike | None = None,
    seed: int = 0,
    key: tuple[str, ...] = (),
) -> Interval:
    """Return value at risk of weighted losses with its percentile bootstrap interval.

    Parameters
    ----------
    losses, level, confidence, networks, seed, key
        As in `contagion.measures.var_interval`.
    weights : array_like
        Weight of every scenario, shape (n,).

    Returns
    -------
    Interval
        No interval where the effective sample size of the tail is below 25.

    Raises
    ------
    SchemaError, ValueRangeError
        If arrays do not fit together or hold something else than numbers.

    Examples
    --------
    >>> weighted_var_interval([1.0, 2.0, 3.0], [8.0, 1.0, 1.0], 0.85).value
    2.0
    """

    def estimate(values: Array, load: Array, resampling: Resampling) -> Interval:
        risk = _tail(values, load, level)[1]
        refusal = _refusal(values, load, level, LEAST_TAIL) or resampling.refusal
        if refusal:
            return Interval(risk, NAN, NAN, f"no interval: {refusal}")
        return Interval(
            risk, *central(_draws(values, load, level, resampling)[1], resampling.level(confidence))
        )

    check_level(level), check_level(confidence, "confidence")
    return _with_failures(losses, weights, networks, seed, ("tail", *key), estimate)


def weighted_es_interval(
    losses: npt.ArrayLike,
    weights: npt.ArrayLike,
    level: float = 0.95,
    *,
    confidence: float = 0.95,
    networks: npt.ArrayLike | None = None,
    seed: int = 0,
    key: tuple[str, ...] = (),
) -> Interval:
    """Return expected shortfall of weighted losses with its log-studentised bootstrap interval.

    Parameters as in `weighted_var_interval`.

    Returns
    -------
    Interval
        No interval where the effective sample size of the tail is below 25; "approximate" below 100 and where Hill's
        estimate over twice the tail is below 2.5.

    Examples
    --------
    >>> weighted_es_interval([1.0, 2.0, 3.0], [8.0, 1.0, 1.0], 0.8).value
    2.5
    """

    def estimate(values: Array, load: Array, resampling: Resampling) -> Interval:
        shortfall, _, error = _tail(values, load, level)
        refusal = _refusal(values, load, level, LEAST_TAIL) or resampling.refusal
        if refusal:
            return Interval(shortfall, NAN, NAN, f"no interval: {refusal}")
        low, high = studentised(
            shortfall, error, _draws(values, load, level, resampling), resampling.level(confidence)
        )
        if not np.isfinite([low, high]).all():
            return Interval(shortfall, NAN, NAN, "no interval: the tail has too few distinct values")
        return Interval(shortfall, low, high, _caution(values, load, level))

    check_level(level), check_level(confidence, "confidence")
    return _with_failures(losses, weights, networks, seed, ("tail", *key), estimate)


def weighted_es_difference(
    losses: npt.ArrayLike,
    against: npt.ArrayLike,
    weights: npt.ArrayLike,
    level: float = 0.95,
    *,
    confidence: float = 0.95,
    networks: npt.ArrayLike | None = None,
    seed: int = 0,
    key: tuple[str, ...] = (),
) -> Interval:
    """Return the difference of two weighted shortfalls on the same scenarios, percentile bootstrap.

    Parameters
    ----------
    losses, against : array_like
        Losses under two sets of rules, shape (n,); a scenario that failed on a side is left out, and the note counts
        it.
    weights, level, confidence, networks, seed, key
        As in `weighted_var_interval`.

    Returns
    -------
    Interval
        No interval where the effective sample size of a tail is below 50 or a scenario failed; "approximate" below 200.

    Raises
    ------
    SchemaError, ValueRangeError
        If arrays do not fit together or hold something else than numbers.
    """
    check_level(level), check_level(confidence, "confidence")
    first, second = samples(losses), samples(against, "against")
    load = check_weights(weights, len(first))
    both = np.isfinite(first) & np.isfinite(second)
    if not both.any() or not load[both].any():
        return Interval(NAN, NAN, NAN, "no scenario finished")
    failed = int((~both).sum())
    labels = None if networks is None else np.asarray(networks)[both]
    one, other, load = first[both], second[both], load[both]
    if not failed and np.array_equal(one, other):
        return Interval(0.0, 0.0, 0.0)
    value = _tail(one, load, level)[0] - _tail(other, load, level)[0]
    resampling = Resampling.make(len(one), labels, seed, ("tail", *key))
    size = min(tail_size(one, load, level), tail_size(other, load, level))
    refusal = f"{failed:,} of {len(both):,} scenarios failed" if failed else resampling.refusal
    if size < LEAST_TAIL_DIFFERENCE:
        refusal = f"effective sample size of the tail {size:.0f} < {LEAST_TAIL_DIFFERENCE}"
    if refusal:
        return Interval(value, NAN, NAN, f"no interval: {refusal}")
    ones, others = (_draws(values, load, level, resampling)[0] for values in (one, other))
    few = size < PLAIN_TAIL_DIFFERENCE
    note = f"approximate: effective sample size of the tail {size:.0f} < {PLAIN_TAIL_DIFFERENCE}"
    return Interval(value, *central(ones - others, resampling.level(confidence)), note if few else "")


def weighted_between_networks(values: Array, networks: npt.ArrayLike, weights: Array) -> float:
    """Return the variance of the networks' weighted means, n - 1 in its denominator; NaN below two networks."""
    labels, present = np.asarray(networks), np.isfinite(values) & (weights > 0.0)
    means = [
        weighted_mean(values[present & (labels == one)], weights[present & (labels == one)])
        for one in np.unique(labels[present])
    ]
    return float(np.var(means, ddof=1)) if len(means) > 1 else NAN


def _tail(values: Array, weights: Array, level: float) -> tuple[float, float, float]:
    """Return shortfall, value at risk and standard error of the shortfall."""
    order = np.argsort(-values, kind="stable")
    row = weights[order][np.newaxis, :]
    found = _statistics(values[order], np.ones_like(row), row[0], level)
    return float(found[0][0]), float(found[1][0]), float(found[2][0])


def _draws(values: Array, weights: Array, level: float, resampling: Resampling) -> tuple[Array, Array, Array]:
    """Return shortfall, value at risk and standard error of every bootstrap draw, shape (999,) each."""
    order = np.argsort(-values, kind="stable")
    parts = [
        _statistics(values[order], counts[:, order], weights[order], level)
        for counts, _ in resampling.blocks(np.arange(len(values)))
    ]
    shortfalls, risks, errors = (np.concatenate(part) for part in zip(*parts, strict=True))
    return shortfalls, risks, errors


def _statistics(ordered: Array, counts: Array, weights: Array, level: float) -> tuple[Array, Array, Array]:
    """Return shortfall, value at risk and standard error of draws in rows; values fall."""
    scaled = counts * weights
    totals = np.maximum(scaled.sum(axis=1), np.finfo(np.float64).tiny)
    shortfall, risk, _ = weighted_tail(ordered, scaled, totals, level)
    beyond = np.maximum(ordered - risk[:, np.newaxis], 0.0) / (1.0 - level)
    around = beyond - (shortfall - risk)[:, np.newaxis]
    error = np.sqrt((counts * weights**2 * around**2).sum(axis=1)) / totals
    error[error <= 1e-12 * (ordered[0] - ordered[-1])] = 0.0
    return shortfall, risk, error


def _refusal(values: Array, weights: Array, level: float, least: int) -> str:
    size = tail_size(values, weights, level)
    return f"effective sample size of the tail {size:.0f} < {least}" if size < least else ""


def _caution(values: Array, weights: Array, level: float) -> str:
    size = tail_size(values, weights, level)
    few = f"approximate: effective sample size of the tail {size:.0f} < {PLAIN_TAIL}"
    exponent = _hill(values, weights, 2.0 * (1.0 - level))
    heavy = f"approximate: heavy tail, Hill estimate {exponent:.1f} < {LEAST_HILL}"
    return joined(few if size < PLAIN_TAIL else "", heavy if exponent < LEAST_HILL else "")


def _hill(values: Array, weights: Array, share: float) -> float:
    """Return Hill's estimate of the tail exponent over the largest positive losses with this share of the weight."""
    order = np.argsort(-values, kind="stable")
    sums = np.cumsum(weights[order])
    inside = order[(sums <= share * sums[-1]) & (values[order] > 0.0)]
    if len(inside) < 10:
        return NAN
    load, logs = weights[inside], np.log(values[inside] / values[inside].min())
    spread = float((load * logs).sum())
    return float(load.sum()) / spread if spread > 0.0 else NAN


def _with_failures(
    losses: npt.ArrayLike,
    weights: npt.ArrayLike,
    networks: npt.ArrayLike | None,
    seed: int,
    key: tuple[str, ...],
    estimate: Estimate,
) -> Interval:
    """Estimate on the scenarios that finished; bound by the worst and the best case for the others."""
    values = samples(losses)
    load = check_weights(weights, len(values))
    labels = None if networks is None else np.asarray(networks)
    done = np.isfinite(values)
    if not done.any() or not load[done].any():
        return Interval(NAN, NAN, NAN, "no scenario finished")
    fewer = Resampling.make(int(done.sum()), None if labels is None else labels[done], seed, key)
    finished = estimate(values[done], load[done], fewer)
    size = f"effective sample size {effective_size(load[done]):,.0f} of {int(done.sum()):,}"
    finished = replace(finished, note=joined(finished.note, size))
    if done.all():
        return finished
    everything = Resampling.make(len(values), labels, seed, key)
    best, worst = (
        estimate(np.where(done, values, fill), load, everything)
        for fill in (values[done].min(), values[done].max())
    )
    failed = f"{int((~done).sum()):,} of {len(values):,} scenarios failed"
    if np.isnan([finished.low, finished.high]).all():
        told = f"{failed}: {best.value:.4g} to {worst.value:.4g} in their best and worst case"
        return replace(finished, note=joined(finished.note, told))
    return replace(
        finished,
        low=float(np.fmin(best.low, finished.low)),
        high=float(np.fmax(worst.high, finished.high)),
        note=joined(finished.note, f"{failed}; low and high are their best and worst case"),
    )
