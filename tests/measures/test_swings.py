"""Swings of a margin rate and Kupiec's test, by hand and by the exact binomial probabilities."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

import contagion as ct
from contagion.errors import ContagionError
from contagion.measures import kupiec, procyclicality
from contagion.measures.swings import largest_rise

DAY = 86_400.0


def test_kupiec_is_the_likelihood_ratio_of_binomial_probabilities() -> None:
    for breaches, n, level in ((7, 255, 0.99), (0, 250, 0.99), (12, 500, 0.95), (1, 10, 0.5)):
        ratio = binom.logpmf(breaches, n, breaches / n) - binom.logpmf(breaches, n, 1.0 - level)
        assert kupiec(breaches, n, level).statistic == pytest.approx(2.0 * ratio, rel=1e-9)


def test_as_many_breaches_as_promised_speak_for_the_promise() -> None:
    found = kupiec(25, 500, 0.95)
    assert found.statistic == pytest.approx(0.0, abs=1e-9) and found.p_value == pytest.approx(1.0, abs=1e-4)
    assert found.expected == pytest.approx(25.0)


def test_the_five_percent_point_is_that_of_the_chi_squared_distribution() -> None:
    # the non-rejection region at 95 % for 255 days and p = 0.01 is below 7 failures (Kupiec 1995, table)
    assert kupiec(6, 255, 0.99).p_value > 0.05 > kupiec(7, 255, 0.99).p_value


def test_all_days_may_be_breaches() -> None:
    assert kupiec(10, 10, 0.99).statistic == pytest.approx(-20.0 * math.log(0.01))


def slowly(rates: np.ndarray, times: np.ndarray, within: float) -> float:
    """Every pair of times."""
    pairs = [
        rates[b] / rates[a] - 1.0
        for b in range(len(rates))
        for a in range(b + 1)
        if times[b] - times[a] <= within
    ]
    return max(pairs)


@pytest.mark.parametrize("seed", range(20))
def test_the_largest_rise_is_that_over_all_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rates, times = np.exp(rng.normal(size=60)), np.cumsum(rng.uniform(0.1, 2.0, 60))
    for within in (0.5, 3.0, 20.0, 1e9):
        assert largest_rise(rates, times, within) == slowly(rates, times, within)


def test_a_rate_that_never_moves_is_not_procyclical() -> None:
    found = procyclicality([0.1] * 5, np.arange(5) * DAY)
    assert (found.peak_to_trough, found.rise_1_day, found.rise_5_day, found.test) == (1.0, 0.0, 0.0, None)


def test_rises_are_within_the_days_and_breaches_are_counted_where_losses_are_known() -> None:
    rates = [0.10, 0.15, 0.30, 0.20]
    found = procyclicality(rates, np.arange(4) * 2.0 * DAY, losses=[0.2, 0.1, 0.4, math.nan], level=0.9)
    assert found.rise_1_day == 0.0
    assert found.rise_5_day == pytest.approx(2.0)
    assert found.peak_to_trough == pytest.approx(3.0)
    assert found.test is not None and (found.test.breaches, found.test.n) == (2, 3)


def test_datetimes_are_times() -> None:
    days = pd.date_range("2026-01-01", periods=3, freq="12h").to_numpy()
    assert procyclicality([1.0, 2.0, 4.0], days).rise_1_day == 3.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: procyclicality([0.1, 0.0], [0.0, 1.0]),
        lambda: procyclicality([0.1, 0.2], [1.0, 1.0]),
        lambda: procyclicality([0.1, 0.2], [1.0]),
        lambda: procyclicality([0.1], [0.0], losses=[0.1, 0.2]),
        lambda: kupiec(3, 2, 0.99),
        lambda: kupiec(1, 0, 0.99),
        lambda: kupiec(1, 10, 1.0),
        lambda: kupiec(1.5, 10, 0.9),  # type: ignore[arg-type]
        lambda: largest_rise([0.1], [0.0], 0.0),
    ],
)
def test_what_is_no_path_or_no_count_is_refused(call: object) -> None:
    with pytest.raises(ContagionError):
        call()  # type: ignore[operator]


def test_the_path_of_a_dynamic_margin_follows_prices_within_floor_and_cap() -> None:
    logs = np.array([0.0, 0.01, -0.02, -0.02])
    prices = pd.DataFrame({"X": np.exp(logs)}, index=[0.0, 60.0, 120.0, 180.0])
    policy = ct.DynamicMargin(window=60.0, floor=0.5, cap=30.0, calm=0.05)
    ratios = np.array([0.0, 0.01, 0.03, 0.0]) * math.sqrt(DAY / 60.0) / 0.05
    found = ct.margin_path(policy, prices)["X"].to_numpy()
    assert found == pytest.approx(np.clip(ratios, 0.5, 30.0), rel=1e-12)
    at_days = prices.set_axis(pd.to_datetime(prices.index, unit="s"))
    assert np.array_equal(
        ct.margin_path(policy, at_days).to_numpy(), ct.margin_path(policy, prices).to_numpy()
    )
    loose = ct.DynamicMargin(window=60.0, floor=0.5, cap=30.0)
    assert np.array_equal(ct.margin_path(loose, prices, {"X": 0.05})["X"].to_numpy(), found)


@pytest.mark.parametrize(
    ("prices", "calm", "words"),
    [
        ([1.0, -1.0], 0.05, "price"),
        ([1.0, 2.0], None, "calm"),
        ([1.0, 2.0], 0.0, "calm"),
    ],
)
def test_prices_and_calm_volatility_must_be_numbers_above_zero(
    prices: list[float], calm: float | None, words: str
) -> None:
    with pytest.raises(ContagionError, match=words):
        ct.margin_path(ct.DynamicMargin(), pd.DataFrame({"X": prices}), calm)
