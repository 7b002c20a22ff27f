"""Spirals of liquidations at a fixed bonus against exact fractions, a search, refusals and each other."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.errors import InputError
from contagion.propagation.firesales.closed_forms import (
    qin_two_step,
    toxic_liquidation,
    toxic_liquidation_cpamm,
)

money = st.integers(1, 4000).map(lambda n: n / 8)
bonuses = st.integers(0, 64).map(lambda n: n / 256)
shares = st.integers(1, 16).map(lambda n: n / 16)


def exact_path(collateral, debt, incentive, share, steps):
    """Collateral and debt after each liquidation, in fractions."""
    held, owed, gross = Fraction(collateral), Fraction(debt), 1 + Fraction(incentive)
    path = []
    for _ in range(steps):
        repaid = min(Fraction(share) * owed, held / gross)
        held, owed = held - gross * repaid, owed - repaid
        path.append((held, owed))
        if held <= Fraction(1e-12):
            break
    return path


def exact_two_steps(collateral, debt, threshold, spread, share, first):
    """What two liquidations repay if the first repays `first`, in fractions; the second only below health."""
    held, owed, gross = Fraction(collateral), Fraction(debt), 1 + Fraction(spread)
    held, owed = held - first * gross, owed - first
    if Fraction(threshold) * held > owed:
        return first
    return first + min(Fraction(share) * owed, held / gross)


@given(money, money, bonuses, shares, st.integers(0, 12))
def test_the_path_is_that_of_exact_fractions(collateral, debt, incentive, share, steps):
    found = toxic_liquidation(
        collateral, debt, liquidation_incentive=incentive, close_factor=share, max_steps=steps
    )
    exact = exact_path(collateral, debt, incentive, share, steps)
    assert len(found.path) == len(exact)
    for step, (held, owed) in zip(found.path, exact, strict=True):
        assert step.collateral == pytest.approx(float(held), rel=1e-9, abs=1e-10)
        assert step.debt == pytest.approx(float(owed), rel=1e-9, abs=1e-10)
    if exact:
        held, owed = exact[-1]
        assert found.bad_debt == pytest.approx(float(owed) if held <= 1e-12 else 0.0, rel=1e-9, abs=1e-10)


@given(money, money, bonuses, shares)
def test_the_loan_to_value_rises_exactly_above_the_frontier(collateral, debt, incentive, share):
    found = toxic_liquidation(
        collateral, debt, liquidation_incentive=incentive, close_factor=share, max_steps=1
    )
    above = Fraction(debt) / Fraction(collateral) > 1 / (1 + Fraction(incentive))
    assert found.ltv_rises == above
    held, owed = exact_path(collateral, debt, incentive, share, 1)[0]
    if held > 0:
        assert (owed / held > Fraction(debt) / Fraction(collateral)) == above
        assert found.path[0].ltv == pytest.approx(float(owed / held), rel=1e-9)
    else:
        assert math.isnan(found.path[0].ltv)
        assert (owed > 0) == above


@given(money, money, bonuses.filter(bool), shares)
def test_only_toxic_liquidations_leave_bad_debt(collateral, debt, incentive, share):
    found = toxic_liquidation(
        collateral, debt, liquidation_incentive=incentive, close_factor=share, max_steps=3000
    )
    gap = Fraction(debt) * (1 + Fraction(incentive)) - Fraction(collateral)
    assert (found.bad_debt > 1e-9) == (gap > 0)
    if gap > 0:  # the bonus is paid out of the collateral until it is gone
        assert found.bad_debt == pytest.approx(float(gap / (1 + Fraction(incentive))), rel=1e-8)


def test_positions_of_an_array_are_those_one_by_one():
    debts = np.array([[85.0, 96.0], [97.0, 0.0]])
    incentive = np.array([0.05, 0.1])
    both = toxic_liquidation(100.0, debts, liquidation_incentive=incentive, close_factor=0.5, max_steps=9)
    two = qin_two_step(
        110.0, debts, liquidation_threshold=0.8, liquidation_spread=incentive, close_factor=0.5
    )
    assert len(both.path) == 9
    for row, column in np.ndindex(2, 2):
        rule = {"liquidation_incentive": incentive[column], "close_factor": 0.5, "max_steps": 9}
        one = toxic_liquidation(100.0, debts[row, column], **rule)
        assert both.frontier_ltv[row, column] == one.frontier_ltv
        assert both.ltv_rises[row, column] == one.ltv_rises
        assert both.bad_debt[row, column] == one.bad_debt
        for place, step in enumerate(both.path):
            alone = one.path[min(place, len(one.path) - 1)]
            assert (step.collateral[row, column], step.debt[row, column]) == (alone.collateral, alone.debt)
        single = qin_two_step(
            110.0,
            debts[row, column],
            liquidation_threshold=0.8,
            liquidation_spread=incentive[column],
            close_factor=0.5,
        )
        for name, value in vars(single).items():
            assert np.array_equal(getattr(two, name)[row, column], value, equal_nan=True)


def test_nothing_owed_nothing_held_and_no_steps():
    rule = {"liquidation_incentive": 0.05, "close_factor": 0.5}
    free = toxic_liquidation(100.0, 0.0, **rule, max_steps=3)
    assert [step.ltv for step in free.path] == [0.0] * 3
    assert (free.ltv_rises, free.bad_debt) == (False, 0.0)
    naked = toxic_liquidation(0.0, 10.0, **rule, max_steps=3)
    assert (len(naked.path), naked.bad_debt, naked.ltv_rises) == (1, 10.0, True)
    still = toxic_liquidation(100.0, 96.0, **rule, max_steps=0)
    assert (still.path, still.ltv_rises, still.bad_debt) == ((), None, 0.0)


@given(bonuses, st.integers(0, 400).map(lambda n: n / 64))
def test_the_pool_lowers_the_frontier_by_twice_the_share_of_its_reserve(incentive, ratio):
    found = toxic_liquidation_cpamm(ratio, liquidation_incentive=incentive)
    penalty = 1 + 2 * Fraction(ratio)
    assert found.penalty == float(penalty)
    assert found.frontier_ltv == pytest.approx(float(1 / ((1 + Fraction(incentive)) * penalty)), rel=1e-14)
    free = toxic_liquidation(1.0, 1.0, liquidation_incentive=incentive, close_factor=0.5, max_steps=1)
    assert found.frontier_ltv <= free.frontier_ltv
    assert (found.frontier_ltv == free.frontier_ltv) == (ratio == 0)


@given(money, money, st.integers(0, 16).map(lambda n: n / 16), bonuses, shares)
def test_no_first_repayment_beats_that_of_the_two_steps(collateral, debt, threshold, spread, share):
    found = qin_two_step(
        collateral, debt, liquidation_threshold=threshold, liquidation_spread=spread, close_factor=share
    )
    held, owed, gross = Fraction(collateral), Fraction(debt), 1 + Fraction(spread)
    assert found.health_factor == pytest.approx(float(Fraction(threshold) * held / owed), rel=1e-14)
    if Fraction(threshold) * held >= owed:
        assert not found.liquidatable
        assert (found.single_repay, found.two_step_repay, found.repay1_boundary) == (0.0, 0.0, 0.0)
        assert found.repay1_within_close_factor
        return
    cap = min(Fraction(share) * owed, held / gross)
    assert found.single_repay == pytest.approx(float(cap), rel=1e-14)
    assert found.single_profit == pytest.approx(float(Fraction(spread) * cap), rel=1e-14)
    room = 1 - Fraction(threshold) * gross
    if room <= 0:
        assert math.isnan(found.repay1_boundary)
        assert found.repay1 == found.single_repay
    else:
        boundary = (owed - Fraction(threshold) * held) / room
        assert found.repay1_boundary == pytest.approx(float(boundary), rel=1e-9)
        grid = [cap * k / 64 for k in range(65)] + ([boundary] if boundary <= cap else [])
        best = max(exact_two_steps(collateral, debt, threshold, spread, share, first) for first in grid)
        assert found.two_step_repay == pytest.approx(float(best), rel=1e-9, abs=1e-12)
    assert found.two_step_repay >= found.single_repay * (1 - 1e-12)
    assert found.two_step_repay == pytest.approx(found.repay1 + found.repay2, rel=1e-14)
    assert found.two_step_profit == pytest.approx(spread * found.two_step_repay, rel=1e-14, abs=1e-300)


def test_a_position_at_the_threshold_is_healthy_and_one_without_debt_too():
    rule = {"liquidation_threshold": 0.75, "liquidation_spread": 0.1, "close_factor": 0.5}
    at = qin_two_step(100.0, 75.0, **rule)
    assert (at.health_factor, at.liquidatable, at.two_step_repay) == (1.0, False, 0.0)
    none = qin_two_step(100.0, 0.0, **rule)
    assert (none.health_factor, none.liquidatable) == (math.inf, False)


TOXIC = {
    "collateral": 100.0,
    "debt": 96.0,
    "liquidation_incentive": 0.05,
    "close_factor": 0.5,
    "max_steps": 5,
}
QIN = {
    "collateral": 120.0,
    "debt": 97.0,
    "liquidation_threshold": 0.8,
    "liquidation_spread": 0.05,
    "close_factor": 0.5,
}
POOL = {"collateral_over_debt_reserve": 0.2, "liquidation_incentive": 0.05}


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf, -math.inf, "5", None, True, [1.0, [2.0]]])
@pytest.mark.parametrize(
    ("function", "keys", "key"),
    [
        (function, keys, key)
        for function, keys in (
            (toxic_liquidation, TOXIC),
            (qin_two_step, QIN),
            (toxic_liquidation_cpamm, POOL),
        )
        for key in keys
    ],
)
def test_what_is_no_number_in_range_is_refused_by_name(function, keys, key, bad):
    with pytest.raises(InputError, match=key):
        function(**{**keys, key: bad})


@pytest.mark.parametrize(
    ("function", "change", "mentions"),
    [
        (toxic_liquidation, {"close_factor": 0.0}, "close_factor"),
        (toxic_liquidation, {"close_factor": 1.5}, "close_factor"),
        (toxic_liquidation, {"max_steps": 1.5}, "max_steps"),
        (toxic_liquidation, {"debt": [1.0, 2.0], "collateral": [1.0, 2.0, 3.0]}, "collateral"),
        (qin_two_step, {"liquidation_threshold": 1.2}, "liquidation_threshold"),
        (qin_two_step, {"close_factor": 0.0}, "close_factor"),
    ],
)
def test_rules_out_of_range_are_refused_by_name(function, change, mentions):
    keys = TOXIC if function is toxic_liquidation else QIN
    with pytest.raises(InputError, match=mentions):
        function(**{**keys, **change})
