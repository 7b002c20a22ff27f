"""Funding, marks, indices and averages in time against recursions and sorting by hand; refusals."""

import math
import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contagion import markets
from contagion.errors import InputError

premiums = st.floats(-0.1, 0.1)
whole = st.integers(1, 200)


@given(premiums, premiums, st.floats(0, 0.01))
def test_the_rate_is_the_interest_within_the_clamp_and_the_premium_beyond(premium, interest, clamp):
    rate = markets.funding_rate_binance(premium, interest_rate=interest, interval_hours=8, clamp=clamp)
    if abs(interest - premium) <= clamp:
        assert rate == pytest.approx(interest, abs=1e-15)
    else:
        assert rate == pytest.approx(premium + math.copysign(clamp, interest - premium), abs=1e-15)
    hourly = markets.funding_rate_hyperliquid(
        premium, interest_rate=interest, clamp=clamp, cap_per_hour=0.004
    )
    assert hourly == min(max(rate / 8, -0.004), 0.004)


@given(premiums, premiums)
def test_a_higher_premium_never_lowers_the_rate(one, two):
    low, high = sorted((one, two))
    rule = {"interest_rate": 0.0001, "interval_hours": 4, "clamp": 0.0005}
    rates = markets.funding_rate_binance([low, high], **rule)
    assert rates[0] <= rates[1] + 1e-18


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=6), premiums)
def test_funding_moves_money_between_positions_and_makes_none(quantities, rate):
    held = np.array([*quantities, -sum(quantities)], dtype=float)
    paid = markets.funding_payment(np.where(held < 0, -1, 1), np.abs(held), 7.0, rate)
    assert paid.sum() == pytest.approx(0, abs=1e-9)
    theory = markets.funding_rate_open_interest(3, 5, 1.25, 1.3, held, kappa=2)
    assert theory.payments.sum() == pytest.approx(0, abs=1e-9)
    assert theory.funding_rate == pytest.approx(2 * (3 / 5 - 1.3 / 1.25))


@given(st.lists(st.tuples(whole, st.integers(0, 8)), min_size=1, max_size=8))
def test_the_weighted_median_is_that_of_each_price_repeated(rows):
    assume(any(weight for _, weight in rows))
    prices = {f"v{k}": price for k, (price, _) in enumerate(rows)}
    weights = {f"v{k}": weight for k, (_, weight) in enumerate(rows)}
    repeated = [price for price, weight in rows for _ in range(weight)]
    assert markets.weighted_median(prices, weights=weights) == statistics.median_low(repeated)


@given(st.lists(st.tuples(whole, whole, whole), min_size=3, max_size=3))
def test_medians_and_indices_of_arrays_are_those_of_each_place(rows):
    prices = {"a": rows[0], "b": rows[1], "c": rows[2]}
    weights = {"a": 1, "b": 2, "c": 4}
    median = markets.weighted_median(prices, weights=weights)
    index = markets.index_price_weighted(prices, weights=weights, max_deviation=0.25)
    for k in range(3):
        here = {name: column[k] for name, column in prices.items()}
        one = markets.index_price_weighted(here, weights=weights, max_deviation=0.25)
        assert median[k] == markets.weighted_median(here, weights=weights)
        assert index.index_price[k] == one.index_price
        assert [name for name, out in index.outlying.items() if out[k]] == one.outliers


@given(st.lists(st.tuples(whole, st.integers(1, 5)), min_size=1, max_size=7))
def test_the_index_leaves_one_outlier_out_and_beyond_one_is_the_median(rows):
    prices = {f"v{k}": price for k, (price, _) in enumerate(rows)}
    weights = {f"v{k}": weight for k, (_, weight) in enumerate(rows)}
    found = markets.index_price_weighted(prices, weights=weights, max_deviation=0.25)
    median = Fraction(statistics.median([Fraction(price) for price, _ in rows]))
    out = [name for name in sorted(prices) if abs(prices[name] - median) > median / 4]
    assert found.outliers == out
    if len(out) > 1:
        assert found.index_price == float(median)
    else:
        kept = [name for name in prices if name not in out]
        mean = Fraction(sum(prices[n] * weights[n] for n in kept), sum(weights[n] for n in kept))
        assert found.index_price == pytest.approx(float(mean), rel=1e-14)


def test_a_source_exactly_at_the_deviation_limit_stays_and_ties_take_the_lower_price():
    prices, weights = {"a": 100, "b": 100, "c": 125}, {"a": 1, "b": 1, "c": 2}
    assert markets.index_price_weighted(prices, weights=weights, max_deviation=0.25).outliers == []
    assert markets.weighted_median(prices, weights=weights) == 100.0


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0, 500)), min_size=1, max_size=8))
def test_the_average_in_time_is_that_of_the_recursion(rows):
    assume(sum(t for _, t in rows) > 1e-3)
    num = den = 0.0
    for value, t in rows:
        num, den = num * math.exp(-t / 150) + value * t, den * math.exp(-t / 150) + t
    samples, times = zip(*rows, strict=True)
    found = markets.ema_time_weighted(samples, times, tau_s=150)
    assert found == pytest.approx(num / den, rel=1e-9, abs=1e-6)
    assert min(samples) - 1e-9 <= found <= max(samples) + 1e-9
    pair = markets.ema_time_weighted(np.column_stack([samples, samples]), times, tau_s=150)
    assert pair.tolist() == pytest.approx([found, found], abs=1e-9)


