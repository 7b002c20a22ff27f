"""Breakers only ever tighten with the fall, and act exactly at their triggers; bands; refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion import markets
from contagion.errors import InputError, PolicyError

LEVELS = [0.0625, 0.125, 0.25]
prices = st.floats(0.01, 1e6)
paths = st.lists(st.tuples(st.integers(1, 60), st.integers(60, 110)), max_size=12)


@given(prices, st.lists(prices, min_size=2, max_size=8))
def test_a_lower_value_has_reached_at_least_as_many_levels(close, values):
    found = markets.circuit_breaker_market_wide(close, sorted(values), levels=LEVELS)
    assert (np.diff(found.levels_reached) <= 0).all()
    assert (np.diff(found.trigger_prices) < 0).all()


def test_a_level_is_reached_at_its_trigger_and_not_above():
    values = [94, 93.75, math.nextafter(93.75, 94), 87.5, 75]
    found = markets.circuit_breaker_market_wide(100, values, levels=LEVELS)
    assert found.levels_reached.tolist() == [0, 1, 0, 2, 3]


@given(paths)
def test_halts_of_a_day_rise_and_do_not_overlap(rows):
    time = np.cumsum([560, *[step for step, _ in rows]])[1:]
    value = [level for _, level in rows]
    rule = {"levels": LEVELS, "halt_min": 15, "last_halt_min": 925}
    found = markets.circuit_breaker_market_wide_halts(100, time, value, **rule)
    assert (np.diff(found.level) > 0).all()
    assert (np.diff(found.time_min) >= 15).all()
    assert np.isnan(found.duration_min[found.level == 3]).all()
    assert (found.duration_min[found.level < 3] == 15).all()
    assert ((found.time_min < 925) | (found.level == 3)).all()
    for start, level in zip(found.time_min, found.level, strict=True):
        assert value[time.tolist().index(start)] <= 100 * (1 - LEVELS[level - 1])


def halts(time, value):
    rule = {"levels": LEVELS, "halt_min": 15, "last_halt_min": 925}
    found = markets.circuit_breaker_market_wide_halts(100, time, value, **rule)
    return list(zip(found.time_min.tolist(), found.level.tolist(), strict=True))


def test_observations_in_a_halt_are_skipped_until_the_minute_it_ends():
    assert halts([600, 614, 620], [93, 80, 95]) == [(600.0, 1)]
    assert halts([600, 615], [93, 87]) == [(600.0, 1), (615.0, 2)]
    assert halts([600, 615, 700], [87, 93, 93]) == [(600.0, 2)]


def test_late_in_the_day_only_the_last_level_closes():
    assert halts([924], [93]) == [(924.0, 1)]
    assert halts([925], [93]) == []
    assert halts([925, 930], [87, 75]) == [(930.0, 3)]
    assert halts([600, 700], [75, 60]) == [(600.0, 3)]
    assert halts([], []) == []


@given(st.lists(st.integers(50, 150), min_size=1, max_size=12), st.integers(1, 5), st.integers(0, 30))
def test_the_dynamic_halt_is_the_first_price_outside_its_own_window(path, step, window):
    times = [k * step for k in range(len(path))]
    found = markets.circuit_breaker_dynamic_path(100, path, times, percent=0.25, window_s=window)
    first = None
    for k, price in enumerate(path):
        near = [other for j, other in enumerate(path[: k + 1]) if times[k] - times[j] <= window]
        limits = markets.circuit_breaker_dynamic(100, near, percent=0.25)
        if price < limits.low_limit or price > limits.high_limit:
            first = k
            break
    assert (found.variant, found.halt_index) == (25.0, first)


def test_a_price_exactly_at_a_dynamic_limit_does_not_halt():
    rule = {"percent": 0.25, "window_s": 10}
    assert markets.circuit_breaker_dynamic_path(100, [100, 75], [0, 10], **rule).halt_index is None
    assert markets.circuit_breaker_dynamic_path(100, [100, 74.9], [0, 10], **rule).halt_index == 1
    assert markets.circuit_breaker_dynamic_path(100, [100, 74.9], [0, 10.1], **rule).halt_index is None


@given(st.floats(0.01, 0.9), st.floats(0.01, 0.9), st.lists(prices, min_size=1, max_size=5))
def test_a_wider_percentage_never_narrows_the_dynamic_limits(one, two, window):
    low, high = sorted((one, two))
    narrow = markets.circuit_breaker_dynamic(100, window, percent=low)
    wide = markets.circuit_breaker_dynamic(100, window, percent=high)
    assert wide.low_limit <= narrow.low_limit
    assert wide.high_limit >= narrow.high_limit


def test_the_width_of_limit_up_and_down_changes_at_3_and_0_75_dollars():
    price = [4.0, math.nextafter(3, 4), 3.0, 0.75, 0.5, 0.125]
    first = markets.price_band_luld(price, False, tier=1)
    width = first.upper - price
    assert width.tolist() == pytest.approx([0.2, 0.15, 0.6, 0.15, 0.15, 0.09375])
    second = markets.price_band_luld(price, False, tier=2)
    assert (second.upper - price).tolist() == pytest.approx([0.4, 0.3, 0.6, 0.15, 0.15, 0.09375])
    twice = markets.price_band_luld(price, [True] * 6, tier=1)
    assert (twice.upper - price).tolist() == pytest.approx((2 * width).tolist())
    assert twice.lower[5] == 0.0


@given(prices, prices, st.floats(0, 2))
def test_a_step_is_let_through_within_its_limit_and_cut_beyond(before, wanted, change):
    found = markets.price_band_max_step(before, wanted, max_change=change)
    low, high = max(before * (1 - change), 0.0), before * (1 + change)
    assert found.price == min(max(wanted, low), high)
    assert found.clamped == (not low <= wanted <= high)


@given(st.sampled_from([1, -1]), prices, prices, st.floats(0, 2))
def test_orders_are_refused_only_on_the_side_that_would_move_the_price_too_far(side, price, reference, width):
    found = markets.price_band_order(side, price, reference, percent=width)
    assert found.accepted == (price <= found.upper if side > 0 else price >= found.lower)
    assert 0 <= found.lower <= reference <= found.upper
    at_edge = found.upper if side > 0 else max(found.lower, 1e-9)
    assert markets.price_band_order(side, at_edge, reference, percent=width).accepted


@pytest.mark.parametrize(
    ("rule", "arguments", "mentions"),
    [
        ("circuit_breaker_market_wide", {"prior_close": 0, "values": [1], "levels": LEVELS}, "prior_close"),
        ("circuit_breaker_market_wide", {"prior_close": 1, "values": [-1], "levels": LEVELS}, "values"),
        ("circuit_breaker_market_wide", {"prior_close": 1, "values": [1], "levels": []}, "levels"),
        ("circuit_breaker_market_wide", {"prior_close": 1, "values": [1], "levels": [1.5]}, "levels"),
        ("circuit_breaker_dynamic", {"settlement_price": 1, "window_prices": [], "percent": 0.1}, "window"),
        ("circuit_breaker_dynamic", {"settlement_price": 0, "window_prices": [1], "percent": 0.1}, "settle"),
        ("price_band_luld", {"reference_price": 1, "doubled": 1, "tier": 1}, "doubled"),
        ("price_band_luld", {"reference_price": 1, "doubled": True, "tier": 3}, "tier"),
        ("price_band_luld", {"reference_price": -1, "doubled": True, "tier": 1}, "reference_price"),
        ("price_band_max_step", {"previous_price": 1, "proposed_price": 0, "max_change": 1}, "proposed"),
        ("price_band_max_step", {"previous_price": 1, "proposed_price": 1, "max_change": -1}, "max_change"),
        (
            "price_band_order",
            {"order_side": 2, "order_price": 1, "reference_price": 1, "percent": 0.1},
            "order_side",
        ),
    ],
)
def test_bad_input_is_refused_by_name(rule, arguments, mentions):
    with pytest.raises(InputError, match=mentions):
        getattr(markets, rule)(**arguments)


def test_levels_upside_down_and_times_that_fall_are_refused():
    with pytest.raises(PolicyError, match="levels"):
        markets.circuit_breaker_market_wide(1, [1], levels=[0.2, 0.1])
    with pytest.raises(InputError, match=r"time_min\[1\]"):
        halts([2, 1], [1, 1])
    with pytest.raises(InputError, match="time_min"):
        halts([2], [1, 1])
    with pytest.raises(InputError, match=r"times_s\[1\]"):
        markets.circuit_breaker_dynamic_path(1, [1, 1], [2, 1], percent=0.1, window_s=1)
