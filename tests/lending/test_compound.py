"""Compound and Comet against exact arithmetic and at their thresholds."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.lending import comet_absorb, comet_quote_collateral, compound_v2_liquidation
from tests.oracles import lending as exact

eighths = st.integers(0, 2**12).map(lambda n: n / 8)
powers = st.integers(-2, 10).map(lambda n: 2.0**n)
shares = st.integers(0, 16).map(lambda n: n / 16)
RULE = {"collateral_factor": 0.75, "close_factor": 0.5, "liquidation_incentive": 1.125}


def near(found, wanted):
    return math.isclose(float(found), float(wanted), rel_tol=1e-12, abs_tol=1e-12)


@st.composite
def borrowers(draw):
    factor, incentive = draw(st.integers(0, 14)) / 16, draw(st.sampled_from([1.0, 1.0625, 1.125]))
    held = draw(eighths), draw(powers), draw(eighths), draw(powers)
    request = draw(st.one_of(st.none(), eighths))
    return *held, request, factor, draw(st.integers(1, 8)) / 8, incentive


@given(borrowers())
def test_a_liquidation_is_the_one_of_exact_arithmetic(borrower):
    *held, factor, close, incentive = borrower
    found = compound_v2_liquidation(
        *held, collateral_factor=factor, close_factor=close, liquidation_incentive=incentive
    )
    hit, shortfall, repaid, seized = exact.compound(*borrower)
    assert found.liquidatable == hit
    assert near(found.shortfall, shortfall)
    assert near(found.debt_repaid, repaid) and near(found.collateral_seized, seized)
    assert found.collateral_seized <= held[0] and found.debt_repaid <= close * held[2]
    assert near(found.collateral_seized * held[1], found.debt_repaid * held[3] * incentive)


def test_debt_that_equals_the_borrowing_limit_is_not_liquidated():
    found = compound_v2_liquidation(8, 1000, [6000, np.nextafter(6000, 7000), 0], 1, **RULE)
    assert found.liquidatable.tolist() == [False, True, False]
    assert found.debt_repaid[0] == 0 and found.shortfall[0] == 0
    assert found.shortfall[1] > 0 and found.debt_repaid[1] > 0


def test_collateral_of_zero_pays_for_nothing():
    found = compound_v2_liquidation(0, 1000, 500, 1, **RULE)
    assert (bool(found.liquidatable), float(found.debt_repaid), float(found.collateral_seized)) == (
        True,
        0,
        0,
    )


@given(st.integers(0, 4096), st.lists(st.tuples(eighths, shares, shares), max_size=4), shares)
def test_an_absorption_is_the_one_of_exact_arithmetic(debt, legs, front):
    names = [f"T{place}" for place in range(len(legs))]
    found = comet_absorb(
        debt,
        [{"symbol": name, "value": leg[0]} for name, leg in zip(names, legs, strict=True)],
        liquidate_factors={name: leg[1] for name, leg in zip(names, legs, strict=True)},
        liquidation_factors={name: leg[2] for name, leg in zip(names, legs, strict=True)},
        store_front_price_factor=front,
    )
    hit, credit, balance, paid, loss = exact.comet(debt, legs, front)
    assert found.liquidatable == hit
    assert np.isnan(found.new_balance) if balance is None else found.new_balance == float(balance)
    assert (found.credited, found.reserves_paid, found.reserve_loss) == (credit, paid, loss)
    if hit:
        assert found.reserves_paid == debt + found.new_balance or found.new_balance == 0


def test_many_borrowers_are_absorbed_at_once_and_collateral_that_equals_the_debt_is_left():
    rule = {
        "liquidate_factors": {"E": 0.875},
        "liquidation_factors": {"E": 0.9375},
        "store_front_price_factor": 0.5,
    }
    found = comet_absorb(
        [875, np.nextafter(875, 900), 0], [{"symbol": "E", "value": [1000, 1000, 0]}], **rule
    )
    assert found.liquidatable.tolist() == [False, True, False]
    assert found.credited.tolist() == [0.0, 937.5, 0.0]
    assert np.isnan(found.new_balance[[0, 2]]).all()


@given(st.floats(0, 1e6), st.floats(1e-3, 1e6), st.floats(1e-3, 1e6), st.floats(0, 1), st.floats(0.01, 1))
def test_a_quote_sells_collateral_at_its_discounted_price(base, price, unit, front, kept):
    found = comet_quote_collateral(base, price, unit, store_front_price_factor=front, liquidation_factor=kept)
    discount = Fraction(front) * (1 - Fraction(kept))
    assert near(found.discount, discount)
    paid = found.collateral_amount * price * (1.0 - float(discount))
    assert float(paid) == pytest.approx(base * unit, rel=1e-12, abs=1e-290)
