"""Maker auctions: they never rise with time, and par and bids at their edges."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.lending import maker_dutch_auction, maker_flip_auction, maker_time_to_par

RULES = {
    "linear": {"tau_s": 3600.0},
    "exponential": {"cut": 0.999},
    "stairstep": {"cut": 0.99, "step_s": 90.0},
}
shapes = st.sampled_from(sorted(RULES))
times = st.integers(0, 800_000).map(lambda n: n / 8)


@given(shapes, st.lists(times, min_size=2, max_size=10), st.floats(0.1, 1e6))
def test_a_price_never_rises_with_time_and_starts_at_the_top(shape, seconds, top):
    seconds = np.array([0.0, *sorted(seconds)])
    prices = maker_dutch_auction(seconds, shape=shape, top_price=top, **RULES[shape])
    assert prices[0] == top
    assert (np.diff(prices) <= 0).all() and (prices >= 0).all()


@given(shapes, times, st.floats(0.1, 1e6), st.floats(1, 2))
def test_oracle_price_and_buffer_are_another_name_of_the_top(shape, seconds, oracle, buffer):
    named = maker_dutch_auction(seconds, shape=shape, oracle_price=oracle, buffer=buffer, **RULES[shape])
    assert named == maker_dutch_auction(seconds, shape=shape, top_price=oracle * buffer, **RULES[shape])


def test_a_step_falls_at_its_second_and_not_before():
    seconds = [0, np.nextafter(90, 0), 90, np.nextafter(180, 0), 180]
    prices = maker_dutch_auction(seconds, shape="stairstep", top_price=64, cut=0.5, step_s=90)
    assert prices.tolist() == [64, 64, 32, 32, 16]


def test_a_linear_price_is_zero_from_its_end_on():
    prices = maker_dutch_auction([1800, 3600, 9999], shape="linear", top_price=10, tau_s=3600)
    assert prices.tolist() == [5, 0, 0]


@given(st.integers(1, 200), st.integers(1, 127), st.integers(1, 1000))
def test_par_is_reached_at_the_first_step_that_is_not_above_it(buffer, cut, step):
    buffer, cut = buffer / 64, cut / 128
    found = maker_time_to_par(buffer, cut, step)
    steps = 0
    while Fraction(buffer) * Fraction(cut) ** steps > 1:
        steps += 1
    assert found.steps == steps and found.time_s == steps * step


def test_a_product_that_rounds_to_one_is_at_par():
    assert maker_time_to_par(1.25, 0.8, 1).steps == 1


@given(st.integers(0, 60))
def test_a_buffer_that_meets_par_exactly_takes_no_further_step(steps):
    found = maker_time_to_par([2.0**steps, np.nextafter(2.0**steps, np.inf)], 0.5, 1)
    assert found.steps.tolist() == [steps, steps + 1]


@given(st.integers(0, 2000), st.integers(1, 500), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_bid_is_split_between_debt_penalty_keeper_and_owner(lot, price, debt, bid):
    found = maker_flip_auction(lot, price, debt, bid, penalty=0.125)
    assert found.tab == debt * Fraction(9, 8)
    assert found.recovered == min(bid, found.tab)
    assert found.recovered + found.bad_debt >= debt
    assert found.bad_debt == 0 or found.recovered + found.bad_debt == debt
    assert found.keeper_gain + bid == lot * price
    assert found.owner_surplus_lost == max(0, lot * price - found.tab)


def test_a_bid_of_exactly_the_debt_leaves_no_bad_debt():
    found = maker_flip_auction(50, 117, [3900, 3900, 0], [3900, 3899, 0], penalty=0)
    assert found.bad_debt.tolist() == [0, 1, 0]


@pytest.mark.parametrize("shape", sorted(RULES))
def test_many_auctions_have_the_prices_of_each(shape):
    seconds, tops = np.array([0.0, 100.0, 5000.0]), np.array([1.0, 2.0, 3.0])
    together = maker_dutch_auction(seconds, shape=shape, top_price=tops, **RULES[shape])
    for place in range(3):
        one = maker_dutch_auction(seconds[place], shape=shape, top_price=tops[place], **RULES[shape])
        assert together[place] == pytest.approx(one, rel=1e-15)
