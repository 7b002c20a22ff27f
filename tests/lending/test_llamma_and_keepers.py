"""Bands keep their invariant along trades; keepers break even where they should."""

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.lending import keeper_profit, llamma_band_state, llamma_bands

prices = st.floats(0.9, 1.1).map(lambda share: 2000 * share)
widths = st.sampled_from([2.0, 10.0, 100.0])


@given(st.integers(-60, 60), widths, st.floats(1e-3, 1e6))
def test_a_band_ends_where_the_next_begins(band, width, base):
    found = llamma_bands([band, band + 1], A=width, base_price=base)
    assert found.price_down[0] == found.price_up[1]
    assert (found.price_down < found.price_up).all()
    wanted = Fraction(base) * (Fraction(int(width) - 1, int(width)) ** band)
    assert float(found.price_up[0]) == pytest.approx(float(wanted), rel=1e-12)


@given(prices, st.floats(0, 1e6), st.floats(0, 1e3), widths)
def test_y0_is_the_larger_root_and_the_state_lies_on_the_invariant(oracle, x, y, width):
    state = llamma_band_state(oracle, 2000.0, x, y, A=width)
    p, u, a, x, y, y0 = map(Fraction, (oracle, 2000, width, x, y, float(state.y0)))
    terms = (p * a * y0**2, y0 * (u / p * (a - 1) * x + p**2 / u * a * y), x * y)
    assert abs(terms[0] - terms[1] - terms[2]) <= Fraction(1e-13) * sum(terms) + Fraction(1, 10**300)
    assert y0 >= 0
    f, g = a * y0 * p**2 / u, (a - 1) * y0 * u / p
    left, right = (f + x) * (g + y), p * a**2 * y0**2
    assert abs(left - right) <= Fraction(1e-12) * right + Fraction(1, 10**300)


@given(prices, st.floats(0, 1e6), st.floats(1e-3, 1e3), st.floats(0, 1), widths)
def test_a_trade_along_the_invariant_keeps_y0_and_raises_the_price(oracle, x, y, share, width):
    before = llamma_band_state(oracle, 2000.0, x, y, A=width)
    f = width * before.y0 * oracle**2 / 2000.0
    g = (width - 1.0) * before.y0 * 2000.0 / oracle
    left = y * (1.0 - share)
    paid = oracle * width**2 * before.y0**2 / (g + left) - f
    after = llamma_band_state(oracle, 2000.0, max(paid, 0.0), left, A=width)
    assert float(after.y0) == pytest.approx(float(before.y0), rel=1e-9)
    assert after.price >= before.price * (1 - 1e-9)


@given(prices, st.floats(1e-6, 1e6), widths)
def test_a_band_of_one_asset_trades_at_the_end_of_its_range(oracle, amount, width):
    collateral = llamma_band_state(oracle, 2000.0, 0.0, amount, A=width)
    assert float(collateral.price) == pytest.approx(float(collateral.price_current_down), rel=1e-12)
    coins = llamma_band_state(oracle, 2000.0, amount, 0.0, A=width)
    assert float(coins.price) == pytest.approx(float(coins.price_current_up), rel=1e-12)
    assert coins.price_current_down < coins.price_current_up


def test_an_empty_band_has_no_price_and_the_shapes_of_all_arguments():
    found = llamma_band_state(1950, 2000, 0, [0, 1], A=100)
    assert found.y0[0] == 0 and np.isnan(found.price[0]) and not np.isnan(found.price[1])
    assert found.price_current_up.shape == found.price_current_down.shape == (2,)


@given(
    st.floats(0, 1e7),
    st.floats(0, 1e6),
    st.floats(0, 500),
    st.floats(0, 0.2),
    st.floats(0, 0.2),
    st.floats(0, 0.01),
)
def test_profit_is_what_is_left_of_the_bonus(value, gas, gwei, bonus, slippage, fee):
    rule = {"liquidation_bonus": bonus, "slippage": slippage, "flash_fee": fee, "min_profit": 0}
    found = keeper_profit(value, gas, gwei, 2000, **rule)
    v, b = Fraction(value), Fraction(bonus)
    costs = (
        Fraction(gas) * Fraction(gwei) * 2000 / 10**9 + Fraction(slippage) * v * (1 + b) + Fraction(fee) * v
    )
    exact = v * b - costs
    assert abs(Fraction(float(found.profit)) - exact) <= Fraction(1e-12) * (v * b + costs) + Fraction(
        1, 10**300
    )
    assert found.execute == (found.profit > 0)
    if not np.isnan(found.break_even_repay) and found.break_even_repay < 1e15:
        even = keeper_profit(found.break_even_repay, gas, gwei, 2000, **rule)
        size = even.revenue + even.gas_cost + even.slippage_cost + even.flash_fee
        assert math.isclose(even.profit, 0.0, abs_tol=1e-12 * size + 1e-300)


def test_a_profit_that_only_equals_the_least_wanted_is_not_taken():
    rule = {"liquidation_bonus": 0.5, "slippage": 0, "flash_fee": 0}
    found = keeper_profit(100, 0, 0, 2000, **rule, min_profit=[50, np.nextafter(50, 0)])
    assert found.execute.tolist() == [False, True]


def test_costs_that_eat_the_bonus_leave_no_repayment_that_pays():
    found = keeper_profit(
        100, 1, 1, 1, liquidation_bonus=[0.25, 0.5], slippage=0, flash_fee=0.25, min_profit=0
    )
    assert np.isnan(found.break_even_repay[0]) and found.break_even_repay[1] > 0


def test_a_margin_next_to_nothing_breaks_even_beyond_every_float_without_a_warning():
    rule = {"liquidation_bonus": 5e-324, "slippage": 0, "flash_fee": 0, "min_profit": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = keeper_profit(100, 500_000, 20, 2000, **rule)
    assert found.break_even_repay == math.inf and not found.execute


def test_a_repayment_of_zero_earns_nothing_and_still_costs_gas():
    found = keeper_profit(0, 500_000, 20, 2000, liquidation_bonus=0.05, slippage=0, flash_fee=0, min_profit=0)
    assert (float(found.revenue), float(found.profit), bool(found.execute)) == (0.0, -20.0, False)
