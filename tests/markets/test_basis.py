"""Carry and convergence, inverse contracts as exact fractions, quotes that slip."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion import markets
from contagion.errors import InputError

prices = st.floats(0.01, 1e5)
rates = st.floats(-0.5, 0.5)
spans = st.floats(0.0, 3.0)
whole = st.integers(1, 10**6)


@given(prices, rates, st.floats(0.001, 3.0))
def test_the_annualised_basis_of_a_fair_future_is_its_rate(spot, rate, years):
    fair = markets.fair_future(spot, years, rate=rate)
    assert fair == pytest.approx(spot * math.exp(rate * years), rel=1e-15)
    assert markets.annualised_basis(fair, spot, years) == pytest.approx(rate, abs=1e-12)
    assert markets.relative_basis(fair, fair) == 0.0


@given(prices, rates, rates)
def test_a_future_converges_to_spot_and_is_it_at_expiry(spot, rate, income):
    path = markets.fair_future(spot, [3.0, 1.0, 0.1, 0.0], rate=rate, income=income)
    gap = np.abs(path - spot)
    assert (np.diff(gap) <= 1e-12 * spot).all()
    assert path[-1] == spot


@given(prices, prices, spans, prices, prices, rates)
def test_cash_and_carry_earns_the_mispricing_wherever_the_price_ends(spot, future, years, low, high, rate):
    found = markets.carry_profit(spot, future, years, [low, high], rate=rate)
    locked = future - markets.fair_future(spot, years, rate=rate)
    assert found.total.tolist() == pytest.approx([locked, locked], abs=1e-11 * (spot + future + low + high))
    assert (found.spot + found.future).tolist() == pytest.approx([future - spot] * 2, abs=1e-10)
    off = markets.carry_profit(spot, future, years, low, rate=rate, spot_at_expiry=high)
    assert off.total - found.total[0] == pytest.approx(high - low, abs=1e-10 * (spot + future + low + high))


def test_funding_is_the_rate_of_a_future_hedged_with_a_perpetual():
    cost = markets.funding_per_year(0.0001, interval_hours=8)
    assert cost == pytest.approx(0.0001 * 3 * 365)
    # a perpetual that pays funding continuously costs exp(cost years) per unit of notional: the future's premium
    steps = 1_000_000
    paid = (1 + cost * 0.25 / steps) ** steps
    assert markets.fair_future(50_000.0, 0.25, rate=cost) == pytest.approx(50_000.0 * paid, rel=1e-6)


@given(st.integers(-(10**6), 10**6), whole, whole)
def test_inverse_profit_in_coin_and_money_is_exact(contracts, entry, price):
    found = markets.inverse_profit(contracts, entry, price)
    coin = contracts * (Fraction(1, entry) - Fraction(1, price))
    assert found.coin == pytest.approx(float(coin), rel=1e-14, abs=1e-300)
    assert found.money == pytest.approx(float(coin * price), rel=1e-14, abs=1e-300)
    assert found.delta == pytest.approx(float(Fraction(contracts, price**2)), rel=1e-14)
    assert found.gamma == pytest.approx(float(Fraction(-2 * contracts, price**3)), rel=1e-14)


@given(whole, whole, whole)
def test_a_short_inverse_with_its_notional_in_coin_is_worth_the_same_at_every_price(contracts, entry, price):
    coins = float(Fraction(contracts, entry)) + markets.inverse_profit(-contracts, entry, price).coin
    assert coins * price == pytest.approx(contracts, rel=1e-9)


@given(whole, st.floats(1.0, 1e4), st.floats(0.01, 0.9))
def test_a_long_inverse_loses_more_coin_in_a_fall_than_it_gains_in_a_rise(contracts, entry, move):
    found = markets.inverse_profit(contracts, entry, [entry * (1 - move), entry * (1 + move)])
    assert -found.coin[0] > found.coin[1] > 0.0
    assert -found.money[0] == pytest.approx(found.money[1], rel=1e-9)
    middle = markets.inverse_profit(contracts, entry, entry).coin
    assert middle == 0.0 >= found.coin.sum()


@given(prices, st.floats(0.01, 2.0), st.floats(-0.5, 0.5))
def test_a_depeg_moves_quotes_and_leaves_the_basis_in_money(price, quote, premium):
    quoted = markets.quoted_price(price * (1 + premium), quote)
    assert markets.cross_currency_basis(quoted, quote, price) == pytest.approx(premium, abs=1e-13)
    assert markets.relative_basis(quoted, price) == pytest.approx((1 + premium) / quote - 1, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: markets.fair_future(1.0, [1.0, -0.1]), r"years\[1\]: -0\.1 is past expiry"),
        (lambda: markets.fair_future(0.0, 1.0), "spot: 0.0 is out of range"),
        (lambda: markets.fair_future(1.0, 1.0, rate=1000.0), "too much growth"),
        (lambda: markets.annualised_basis(1.0, 1.0, [1.0, 0.0]), r"years\[1\]: 0\.0 has expired"),
        (lambda: markets.carry_profit(1.0, 1.0, -1.0, 1.0), "past expiry"),
        (lambda: markets.inverse_profit(1.0, 1.0, 0.0), "price: 0.0 is out of range"),
        (lambda: markets.quoted_price(1.0, 0.0), "quote_price: 0.0 is out of range"),
        (lambda: markets.funding_per_year(0.1, interval_hours=0), "interval_hours"),
    ],
)
def test_what_has_no_price_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
