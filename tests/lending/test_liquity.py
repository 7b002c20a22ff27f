"""Stability pool and trove liquidations against exact arithmetic; nothing is lost on the way."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.errors import InputError
from contagion.lending import liquity_liquidation, liquity_stability_pool
from tests.oracles import lending as exact

whole = st.integers(0, 4000)
RULE = {"minimum_ratio": 1.125, "gas_fraction": 0.0078125}


def near(found, wanted, size=1.0):
    return abs(Fraction(float(found)) - Fraction(wanted)) <= Fraction(1e-12) * max(
        abs(Fraction(wanted)), Fraction(size)
    )


@given(
    st.lists(whole, max_size=6),
    st.lists(st.tuples(whole, whole), max_size=6),
    st.sampled_from([0.5, 1.0, 100.0]),
)
def test_the_pool_is_the_one_that_takes_liquidations_in_turn(deposits, liquidations, price):
    found = liquity_stability_pool(
        np.array(deposits, dtype=float),
        np.array([debt for debt, _ in liquidations], dtype=float),
        np.array([units for _, units in liquidations], dtype=float),
        price,
    )
    after, gains, left = exact.stability_pool(deposits, liquidations)
    size = sum(deposits) + sum(units for _, units in liquidations)
    for place in range(len(deposits)):
        assert near(found.deposits[place], after[place], size)
        assert near(found.collateral_gains[place], gains[place], size)
    assert found.unabsorbed_debt == left
    absorbed = sum(debt for debt, _ in liquidations) - found.unabsorbed_debt
    assert math.isclose(found.deposits.sum() + absorbed, sum(deposits), abs_tol=1e-9)
    if sum(deposits):
        roi = (sum(gains) * Fraction(price) - Fraction(float(absorbed))) / sum(deposits)
        assert near(found.roi, roi, size * price / sum(deposits))
    else:
        assert np.isnan(found.roi)


def test_a_pool_that_is_emptied_exactly_takes_nothing_afterwards():
    found = liquity_stability_pool([100, 300], [400, 50], [5, 5], [100, 200])
    assert found.deposits.tolist() == [0, 0]
    assert found.collateral_gains.tolist() == [1.25, 3.75]
    assert found.unabsorbed_debt == 50
    assert found.roi.tolist() == [0.25, 1.5]


@st.composite
def troves(draw):
    others = draw(st.lists(st.tuples(st.integers(1, 400), whole), min_size=1, max_size=4))
    price = draw(st.sampled_from([0.5, 1.0, 64.0]))
    collateral = draw(whole)
    at = collateral * price * draw(st.sampled_from([1.0, 8 / 9, 0.5, 2.0]))
    debt = draw(st.sampled_from([float(round(at)), float(draw(whole))]))
    pool = draw(st.sampled_from([0.0, debt, float(draw(whole))]))
    return (pool, collateral, debt, price), others, draw(st.sampled_from(["normal", "recovery"]))


@given(troves())
def test_a_liquidation_is_the_one_of_exact_arithmetic(drawn):
    state, others, mode = drawn
    found = liquity_liquidation(
        *state, [units for units, _ in others], [owed for _, owed in others], mode=mode, **RULE
    )
    action, split, after = exact.trove(*state, others, mode, RULE["minimum_ratio"], RULE["gas_fraction"])
    assert found.action == action
    names = ("gas_collateral", "pool_debt", "pool_collateral")
    names += ("redistributed_debt", "redistributed_collateral", "surplus_collateral")
    for name, wanted in zip(names, split.values(), strict=True):
        assert near(getattr(found, name), wanted, state[1] + 1), name
        assert getattr(found, name) >= 0
    for place, (units, owed) in enumerate(after):
        assert near(found.other_collaterals[place], units, state[1] + 1)
        assert near(found.other_debts[place], owed, state[2] + 1)


@given(troves(), st.floats(0, 1), st.floats(1, 2))
def test_collateral_and_debt_of_a_trove_go_somewhere(drawn, gas, minimum):
    (pool, collateral, debt, price), others, mode = drawn
    units, owed = np.array(others, dtype=float).T
    found = liquity_liquidation(
        pool, collateral, debt, price, units, owed, mode=mode, minimum_ratio=minimum, gas_fraction=gas
    )
    acted = found.action != "none"
    spread = found.gas_collateral + found.pool_collateral + found.surplus_collateral
    spread += found.redistributed_collateral
    assert math.isclose(spread, collateral if acted else 0, rel_tol=1e-12, abs_tol=1e-12)
    assert found.pool_debt + found.redistributed_debt == (debt if acted else 0)
    assert found.pool_debt <= pool
    assert math.isclose(found.other_debts.sum(), owed.sum() + found.redistributed_debt, rel_tol=1e-12)
    gained = found.other_collaterals.sum() - units.sum()
    assert math.isclose(gained, found.redistributed_collateral, rel_tol=1e-9, abs_tol=1e-9)


@pytest.mark.parametrize(
    ("mode", "collateral", "pool", "action"),
    [
        ("normal", 1125, 0, "none"),
        ("normal", 1124, 0, "liquidate"),
        ("recovery", 1000, 5000, "redistribute"),
        ("recovery", 1001, 5000, "liquidate"),
        ("recovery", 1125, 1000, "capped"),
        ("recovery", 1125, 999, "none"),
        ("recovery", 1500, 1000, "none"),
        ("recovery", 1499, 1000, "capped"),
    ],
)
def test_the_action_exactly_at_its_thresholds(mode, collateral, pool, action):
    found = liquity_liquidation(
        pool, collateral, 1000, 1, [10_000], [5000], mode=mode, total_ratio=1.5, **RULE
    )
    assert found.action == action


def test_a_trove_without_debt_is_left_alone_in_every_mode():
    for mode in ("normal", "recovery"):
        found = liquity_liquidation(10, [5, 0], 0, 1, [1], [1], mode=mode, **RULE)
        assert found.action.tolist() == ["none", "none"]
        assert np.isinf(found.collateral_ratio).all()
        assert found.other_debts.tolist() == [[1], [1]]


def test_many_worlds_at_once_are_those_of_each():
    pools, units = np.array([0.0, 60.0, 500.0]), np.array([[2.0, 6.0], [1.0, 1.0], [3.0, 0.0]])
    owed = np.array([[100.0, 300.0], [5.0, 0.0], [7.0, 8.0]])
    together = liquity_liquidation(pools, 1.05, 100, 100, units, owed, mode="normal", **RULE)
    for place in range(3):
        one = liquity_liquidation(
            pools[place], 1.05, 100, 100, units[place], owed[place], mode="normal", **RULE
        )
        for name, value in vars(one).items():
            assert np.array_equal(getattr(together, name)[place], value), name
            assert getattr(together, name).shape[0] == 3


def test_debt_that_no_other_trove_can_take_is_refused_and_what_the_pool_covers_is_not():
    assert liquity_liquidation(100, 1, 100, 100, [0], [0], mode="normal", **RULE).pool_debt == 100
    with pytest.raises(InputError, match="other_collaterals"):
        liquity_liquidation(99, 1, 100, 100, [0], [0], mode="normal", **RULE)
    with pytest.raises(InputError, match="other_collaterals"):
        liquity_liquidation(99, 1, 100, 100, [], [], mode="normal", **RULE)
