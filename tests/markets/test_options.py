"""Black-Scholes, Black-76 and implied volatility against the normal distribution, textbooks, limits and differences."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from contagion import markets
from contagion.errors import InputError, SchemaError, ValueRangeError

prices = st.floats(1.0, 1000.0)
spans = st.floats(0.01, 3.0)
sigmas = st.floats(0.05, 2.0)
rates = st.floats(-0.1, 0.2)
kinds = st.sampled_from(["call", "put"])


def textbook(kind: str, spot: float, strike: float, years: float, sigma: float, rate: float, income: float):
    """Price as an integral of the payout over the normal distribution, without the closed form."""
    sign = 1 if kind == "call" else -1
    width = sigma * math.sqrt(years)

    def payout(z: float) -> float:
        end = spot * math.exp((rate - income) * years - 0.5 * width**2 + width * z)
        return max(sign * (end - strike), 0.0) * float(norm.pdf(z))

    kink = (math.log(strike / spot) - (rate - income) * years + 0.5 * width**2) / width
    edges = sorted({-12.0, min(max(kink, -12.0), 12.0), 12.0 + width})
    return math.exp(-rate * years) * sum(
        quad(payout, low, high, limit=200)[0] for low, high in pairwise(edges)
    )


def test_prices_and_sensitivities_are_those_of_textbooks():
    # Hull, Options, Futures, and Other Derivatives: the example after the Black-Scholes-Merton formulas
    call, put = markets.black_scholes(["call", "put"], 42.0, 40.0, 0.5, 0.2, rate=0.1).price
    assert (round(call, 2), round(put, 2)) == (4.76, 0.81)
    # Hull, chapter on Greek letters: S = 49, K = 50, r = 5 %, volatility 20 %, 20 weeks
    found = markets.black_scholes("call", 49.0, 50.0, 0.3846, 0.2, rate=0.05)
    assert (round(found.price, 2), round(found.delta, 3), round(found.gamma, 3)) == (2.40, 0.522, 0.066)
    assert (round(found.vega, 1), round(found.theta, 2)) == (12.1, -4.31)
    # Hull, chapter on options on futures, also the example of MathWorks' blkprice
    assert round(markets.black_76("put", 20.0, 20.0, 4 / 12, 0.25, rate=0.09).price, 4) == 1.1166
    # MathWorks' blsprice
    pair = markets.black_scholes(["call", "put"], 100.0, 95.0, 0.25, 0.5, rate=0.1).price
    assert pair.round(4).tolist() == [13.6953, 6.3497]


@given(kinds, prices, st.floats(0.5, 2.0), spans, sigmas, rates, rates)
def test_the_price_is_the_discounted_mean_payout(kind, spot, ratio, years, sigma, rate, income):
    strike = spot * ratio
    found = markets.black_scholes(kind, spot, strike, years, sigma, rate=rate, income=income).price
    expected = textbook(kind, spot, strike, years, sigma, rate, income)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-7 * spot)


@given(prices, prices, st.floats(0.0, 3.0), st.floats(0.0, 3.0), rates, rates)
def test_call_less_put_is_the_forward_contract_to_rounding(spot, strike, years, sigma, rate, income):
    found = markets.black_scholes(["call", "put"], spot, strike, years, sigma, rate=rate, income=income)
    worth = spot * math.exp(-income * years) - strike * math.exp(-rate * years)
    assert found.price[0] - found.price[1] == pytest.approx(worth, abs=8e-15 * (spot + strike) * 2)
    assert found.delta[0] - found.delta[1] == pytest.approx(math.exp(-income * years), rel=1e-14)
    assert found.vega[0] == found.vega[1]
    assert found.gamma[0] == found.gamma[1]
    future = markets.black_76(["call", "put"], spot, strike, years, sigma, rate=rate).price
    assert future[0] - future[1] == pytest.approx(
        math.exp(-rate * years) * (spot - strike), abs=8e-15 * (spot + strike) * 2
    )


@given(kinds, prices, st.floats(0.7, 1.4), st.floats(0.05, 2.0), st.floats(0.2, 1.5), rates, rates)
def test_sensitivities_are_slopes_of_the_price(kind, spot, ratio, years, sigma, rate, income):
    strike = spot * ratio

    def value(spot=spot, years=years, sigma=sigma):
        return markets.black_scholes(kind, spot, strike, years, sigma, rate=rate, income=income)

    found, step = value(), 1e-4
    up, down = value(spot=spot * (1 + step)), value(spot=spot * (1 - step))
    assert found.delta == pytest.approx((up.price - down.price) / (2 * step * spot), abs=1e-5)
    assert found.gamma * spot == pytest.approx((up.delta - down.delta) / (2 * step), rel=1e-3, abs=1e-6)
    vega = (value(sigma=sigma + step).price - value(sigma=sigma - step).price) / (2 * step)
    assert found.vega == pytest.approx(vega, rel=1e-3, abs=1e-5 * spot)
    theta = (value(years=years - step).price - value(years=years + step).price) / (2 * step)
    assert found.theta == pytest.approx(theta, rel=1e-3, abs=1e-4 * spot)


@given(prices, prices, st.sampled_from([(0.0, 0.5), (2.0, 0.0), (0.0, 0.0)]))
def test_without_time_or_volatility_an_option_is_its_payout_and_delta_a_step(spot, strike, limit):
    assume(spot != strike)
    years, sigma = limit
    found = markets.black_scholes(["call", "put"], spot, strike, years, sigma)
    assert found.price.tolist() == [max(spot - strike, 0.0), max(strike - spot, 0.0)]
    assert found.delta.tolist() == [float(spot > strike), -float(spot < strike)]
    assert found.gamma.tolist() == found.vega.tolist() == found.theta.tolist() == [0.0, 0.0]


def test_at_the_strike_the_limits_are_half_a_step_and_infinite_gamma():
    found = markets.black_scholes(["call", "put"], 10.0, 10.0, [0.0, 4.0], [0.5, 0.0])
    assert found.price.tolist() == [0.0, 0.0]
    assert found.delta.tolist() == [0.5, -0.5]
    assert np.isposinf(found.gamma).all()
    assert found.vega.tolist() == pytest.approx([0.0, 10.0 * 2.0 * norm.pdf(0.0)])
    near = markets.black_scholes("call", 10.0, 10.0, 4.0, 1e-9)
    assert near.delta == pytest.approx(0.5, abs=1e-8)
    assert near.vega == pytest.approx(found.vega[1])


@given(prices, st.floats(0.3, 3.0), spans, sigmas)
def test_prices_rise_with_volatility_and_time_and_are_convex_in_the_strike(spot, ratio, years, sigma):
    strikes = spot * ratio * np.array([0.9, 1.0, 1.1])
    calls = markets.black_scholes("call", spot, strikes, years, sigma).price
    assert (np.diff(calls) <= 0.0).all()
    assert calls[1] <= 0.5 * (calls[0] + calls[2]) + 1e-12 * spot
    assert (calls >= np.maximum(spot - strikes, 0.0)).all()
    assert (calls <= spot).all()
    slack = 1e-13 * spot
    assert (markets.black_scholes("call", spot, strikes, years, sigma * 1.1).price >= calls - slack).all()
    assert (markets.black_scholes("call", spot, strikes, years * 1.1, sigma).price >= calls - slack).all()


@given(kinds, prices, st.floats(0.5, 2.0), st.floats(0.05, 3.0), st.floats(0.1, 3.0), rates, rates)
def test_a_price_implies_its_volatility_as_finely_as_it_is_rounded(
    kind, spot, ratio, years, sigma, rate, income
):
    terms = (spot, spot * ratio, years)
    paid = markets.black_scholes(kind, *terms, sigma, rate=rate, income=income)
    found = markets.implied_volatility(kind, paid.price, *terms, rate=rate, income=income)
    again = markets.black_scholes(kind, *terms, found, rate=rate, income=income)
    assert again.price == pytest.approx(paid.price, abs=1e-13 * spot)
    if paid.vega > 1e-4 * spot:
        assert found == pytest.approx(sigma, abs=1e-8)


def test_volatilities_of_a_whole_chain_come_back():
    strikes, sigma = np.array([60.0, 90.0, 100.0, 130.0]), np.array([0.9, 0.6, 0.5, 0.55])
    paid = markets.black_76(["put", "put", "call", "call"], 100.0, strikes, 0.25, sigma, rate=0.03).price
    found = markets.implied_volatility(
        ["put", "put", "call", "call"], paid, 100.0, strikes, 0.25, rate=0.03, income=0.03
    )
    np.testing.assert_allclose(found, sigma, rtol=1e-12)
    assert markets.implied_volatility("call", 10.0, 100.0, 90.0, 1.0) == 0.0


def test_prices_outside_the_arbitrage_bounds_are_refused_with_row_and_bounds():
    with pytest.raises(
        ValueRangeError, match=r"price\[1\]: 1\.0 is outside the arbitrage bounds; at least 2"
    ):
        markets.implied_volatility("call", [3.0, 1.0], 42.0, 40.0, 0.5)
    with pytest.raises(ValueRangeError, match="below 40") as refused:
        markets.implied_volatility("put", 40.0, 42.0, 40.0, 0.5)
    assert refused.value.faults[0].code == "arbitrage"
    with pytest.raises(ValueRangeError, match=r"years\[1\]: 0\.0 has expired"):
        markets.implied_volatility("put", 1.0, 42.0, 40.0, [0.5, 0.0])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"years": [0.1, -0.2]}, r"years\[1\]: -0\.2 is past expiry; >= 0 \(settle the option at its payout"),
        ({"volatility": [0.2, -0.5]}, r"volatility\[1\]: -0\.5 is negative; >= 0 \(give the annual standard"),
        (
            {"kind": ["call", "pit"]},
            r"kind\[1\]: 'pit' is no kind of option; call or put .did you mean 'put'",
        ),
        ({"kind": 1}, "kind: 1 is no kind of option"),
        ({"spot": 0.0}, "spot: 0.0 is out of range"),
        ({"strike": -1.0}, "strike: -1.0 is out of range"),
        ({"rate": 1e6}, "rate times years: 500000.0 is too much growth"),
        ({"strike": [1.0, 2.0], "years": [1.0, 2.0, 3.0]}, "shapes that do not fit together"),
    ],
)
def test_what_is_no_option_is_refused_by_row_with_a_remedy(wrong, message):
    good = {"kind": "call", "spot": 42.0, "strike": 40.0, "years": 0.5, "volatility": 0.2, "rate": 0.1}
    with pytest.raises(InputError, match=message):
        markets.black_scholes(**{**good, **wrong})


def test_a_daily_volatility_becomes_an_annual_one():
    assert markets.volatility_per_root_year(0.02, days_per_year=400) == pytest.approx(0.4)
    with pytest.raises(ValueRangeError, match=r"volatility_per_root_day\[1\]: -0\.1 is negative"):
        markets.volatility_per_root_year([0.1, -0.1])


def test_kinds_may_be_objects_and_numbers_of_one_shape():
    words = np.array(["call", "put"], dtype=object)
    assert markets.black_scholes(words, 1.0, 1.0, 1.0, 0.1).delta.shape == (2,)
    with pytest.raises(SchemaError, match=r"kind\[0\]: None"):
        markets.black_scholes(np.array([None], dtype=object), 1.0, 1.0, 1.0, 0.1)
