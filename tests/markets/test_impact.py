"""The four forms of price impact against closed forms, quadrature and the rules any book must keep."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy.integrate import quad

from contagion.errors import InputError
from contagion.markets import impact
from contagion.markets.book import Book
from contagion.markets.impact import (
    CONCENTRATED,
    CONSTANT_PRODUCT,
    DEPTH_CURVE,
    EXPONENTIAL,
    LINEAR,
    NO_BANDS,
    SQUARE_ROOT,
)
from contagion.markets.pools import (
    concentrated_liquidity_amounts,
    concentrated_liquidity_swap,
    constant_product_move,
    constant_product_swap,
)

BANDS = np.array([0.01, 0.02, 0.05])
VOLUMES = np.array([300.0, 698.0, 1197.0])
POOL = 60_000.0  # money side of the pools
SCALE = {
    EXPONENTIAL: 0.01 / 300,
    LINEAR: 0.01 / 300,
    SQUARE_ROOT: 0.04 / math.sqrt(3000.0),
    DEPTH_CURVE: 0.0,
    CONSTANT_PRODUCT: 1.0 / POOL,
    CONCENTRATED: 1.0 / POOL,
}
LOT = 1.0
ENDING = (DEPTH_CURVE, CONCENTRATED)  # forms that hold nothing beyond their widest band
LAST = (BANDS[-1], math.log1p(BANDS[-1]))  # where the tighter of them ends, below and above the reference
ALL = list(SCALE)

kinds = st.sampled_from(ALL)
displacements = st.floats(-0.049, 0.049)
flows = st.floats(-2000.0, 2000.0)


def book(kind):
    return (BANDS, VOLUMES) if kind in ENDING else (NO_BANDS, NO_BANDS)


def move(kind, x0, flow, scale=None):
    return impact.move(kind, x0, flow, SCALE[kind] if scale is None else scale, LOT, *book(kind))


def average(kind, x0, x1, reference=100.0):
    return impact.average(kind, reference, x0, x1, SCALE[kind] * math.sqrt(LOT), *book(kind))


def capacity(kind, x0, limit, side, scale=None):
    return impact.capacity(
        kind, 100.0, x0, limit, side, SCALE[kind] if scale is None else scale, LOT, *book(kind)
    )


def at_volume(kind, volume):
    """Displacement after `volume` from rest, written apart from the kernels."""
    if kind in (EXPONENTIAL, LINEAR):
        return SCALE[kind] * volume
    if kind == SQUARE_ROOT:
        size = abs(volume)
        return math.copysign(SCALE[kind] * (math.sqrt(size) if size > LOT else size / math.sqrt(LOT)), volume)
    if kind in (CONSTANT_PRODUCT, CONCENTRATED):
        return 2.0 * math.log1p(volume / POOL)
    return math.copysign(np.interp(abs(volume), np.r_[0.0, VOLUMES], np.r_[0.0, BANDS]), volume)


def price_at(kind, x):
    return 100.0 * (1.0 - x if kind in (LINEAR, DEPTH_CURVE) else math.exp(-x))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    "volume", [-1500.0, -699.0, -300.0, -1.0, -0.3, 0.0, 0.5, 1.0, 1.5, 299.0, 698.0, 1100.0]
)
def test_a_trade_from_rest_follows_the_closed_form(kind, volume):
    volume = max(volume, -1197.0) if kind in ENDING else volume
    x = move(kind, 0.0, volume)
    assert x == pytest.approx(at_volume(kind, volume), rel=1e-14, abs=0)
    assert impact.price(kind, 100.0, x) == pytest.approx(price_at(kind, x), rel=1e-15)


def test_ten_percent_sold_at_the_calibrated_coefficient_lowers_the_price_by_ten_percent():
    x = impact.move(EXPONENTIAL, 0.0, 0.1, -math.log(0.9) / 0.1, 1.0, NO_BANDS, NO_BANDS)
    assert impact.price(EXPONENTIAL, 50.0, x) == pytest.approx(45.0, rel=1e-15)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("start", "flow"),
    [(0.0, 100.0), (0.0, -100.0), (500.0, -900.0), (-400.0, 1000.0), (0.5, 0.4), (-3.0, 6.0), (700.0, 1e-3)],
)
def test_the_average_price_is_the_integral_of_the_price_over_the_volume(kind, start, flow):
    x0 = at_volume(kind, start)
    x1 = move(kind, x0, flow)
    corners = [
        v
        for v in (-698.0, -300.0, -1.0, 0.0, 1.0, 300.0, 698.0)
        if min(start, start + flow) < v < max(start, start + flow)
    ]
    ends = [start, *(corners if flow > 0 else corners[::-1]), start + flow]
    total = sum(
        quad(lambda v: price_at(kind, at_volume(kind, v)), a, b, epsabs=0, epsrel=1e-13)[0]
        for a, b in itertools.pairwise(ends)
    )
    assert average(kind, x0, x1) == pytest.approx(total / flow, rel=1e-10)


def test_the_average_of_a_linear_book_is_exactly_the_midpoint():
    assert average(LINEAR, 0.25, 0.75) == 50.0
    assert average(LINEAR, 0.75, 0.25) == 50.0
    assert average(DEPTH_CURVE, 0.0, 0.01) == pytest.approx(99.5, rel=1e-15)


@given(kinds, displacements)
def test_a_trade_of_nothing_changes_nothing_and_averages_at_the_price(kind, x):
    assert move(kind, x, 0.0) == x
    assert average(kind, x, x) == impact.price(kind, 100.0, x)


@given(kinds, displacements, flows, flows)
def test_splitting_an_order_changes_neither_the_end_nor_the_money(kind, x0, first, second):
    assume(first * second >= 0)
    second = min(max(second, -abs(second)), abs(second))
    x1, x2 = move(kind, x0, first), move(kind, x0, first + second)
    in_two = move(kind, x1, second)
    assert in_two == pytest.approx(x2, rel=1e-9, abs=1e-12)
    if kind in ENDING and not -LAST[1] < x2 < LAST[0]:
        return  # the book ran out: the volumes traded are smaller than asked
    money = first * average(kind, x0, x1) + second * average(kind, x1, in_two)
    assert money == pytest.approx((first + second) * average(kind, x0, x2), rel=1e-8, abs=1e-8)


@given(kinds, displacements, flows, flows)
def test_more_sold_never_raises_the_price(kind, x0, one, two):
    low, high = sorted((one, two))
    assert move(kind, x0, low) <= move(kind, x0, high)
    if low > 0:
        assert move(kind, x0, low) >= x0
    if high < 0:
        assert move(kind, x0, high) <= x0


@given(kinds, displacements, flows)
@example(SQUARE_ROOT, 0.0, 1e-300)
@example(SQUARE_ROOT, 0.03, 1e-12)
@example(EXPONENTIAL, 0.03, 1e-12)
def test_the_average_lies_between_the_prices_at_both_ends(kind, x0, flow):
    x1 = move(kind, x0, flow)
    ends = sorted((impact.price(kind, 100.0, x0), impact.price(kind, 100.0, x1)))
    assert ends[0] <= average(kind, x0, x1) <= ends[1]


@given(kinds, displacements, st.floats(1e-6, 900.0), st.booleans())
def test_a_round_trip_returns_the_displacement_and_earns_nothing(kind, x0, size, sells_first):
    size = min(size, capacity(kind, x0, math.nan, 0), capacity(kind, x0, math.nan, 1))
    flow = size if sells_first else -size
    x1 = move(kind, x0, flow)
    back = move(kind, x1, -flow)
    assert back == pytest.approx(x0, rel=1e-9, abs=1e-12)
    earned = flow * (average(kind, x0, x1) - average(kind, x1, back))
    assert earned <= 1e-8 * size


@given(kinds, displacements, st.floats(1e-3, 1000.0), st.floats(0.0, 1.0), st.booleans())
def test_a_round_trip_after_some_recovery_loses_money(kind, _, size, recovery, sells_first):
    size = min(size, 1197.0)
    flow = size if sells_first else -size
    x1 = move(kind, 0.0, flow)
    later = x1 * (1.0 - recovery)
    earned = flow * (average(kind, 0.0, x1) - average(kind, later, move(kind, later, -flow)))
    assert earned <= 1e-8 * size


@given(kinds, displacements, st.floats(50.0, 150.0), st.sampled_from([0, 1]))
def test_capacity_is_the_trade_that_reaches_the_limit(kind, x0, limit, side):
    most = capacity(kind, x0, limit, side)
    sign = 1.0 if side == 0 else -1.0
    start = impact.price(kind, 100.0, x0)
    allowed = start >= limit if side == 0 else start <= limit
    if not allowed:
        assert most == 0.0
        return
    end = impact.price(kind, 100.0, move(kind, x0, sign * most))
    assert end >= limit if side == 0 else end <= limit
    if kind in ENDING and most >= capacity(kind, x0, math.nan, side):
        return
    assert end == pytest.approx(limit, rel=1e-9)
    beyond = impact.price(kind, 100.0, move(kind, x0, sign * (most * (1 + 1e-6) + 1e-6)))
    assert beyond < limit if side == 0 else beyond > limit


def test_books_without_a_limit_end_where_their_form_ends():
    assert capacity(EXPONENTIAL, 0.0, math.nan, 0) == math.inf
    assert capacity(SQUARE_ROOT, 0.0, math.nan, 1) == math.inf
    assert capacity(LINEAR, 0.0, math.nan, 1) == math.inf
    end = move(LINEAR, 0.0, capacity(LINEAR, 0.0, math.nan, 0))
    assert 0.0 < 1.0 - end <= 2.0**-19
    assert capacity(DEPTH_CURVE, 0.0, math.nan, 0) == pytest.approx(1197.0, rel=1e-14)
    assert capacity(DEPTH_CURVE, 0.0, math.nan, 1) == pytest.approx(1197.0, rel=1e-14)
    assert capacity(DEPTH_CURVE, 0.05, math.nan, 0) == 0.0
    assert capacity(DEPTH_CURVE, 0.07, math.nan, 0) == 0.0


def test_limits_at_zero_or_at_infinity_do_not_bind():
    assert capacity(EXPONENTIAL, 0.0, 0.0, 0) == math.inf
    assert capacity(EXPONENTIAL, 0.0, math.inf, 1) == math.inf
    assert capacity(EXPONENTIAL, 0.0, math.inf, 0) == 0.0
    assert capacity(LINEAR, 0.0, 0.0, 1) == 0.0


def test_without_impact_the_price_stays_and_nothing_limits_a_trade():
    for kind in (EXPONENTIAL, LINEAR, SQUARE_ROOT, CONSTANT_PRODUCT):
        assert move(kind, 0.01, 1e9, scale=0.0) == 0.01
        assert capacity(kind, 0.01, 90.0, 0, scale=0.0) == math.inf
        assert capacity(kind, 0.01, 99.9, 0, scale=0.0) == 0.0
        assert impact.slope(kind, 0.01, 0.0, LOT, NO_BANDS, NO_BANDS) == 0.0


def test_an_exhausted_book_stays_at_its_last_band():
    assert move(DEPTH_CURVE, 0.0, 1e6) == BANDS[-1]
    assert move(DEPTH_CURVE, 0.0, -1e6) == -BANDS[-1]
    assert move(DEPTH_CURVE, 0.07, 10.0) == 0.07
    assert move(DEPTH_CURVE, 0.07, -1e-9) == pytest.approx(0.07, rel=1e-9)


def test_a_band_without_money_is_jumped_over():
    bands, volumes = np.array([0.01, 0.02, 0.03]), np.array([10.0, 10.0, 20.0])
    assert impact.move(DEPTH_CURVE, 0.0, 10.0, 0.0, LOT, bands, volumes) == 0.01
    assert impact.move(DEPTH_CURVE, 0.0, 15.0, 0.0, LOT, bands, volumes) == pytest.approx(0.025, rel=1e-14)
    assert impact.move(DEPTH_CURVE, 0.03, -15.0, 0.0, LOT, bands, volumes) == pytest.approx(0.005, rel=1e-14)
    assert impact.average(DEPTH_CURVE, 100.0, 0.0, 0.03, 0.0, bands, volumes) == pytest.approx(
        98.5, rel=1e-14
    )
    assert impact.slope(DEPTH_CURVE, 0.015, 0.0, LOT, bands, volumes) == math.inf


@given(kinds, displacements)
def test_the_slope_is_the_derivative_of_the_move(kind, x):
    corners = [0.0, 0.01, 0.02, 0.05] if kind == DEPTH_CURVE else [SCALE[kind] * math.sqrt(LOT)]
    assume(all(abs(abs(x) - corner) > 1e-4 for corner in corners))
    step = 1e-4
    difference = (move(kind, x, step) - move(kind, x, -step)) / (2 * step)
    found = impact.slope(kind, x, SCALE[kind], LOT, *book(kind))
    assert found == pytest.approx(difference, rel=1e-4)


def test_a_change_of_depth_without_a_trade_moves_no_price():
    for kind in (EXPONENTIAL, LINEAR, SQUARE_ROOT):
        assert move(kind, 0.02, 0.0, scale=SCALE[kind] * 10) == 0.02


def test_the_smallest_trades_average_without_loss_of_digits():
    for kind in (EXPONENTIAL, SQUARE_ROOT):
        for step in (1e-18, 1e-12, 1e-9, 1e-6):
            x1 = 0.03 + step
            if x1 != 0.03:
                assert average(kind, 0.03, x1) == pytest.approx(
                    100 * math.exp(-0.03 - (x1 - 0.03) / 2), rel=1e-11
                )


moved = st.floats(-0.04, 0.04)
sizes = st.floats(1e-6, 400.0)  # units of the asset, of the 600 in the pool


@given(moved, sizes)
def test_a_sale_to_a_constant_product_is_the_swap_of_its_reserves(x0, units):
    held, money = POOL / 100.0 * math.exp(x0 / 2), POOL * math.exp(-x0 / 2)
    swap = constant_product_swap(held, money, units, fee=0.0)
    x1 = move(CONSTANT_PRODUCT, x0, 100.0 * units)
    assert impact.price(CONSTANT_PRODUCT, 100.0, x1) == pytest.approx(swap.spot_price_after, rel=1e-12)
    assert average(CONSTANT_PRODUCT, x0, x1) == pytest.approx(swap.execution_price, rel=1e-12)


@given(moved, st.floats(1e-3, 20_000.0))
def test_a_purchase_from_a_constant_product_is_the_swap_of_its_reserves(x0, paid):
    held, money = POOL / 100.0 * math.exp(x0 / 2), POOL * math.exp(-x0 / 2)
    swap = constant_product_swap(money, held, paid, fee=0.0)
    x1 = move(CONSTANT_PRODUCT, x0, -100.0 * swap.amount_out)
    assert impact.price(CONSTANT_PRODUCT, 100.0, x1) == pytest.approx(1.0 / swap.spot_price_after, rel=1e-12)
    assert average(CONSTANT_PRODUCT, x0, x1) == pytest.approx(1.0 / swap.execution_price, rel=1e-12)


@given(moved, st.floats(0.01, 15.0))
def test_a_trade_with_a_concentrated_pool_is_the_swap_inside_its_range(x0, units):
    price, liquidity = 100.0 * math.exp(-x0), POOL / 10.0  # D = L sqrt(S)
    sold = concentrated_liquidity_swap(price, liquidity, amount0_in=units)
    x1 = move(CONCENTRATED, x0, 100.0 * units)
    if x1 < -math.log1p(-BANDS[-1]):
        assert impact.price(CONCENTRATED, 100.0, x1) == pytest.approx(sold.price_after, rel=1e-12)
        assert average(CONCENTRATED, x0, x1) == pytest.approx(sold.amount_out / units, rel=1e-12)
    bought = concentrated_liquidity_swap(price, liquidity, amount1_in=units * price)
    x1 = move(CONCENTRATED, x0, -100.0 * bought.amount_out)
    if x1 > -math.log1p(BANDS[-1]):
        assert impact.price(CONCENTRATED, 100.0, x1) == pytest.approx(bought.price_after, rel=1e-12)
        paid = units * price / bought.amount_out
        assert average(CONCENTRATED, x0, x1) == pytest.approx(paid, rel=1e-12)


def test_a_concentrated_pool_takes_what_its_range_holds_and_no_more():
    liquidity = POOL / 10.0
    holds = concentrated_liquidity_amounts(100.0, 105.0, liquidity).amount0
    assert capacity(CONCENTRATED, 0.0, math.nan, 1) == pytest.approx(100.0 * holds, rel=1e-12)
    asset = concentrated_liquidity_amounts(95.0, 100.0, liquidity).amount0
    assert capacity(CONCENTRATED, 0.0, math.nan, 0) == pytest.approx(100.0 * asset, rel=1e-12)
    end = move(CONCENTRATED, 0.0, 1e9)
    assert impact.price(CONCENTRATED, 100.0, end) == pytest.approx(95.0, rel=1e-15)
    assert capacity(CONCENTRATED, end, math.nan, 0) == 0.0
    assert impact.price(CONCENTRATED, 100.0, move(CONCENTRATED, 0.0, -1e9)) == pytest.approx(105.0, rel=1e-15)


def test_a_constant_product_takes_every_sale_and_never_sells_its_last_thousandth():
    assert capacity(CONSTANT_PRODUCT, 0.0, math.nan, 0) == math.inf
    left = 1.0 - capacity(CONSTANT_PRODUCT, 0.0, math.nan, 1) / POOL
    assert left == pytest.approx(2.0**-10, rel=1e-9)
    assert impact.price(CONSTANT_PRODUCT, 100.0, move(CONSTANT_PRODUCT, 0.0, -POOL)) == pytest.approx(
        100.0 * 2.0**20, rel=1e-9
    )


def test_the_depth_within_a_band_gives_the_reserves_of_the_pool():
    band, money = 0.02, POOL * (1.0 / math.sqrt(0.98) - 1.0)
    x1 = move(CONSTANT_PRODUCT, 0.0, money)
    assert impact.price(CONSTANT_PRODUCT, 1.0, x1) == pytest.approx(1.0 - band, rel=1e-14)
    assert money == pytest.approx(100.0 * constant_product_move(POOL / 100.0, band), rel=1e-12)


def test_the_book_takes_words_and_arrays():
    one = Book("exponential", scale=0.01 / 300)
    x = one.move(np.zeros(3), [0.0, 300.0, -300.0])
    assert np.array_equal(x, [0.0, 0.01, -0.01])
    assert one.price(100.0, x).shape == (3,)
    assert one.average([100.0, 200.0], 0.0, 0.0).tolist() == [100.0, 200.0]
    assert one.capacity(100.0, 0.0, "sell", 99.0) == pytest.approx(-math.log(0.99) / one.scale)
    curve = Book("depth_curve", bands=BANDS, volumes=VOLUMES)
    assert curve.move(0.0, 499.0) == pytest.approx(0.015)
    assert curve.slope(0.015) == pytest.approx(0.01 / 398)
    pool = Book("concentrated", scale=1.0 / POOL, bands=(0.01, 0.05))
    assert pool.capacity(100.0, [0.0, 0.01], "sell").shape == (2,)


@pytest.mark.parametrize(
    ("arguments", "mentions"),
    [
        ({"kind": "cubic"}, "kind"),
        ({"kind": "exponentiall"}, "exponential"),
        ({"scale": -1.0}, "scale"),
        ({"scale": math.nan}, "scale"),
        ({"lot_money": math.inf}, "lot_money"),
        ({"kind": "depth_curve"}, "bands"),
        ({"kind": "concentrated"}, "bands"),
        ({"kind": "concentrated", "bands": (0.01, 0.02), "volumes": (5.0,)}, "bands"),
        ({"kind": "depth_curve", "bands": (0.01, 0.02), "volumes": (5.0,)}, "bands"),
        ({"kind": "depth_curve", "bands": (0.02, 0.01), "volumes": (5.0, 6.0)}, "bands"),
        ({"kind": "depth_curve", "bands": (0.01, 0.02), "volumes": (5.0, 5.0)}, "volumes"),
        ({"kind": "depth_curve", "bands": (0.01,), "volumes": (0.0,)}, "volumes"),
        ({"kind": "depth_curve", "bands": (1.0,), "volumes": (5.0,)}, "bands"),
    ],
)
def test_a_book_that_cannot_be_is_refused_by_name(arguments, mentions):
    with pytest.raises(InputError, match=mentions):
        Book(**arguments)


def test_an_unknown_side_is_refused():
    with pytest.raises(InputError, match="side"):
        Book().capacity(100.0, 0.0, "short")
