"""Published impact models against their defining properties, and depth at its edges."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.errors import InputError
from contagion.markets import (
    almgren_cost,
    depth_profile_median,
    impact_exponential,
    impact_exponential_alpha,
    impact_linear_depth,
    impact_linear_slice,
    impact_square_root,
)

shares = st.floats(0, 0.5)


@given(shares, shares, st.floats(0, 10))
def test_exponential_impact_of_two_sales_is_that_of_their_sum(first, second, alpha):
    both = impact_exponential(first, alpha) * impact_exponential(second, alpha)
    assert float(both) == pytest.approx(float(impact_exponential(first + second, alpha)), rel=1e-14)


@given(st.floats(0.01, 1), st.floats(0, 0.99))
def test_the_strength_from_one_sale_gives_that_sale_back(sold, drop):
    alpha = impact_exponential_alpha(sold, drop)
    assert float(impact_exponential(sold, alpha)) == pytest.approx(1 - drop, rel=1e-12)


def test_depth_that_is_just_met_moves_the_price_by_the_band_and_is_not_exceeded():
    found = impact_linear_depth([0, 50, np.nextafter(50, 60), 1e9], 100, 0.25, depth_fall=0.5)
    assert found.beyond_depth.tolist() == [False, False, True, True]
    assert found.price_move[[0, 1, 3]].tolist() == [0, 0.25, 1]


@given(st.floats(0, 1e3), st.floats(0.01, 1e6), st.floats(0, 10), st.sampled_from([1, -1]))
def test_a_slice_costs_half_of_its_last_unit_and_never_less_than_nothing(size, mark, slope, side):
    found = impact_linear_slice(side, size, mark, slope=slope)
    last = mark + side * slope * size
    assert float(found) == pytest.approx(max(0.0, (mark + last) / 2), rel=1e-12, abs=1e-9)
    assert found >= 0
    assert impact_linear_slice(side, 0, mark, slope=slope) == mark


@given(st.floats(0, 1), st.floats(1e-9, 1), st.floats(1e-9, 2))
def test_four_times_the_quantity_has_twice_the_square_root_impact(share, sigma, strength):
    one = impact_square_root(share, sigma_daily=sigma, Y=strength)
    assert impact_square_root(4 * share, sigma_daily=sigma, Y=strength) == 2 * one
    assert float(one**2) == pytest.approx(strength**2 * sigma**2 * share, rel=1e-12, abs=1e-300)


@given(st.floats(1e-9, 10), st.floats(0, 1e3), st.floats(0, 1e3), st.floats(0.01, 10))
def test_a_sale_costs_the_opposite_of_a_purchase_and_half_of_the_lasting_move_is_paid(
    order, outstanding, sigma, days
):
    bought = almgren_cost(order, outstanding, sigma, days)
    sold = almgren_cost(-order, outstanding, sigma, days)
    assert (sold.permanent_bp, sold.temporary_bp) == (-bought.permanent_bp, -bought.temporary_bp)
    assert bought.realised_bp == bought.permanent_bp / 2 + bought.temporary_bp
    slower = almgren_cost(order, outstanding, sigma, 2 * days)
    assert slower.permanent_bp == bought.permanent_bp
    assert float(slower.temporary_bp) == pytest.approx(
        float(bought.temporary_bp) * 2**-0.6, rel=1e-12, abs=1e-300
    )


@given(st.lists(st.tuples(st.sampled_from([0, 1]), st.floats(0, 1e9)), max_size=9))
def test_a_median_is_that_of_the_rows_with_a_fresh_reference(rows):
    columns = {
        "band_reference_ok": np.array([ok for ok, _ in rows], dtype=float),
        "bid": np.array([value for _, value in rows], dtype=float),
    }
    fresh = [value for ok, value in rows if ok]
    found = depth_profile_median(columns)["bid"]
    assert math.isnan(found) if not fresh else found == pytest.approx(statistics.median(fresh), rel=1e-15)


def test_what_stale_rows_say_is_not_looked_at():
    found = depth_profile_median({"bid": [math.nan, 3.0, -1.0], "band_reference_ok": [0, 1, 0]})
    assert found == {"bid": 3.0}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: impact_exponential(1.1, 1), "fraction_sold"),
        (lambda: impact_exponential(0.5, -1), "alpha"),
        (lambda: impact_exponential_alpha(0, 0.1), "fraction_sold"),
        (lambda: impact_exponential_alpha(0.1, 1), "price_drop.*< 1"),
        (lambda: impact_linear_depth(-1, 1, 0.1), "quantity_notional"),
        (lambda: impact_linear_depth(1, 0, 0.1), "depth_notional"),
        (lambda: impact_linear_depth(1, 1, 0), "band"),
        (lambda: impact_linear_depth(1, 1, 0.1, depth_fall=1), "depth_fall.*< 1"),
        (lambda: impact_linear_depth([1, 2], [1, 2, 3], 0.1), "shapes"),
        (lambda: impact_linear_slice(0, 1, 1, slope=1), "order_side"),
        (lambda: impact_linear_slice(1, -1, 1, slope=1), "size"),
        (lambda: impact_linear_slice(1, 1, 0, slope=1), "mark_price"),
        (lambda: impact_linear_slice(1, 1, 1, slope=-1), "slope"),
        (lambda: impact_square_root(-1, sigma_daily=1, Y=1), "quantity_over_volume"),
        (lambda: impact_square_root(1, sigma_daily=math.nan, Y=1), "sigma_daily"),
        (lambda: impact_square_root(1, sigma_daily=1, Y="1"), "Y"),
        (lambda: almgren_cost(1, -1, 1, 1), "theta_over_v"),
        (lambda: almgren_cost(1, 1, -1, 1), "sigma_bp"),
        (lambda: almgren_cost(1, 1, 1, 0), "duration_days"),
        (lambda: depth_profile_median({"bid": [1]}), "band_reference_ok"),
        (lambda: depth_profile_median([1]), "band_reference_ok"),
        (lambda: depth_profile_median({"band_reference_ok": [2], "bid": [1]}), "band_reference_ok"),
        (lambda: depth_profile_median({"band_reference_ok": [1], "bid": [1, 2]}), "bid"),
        (lambda: depth_profile_median({"band_reference_ok": [1], "bid": [-1]}), "bid"),
        (lambda: depth_profile_median({"band_reference_ok": [1], "bid": [math.nan]}), "bid"),
    ],
)
def test_bad_input_is_refused_by_name(call, says):
    with pytest.raises(InputError, match=says):
        call()
