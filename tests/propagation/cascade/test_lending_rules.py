"""The rules by which the cascade liquidates loans, number by number, against the pure functions of the protocols."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contagion.lending import (
    aave_close_factor,
    aave_liquidation,
    aave_max_repay,
    aave_partial_limits,
    compound_v2_liquidation,
    keeper_profit,
    maker_dutch_auction,
)
from contagion.propagation.cascade import auctions, gas, keepers, loans

LOT = 2.0**-20
values = st.floats(1.0, 50_000.0)
prices = st.floats(0.01, 5_000.0)


def plain(function):
    """The function itself where it is compiled."""
    return getattr(function, "py_func", function)


def liquidated(collateral, price, debt, unit, rule, gross, whole):
    """Lots repaid and seized by the engine's rules, as units."""
    held, owed = math.floor(collateral / LOT), math.floor(debt / LOT)
    p, u = price * LOT, unit * LOT
    health = held * p * rule["threshold"] / (owed * u)
    share = plain(loans.close_share)(
        health, held * p, owed * u, rule["factor"], rule["full"], rule.get("small", 0.0)
    )
    most = plain(loans.most_repaid)(share, owed, u, owed * u, whole)
    repay, seize = plain(loans.seizure)(most, u, gross, p, held)
    dust = plain(loans.leaves_dust)((owed - repay) * u, (held - seize) * p, rule.get("least", 0.0))
    return share, dust, repay * LOT, seize * LOT


@given(values, prices, values, prices, st.sampled_from(["v2", "v3"]))
def test_versions_2_and_3_repay_and_seize_as_the_pure_rule_says(collateral, price, debt, unit, version):
    collateral, debt = collateral / price, debt / unit
    rule = {"threshold": 0.8, "factor": 0.5, "full": 0.95 if version == "v3" else -1.0}
    pure = aave_liquidation(
        collateral, price, debt, unit,
        version=version, liquidation_threshold=0.8, liquidation_bonus=0.05, protocol_fee=0.1,
    )  # fmt: skip
    assume(abs(pure.health_factor - 1.0) > 1e-4 and abs(pure.health_factor - 0.95) > 1e-4)
    share, _, repaid, seized = liquidated(collateral, price, debt, unit, rule, 1.05, False)
    assert share == pure.close_factor
    slack = 2.0 * LOT * (1.0 + price / unit + unit / price)
    assert repaid == pytest.approx(float(pure.debt_repaid), rel=1e-12, abs=slack)
    assert seized == pytest.approx(float(pure.collateral_seized), rel=1e-12, abs=slack)
    fee = plain(keepers.protocol_fee)(0.1, seized, 1.05, 1.0)
    assert fee == pytest.approx(float(pure.protocol_fee_collateral), rel=1e-9, abs=slack)


@given(values, values)
def test_version_3_3_closes_small_positions_and_refuses_dust_as_the_pure_rule_says(collateral, debt):
    rule = {"threshold": 0.8, "factor": 0.5, "full": 0.95, "small": 2_000.0, "least": 1_000.0}
    pure = aave_liquidation(
        collateral, 1.0, debt, 1.0, version="v3.3", liquidation_threshold=0.8, liquidation_bonus=0.05,
        protocol_fee=0.0, close_factor=0.5, full_close_health_factor=0.95, small_position=2_000.0,
        min_leftover=1_000.0,
    )  # fmt: skip
    edges = (pure.health_factor - 1.0, pure.health_factor - 0.95)
    assume(all(abs(edge) > 1e-4 for edge in edges))
    assume(all(abs(value - 2_000.0) > 1e-3 for value in (collateral, debt)))
    share, dust, repaid, seized = liquidated(collateral, 1.0, debt, 1.0, rule, 1.05, True)
    assert share == pure.close_factor
    if pure.health_factor >= 1.0:
        return
    left = debt - repaid, collateral - seized
    assume(all(abs(value - 1_000.0) > 1e-3 for value in left))
    assert dust == (str(pure.reason) == "dust")
    if not dust:
        assert repaid == pytest.approx(float(pure.debt_repaid), abs=8 * LOT)
        assert seized == pytest.approx(float(pure.collateral_seized), abs=8 * LOT)


@given(values, values)
def test_a_repayment_up_to_the_dust_limit_leaves_none(collateral, debt):
    most = plain(loans.undusted)(debt, collateral, 1.05, 1_000.0)
    limits = aave_partial_limits(collateral, debt, min_leftover=1_000.0)
    bound = min(float(limits.max_partial_debt), float(limits.max_partial_collateral) / 1.05)
    assert max(most, 0.0) == pytest.approx(max(bound, 0.0), abs=1e-6)


