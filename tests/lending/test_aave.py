"""Aave liquidations against exact arithmetic, conservation of value, and the rules exactly at their thresholds."""

import math
from dataclasses import fields
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.lending import (
    aave_close_factor,
    aave_health_factor,
    aave_liquidation,
    aave_liquidation_price,
    aave_max_repay,
    aave_partial_limits,
    leverage_loop,
)
from tests.oracles import lending as exact

LIVE = {"close_factor": 0.5, "full_close_health_factor": 0.95, "small_position": 2000, "min_leftover": 1000}
RULE = {
    "version": "v3.3",
    "liquidation_threshold": 0.83,
    "liquidation_bonus": 0.05,
    "protocol_fee": 0.1,
    **LIVE,
}

eighths = st.integers(0, 2**12).map(lambda n: n / 8)
powers = st.integers(-2, 10).map(lambda n: 2.0**n)
versions = st.sampled_from(["v2", "v3", "v3.3"])


def near(found, wanted):
    return math.isclose(float(found), float(wanted), rel_tol=1e-12, abs_tol=1e-12)


@st.composite
def calls(draw):
    """Numbers whose products and comparisons are exact in double precision."""
    version = draw(versions)
    price, unit = draw(powers), draw(powers)
    collateral = draw(eighths)
    near_debt = collateral * price / unit * draw(st.sampled_from([0.5, 0.75, 0.875, 1.0, 1.25]))
    debt = draw(st.sampled_from([near_debt, draw(eighths)]))
    request = draw(st.sampled_from([None, draw(eighths), debt, debt / 2]))
    rule = [
        draw(st.integers(0, 56)) / 64,
        draw(st.sampled_from([0, 1 / 32, 1 / 16, 1 / 8])),
        draw(st.integers(0, 8)) / 8,
        0.5 if version != "v3.3" else draw(st.integers(1, 8)) / 8,
        0.95 if version != "v3.3" else draw(st.sampled_from([0.5, 0.9375, 1.0])),
        0.0 if version != "v3.3" else draw(st.sampled_from([0.0, 64.0, 2048.0])),
        0.0 if version != "v3.3" else draw(st.sampled_from([0.0, 32.0, 1024.0])),
    ]
    others = [draw(st.sampled_from([0.0, draw(eighths)])), draw(st.integers(0, 8)) / 8]
    others.append(draw(st.sampled_from([0.0, draw(eighths)])))
    return version, (collateral, price, debt, unit, request), rule, others


def called(version, held, rule, others):
    names = ("liquidation_threshold", "liquidation_bonus", "protocol_fee", *LIVE)
    other = zip(
        ("other_collateral_value", "other_collateral_threshold", "other_debt_value"), others, strict=True
    )
    return aave_liquidation(*held, version=version, **dict(zip(names, rule, strict=True)), **dict(other))


@given(calls())
def test_a_call_is_the_one_of_exact_arithmetic(call):
    version, held, rule, others = call
    found, wanted = called(*call), exact.aave(version, held, rule, others)
    assert found.reason == wanted["reason"]
    assert found.allowed == (wanted["reason"] == "")
    for name in (
        "debt_repaid",
        "collateral_seized",
        "collateral_left",
        "debt_left",
        "deficit",
        "deficit_other_value",
        "close_factor",
    ):
        assert near(getattr(found, name), wanted[name]), name
    assert near(found.protocol_fee_collateral, wanted["fee"])


@given(
    versions,
    st.floats(0, 1e9),
    st.floats(1e-6, 1e6),
    st.floats(0, 1e9),
    st.floats(1e-6, 1e6),
    st.one_of(st.none(), st.floats(0, 1e9)),
    st.floats(0, 0.9),
    st.floats(0, 0.1),
    st.floats(0, 1),
    st.sampled_from([0.0, 5000.0]),
)
def test_value_is_conserved_and_nothing_is_negative(
    version, collateral, price, debt, unit, request, threshold, bonus, fee, other_debt
):
    rule = {**RULE, "version": version, "liquidation_threshold": threshold, "liquidation_bonus": bonus}
    done = aave_liquidation(
        collateral, price, debt, unit, request, **{**rule, "protocol_fee": fee}, other_debt_value=other_debt
    )
    for field in fields(done):
        if field.name != "reason":
            assert getattr(done, field.name) >= 0, field.name
    assert done.debt_repaid <= debt and done.collateral_seized <= collateral
    assert near(done.collateral_left + done.collateral_seized, collateral)
    assert near(done.debt_left + done.debt_repaid + done.deficit, debt)
    assert near(done.protocol_fee_collateral + done.liquidator_collateral, done.collateral_seized)
    seized = Fraction(float(done.collateral_seized)) * Fraction(price)
    repaid = Fraction(float(done.debt_repaid)) * Fraction(unit) * (1 + Fraction(bonus))
    assert abs(seized - repaid) <= Fraction(1, 10**12) * repaid + Fraction(1, 10**290)
    if not done.allowed:
        assert (done.debt_left, done.collateral_left, done.debt_repaid) == (debt, collateral, 0)
    if done.deficit > 0 or done.deficit_other_value > 0:
        assert version == "v3.3" and done.collateral_left == 0 and done.debt_left == 0
    if version == "v3.3" and done.allowed and done.collateral_left == 0:
        assert done.debt_left == 0 and done.deficit_other_value == other_debt


