"""Bankruptcy leaves nothing, waterfalls lose nothing, slices heal; dYdX's formulas; refusals."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion import margin
from contagion.errors import InputError

sides = st.sampled_from([1, -1])
sizes = st.floats(1e-3, 1e6)
prices = st.floats(1e-3, 1e6)
RATES = {"fee_fixed": 1.0, "fee_on_mark": 0.004, "fee_on_execution": 0.001}


@given(sides, sizes, prices, st.floats(-1, 1), st.floats(0, 0.1))
def test_at_the_bankruptcy_price_equity_pays_the_fee_of_closing_and_nothing_is_left(
    side, size, entry, share, fee
):
    balance = share * size * entry
    found = margin.bankruptcy_price_linear(side, size, entry, balance, taker_fee=fee)
    price = Fraction(float(found))
    equity = Fraction(balance) + side * Fraction(size) * (price - Fraction(entry))
    left = equity - Fraction(fee) * Fraction(size) * price
    noise = Fraction(1e-14) * Fraction(size * entry) * 8
    assert abs(left) <= noise or (price == 0 and side * left >= -noise)


@given(sides, sizes, prices, st.floats(-1, 1), prices)
def test_the_bankruptcy_price_from_mark_and_equity_is_the_same(side, size, entry, share, mark):
    balance = share * size * entry
    equity = balance + side * size * (mark - entry)
    first = margin.bankruptcy_price_linear(side, size, entry, balance)
    second = margin.bankruptcy_price_linear(side, size, mark, equity)
    assert math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-12 * (entry + mark))


@given(
    sides,
    st.one_of(st.just(0.0), sizes),
    prices,
    st.floats(-2, 2),
    st.floats(0, 1e9),
    st.floats(0, 1),
    st.booleans(),
)
def test_the_waterfall_conserves_money_line_by_line(side, size, mark, share, fund, fall, to_fund):
    equity, slope = share * size * mark, fall * mark / max(size, 1.0)
    found = margin.liquidation_waterfall(
        side, size, mark, equity, fund, slope=slope, surplus_to_fund=to_fund, **RATES
    )
    scale = abs(equity) + size * mark + fund + float(found.fee)
    noise = 1e-14 * scale * 8
    assert min(found.shortfall, found.surplus) == 0.0
    assert abs(found.shortfall - found.fund_pays - found.adl_residual) <= noise
    assert 0 <= found.fund_pays <= fund
    assert 0 <= found.fee_collected <= min(found.fee, found.surplus)
    assert found.adl_residual == 0 or found.fund_pays == fund
    kept = found.surplus - found.fee_collected - found.returned
    assert (found.returned == 0) if to_fund else abs(kept) <= noise
    assert abs(found.fund_after - (fund - found.fund_pays + found.fee_collected + kept)) <= noise
    if size:
        outcome = equity + side * size * (found.execution_price - mark)
        after = found.returned + found.fund_after - fund - found.adl_residual
        assert abs(outcome - after) <= noise


def test_nothing_sold_moves_no_money():
    found = margin.liquidation_waterfall(1, 0, 100, [-5, 5], 7, slope=1, **RATES)
    assert np.isnan(found.execution_price).all()
    assert np.isnan(found.bankruptcy_price).all()
    for money in (found.shortfall, found.surplus, found.fund_pays, found.adl_residual, found.returned):
        assert money.tolist() == [0.0, 0.0]
    assert found.fund_after.tolist() == [7.0, 7.0]


def test_a_shortfall_exactly_as_large_as_the_fund_leaves_no_residual():
    found = margin.liquidation_waterfall(1, 4, 100, -8, [8, 7.5], slope=0, **RATES)
    assert found.adl_residual.tolist() == [0.0, 0.5]
    assert found.fund_after.tolist() == [0.0, 0.0]


@given(sides, sizes, prices, prices)
def test_what_a_fill_brings_the_fund_and_what_it_lacks_are_one_number(side, size, bankrupt, fill):
    found = margin.insurance_delta_linear(side, size, bankrupt, fill)
    assert found.insurance_delta == side * size * (fill - bankrupt)
    assert found.shortfall == max(-found.insurance_delta, 0)


@given(sides, st.floats(0.01, 1e4), prices, st.floats(0, 0.2), st.floats(-0.05, 0.05), st.floats(0.001, 0.2))
def test_the_slice_brings_the_rest_back_to_its_maintenance(side, size, mark, share, slip, rate):
    price, fee = mark * (1 + slip), 0.002
    found = margin.minimal_liquidation_slice(
        side, size, mark, share * size * mark, mark, price, maintenance_rate=rate, fee_on_mark=fee
    )
    equity = share * size * mark
    if rate * mark * size <= equity:
        assert found.slice == found.unbounded_slice == 0
    elif np.isnan(found.unbounded_slice):
        assert found.slice == size
        assert side * (price - mark) - fee * mark + rate * mark <= 0
    else:
        closed = found.unbounded_slice
        left = equity + side * closed * (price - mark) - fee * closed * mark
        scale = mark * (size + closed)
        assert abs(left - rate * mark * (size - closed)) <= 1e-12 * scale
        assert found.slice == min(size, closed)


@given(
    st.integers(0, 60),
    st.integers(1, 9),
    st.integers(1, 50),
    st.integers(-5, 60),
    st.integers(0, 4),
)
def test_increments_are_those_of_the_loop_in_exact_fractions(size, step, mark, share, fee):
    equity = share * size * mark / 64
    rule = {"maintenance_base": 1 / 8, "maintenance_slope": 1 / 256, "fee_rate": fee / 256}
    found = margin.liquidation_incremental(1, size, mark, equity, step_size=step, **rule)
    left, worth, steps = Fraction(size), Fraction(equity), 0
    while left > 0 and not (Fraction(1, 8) + left / 256) * left * mark < worth:
        closed = min(Fraction(step), left)
        left, worth, steps = left - closed, worth - Fraction(fee, 256) * closed * mark, steps + 1
    assert (found.steps, found.size_left, found.equity_left) == (steps, left, worth)
    assert found.fees == Fraction(equity) - worth


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12), st.integers(0, 8), st.integers(1, 8))
def test_no_other_fund_costs_less_than_the_newsvendors(losses, cost, social):
    found = margin.insurance_fund_newsvendor(losses, capital_cost=cost, social_cost=social)

    def expected_cost(fund):
        beyond = sum(max(Fraction(loss) - Fraction(fund), 0) for loss in losses) / len(losses)
        return cost * Fraction(fund) + social * beyond

    best = min(expected_cost(fund) for fund in losses)
    if cost < social:
        assert expected_cost(float(found.insurance_fund)) == best
    else:
        assert found.insurance_fund == min(losses)


def test_a_level_that_rounding_lifts_over_a_whole_number_takes_the_loss_it_names():
    losses = np.arange(1.0, 101.0)
    for per_cent in range(1, 100):
        found = margin.insurance_fund_newsvendor(losses, capital_cost=per_cent / 100, social_cost=1)
        assert found.insurance_fund == 100 - per_cent


@given(st.floats(-100, 100).filter(lambda q: abs(q) > 1e-3), st.floats(0.01, 1), st.floats(-1e4, 1e4))
def test_the_bankruptcy_quote_leaves_the_rest_of_the_account_no_poorer_in_proportion(quantity, part, cash):
    traded, price, step = -part * quantity, 100.0, 1e-6
    quote = margin.dydx_bankruptcy_quote(
        cash,
        [{"symbol": "A", "quantity": quantity}],
        oracle_prices={"A": price},
        close={"symbol": "A", "quantity": traded},
        maintenance_rate=0.05,
        quote_step=step,
    )
    collateral = cash + quantity * price
    after = cash + quote + (quantity + traded) * price
    scale = abs(cash) + abs(quantity) * price
    assert -1e-12 * scale <= after - collateral * (1 - part) <= step + 1e-12 * scale


def test_the_quote_is_rounded_up_but_not_past_a_multiple():
    rule = {"oracle_prices": {"A": 0.1}, "maintenance_rate": 0.5}
    for units in (1, 3, 7):
        held, sale = [{"symbol": "A", "quantity": units}], {"symbol": "A", "quantity": -units}
        quote = margin.dydx_bankruptcy_quote(-0.1 * units, held, close=sale, quote_step=0.1, **rule)
        assert round(quote / 0.1) == units
        dearer = margin.dydx_bankruptcy_quote(-0.1 * units - 0.01, held, close=sale, quote_step=0.1, **rule)
        assert round(dearer / 0.1) == units + 1


@given(sides, st.floats(0.01, 100), st.floats(-2, 2), st.floats(0, 1), st.floats(0, 3))
def test_the_fillable_price_lies_between_oracle_and_the_largest_spread(side, size, share, spread, adjustment):
    price, rate = 50.0, 0.1
    held = side * size
    cash = -held * price + share * size * price * rate
    found = margin.dydx_fillable_price(
        cash,
        [{"symbol": "A", "quantity": held}],
        oracle_prices={"A": price},
        symbol="A",
        maintenance_rate={"A": rate},
        bankruptcy_adjustment=adjustment,
        spread_to_maintenance=spread,
    )
    worst = price * (1 - side * spread * rate)
    assert min(price, worst) - 1e-9 <= found <= max(price, worst) + 1e-9


def test_the_fund_takes_all_of_a_loss_and_a_capped_part_of_a_gain():
    found = margin.insurance_delta(
        [4900.0, 4900.0, 4900.0, 0.0],
        [-0.1, -0.1, -0.1, 0.0],
        [0.1, 0.1, 0.1, 0.0],
        [44100.0, 49000.0, 49490.0, 100.0],
        max_fee=0.005,
    )
    assert found.tolist() == pytest.approx([22.05, 0.0, -49.0, 0.0])


def test_dydx_refuses_what_it_cannot_price():
    good = {
        "quote_balance": 0,
        "positions": [{"symbol": "A", "quantity": 1}],
        "oracle_prices": {"A": 10},
        "close": {"symbol": "A", "quantity": -1},
        "maintenance_rate": 0.1,
        "quote_step": 1e-6,
    }
    for change, mentions in (
        ({"oracle_prices": {"B": 10}}, "oracle_prices.*A"),
        ({"oracle_prices": {"A": 0}}, "oracle_prices.*A"),
        ({"maintenance_rate": {"B": 0.1}}, "maintenance_rate.*A"),
        ({"maintenance_rate": -0.1}, "maintenance_rate"),
        ({"quote_step": 0}, "quote_step"),
        ({"close": {"symbol": "A"}}, "close.*quantity"),
        ({"positions": [{"quantity": 1}]}, r"positions\[0\].*symbol"),
        ({"positions": [{"symbol": "A", "quantity": 1}] * 2}, r"positions\[1\].*twice"),
        ({"positions": 3}, "positions"),
    ):
        with pytest.raises(InputError, match=mentions):
            margin.dydx_bankruptcy_quote(**{**good, **change})
    with pytest.raises(InputError, match="close_quantity"):
        margin.insurance_delta(1, 0, 1, 10, max_fee=0.1)


@pytest.mark.parametrize(
    ("change", "mentions"),
    [
        ({"side": 3}, "side"),
        ({"size": -1}, "size"),
        ({"mark_price": 0}, "mark_price"),
        ({"insurance_fund": -1}, "insurance_fund"),
        ({"slope": -1}, "slope"),
        ({"fee_on_mark": -0.1}, "fee_on_mark"),
        ({"surplus_to_fund": 1}, "surplus_to_fund"),
        ({"size": [1, 2], "equity": [1, 2, 3]}, "size"),
    ],
)
def test_bad_waterfalls_are_refused_by_name(change, mentions):
    good = {"side": 1, "size": 1, "mark_price": 10, "equity": 1, "insurance_fund": 1, "slope": 0, **RATES}
    with pytest.raises(InputError, match=mentions):
        margin.liquidation_waterfall(**{**good, **change})


def test_steps_too_small_for_the_position_and_empty_samples_are_refused():
    rule = {"maintenance_base": 1, "maintenance_slope": 0, "fee_rate": 0}
    with pytest.raises(InputError, match="step_size"):
        margin.liquidation_incremental(1, 1e9, 1, 0, step_size=1e-3, **rule)
    with pytest.raises(InputError, match="step_size"):
        margin.liquidation_incremental(1, 1, 1, 0, step_size=0, **rule)
    with pytest.raises(InputError, match="losses"):
        margin.insurance_fund_newsvendor([], capital_cost=0.1, social_cost=1)
    with pytest.raises(InputError, match="social_cost"):
        margin.insurance_fund_newsvendor([1], capital_cost=0.1, social_cost=0)
