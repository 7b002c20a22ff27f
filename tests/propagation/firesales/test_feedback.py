"""Loops of one trader and one market against exact fractions, plain iteration, hand calculations and refusals."""

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contagion.errors import InputError
from contagion.propagation.firesales.closed_forms import basis_unwind, gamma_feedback

TRADE = {"equity": 1.0, "leverage": 40.0, "haircut": 0.02, "impact_per_unit": 2e-5, "basis_move": 0.006}
CALLS = {
    "spot": 100.0,
    "strike": 102.0,
    "volatility": 0.6,
    "maturity": 0.055,
    "exogenous_move": 1.5,
    "short_calls": 500.0,
    "impact": 0.01,
}


def surplus(equity, leverage, haircut, impact_per_unit, basis_move, sold):
    """Equity above the haircut after a sale, in fractions."""
    own, lever, share, impact, move = map(Fraction, (equity, leverage, haircut, impact_per_unit, basis_move))
    position, sold = own * lever, Fraction(sold)
    fall = move + impact * sold
    return own - position * fall - share * (position - sold) * (1 - fall)


def iterated(rounds, **keys):
    """Plain iteration of the price, delta from the normal distribution."""
    width = keys["volatility"] * math.sqrt(keys["maturity"])

    def delta(price):
        if price <= 0:
            return 0.0
        return 0.5 * (1 + math.erf((math.log(price / keys["strike"]) / width + width / 2) / math.sqrt(2)))

    price = keys["spot"]
    for _ in range(rounds):
        price = (
            keys["spot"]
            + keys["exogenous_move"]
            + keys["impact"] * keys["short_calls"] * (delta(price) - delta(keys["spot"]))
        )
    return price


@given(st.integers(1, 60), st.integers(0, 50), st.integers(0, 200), st.integers(-40, 200), st.integers(1, 64))
def test_the_sale_restores_the_haircut_and_a_smaller_one_does_not(lever, haircut, impact, move, parts):
    trade = (1.0, float(lever), haircut / 100, impact / 1e6, move / 2000)
    keys = dict(zip(TRADE, trade, strict=True))
    found = basis_unwind(**keys)
    if not found.feasible:
        assert all(surplus(*trade, Fraction(lever * k, 64)) < 0 for k in range(65))
        return
    assert 0.0 <= found.forced_sales <= lever
    assert surplus(*trade, found.forced_sales) >= -1e-9
    if found.forced_sales > 1e-6:
        assert surplus(*trade, Fraction(found.forced_sales) * Fraction(parts, 66)) < 0
    fall = Fraction(trade[4]) + Fraction(trade[3]) * Fraction(found.forced_sales)
    assert found.equity_after == pytest.approx(float(1 - lever * fall), abs=1e-12)


def test_a_haircut_that_just_holds_needs_no_sale_and_one_that_takes_all_sells_all():
    assert basis_unwind(1.0, 50.0, haircut=0.02, impact_per_unit=1.0, basis_move=0.0).forced_sales == 0.0
    assert basis_unwind(1.0, 10.0, haircut=0.3, impact_per_unit=0.0, basis_move=0.1).forced_sales == 10.0
    assert not basis_unwind(1.0, 10.0, haircut=0.3, impact_per_unit=0.0, basis_move=0.1001).feasible
    assert basis_unwind(1.0, 0.0, haircut=1.0, impact_per_unit=1.0, basis_move=0.5).equity_after == 1.0


def test_without_impact_the_sale_is_what_the_haircut_lacks_over_the_haircut():
    found = basis_unwind(1.0, 40.0, haircut=0.02, impact_per_unit=0.0, basis_move=0.01)
    assert found.forced_sales == pytest.approx((0.02 * 40 * 0.99 - 0.6) / (0.02 * 0.99), rel=1e-12)


def test_without_haircut_no_sale_repairs_lost_equity():
    assert not basis_unwind(1.0, 40.0, haircut=0.0, impact_per_unit=1e-6, basis_move=0.03).feasible
    assert basis_unwind(1.0, 40.0, haircut=0.0, impact_per_unit=1e-6, basis_move=0.025).forced_sales == 0.0


