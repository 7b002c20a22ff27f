"""Tiers, initial margin and account health against exact arithmetic, boundaries and refusals."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contagion.errors import InputError, PolicyError
from contagion.margin.accounts import (
    account_equity,
    cross_margin_status,
    margin_linear_in_size,
    margin_open_interest_scaled,
)
from contagion.margin.tiers import (
    initial_margin,
    maintenance,
    maintenance_amounts,
    maintenance_margin,
    tier_of,
    tier_table,
)
from tests.oracles.margins import equity, margin_by_slices, tier_by_search

TIERS = [
    {"floor": 0, "cap": 50_000, "maintenance_rate": 0.004, "max_leverage": 125},
    {"floor": 50_000, "cap": 600_000, "maintenance_rate": 0.005, "max_leverage": 100},
    {"floor": 600_000, "cap": 3_000_000, "maintenance_rate": 0.0065, "max_leverage": 75},
]


@st.composite
def tables(draw):
    floors = [0.0, *sorted(draw(st.sets(st.floats(1, 1e9), max_size=6)))]
    rates = sorted(draw(st.lists(st.floats(0, 1), min_size=len(floors), max_size=len(floors))))
    caps = [*floors[1:], draw(st.sampled_from([None, math.nan, 2e9]))]
    keys = zip(floors, caps, rates, strict=True)
    return [{"floor": f, "cap": c, "maintenance_rate": r} for f, c, r in keys]


@given(tables(), st.floats(0, 3e9), st.integers(0, 8))
def test_margin_tier_and_rate_are_those_of_the_slices(tiers, notional, at_floor):
    if at_floor < len(tiers):
        notional = tiers[at_floor]["floor"]
    floors, rates = [t["floor"] for t in tiers], [t["maintenance_rate"] for t in tiers]
    found = maintenance_margin(notional, tiers)
    exact = margin_by_slices(notional, floors, rates)
    scale, smallest = (
        max(notional, floors[-1]),
        Fraction(math.ulp(0.0)),
    )  # below it, numbers have no digits left
    assert (
        abs(Fraction(float(found.maintenance_margin)) - exact) <= Fraction(1e-14) * Fraction(scale) + smallest
    )
    assert found.tier == tier_by_search(notional, floors)
    assert found.maintenance_rate == rates[found.tier - 1]


@given(tables(), st.lists(st.floats(0, 3e9), min_size=1, max_size=8))
def test_arrays_give_the_bits_of_single_numbers_and_the_kernel_agrees(tiers, notionals):
    table = tier_table(tiers)
    found = maintenance_margin(np.array(notionals), tiers)
    for place, notional in enumerate(notionals):
        one = maintenance_margin(notional, tiers)
        assert found.maintenance_margin[place] == one.maintenance_margin
        assert found.tier[place] == one.tier
        kernel = maintenance(notional, 0, len(tiers), table.rates, table.amounts)
        assert kernel == pytest.approx(one.maintenance_margin, rel=1e-12, abs=1e-15 * table.amounts[-1])


def test_the_kernel_reads_its_lines_from_flat_arrays():
    rate, amount = np.array([0.5, 0.004, 0.005, 0.9]), np.array([0.0, 0.0, 50.0, 0.0])
    assert maintenance(60_000.0, 1, 3, rate, amount) == 250.0
    assert maintenance(60_000.0, 2, 2, rate, amount) == 0.0


def test_a_boundary_belongs_to_the_lower_tier():
    assert [tier_of(n, TIERS) for n in (0, 1e-9, 50_000, 50_000.01, 600_000, 3e6, 1e12)] == [
        1,
        1,
        1,
        2,
        2,
        3,
        3,
    ]
    assert maintenance_amounts(TIERS).tolist() == pytest.approx([0, 50, 950])


def test_leverage_and_size_must_both_be_allowed():
    found = initial_margin([600_000, 600_000.01, 3e6, 3.1e6], [100, 100, 75, 10], TIERS)
    assert found.allowed.tolist() == [True, False, True, False]
    assert found.max_leverage.tolist() == [100, 75, 75, 75]
    assert found.initial_margin.tolist() == [6000, 6000.0001, 40_000, 310_000]


@pytest.mark.parametrize(
    ("tiers", "mentions"),
    [
        ([], "tiers"),
        ([{"floor": 1, "cap": None, "maintenance_rate": 0.1}], r"tiers\[0\].*floor"),
        ([dict(TIERS[0]), {**TIERS[1], "floor": 60_000}], r"tiers\[1\].*gap"),
        ([dict(TIERS[0]), {**TIERS[1], "floor": 40_000}], r"tiers\[1\].*overlap"),
        ([dict(TIERS[0]), {**TIERS[1], "floor": 0}], r"tiers\[1\].*floor"),
        ([dict(TIERS[0]), {**TIERS[1], "maintenance_rate": 0.001}], r"tiers\[1\].*maintenance_rate"),
        ([{**TIERS[0], "cap": None}, dict(TIERS[1])], "tiers"),
        ([TIERS[1], TIERS[0]], "tiers"),
        ([{"floor": 0, "cap": 0.0, "maintenance_rate": 0.1}], "tiers"),
    ],
)
def test_tiers_that_contradict_themselves_are_refused(tiers, mentions):
    error = PolicyError if tiers and tiers[0]["cap"] != 0.0 else InputError
    with pytest.raises(error, match=mentions):
        maintenance_amounts(tiers)


@pytest.mark.parametrize(
    ("change", "mentions"),
    [
        ({"floor": math.nan}, "floor"),
        ({"floor": -1}, "floor"),
        ({"cap": "50"}, "cap"),
        ({"maintenance_rate": -0.1}, "maintenance_rate"),
        ({"maintenance_rate": 5}, "maintenance_rate"),
        ({"maintenance_rate": True}, "maintenance_rate"),
        ({"max_leverage": 0}, "max_leverage"),
        ({"max_leverage": math.inf}, "max_leverage"),
    ],
)
def test_a_tier_with_a_bad_number_is_refused_by_name(change, mentions):
    with pytest.raises(InputError, match=mentions):
        maintenance_amounts([{**TIERS[0], **change}])


@pytest.mark.parametrize("key", ["floor", "cap", "maintenance_rate"])
def test_a_tier_without_a_key_is_refused_by_name(key):
    with pytest.raises(InputError, match=key):
        maintenance_amounts([{k: v for k, v in TIERS[0].items() if k != key}])


@pytest.mark.parametrize("tiers", [None, "tiers", {"floor": 0}, [3], 7])
def test_something_other_than_a_list_of_tiers_is_refused(tiers):
    with pytest.raises(InputError, match="tiers"):
        maintenance_amounts(tiers)


def test_initial_margin_refuses_missing_and_impossible_leverage():
    with pytest.raises(InputError, match="max_leverage"):
        initial_margin(1, 1, [{"floor": 0, "cap": None, "maintenance_rate": 0.1}])
    for leverage in (0, -1, math.nan, math.inf):
        with pytest.raises(InputError, match="leverage"):
            initial_margin(1, leverage, TIERS)
    with pytest.raises(InputError, match="notional"):
        initial_margin(-1, 5, TIERS)
    with pytest.raises(InputError, match="notional"):
        maintenance_margin(-1, TIERS)


prices = st.floats(0.01, 1e6)
legs = st.lists(st.tuples(st.sampled_from([1, -1]), st.floats(0, 1e6), prices, prices), max_size=5)


def positions(rows, symbols="ABCDE"):
    names = ("side", "size", "entry_price", "mark_price")
    return [
        {"symbol": symbols[k % len(symbols)], **dict(zip(names, row, strict=True))}
        for k, row in enumerate(rows)
    ]


@given(st.floats(-1e9, 1e9), st.floats(-1e6, 1e6), legs, st.sampled_from(["linear", "inverse"]))
def test_equity_is_the_exact_sum_up_to_rounding(balance, funding, rows, contract):
    exact = equity(balance, funding, rows, contract == "inverse")
    found = account_equity(balance, positions(rows), contract=contract, funding_received=funding)
    size = sum(q * (e + m) if contract == "linear" else q / e + q / m for _, q, e, m in rows)
    slack = 1e-14 * (abs(balance) + abs(funding) + size)
    for one, other in zip((found.unrealized_pnl, found.equity, found.notional), exact, strict=True):
        assert abs(float(one) - float(other)) <= slack


@given(st.floats(-1e9, 1e9), legs, st.sampled_from(["strict", "inclusive"]))
def test_cross_margin_adds_every_position_without_netting(balance, rows, trigger):
    held = positions(rows, symbols="AB")
    found = cross_margin_status(balance, held, tiers={"A": TIERS, "B": TIERS[:1]}, trigger=trigger)
    required = sum(
        float(
            maintenance_margin(
                p["size"] * p["mark_price"], TIERS if p["symbol"] == "A" else TIERS[:1]
            ).maintenance_margin
        )
        for p in held
    )
    assert found.maintenance_margin == pytest.approx(required, rel=1e-12)
    assert found.equity == account_equity(balance, held, contract="linear").equity
    assume(abs(found.equity - required) > 1e-6 * (abs(balance) + required))
    below = found.equity < required and any(p["size"] > 0 for p in held)
    assert found.liquidatable == below
    if found.maintenance_margin == 0:
        assert found.margin_ratio == 0
    elif found.equity <= 0:
        assert math.isnan(found.margin_ratio)
    else:
        assert found.margin_ratio == found.maintenance_margin / found.equity


def test_exactly_at_the_requirement_only_the_inclusive_trigger_liquidates():
    held = [{"symbol": "A", "side": 1, "size": 1, "entry_price": 50_000, "mark_price": 50_000}]
    strict = cross_margin_status(200, held, tiers={"A": TIERS}, trigger="strict")
    inclusive = cross_margin_status(200, held, tiers={"A": TIERS}, trigger="inclusive")
    assert (strict.margin_ratio, strict.liquidatable, inclusive.liquidatable) == (1, False, True)


def test_an_account_without_positions_is_never_liquidatable():
    flat = [{"symbol": "A", "side": 1, "size": 0, "entry_price": 1, "mark_price": 1}]
    for held in ([], flat):
        for trigger in ("strict", "inclusive"):
            found = cross_margin_status(-5, held, tiers={"A": TIERS}, trigger=trigger)
            assert (found.margin_ratio, found.liquidatable) == (0, False)


def test_arrays_are_many_accounts_with_the_same_legs():
    held = [
        {
            "symbol": "A",
            "side": np.array([1, -1, 1]),
            "size": np.array([1.0, 2.0, 0.0]),
            "entry_price": 100.0,
            "mark_price": 90.0,
        }
    ]
    found = cross_margin_status(np.array([9.0, 9.0, -1.0]), held, tiers={"A": TIERS}, trigger="strict")
    assert found.equity.tolist() == [-1.0, 29.0, -1.0]
    assert found.liquidatable.tolist() == [True, False, False]
    assert math.isnan(found.margin_ratio[0])
    assert found.margin_ratio[2] == 0.0


GOOD = {"symbol": "A", "side": 1, "size": 1.0, "entry_price": 100.0, "mark_price": 90.0}


@pytest.mark.parametrize(
    ("change", "mentions"),
    [
        ({"side": 0}, "side"),
        ({"side": 2}, "side"),
        ({"side": "long"}, "side"),
        ({"size": -1}, "size"),
        ({"size": math.nan}, "size"),
        ({"entry_price": 0}, "entry_price"),
        ({"entry_price": -1}, "entry_price"),
        ({"mark_price": 0}, "mark_price"),
        ({"mark_price": math.inf}, "mark_price"),
    ],
)
def test_a_bad_position_is_refused_by_name(change, mentions):
    with pytest.raises(InputError, match=mentions):
        account_equity(1.0, [{**GOOD, **change}], contract="linear")
    with pytest.raises(InputError, match=mentions):
        cross_margin_status(1.0, [{**GOOD, **change}], tiers={"A": TIERS}, trigger="strict")


@pytest.mark.parametrize("key", ["side", "size", "entry_price", "mark_price"])
def test_a_position_without_a_key_is_refused_by_name(key):
    with pytest.raises(InputError, match=key):
        account_equity(1.0, [{k: v for k, v in GOOD.items() if k != key}], contract="linear")


def test_unknown_words_and_symbols_are_refused():
    with pytest.raises(InputError, match="contract"):
        account_equity(1.0, [GOOD], contract="quanto")
    with pytest.raises(InputError, match="trigger"):
        cross_margin_status(1.0, [GOOD], tiers={"A": TIERS}, trigger="loose")
    with pytest.raises(InputError, match="BTCUSDX"):
        cross_margin_status(1.0, [{**GOOD, "symbol": "BTCUSDX"}], tiers={"BTCUSDT": TIERS}, trigger="strict")
    with pytest.raises(InputError, match="symbol"):
        cross_margin_status(1.0, [{**GOOD, "symbol": None}], tiers={"A": TIERS}, trigger="strict")
    with pytest.raises(InputError, match=r"tiers\['A'\]"):
        cross_margin_status(1.0, [GOOD], tiers={"A": []}, trigger="strict")
    with pytest.raises(InputError, match="wallet_balance"):
        account_equity(math.nan, [GOOD], contract="linear")
    with pytest.raises(InputError, match="positions"):
        account_equity(1.0, GOOD, contract="linear")
    with pytest.raises(InputError, match="tiers"):
        cross_margin_status(1.0, [GOOD], tiers=TIERS, trigger="strict")


def test_margin_linear_in_size_is_quadratic_and_refuses_negative_sizes():
    rates = {"initial_base": 0.02, "initial_slope": 5e-5, "maintenance_base": 0.01, "maintenance_slope": 5e-5}
    found = margin_linear_in_size([0, 350], **rates)
    assert found.initial_margin.tolist() == pytest.approx([0, 13.125])
    assert found.maintenance_margin.tolist() == pytest.approx([0, 9.625])
    with pytest.raises(InputError, match="size"):
        margin_linear_in_size(-1, **rates)


def test_open_interest_scales_the_rate_between_its_bounds():
    def rate(interest, lower=20, upper=50, initial=0.1):
        return margin_open_interest_scaled(
            interest, initial_rate=initial, open_interest_lower=lower, open_interest_upper=upper
        )

    assert rate([0, 20, 35, 50, 500]).tolist() == pytest.approx([0.1, 0.1, 0.55, 1, 1])
    assert rate(500, 0, 0) == 0.1
    assert rate([20, 20.1], 20, 20).tolist() == [0.1, 1.0]
    for change, mentions in (
        ({"interest": -1}, "open_interest"),
        ({"interest": 1, "lower": -1}, "open_interest_lower"),
        ({"interest": 1, "lower": 60}, "open_interest_upper"),
        ({"interest": 1, "initial": 1.5}, "initial_rate"),
    ):
        with pytest.raises(InputError, match=mentions):
            rate(**change)
