"""Clearing prices against a scan of excess demand, central differences, hand calculations and refusals."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contagion.errors import InputError
from contagion.propagation.firesales.roots import quadratic_roots
from contagion.propagation.firesales.spirals import brunnermeier_pedersen, thurner_farmer_geanakoplos

SPIRAL = {
    "fundamental_value": 100.0,
    "reference_price": 100.0,
    "customer_slope": 1.0,
    "customer_supply": 20.0,
    "initial_position": 1.0,
    "initial_cash": -21.35,
    "margin_base": 4.0,
    "margin_slope": 0.15,
    "funding_shock": 0.0,
}
FUNDS = {
    "fundamental_value": 1.0,
    "shares_outstanding": 1000.0,
    "aggressiveness": [5.0, 20.0, 50.0],
    "initial_cash": 2.0,
    "noise_demand": [998.0, 960.0, 900.0],
    "max_leverage": 5.0,
}


def shortage(price, keys):
    """Margin needed less money there is, and the position."""
    margin = keys["margin_base"] + keys["margin_slope"] * max(keys["reference_price"] - price, 0.0)
    units = keys["customer_supply"] - keys["customer_slope"] * (keys["fundamental_value"] - price)
    money = keys["initial_cash"] + price * keys["initial_position"] + keys["funding_shock"]
    return margin * units - money, units


def agree_between(roots, low, high, function):
    """Whether the function keeps its sign between neighbouring roots."""
    marks = [low, *sorted(roots), high]
    for left, right in pairwise(marks):
        inner = [left + (right - left) * k / 40 for k in range(1, 40)]
        signs = {math.copysign(1.0, function(p)) for p in inner if right - left > 1e-6}
        assert len(signs) <= 1, (left, right)


@given(
    st.integers(60, 140),
    st.integers(1, 8),
    st.integers(1, 60),
    st.integers(-4, 12),
    st.integers(-400, 100),
    st.integers(0, 24),
    st.integers(0, 32),
)
def test_every_price_at_the_funding_limit_is_found_and_no_other(ref, slope, supply, held, cash, base, rise):
    keys = {
        **SPIRAL,
        "reference_price": float(ref),
        "customer_slope": slope / 4,
        "initial_position": held / 2,
    }
    keys |= {"customer_supply": float(supply), "initial_cash": cash / 2 + 0.013}
    keys |= {"margin_base": base / 4, "margin_slope": rise / 32}
    found = brunnermeier_pedersen(**keys)
    assert list(found.price_solutions) == sorted(found.price_solutions, reverse=True)
    assert found.binding == (shortage(100.0, keys)[0] > 0)
    limits = [p for p in found.price_solutions if p < 100.0]
    for price in limits:
        lack, units = shortage(price, keys)
        assert units > 0 and price > 0
        assert lack == pytest.approx(0.0, abs=1e-7)
    lowest = max(100.0 - keys["customer_supply"] / keys["customer_slope"], 0.0)
    agree_between(limits, lowest, 100.0, lambda p: shortage(p, keys)[0])


@given(st.integers(0, 40), st.integers(1, 30))
def test_the_sensitivity_to_funding_is_that_of_a_central_difference(shock, rise):
    keys = {**SPIRAL, "funding_shock": -shock / 4, "margin_slope": rise / 64}
    found = brunnermeier_pedersen(**keys)
    assume(found.binding and found.price is not None and 1e-3 < found.dp_deta < 5.0)
    step = 1e-5
    ends = [
        brunnermeier_pedersen(**{**keys, "funding_shock": keys["funding_shock"] + side * step}).price
        for side in (-1, 1)
    ]
    assert found.dp_deta == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=1e-4)


def test_a_little_less_funding_makes_the_price_jump_where_the_market_is_fragile():
    keys = {**SPIRAL, "initial_cash": -16.0, "margin_slope": 0.5}
    assert brunnermeier_pedersen(**{**keys, "funding_shock": -4.0}).price == 100.0
    fallen = brunnermeier_pedersen(**{**keys, "funding_shock": -4.001})
    assert fallen.price < 87.0
    assert fallen.margin_spiral_term == -0.5 * fallen.speculator_position


def test_the_limit_exactly_met_at_the_value_is_slack():
    found = brunnermeier_pedersen(**{**SPIRAL, "initial_cash": -20.0})
    assert found.price_solutions[0] == 100.0
    assert (found.binding, found.dp_deta, found.margin) == (False, 0.0, 4.0)


def test_a_solution_at_the_reference_price_has_the_margin_of_above_it():
    keys = {**SPIRAL, "reference_price": 97.0, "initial_cash": 4.0 * 17 - 97.0}
    found = brunnermeier_pedersen(**keys)
    assert found.price == 97.0
    assert found.price_solutions.count(97.0) == 1
    assert (found.margin, found.margin_spiral_term) == (4.0, 0.0)
    assert found.dp_deta == pytest.approx(1.0 / 3.0)


def test_without_any_price_the_list_is_empty_and_the_limit_binds():
    found = brunnermeier_pedersen(**{**SPIRAL, "initial_cash": -500.0})
    assert found.price_solutions == ()
    assert found.binding
    assert found.price is found.margin is found.dp_deta is found.loss_spiral_term is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("fundamental_value", 0.0),
        ("reference_price", -1.0),
        ("customer_slope", -0.1),
        ("customer_supply", -1.0),
        ("initial_position", math.nan),
        ("initial_cash", math.inf),
        ("margin_base", -1.0),
        ("margin_slope", -0.1),
        ("funding_shock", "1"),
    ],
)
def test_a_spiral_that_makes_no_sense_is_refused_by_name(key, value):
    with pytest.raises(InputError, match=key):
        brunnermeier_pedersen(**{**SPIRAL, key: value})


def excess(price, demand, held, cash, keys):
    """Money offered for shares less their worth."""
    total = demand - keys["shares_outstanding"] * price
    for eager, units, money in zip(keys["aggressiveness"], held, cash, strict=True):
        if price < keys["fundamental_value"]:
            lever = min(eager * (keys["fundamental_value"] - price), keys["max_leverage"])
            total += lever * max(units * price + money, 0.0)
    return total


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=4),
    st.lists(st.integers(1, 1100), min_size=1, max_size=5),
    st.integers(0, 40),
    st.integers(1, 400),
)
def test_every_clearing_price_is_found_and_no_other(eager, noise, cap, cash):
    keys = {**FUNDS, "aggressiveness": [float(e) for e in eager], "max_leverage": cap / 2}
    keys |= {"noise_demand": [float(x) for x in noise], "initial_cash": float(cash)}
    held, money = [0.0] * len(eager), [float(cash)] * len(eager)
    for period in thurner_farmer_geanakoplos(**keys).path:
        for price in period.price_solutions:
            assert excess(price, period.noise_demand, held, money, keys) == pytest.approx(0.0, abs=1e-6)
        agree_between(
            period.price_solutions,
            0.0,
            2.0 + 2.0 * period.price,
            lambda p, d=period.noise_demand, h=held, m=money: excess(p, d, h, m, keys),
        )
        assert period.price == max(period.price_solutions)
        assert period.leverage == pytest.approx(
            np.where(period.wealth > 0, period.shares * period.price / np.maximum(period.wealth, 1e-300), 0.0)
        )
        held, money = period.shares, period.wealth - period.shares * period.price


def test_one_fund_clears_where_the_quadratic_says():
    found = thurner_farmer_geanakoplos(1.0, 100.0, [10.0], 5.0, [90.0], max_leverage=50.0).path[0]
    # 90 + 50 (1 - p) = 100 p
    assert found.price == pytest.approx(140.0 / 150.0, rel=1e-15)
    assert found.leverage[0] == pytest.approx(10.0 / 15.0)
    assert found.shares[0] == pytest.approx(5.0 * (10.0 / 15.0) / (140.0 / 150.0))


def test_a_fund_that_is_wiped_out_stays_out():
    keys = {**FUNDS, "aggressiveness": [100.0], "initial_cash": 50.0, "max_leverage": 20.0}
    path = thurner_farmer_geanakoplos(**{**keys, "noise_demand": [500.0, 200.0, 900.0]}).path
    assert path[0].leverage[0] > 3.0
    assert [period.wealth[0] for period in path[1:]] == [0.0, 0.0]
    assert [period.shares[0] for period in path[1:]] == [0.0, 0.0]
    assert path[2].price == 0.9


def test_relabelling_funds_permutes_them_and_moves_no_price():
    one = thurner_farmer_geanakoplos(**FUNDS).path
    two = thurner_farmer_geanakoplos(**{**FUNDS, "aggressiveness": [50.0, 5.0, 20.0]}).path
    for left, right in zip(one, two, strict=True):
        assert right.price == pytest.approx(left.price, rel=1e-14)
        assert right.shares == pytest.approx(left.shares[[2, 0, 1]], rel=1e-12)


def test_without_funds_the_noise_makes_the_price():
    assert thurner_farmer_geanakoplos(**{**FUNDS, "aggressiveness": []}).price.tolist() == [0.998, 0.96, 0.9]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("fundamental_value", 0.0),
        ("shares_outstanding", 0.0),
        ("aggressiveness", [-1.0]),
        ("aggressiveness", 3.0),
        ("initial_cash", -1.0),
        ("noise_demand", [900.0, math.nan]),
        ("noise_demand", [-1.0]),
        ("max_leverage", -1.0),
    ],
)
def test_funds_that_make_no_sense_are_refused_by_name(key, value):
    with pytest.raises(InputError, match=key):
        thurner_farmer_geanakoplos(**{**FUNDS, key: value})


def test_no_demand_at_all_leaves_no_price():
    with pytest.raises(InputError, match="noise_demand"):
        thurner_farmer_geanakoplos(**{**FUNDS, "aggressiveness": [0.0], "noise_demand": [0.0]})


def test_quadratics_keep_their_small_roots():
    assert quadratic_roots(1.0, -1e9, 1.0) == pytest.approx([1e-9, 1e9], rel=1e-15)
    assert quadratic_roots(1.0, -2.0, 1.0) == [1.0]
    assert quadratic_roots(1.0, 0.0, 1.0) == []
    assert quadratic_roots(0.0, 0.0, 1.0) == []
    assert quadratic_roots(1.0, 0.0, -4.0) == [-2.0, 2.0]
