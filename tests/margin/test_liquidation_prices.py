"""Liquidation prices against bisection in exact fractions, at the edges of tiers, and refused."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion import margin
from contagion.errors import InputError, PolicyError
from tests.oracles.liquidations import health, liquidation_price

TIERS = [
    {"floor": 0, "cap": 100, "maintenance_rate": 0.0625},
    {"floor": 100, "cap": 1000, "maintenance_rate": 0.125},
    {"floor": 1000, "cap": 4000, "maintenance_rate": 0.25},
]
LINE = {"maintenance_rate": 0.01, "maintenance_amount": 0.0}
sides = st.sampled_from([1, -1])
sizes = st.floats(1e-3, 1e6)
prices = st.floats(1e-3, 1e6)
shares = st.floats(-0.5, 3)


@st.composite
def tables(draw):
    floors = [0.0, *sorted(draw(st.sets(st.floats(1, 1e9), max_size=6)))]
    rates = sorted(draw(st.lists(st.floats(0, 0.9), min_size=len(floors), max_size=len(floors))))
    keys = zip(floors, [*floors[1:], None], rates, strict=True)
    return [{"floor": f, "cap": c, "maintenance_rate": r} for f, c, r in keys]


def parts(tiers):
    return [tier["floor"] for tier in tiers], [tier["maintenance_rate"] for tier in tiers]


@given(sides, sizes, prices, shares, tables())
def test_the_price_is_where_equity_meets_the_requirement(side, size, entry, share, tiers):
    balance = share * size * entry
    found = margin.liquidation_price_binance_isolated(side, size, entry, balance, tiers=tiers)
    floors, rates = parts(tiers)
    exact = liquidation_price(side, size, entry, balance, floors, rates)
    # the line of a tier rests on amounts as large as its floor
    slack = 1e-13 * (entry + abs(balance) / size + floors[-1] / size) / (1 - rates[-1])
    assert abs(float(found.liquidation_price) - exact) <= slack


@given(sides, sizes, prices, shares, tables())
def test_the_tier_is_the_one_of_the_position_at_that_price(side, size, entry, share, tiers):
    found = margin.liquidation_price_binance_isolated(side, size, entry, share * size * entry, tiers=tiers)
    notional, place = size * found.liquidation_price, found.tier - 1
    if found.liquidation_price == 0:
        assert place == 0
    else:
        cap = tiers[place]["cap"]
        assert tiers[place]["floor"] * (1 - 1e-9) <= notional
        assert cap is None or notional <= cap * (1 + 1e-9)


@given(st.lists(st.tuples(sides, sizes, prices, shares), min_size=1, max_size=6), tables())
def test_many_accounts_get_the_bits_of_each_alone(rows, tiers):
    side, size, entry, share = np.array(rows).T
    both = margin.liquidation_price_binance_isolated(side, size, entry, share * size * entry, tiers=tiers)
    for k in range(len(rows)):
        balance = share[k] * size[k] * entry[k]
        one = margin.liquidation_price_binance_isolated(side[k], size[k], entry[k], balance, tiers=tiers)
        assert (both.liquidation_price[k], both.tier[k]) == (one.liquidation_price, one.tier)


@given(sides, sizes, prices, shares, st.floats(0, 0.5), st.floats(0, 0.1))
def test_okx_adds_the_closing_fee_to_the_requirement(side, size, entry, share, rate, fee):
    balance = share * size * entry
    found = margin.liquidation_price_okx(side, size, entry, balance, maintenance_rate=rate, taker_fee=fee)
    exact = liquidation_price(side, size, entry, balance, [0], [Fraction(rate) + Fraction(fee)])
    assert abs(float(found) - exact) <= 1e-14 * (1 + abs(share)) * entry * 4


@given(sides, sizes, prices, st.floats(0.01, 3), tables())
def test_hyperliquid_is_exact_as_long_as_the_tier_does_not_change(side, size, mark, share, tiers):
    equity = share * size * mark
    found = float(margin.liquidation_price_hyperliquid(side, size, mark, equity, tiers=tiers[:1]))
    floors, rates = [0.0], [tiers[0]["maintenance_rate"]]
    exact = liquidation_price(side, size, mark, equity, floors, rates)
    assert abs(found - exact) <= 1e-13 * (1 + share) * mark / (1 - rates[0])


@given(sides, sizes, prices, st.floats(1, 100), st.floats(0, 10), tables())
def test_bybit_meets_the_maintenance_of_the_entry_value(side, size, entry, leverage, added, tiers):
    extra = added * size * entry
    found = margin.liquidation_price_bybit_linear(
        side, size, entry, leverage, extra_margin=extra, tiers=tiers
    )
    required = margin.maintenance_margin(size * entry, tiers).maintenance_margin
    posted = size * entry / leverage + extra
    # posted + s q (p - entry) = required
    exact = Fraction(entry) + side * (Fraction(float(required)) - Fraction(posted)) / Fraction(size)
    floors, _ = parts(tiers)
    assert abs(float(found) - max(exact, 0)) <= 1e-13 * (entry * (1 + added) + floors[-1] / size)


@given(
    sides,
    sizes,
    prices,
    st.lists(st.tuples(sides, sizes, prices, prices), max_size=3),
    st.floats(0, 3),
    tables(),
)
def test_cross_meets_the_requirement_of_the_whole_account(side, size, entry, rest, share, tiers):
    others = [{"symbol": "B", "side": s, "size": q, "entry_price": e, "mark_price": m} for s, q, e, m in rest]
    scale = size * entry + sum(q * (e + m) for _, q, e, m in rest)
    balance = share * scale
    target = {"symbol": "A", "side": side, "size": size, "entry_price": entry}
    found = margin.liquidation_price_cross(balance, target, others, tiers={"A": tiers, "B": TIERS})
    floors, rates = parts(tiers)
    spare = Fraction(balance)
    for s, q, e, m in rest:
        spare += health(s, q, e, 0, *parts(TIERS), Fraction(float(q * m)) / Fraction(q))
        spare += s * Fraction(q) * (Fraction(m) - Fraction(float(q * m)) / Fraction(q))
    exact = liquidation_price(side, size, entry, spare, floors, rates)
    slack = 1e-13 * (scale * (1 + share) + 4000 + floors[-1]) / size / (1 - rates[-1])
    assert abs(float(found.liquidation_price) - exact) <= slack


def test_cross_without_others_is_isolated_and_brackets_are_one_line():
    target = {"symbol": "A", "side": [1, -1], "size": 2.0, "entry_price": 100.0}
    crossed = margin.liquidation_price_cross([40.0, 60.0], target, [], tiers={"A": TIERS})
    alone = margin.liquidation_price_binance_isolated([1, -1], 2.0, 100.0, [40.0, 60.0], tiers=TIERS)
    assert np.array_equal(crossed.liquidation_price, alone.liquidation_price)
    flat = margin.liquidation_price_cross([40.0, 60.0], target, [], brackets={"A": LINE})
    line = margin.liquidation_price_binance_isolated([1, -1], 2.0, 100.0, [40.0, 60.0], **LINE)
    assert np.array_equal(flat.liquidation_price, line.liquidation_price)


def test_exactly_at_a_cap_the_lower_tier_holds():
    # at the price 100 one unit is worth the cap of tier 1: maintenance 6.25
    found = margin.liquidation_price_binance_isolated(1, 1, 110, 16.25, tiers=TIERS)
    assert (found.liquidation_price, found.tier) == (100.0, 1)
    # at 1,000 the cap of tier 2: maintenance 118.75
    found = margin.liquidation_price_binance_isolated(-1, 1, 900, 218.75, tiers=TIERS)
    assert (found.liquidation_price, found.tier) == (1000.0, 2)


def test_a_position_of_size_zero_has_no_price():
    zero = (np.array([1, -1]), 0.0, 10.0)
    for price in (
        margin.liquidation_price_binance_isolated(*zero, [5.0, -5.0], tiers=TIERS).liquidation_price,
        margin.liquidation_price_okx(*zero, 5.0, maintenance_rate=0.1, taker_fee=0.0),
        margin.liquidation_price_bybit_linear(*zero, 5.0, tiers=TIERS),
        margin.liquidation_price_hyperliquid(*zero, 5.0, tiers=TIERS),
        margin.liquidation_price_bybit_inverse_isolated(*zero, 5.0, maintenance_rate=0.1, taker_fee=0.0),
        margin.liquidation_price_bybit_inverse_cross(*zero, 5.0, maintenance_rate=0.1, taker_fee=0.0)
        .liquidation_price,
        margin.bankruptcy_price_linear(*zero, 5.0),
    ):  # fmt: skip
        assert np.isnan(price).all()


def test_a_long_whose_requirement_rises_as_fast_as_its_value_has_a_price_only_if_it_never_needs_one():
    whole = {"maintenance_rate": 1.0, "maintenance_amount": 0.0}
    found = margin.liquidation_price_binance_isolated(1, 1, 100, [150.0, 50.0], **whole)
    assert found.liquidation_price[0] == 0.0
    assert math.isnan(found.liquidation_price[1])
    assert math.isnan(margin.liquidation_price_okx(1, 1, 100, 50, maintenance_rate=1, taker_fee=0.01))


@given(sides, prices, prices, st.floats(0, 1))
def test_a_buffered_price_is_hit_before_the_venue_acts(side, entry, move, buffer):
    price = max(entry - side * move, 0.0)
    found = margin.liquidation_price_buffer(side, entry, price, buffer=buffer)
    assert side * (found - price) >= 0 or math.isclose(found, price)


@given(st.sampled_from([1, -1]), st.floats(1, 1e6), st.floats(1, 1e6), st.floats(1.5, 100))
def test_inverse_prices_meet_their_definition_in_coin(side, contracts, entry, leverage):
    bankrupt = Fraction(float(margin.bankruptcy_price_inverse(side, entry, leverage)))
    held = Fraction(contracts) / Fraction(entry) / Fraction(leverage)
    profit = side * Fraction(contracts) * (1 / Fraction(entry) - 1 / bankrupt)
    assert abs(held + profit) <= Fraction(1e-12) * Fraction(contracts) / Fraction(entry)
    rate = 0.005
    price = margin.liquidation_price_bybit_inverse_isolated(
        side, contracts, entry, leverage, maintenance_rate=rate, taker_fee=0.0
    )
    at = Fraction(float(price))
    equity = held + side * Fraction(contracts) * (1 / Fraction(entry) - 1 / at)
    required = Fraction(rate) * Fraction(contracts) / at
    assert abs(equity - required) <= Fraction(1e-12) * Fraction(contracts) / Fraction(entry)


def test_inverse_shorts_that_hold_the_coin_they_owe_have_no_price():
    assert np.isnan(margin.bankruptcy_price_inverse(-1, 100, [0.5, 1.0])).all()
    rule = {"maintenance_rate": 0.005, "taker_fee": 0.0}
    found = margin.liquidation_price_bybit_inverse_cross(-1, 1000, 100, [10.0, 20.0], **rule)
    assert np.isnan(found.bankruptcy_price).all()
    assert np.isnan(found.liquidation_price).all()
    assert math.isnan(margin.liquidation_price_bybit_inverse_isolated(-1, 1000, 100, 1, **rule))


@pytest.mark.parametrize(
    ("change", "mentions"),
    [
        ({"side": 0}, "side"),
        ({"side": [1, 2]}, "side"),
        ({"size": -1}, "size"),
        ({"size": [1, -1]}, r"size\[1\]"),
        ({"entry_price": 0}, "entry_price"),
        ({"entry_price": math.nan}, "entry_price"),
        ({"wallet_balance": "5"}, "wallet_balance"),
        ({"wallet_balance": [1, 2], "size": [1, 2, 3]}, "size.*wallet_balance"),
        ({"tiers": None}, "maintenance_rate"),
        ({"tiers": []}, "tiers"),
        ({"tiers": TIERS[1:]}, "tiers"),
        ({"maintenance_rate": 0.1}, "tiers"),
    ],
)
def test_bad_input_is_refused_by_name(change, mentions):
    good = {"side": 1, "size": 1, "entry_price": 10, "wallet_balance": 1, "tiers": TIERS}
    with pytest.raises(InputError, match=mentions):
        margin.liquidation_price_binance_isolated(**{**good, **change})


def test_a_tier_table_and_an_amount_exclude_one_another_and_an_amount_alone_has_no_rate():
    for rules in ({"tiers": TIERS, "maintenance_amount": 5}, {"tiers": TIERS, "maintenance_rate": 0.1}):
        with pytest.raises(PolicyError, match="tiers"):
            margin.liquidation_price_bybit_linear(1, 1, 10, 5, **rules)
    with pytest.raises(InputError, match="maintenance_rate"):
        margin.liquidation_price_bybit_linear(1, 1, 10, 5, maintenance_amount=5)


@pytest.mark.parametrize(
    ("change", "mentions"),
    [
        ({"target": {"side": 1, "size": 1, "entry_price": 10}}, "target.*symbol"),
        ({"target": {"symbol": "Z", "side": 1, "size": 1, "entry_price": 10}}, "Z"),
        ({"target": {"symbol": "A", "side": 1, "size": 1}}, "target.*entry_price"),
        ({"target": 3}, "target"),
        ({"others": [{"symbol": "A", "side": 1, "size": 1, "entry_price": 1}]}, r"others\[0\].*mark_price"),
        ({"others": [{"symbol": "B", "side": 1, "size": 1, "entry_price": 1, "mark_price": 1}]}, "B"),
        ({"tiers": None, "brackets": {"A": {"maintenance_rate": 0.1}}}, "maintenance_amount"),
        ({"tiers": None, "brackets": {"A": 3}}, "brackets"),
    ],
)
def test_bad_accounts_are_refused_by_name(change, mentions):
    target = {"symbol": "A", "side": 1, "size": 1, "entry_price": 10}
    good = {"wallet_balance": 1, "target": target, "others": [], "tiers": {"A": TIERS}}
    with pytest.raises(InputError, match=mentions):
        margin.liquidation_price_cross(**{**good, **change})


def test_tiers_and_brackets_exclude_one_another():
    target = {"symbol": "A", "side": 1, "size": 1, "entry_price": 10}
    for rules in ({}, {"tiers": {"A": TIERS}, "brackets": {"A": LINE}}):
        with pytest.raises(PolicyError, match="tiers and brackets"):
            margin.liquidation_price_cross(1, target, [], **rules)