@given(st.integers(-300, 300), st.integers(0, 2000), st.integers(60, 160), st.integers(5, 100))
def test_the_price_is_the_limit_of_iterating_from_the_start(move, calls, strike, volatility):
    keys = {**CALLS, "exogenous_move": move / 20, "short_calls": calls, "strike": float(strike)}
    keys["volatility"] = volatility / 50
    found = gamma_feedback(**keys)
    slow, slower = iterated(3000, **keys), iterated(6000, **keys)
    assume(abs(slow - slower) < 1e-12)
    assert found.final_price == pytest.approx(slower, abs=1e-7)
    assert found.move == found.final_price - 100.0
    assert abs(found.move) >= abs(move / 20) - 1e-12


def test_without_hedgers_the_move_is_that_from_outside():
    found = gamma_feedback(**{**CALLS, "short_calls": 0.0})
    assert (found.final_price, found.loop_gain, found.linear_multiplier) == (101.5, 0.0, 1.0)
    assert gamma_feedback(**{**CALLS, "impact": 0.0}).move == 1.5
    assert gamma_feedback(**{**CALLS, "exogenous_move": 0.0}).move == 0.0


def test_small_moves_are_multiplied_by_the_linear_multiplier():
    found = gamma_feedback(**{**CALLS, "exogenous_move": 1e-5})
    assert found.move / 1e-5 == pytest.approx(found.linear_multiplier, rel=1e-5)
    assert found.distance_to_divergence == 1.0 - found.loop_gain


def test_from_a_loop_gain_of_one_the_price_jumps_and_has_no_multiplier():
    found = gamma_feedback(**{**CALLS, "short_calls": 4000.0, "exogenous_move": 0.01})
    assert found.loop_gain > 1.0
    assert found.linear_multiplier is None
    assert found.move > 10.0
    assert found.final_price == pytest.approx(
        iterated(2000, **{**CALLS, "short_calls": 4000.0, "exogenous_move": 0.01}), abs=1e-9
    )


def test_a_price_at_the_edge_of_losing_its_solution_is_found_and_not_passed():
    low, high = 0.0, 40.0
    keys = {**CALLS, "short_calls": 6000.0, "strike": 120.0}
    for _ in range(60):  # where the near solution ends
        middle = 0.5 * (low + high)
        near = gamma_feedback(**{**keys, "exogenous_move": middle}).move < 15.0
        low, high = (middle, high) if near else (low, middle)
    before = gamma_feedback(**{**keys, "exogenous_move": low - 1e-5})
    assert before.final_price == pytest.approx(
        iterated(100_000, **{**keys, "exogenous_move": low - 1e-5}), abs=1e-6
    )
    assert gamma_feedback(**{**keys, "exogenous_move": high}).move > before.move + 5.0


def test_a_fall_below_zero_leaves_worthless_calls():
    keys = {**CALLS, "exogenous_move": -150.0}
    assert gamma_feedback(**keys).final_price == pytest.approx(iterated(50, **keys), abs=1e-12)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("equity", 0.0),
        ("equity", math.nan),
        ("leverage", -1.0),
        ("haircut", 1.01),
        ("haircut", -0.01),
        ("impact_per_unit", -1e-9),
        ("basis_move", math.inf),
        ("basis_move", "0.1"),
    ],
)
def test_a_basis_trade_that_makes_no_sense_is_refused_by_name(key, value):
    with pytest.raises(InputError, match=key):
        basis_unwind(**{**TRADE, key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("spot", 0.0),
        ("strike", -1.0),
        ("volatility", 0.0),
        ("maturity", 0.0),
        ("exogenous_move", math.nan),
        ("short_calls", -1.0),
        ("impact", -0.01),
    ],
)
def test_calls_that_make_no_sense_are_refused_by_name(key, value):
    with pytest.raises(InputError, match=key):
        gamma_feedback(**{**CALLS, key: value})


def test_a_position_too_large_for_a_number_is_refused_and_not_called_feasible():
    with pytest.raises(InputError, match="equity \\* leverage"):
        basis_unwind(10.0, 1.7e308, haircut=0.05, impact_per_unit=0.0, basis_move=0.02)


def test_a_volatility_at_which_delta_is_a_step_is_refused():
    with pytest.raises(InputError, match="volatility"):
        gamma_feedback(100.0, 100.0, 1e-300, 0.1, 2.0, short_calls=10.0, impact=0.5)