@given(st.lists(calls(), min_size=1, max_size=6), versions)
def test_arrays_give_the_bits_of_single_numbers(drawn, version):
    drawn = [
        (version, (*held[:4], math.inf if held[4] is None else held[4]), rule, others)
        for _, held, rule, others in drawn
    ]
    stacked = called(
        version,
        [np.array(column) for column in zip(*(held for _, held, _, _ in drawn), strict=True)],
        [np.array(column) for column in zip(*(rule for _, _, rule, _ in drawn), strict=True)],
        [np.array(column) for column in zip(*(others for *_, others in drawn), strict=True)],
    )
    for place, call in enumerate(drawn):
        one = called(*call)
        for field in fields(one):
            assert getattr(stacked, field.name)[place] == getattr(one, field.name), field.name


def test_a_health_factor_of_exactly_one_is_healthy_and_the_next_number_below_is_not():
    held = [{"symbol": "ETH", "amount": 8.0, "price": 1000.0}]
    owed = [{"symbol": "DAI", "amount": np.array([4000.0, np.nextafter(4000.0, 5000.0)]), "price": 1.0}]
    found = aave_health_factor(held, owed, liquidation_thresholds={"ETH": 0.5})
    assert found.liquidatable.tolist() == [False, True]
    assert found.health_factor[0] == 1.0
    assert found.borrow_limit is None


def test_a_loan_without_debt_has_no_end_of_health_and_one_without_collateral_none():
    nothing = aave_health_factor([], [], liquidation_thresholds={})
    assert (float(nothing.health_factor), bool(nothing.liquidatable)) == (math.inf, False)
    owed = aave_health_factor(
        [], [{"symbol": "D", "amount": [1, 0], "price": 1}], liquidation_thresholds={}, loan_to_values={}
    )
    assert owed.health_factor.tolist() == [0.0, math.inf]
    assert owed.liquidatable.tolist() == [True, False]
    assert owed.borrow_limit.tolist() == [0.0, 0.0]
    share = aave_close_factor(nothing.health_factor, 0, 0, version="v2", **_closing())
    assert share == 0.0


def _closing():
    return {key: LIVE[key] for key in ("close_factor", "full_close_health_factor", "small_position")}


@pytest.mark.parametrize(
    ("version", "health", "collateral", "debt", "share"),
    [
        ("v2", 0.1, 1, 1, 0.5),
        ("v2", 1.0, 9000, 9000, 0.0),
        ("v3", 0.95, 9000, 9000, 1.0),
        ("v3", math.nextafter(0.95, 1), 9000, 9000, 0.5),
        ("v3", 0.97, 10, 10, 0.5),
        ("v3.2", 0.97, 10, 10, 0.5),
        ("v3.3", 0.95, 9000, 9000, 1.0),
        ("v3.3", 0.97, 2000, 2000, 0.5),
        ("v3.3", 0.97, math.nextafter(2000, 0), 2000, 1.0),
        ("v3.3", 0.97, 2000, math.nextafter(2000, 0), 1.0),
        ("v3.3", 1.0, 10, 10, 0.0),
        ("v3.3", math.nextafter(1, 0), 2000, 2000, 0.5),
        ("v3.3", math.inf, 10, 0, 0.0),
    ],
)
def test_the_close_factor_at_its_edges(version, health, collateral, debt, share):
    assert aave_close_factor(health, collateral, debt, version=version, **_closing()) == share


def test_the_leftover_that_is_exactly_the_minimum_is_no_dust():
    rule = {**RULE, "liquidation_bonus": 0.0, "liquidation_threshold": 0.5, "protocol_fee": 0.0}
    at = aave_liquidation(4000, 1, 3000, 1, 2000, **rule)
    assert (at.reason, float(at.debt_left), float(at.collateral_left)) == ("", 1000.0, 2000.0)
    below = aave_liquidation(4000, 1, 3000, 1, 2001, **rule)
    assert (below.reason, float(below.debt_left), float(below.close_factor)) == ("dust", 3000.0, 1.0)
    whole = aave_liquidation(4000, 1, 3000, 1, None, **rule)
    assert (whole.reason, float(whole.debt_left)) == ("", 0.0)