@given(values, prices, values)
def test_compound_repays_and_seizes_as_the_pure_rule_says(collateral, price, debt):
    collateral = collateral / price
    pure = compound_v2_liquidation(
        collateral, price, debt, 1.0, collateral_factor=0.75, close_factor=0.5, liquidation_incentive=1.08
    )
    assume(abs(debt - collateral * price * 0.75) > 1e-3)
    rule = {"threshold": 0.75, "factor": 0.5, "full": -1.0}
    share, _, repaid, seized = liquidated(collateral, price, debt, 1.0, rule, 1.08, False)
    assert (share > 0.0) == bool(pure.liquidatable)
    assert repaid == pytest.approx(float(pure.debt_repaid), abs=4 * LOT * (1 + price + 1 / price))
    assert seized == pytest.approx(float(pure.collateral_seized), abs=4 * LOT * (1 + price + 1 / price))


@pytest.mark.parametrize("health", [1.0, 0.951, 0.95, 0.9, 0.0])
@pytest.mark.parametrize("value", [1_999.0, 2_000.0, 9_000.0])
def test_close_factors_are_those_of_version_3_3_at_its_thresholds(health, value):
    pure = aave_close_factor(
        health, value, 5_000.0, version="v3.3", close_factor=0.5, full_close_health_factor=0.95,
        small_position=2_000.0,
    )  # fmt: skip
    assert plain(loans.close_share)(health, value, 5_000.0, 0.5, 0.95, 2_000.0) == pure


def test_the_close_factor_of_version_3_3_acts_on_all_debts_together():
    debts = [3_000.0, 4_000.0, 2_000.0]
    for debt in debts:
        pure = aave_max_repay(debts, debts.index(debt), version="v3.3", close_factor=0.5)
        found = plain(loans.most_repaid)(0.5, debt, 1.0, sum(debts), True)
        assert found == pure.max_repay_one_debt
    assert plain(loans.most_repaid)(0.5, 3_001.0, 1.0, 9_000.0, False) == 1_500.0


def test_collateral_that_is_used_up_to_the_lot_leaves_none_of_it():
    assert plain(loans.seizure)(100.0, 1.0, 1.25, 1.0, 125.0) == (100.0, 125.0)
    assert plain(loans.seizure)(101.0, 1.0, 1.25, 1.0, 125.0) == (100.0, 125.0)
    assert plain(loans.seizure)(99.0, 1.0, 1.25, 1.0, 125.0) == (99.0, 123.0)


@given(values, st.floats(0.0, 2e6), st.floats(0.0, 500.0), st.floats(0.0, 0.2), st.floats(0.0, 0.2))
def test_a_keeper_gains_what_the_pure_rule_says(value, used, gwei, bonus, slippage):
    pure = keeper_profit(
        value, used, gwei, 2_000.0, liquidation_bonus=bonus, slippage=slippage, flash_fee=0.0, min_profit=0.0
    )
    cost = plain(gas.gas_money)(used, gwei, 2_000.0)
    proceeds = value * (1.0 + bonus) * (1.0 - slippage)
    found = plain(keepers.keeper_gain)(proceeds, value, 0.0, cost)
    assert cost == pytest.approx(float(pure.gas_cost))
    assert found == pytest.approx(float(pure.profit), abs=1e-6)


@given(st.floats(0.0, 20_000.0), st.floats(0.5, 1.0), st.sampled_from([1.0, 90.0, 130.0]))
def test_the_auction_price_falls_by_the_stairs_of_the_pure_rule(elapsed, cut, step):
    pure = maker_dutch_auction(
        elapsed, shape="stairstep", oracle_price=200.0, buffer=1.3, cut=cut, step_s=step
    )
    told = plain(auctions.auction_price)(200.0 * 1.3, cut, step, elapsed)
    np.testing.assert_array_max_ulp(
        told, pure, maxulp=4
    )  # powers of arrays and of scalars differ in the last bit


def test_an_auction_starts_anew_after_its_tail_and_below_its_cusp_not_at_them():
    again = plain(auctions.must_restart)
    assert not again(8_400.0, 8_400.0, 100.0, 0.4, 200.0)
    assert again(8_400.5, 8_400.0, 100.0, 0.4, 200.0)
    assert not again(0.0, 8_400.0, 80.0, 0.4, 200.0)
    assert again(0.0, 8_400.0, 79.9, 0.4, 200.0)


def test_the_base_fee_rises_by_an_eighth_per_full_block_and_falls_back_to_the_opening():
    following = plain(gas.next_base_fee)
    assert following(20.0, 20.0, 10.0, 10.0, 1.0) == 22.5
    assert following(20.0, 20.0, 50.0, 10.0, 5.0) == pytest.approx(20.0 * 1.125**5)
    assert following(40.0, 20.0, 25.0, 10.0, 5.0) == 40.0  # at the target
    assert following(40.0, 20.0, 0.0, 10.0, 1.0) == 35.0
    assert following(21.0, 20.0, 0.0, 10.0, 5.0) == 20.0
    assert following(20.0, 20.0, 1e9, np.inf, 5.0) == 20.0  # blocks without limit are never full
