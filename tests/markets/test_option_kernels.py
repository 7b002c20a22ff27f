"""One option at a time against the formulas for arrays, which textbooks and integrals prove."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.markets.option_kernels import option_delta, option_value
from contagion.markets.options import LEAST_VALUE, black_scholes

sides = st.sampled_from([1.0, -1.0])
spots = st.floats(1.0, 1e5)
ratios = st.floats(0.2, 5.0)
spans = st.floats(0.0, 2.0)
sigmas = st.floats(0.05, 3.0)
rates = st.floats(-0.1, 0.2)


@given(sides, spots, ratios, spans, sigmas, rates)
def test_values_and_deltas_are_those_of_arrays(side, spot, ratio, years, sigma, rate):
    kind = "call" if side > 0.0 else "put"
    found = black_scholes(kind, spot, ratio * spot, years, sigma, rate=rate)
    value = option_value(side, spot, ratio * spot, years, sigma, rate)
    assert value == pytest.approx(float(found.price), rel=1e-9, abs=1e-13 * spot)
    if years > 0.0:
        delta = option_delta(side, spot, ratio * spot, years, sigma, rate)
        assert delta == pytest.approx(float(found.delta), rel=1e-9, abs=1e-12)


@given(spots, ratios, spans, sigmas, rates)
def test_a_call_less_a_put_is_the_forward(spot, ratio, years, sigma, rate):
    strike = ratio * spot
    call = option_value(1.0, spot, strike, years, sigma, rate)
    put = option_value(-1.0, spot, strike, years, sigma, rate)
    forward = spot - strike * math.exp(-rate * years)
    assert call - put == pytest.approx(forward, abs=4e-15 * (spot + strike))


@pytest.mark.parametrize(
    ("side", "spot", "worth", "delta"), [(1.0, 120.0, 20.0, 1.0), (-1.0, 120.0, 0.0, 0.0)]
)
def test_without_time_an_option_is_worth_its_payout(side, spot, worth, delta):
    assert option_value(side, spot, 100.0, 0.0, 0.8, 0.05) == max(worth, LEAST_VALUE * spot)
    assert option_delta(side, spot, 100.0, 0.0, 0.8, 0.05) == delta


def test_at_the_strike_without_time_the_delta_is_half():
    assert option_delta(1.0, 100.0, 100.0, 0.0, 0.5, 0.0) == 0.5
    assert option_delta(-1.0, 100.0, 100.0, 0.0, 0.5, 0.0) == -0.5


def test_a_worthless_option_still_has_a_price():
    assert option_value(1.0, 100.0, 1e9, 0.01, 0.05, 0.0) == LEAST_VALUE * 100.0