def test_collateral_that_just_covers_repayment_and_bonus_leaves_no_deficit():
    rule = {**RULE, "liquidation_bonus": 0.25, "liquidation_threshold": 0.5}
    done = aave_liquidation(125, 100, 10_000, 1, None, **rule)
    assert (float(done.collateral_left), float(done.debt_left), float(done.deficit)) == (0.0, 0.0, 0.0)
    short = aave_liquidation(124, 100, 10_000, 1, None, **rule)
    assert float(short.deficit) == pytest.approx(80.0, rel=1e-12)
    kept = aave_liquidation(124, 100, 10_000, 1, None, **rule, other_collateral_value=1.0)
    assert (float(kept.deficit), float(kept.debt_left)) == (0.0, pytest.approx(80.0, rel=1e-12))


def test_a_position_of_size_zero_is_healthy_and_stays():
    done = aave_liquidation(0, 1, 0, 1, None, **RULE)
    assert (done.reason, bool(done.allowed), float(done.health_factor)) == ("healthy", False, math.inf)


@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e9), st.floats(0.01, 1))
def test_at_the_liquidation_price_the_health_factor_is_one(amount, debt, threshold):
    price = aave_liquidation_price(amount, debt, liquidation_threshold=threshold)
    found = aave_health_factor(
        [{"symbol": "C", "amount": amount, "price": price}],
        [{"symbol": "D", "amount": debt, "price": 1.0}],
        liquidation_thresholds={"C": threshold},
    )
    assert float(found.health_factor) == pytest.approx(1.0, rel=1e-14)


def test_without_collateral_that_counts_there_is_no_liquidation_price():
    prices = aave_liquidation_price([0, 5, 5], [1, 1, 0], liquidation_threshold=[0.5, 0, 0.5])
    assert np.isnan(prices[:2]).all() and prices[2] == 0.0


@given(st.lists(eighths, min_size=1, max_size=5), st.data(), st.integers(1, 8).map(lambda n: n / 8))
def test_the_limit_on_one_debt_acts_on_that_debt_or_on_the_sum(debts, data, share):
    place = data.draw(st.integers(0, len(debts) - 1))
    old = aave_max_repay(debts, place, version="v3", close_factor=share)
    new = aave_max_repay(debts, place, version="v3.3", close_factor=share)
    assert old.max_repay_total is None
    assert Fraction(float(old.max_repay_one_debt)) == Fraction(share) * Fraction(debts[place])
    total = Fraction(share) * sum(map(Fraction, debts))
    assert Fraction(float(new.max_repay_total)) == total
    assert Fraction(float(new.max_repay_one_debt)) == min(Fraction(debts[place]), total)
    assert new.max_repay_one_debt >= old.max_repay_one_debt


def test_limits_of_many_positions_at_once_are_those_of_each():
    found = aave_max_repay([[3000, 3000], [0, 10]], 1, version="v3.3", close_factor=[0.5, 1])
    assert found.max_repay_total.tolist() == [3000.0, 10.0]
    assert found.max_repay_one_debt.tolist() == [3000.0, 10.0]
    limits = aave_partial_limits([1000, 400], [500, 900], min_leftover=500)
    assert (limits.max_partial_debt.tolist(), limits.max_partial_collateral.tolist()) == ([0, 400], [500, 0])


@cache
def sum_of_rounds(sixteenths: int) -> Fraction:
    """The sum of (sixteenths / 16)^k over 2 000 rounds, exactly, in whole numbers over 16^1999."""
    total, unit = 0, 1
    for _ in range(2000):
        total, unit = total * sixteenths + unit, unit * 16
    return Fraction(total, unit // 16)


@given(st.integers(0, 15), st.integers(1, 16))
def test_a_loop_is_the_sum_of_its_rounds(loan, threshold):
    rounds = sum_of_rounds(loan)
    loan, threshold = loan / 16, max(loan, threshold) / 16
    found = leverage_loop(loan, threshold)
    assert float(found.max_leverage) == pytest.approx(float(rounds), rel=1e-12)
    start = found.max_leverage * Fraction(1)
    after = float(start * found.ratio_at_liquidation * threshold)
    assert after == pytest.approx(float(start) - 1.0, abs=1e-12)