def test_an_average_over_no_time_does_not_exist():
    assert math.isnan(markets.ema_time_weighted([1.0, 2.0], [0, 0], tau_s=5))
    assert markets.ema_time_weighted([1.0, 2.0], [3, 0], tau_s=5) == 1.0


@given(whole, whole, st.integers(-20, 20), st.integers(0, 8))
def test_the_binance_mark_is_the_middle_of_its_three_prices(index, last, basis, hours):
    found = markets.mark_price_median_binance(
        index, last, basis, hours, funding_rate=0.0078125, interval_hours=8
    )
    assert found.price_1 == index * (1 + 0.0078125 * hours / 8)
    assert found.price_2 == index + basis
    assert found.mark_price == statistics.median([found.price_1, found.price_2, last])


@given(whole, st.integers(-20, 20), whole, whole, whole, st.lists(whole, max_size=3), whole)
def test_the_hyperliquid_mark_is_the_middle_of_oracle_book_and_venues(
    oracle, basis, bid, ask, last, mids, local_ema
):
    venues = {f"v{k}": mid for k, mid in enumerate(mids)}
    weights = {"v0": 3, "v1": 2, "v2": 2}
    found = markets.mark_price_median_hyperliquid(
        oracle, basis, bid, ask, last, venues, weights=weights, local_ema=local_ema
    )
    local = statistics.median([bid, ask, last])
    third = markets.weighted_median(venues, weights=weights) if venues else local_ema
    assert found.local_median == local
    assert math.isnan(found.venue_median) == (not venues)
    assert found.mark_price == statistics.median([oracle + basis, local, third])


MARK = {"oracle_price": 1, "ema_basis": 0, "bid": 1, "ask": 1, "last_price": 1, "venue_mids": {"a": 1}}


@pytest.mark.parametrize(
    ("rule", "arguments", "mentions"),
    [
        ("funding_payment", {"side": 0, "size": 1, "mark_price": 1, "funding_rate": 0}, "side"),
        ("funding_payment", {"side": 1, "size": 1, "mark_price": 0, "funding_rate": 0}, "mark_price"),
        (
            "funding_rate_binance",
            {"average_premium": 0, "interest_rate": 0, "interval_hours": 0, "clamp": 0},
            "interval_hours",
        ),
        (
            "funding_rate_hyperliquid",
            {"average_premium": 0, "interest_rate": 0, "clamp": -1, "cap_per_hour": 1},
            "clamp",
        ),
        ("weighted_median", {"prices": {}, "weights": {}}, "prices"),
        ("weighted_median", {"prices": {"okx": 1}, "weights": {"OKX": 1}}, "okx"),
        ("weighted_median", {"prices": {"a": 0}, "weights": {"a": 1}}, "prices"),
        ("weighted_median", {"prices": {"a": 1}, "weights": {"a": -1}}, "weights"),
        ("weighted_median", {"prices": {"a": 1}, "weights": {"a": 0}}, "weights"),
        ("weighted_median", {"prices": 3, "weights": {}}, "prices"),
        ("index_price_weighted", {"prices": {"a": 1}, "weights": {"a": 1}, "max_deviation": -1}, "max_dev"),
        ("index_price_weighted", {"prices": {}, "weights": {}, "max_deviation": 1}, "prices"),
        ("ema_time_weighted", {"samples": [], "dt_s": [], "tau_s": 1}, "samples"),
        ("ema_time_weighted", {"samples": [1], "dt_s": [1, 2], "tau_s": 1}, "dt_s"),
        ("ema_time_weighted", {"samples": [1], "dt_s": [-1], "tau_s": 1}, "dt_s"),
        ("ema_time_weighted", {"samples": [1], "dt_s": [1], "tau_s": 0}, "tau_s"),
        ("mark_price_median_hyperliquid", {**MARK, "weights": {"b": 1}}, "venue_mids.*a"),
        ("mark_price_median_hyperliquid", {**MARK, "venue_mids": {}, "weights": {}}, "local_ema"),
        ("mark_price_median_hyperliquid", {**MARK, "bid": -1, "weights": {"a": 1}}, "bid"),
    ],
)
def test_bad_input_is_refused_by_name(rule, arguments, mentions):
    with pytest.raises(InputError, match=mentions):
        getattr(markets, rule)(**arguments)
