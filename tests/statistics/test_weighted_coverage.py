"""Do intervals of importance-weighted estimates hold the truth as often as they say? Seeded simulation.

Standard normals, shifted by 2.5 in three quarters of the draws; bounds as in `test_coverage`.
"""

import os

import numpy as np
import pytest
from scipy import stats

from contagion.measures.weighted import effective_size, exceedance_interval, weighted_effects
from contagion.measures.weighted_tails import (
    tail_size,
    weighted_es_difference,
    weighted_es_interval,
    weighted_var_interval,
)

REPETITIONS = 1000 if os.environ.get("HYPOTHESIS_PROFILE") == "full" else 500
NOISE = 3.0 * np.sqrt(0.95 * 0.05 / REPETITIONS)
SHIFT, PLAIN, N, LEVEL = 2.5, 0.25, 400, 0.99
QUANTILE = stats.norm.ppf(LEVEL)


def sample(seed):
    """Draws of the mixture and their likelihood ratios."""
    source = np.random.Generator(np.random.PCG64(seed))
    draws = source.standard_normal(N) + SHIFT * (source.random(N) >= PLAIN)
    return draws, 1.0 / (PLAIN + (1.0 - PLAIN) * np.exp(SHIFT * draws - 0.5 * SHIFT**2))


def covered(estimate, truth):
    hits = 0
    for seed in range(REPETITIONS):
        low, high = estimate(*sample(seed), seed // 50)
        hits += low <= truth <= high
    return hits / REPETITIONS


def effect(values, weights, seed):
    return weighted_effects([values], np.zeros(N), weights, seed=seed)[0]


def middle(found):
    return found.median_low, found.median_high


def bounds(interval):
    return interval.low, interval.high


CASES = {
    "mean": (lambda x, w, s: bounds(effect(x, w, s)), 0.0),
    "mean that a few scenarios carry": (
        lambda x, w, s: bounds(effect(np.maximum(x - 2.0, 0.0), w, s)),
        stats.norm.pdf(2.0) - 2.0 * stats.norm.sf(2.0),
    ),
    "median": (lambda x, w, s: middle(effect(x, w, s)), 0.0),
    "probability": (lambda x, w, s: bounds(exceedance_interval(x, 2.5, w, seed=s)), stats.norm.sf(2.5)),
    "value at risk": (lambda x, w, s: bounds(weighted_var_interval(x, w, LEVEL, seed=s)), QUANTILE),
    "shortfall": (
        lambda x, w, s: bounds(weighted_es_interval(x, w, LEVEL, seed=s)),
        stats.norm.pdf(QUANTILE) / (1.0 - LEVEL),
    ),
    "difference of shortfalls": (
        lambda x, w, s: bounds(weighted_es_difference(0.7 * x + 0.1, x, w, LEVEL, seed=s)),
        0.1 - 0.3 * stats.norm.pdf(QUANTILE) / (1.0 - LEVEL),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_weighted_intervals_hold_the_truth_as_often_as_they_say(case):
    # the sample is small enough for every interval to be flagged "approximate": 91 to 97 %
    share = covered(*CASES[case])
    assert 0.91 - NOISE <= share <= 0.97 + NOISE


def test_the_tail_of_an_importance_sample_tells_more_than_that_of_plain_draws():
    draws, weights = sample(1)
    assert tail_size(draws, weights, LEVEL) > 10 * N * (1.0 - LEVEL)
    assert 0.25 * N < effective_size(weights) < 0.5 * N


def test_a_tail_of_too_few_effective_scenarios_has_no_interval():
    draws, weights = sample(1)
    some = slice(0, 90)
    risk = weighted_var_interval(draws[some], weights[some], LEVEL)
    shortfall = weighted_es_interval(draws[some], weights[some], LEVEL)
    size = tail_size(draws[some], weights[some], LEVEL)
    assert size < 25 and np.isnan([risk.low, risk.high, shortfall.low, shortfall.high]).all()
    assert shortfall.note.startswith(f"no interval: effective sample size of the tail {size:.0f} < 25")
    assert "effective sample size" in risk.note and np.isfinite([risk.value, shortfall.value]).all()
