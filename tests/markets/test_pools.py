"""Pools keep their invariants: the product never falls, trades split, and what comes out can be put back."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.errors import InputError
from contagion.markets import (
    concentrated_liquidity_amounts,
    concentrated_liquidity_swap,
    constant_product_move,
    constant_product_swap,
)

reserves = st.floats(1e-3, 1e9)
amounts = st.one_of(st.just(0.0), st.floats(1e-6, 1e9))
fees = st.one_of(st.sampled_from([0.0, 0.003, 1.0]), st.floats(0, 1))
ROUNDING = Fraction(1, 2**50)


@given(reserves, reserves, amounts, fees)
def test_a_swap_is_the_one_of_exact_arithmetic_and_the_product_never_falls(base, quote, traded, fee):
    found = constant_product_swap(base, quote, traded, fee=fee)
    x, y, d = Fraction(base), Fraction(quote), Fraction(traded)
    counted = d * (1 - Fraction(fee))
    out = counted * y / (x + counted)
    paid = Fraction(float(found.amount_out))
    assert abs(paid - out) <= Fraction(1e-14) * out
    assert 0 <= paid <= y
    assert (x + d) * (y - paid) >= x * y * (1 - ROUNDING) - (x + d) * y * ROUNDING
    assert (x + d) * (y - out) >= x * y
    if traded:
        assert float(found.execution_price) == pytest.approx(float(out / d), rel=1e-14)
        assert found.execution_price <= quote / base * (1 + 1e-14)
    else:
        assert np.isnan(found.execution_price) and found.amount_out == 0
    wanted = float((y - out) / (x + d))
    assert float(found.spot_price_after) == pytest.approx(
        wanted, rel=1e-12, abs=1e-15 * quote / (base + traded)
    )


@given(st.floats(1, 1e6), st.floats(1, 1e6), st.floats(1e-3, 1e6))
def test_without_fee_a_round_trip_gives_back_what_was_paid(base, quote, traded):
    out = constant_product_swap(base, quote, traded, fee=0).amount_out
    back = constant_product_swap(quote - out, base + traded, out, fee=0).amount_out
    assert float(back) == pytest.approx(traded, rel=1e-8)


@given(st.floats(1, 1e6), st.floats(1, 1e6), st.floats(1e-2, 1e6), st.floats(1e-4, 0.5))
def test_with_a_fee_a_round_trip_loses(base, quote, traded, fee):
    out = constant_product_swap(base, quote, traded, fee=fee).amount_out
    back = constant_product_swap(quote - out, base + traded, out, fee=fee).amount_out
    assert back < traded


@given(st.floats(1, 1e6), st.floats(1, 1e6), st.floats(1e-3, 1e6), st.floats(0, 1))
def test_without_fee_a_swap_in_two_parts_pays_the_same(base, quote, traded, share):
    whole = constant_product_swap(base, quote, traded, fee=0).amount_out
    first = constant_product_swap(base, quote, share * traded, fee=0).amount_out
    second = constant_product_swap(base + share * traded, quote - first, traded * (1 - share), fee=0)
    assert float(first + second.amount_out) == pytest.approx(float(whole), rel=1e-9)


@given(st.floats(1e-3, 1e9), st.one_of(st.just(0.0), st.floats(1e-12, 0.999)))
def test_the_amount_that_moves_the_price_moves_it(base, drop):
    sold = constant_product_move(base, drop)
    after = constant_product_swap(base, base, sold, fee=0).spot_price_after
    assert float(after) == pytest.approx(1.0 - drop, rel=1e-12)
    assert (sold > 0) == (drop > 0)


@given(st.floats(0.01, 1e4), st.floats(1, 1e9), st.floats(0, 1e6), st.floats(0, 1e6), st.booleans())
def test_a_concentrated_swap_splits(price, liquidity, first, second, is_first_token):
    name = "amount0_in" if is_first_token else "amount1_in"
    whole = concentrated_liquidity_swap(price, liquidity, **{name: first + second})
    one = concentrated_liquidity_swap(price, liquidity, **{name: first})
    two = concentrated_liquidity_swap(one.price_after, liquidity, **{name: second})
    assert float(two.price_after) == pytest.approx(float(whole.price_after), rel=1e-12)
    paid = float(one.amount_out + two.amount_out)
    assert paid == pytest.approx(float(whole.amount_out), rel=1e-9, abs=1e-290)


@given(st.floats(0.01, 1e4), st.floats(1, 1e6), st.floats(1e-2, 1e4))
def test_a_concentrated_swap_there_and_back_gives_back_what_was_paid(price, liquidity, traded):
    there = concentrated_liquidity_swap(price, liquidity, amount0_in=traded)
    back = concentrated_liquidity_swap(there.price_after, liquidity, amount1_in=there.amount_out)
    assert float(back.amount_out) == pytest.approx(traded, rel=1e-9)
    assert float(back.price_after) == pytest.approx(price, rel=1e-9)


@given(st.floats(0.01, 1e4), st.floats(1, 1e6), st.floats(1e-2, 1e4))
def test_what_a_swap_moves_is_the_content_of_the_range_it_crosses(price, liquidity, traded):
    done = concentrated_liquidity_swap(price, liquidity, amount0_in=traded)
    held = concentrated_liquidity_amounts(done.price_after, price, liquidity)
    assert float(held.amount0) == pytest.approx(traded, rel=1e-9, abs=1e-9 * liquidity / math.sqrt(price))
    assert float(held.amount1) == pytest.approx(float(done.amount_out), rel=1e-9, abs=1e-9)


@given(st.floats(1, 1e6), st.floats(1, 1e6), st.floats(1e-2, 1e4))
def test_one_range_without_end_is_a_constant_product_pool(base, quote, traded):
    range_ = concentrated_liquidity_swap(quote / base, math.sqrt(base * quote), amount0_in=traded)
    pool = constant_product_swap(base, quote, traded, fee=0)
    assert float(range_.amount_out) == pytest.approx(float(pool.amount_out), rel=1e-12)


def test_a_range_of_no_width_holds_nothing_and_arrays_have_the_shape_of_all_arguments():
    held = concentrated_liquidity_amounts(4, [4, 9], [5])
    assert (held.amount0.tolist(), held.amount1.tolist()) == ([0, 5 / 6], [0, 5])
    found = constant_product_swap(100, [100, 200], 0, fee=0.003)
    assert found.amount_out.tolist() == [0, 0] and np.isnan(found.execution_price).all()
    swap = concentrated_liquidity_swap([1, 4], 1, amount0_in=0)
    assert (swap.price_after.tolist(), swap.amount_out.tolist()) == ([1, 4], [0, 0])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: constant_product_swap(0, 1, 1, fee=0), "reserve_in"),
        (lambda: constant_product_swap(1, 0, 1, fee=0), "reserve_out"),
        (lambda: constant_product_swap(1, 1, -1, fee=0), "amount_in"),
        (lambda: constant_product_swap(1, 1, 1, fee=1.1), "fee"),
        (lambda: constant_product_swap([1, 1], [1, 1, 1], 1, fee=0), "shapes"),
        (lambda: constant_product_move(-1, 0.1), "reserve_in"),
        (lambda: constant_product_move(1, 1), "price_drop.*< 1"),
        (lambda: constant_product_move(1, -0.1), "price_drop"),
        (lambda: concentrated_liquidity_swap(0, 1, amount0_in=1), "price"),
        (lambda: concentrated_liquidity_swap(1, 0, amount0_in=1), "liquidity"),
        (lambda: concentrated_liquidity_swap(1, 1, amount0_in=-1), "amount0_in"),
        (lambda: concentrated_liquidity_swap(1, 1, amount1_in=[1, -1]), r"amount1_in\[1\]"),
        (lambda: concentrated_liquidity_swap(1, 1), "amount0_in.*missing"),
        (lambda: concentrated_liquidity_swap(1, 1, amount0_in=1, amount1_in=1), "amount0_in.*both"),
        (lambda: concentrated_liquidity_amounts(2, 1, 1), "price_b"),
        (lambda: concentrated_liquidity_amounts(0, 1, 1), "price_a"),
        (lambda: concentrated_liquidity_amounts(1, 2, -1), "liquidity"),
    ],
)
def test_bad_input_is_refused_by_name(call, says):
    with pytest.raises(InputError, match=says):
        call()
