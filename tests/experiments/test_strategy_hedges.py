"""Legs of basis trades over scenarios, by hand."""

import pandas as pd
import pytest

import contagion as ct
from contagion.errors import SchemaError, ValueRangeError
from tests.propagation.cascade.owners import Account, Town, build_town
from tests.propagation.cascade.small import Holder, small_net

MODEL = ct.Cascade(step=10.0, horizon=300.0)
HELD = {"node": "o", "asset": "X", "quantity": 5.0}
CARRY = {"name": "carry", "kind": "basis", "spot_node": "o", "short_account": "s", "asset": "X"}


def world(money: float = 5000.0, units: float = -5.0) -> ct.Network:
    """Node o holds 5 X and is short in account s."""
    town = Town({"s": Account("o", units, money)}, cash={"o": 4000.0}, holdings={"o": 5.0})
    return build_town(town).replace(strategies=[CARRY])


def runs(net: ct.Network) -> list[ct.run]:
    return [ct.run(net, ct.PriceShock({"X": move}, over=0.0), MODEL) for move in (-0.25, 0.125, 0.25)]


def test_a_full_hedge_without_basis_takes_all_variance_away():
    found = ct.strategy_hedges(runs(world()))
    assert found.hedged["o"].tolist() == [5.0 * 1024.0 * move for move in (-0.25, 0.125, 0.25)]
    assert found.hedging["o"].tolist() == [-value for value in found.hedged["o"]]
    row = found.effectiveness.loc["o"]
    assert (row["variance_reduction"], row["best_ratio"], row["within"]) == (1.0, 1.0, 1.0)


def test_the_effectiveness_of_one_scenario_is_refused_with_the_source_named():
    found = ct.strategy_hedges(runs(world())[:1])
    with pytest.raises(ValueRangeError, match="source: holds one scenario; two or more"):
        found.effectiveness  # noqa: B018


def test_half_the_short_takes_three_quarters():
    row = ct.strategy_hedges(runs(world(units=-2.5))).effectiveness.loc["o"]
    assert row["variance_reduction"] == 0.75 and row["best_ratio"] == 2.0 and row["offset"] == 0.5


def test_money_posted_to_the_short_account_is_no_result():
    """Called when X rises a quarter: what the owner posts leaves his cash and reaches his account."""
    found = runs(world(money=2000.0))
    assert found[2].accounts.loc["s", "posted"] > 0.0
    legs = ct.strategy_hedges(found)
    assert legs.hedging.loc[2, "o"] == -1280.0 and legs.hedged.loc[2, "o"] == 1280.0


def test_two_accounts_can_be_each_others_hedge():
    town = Town({"l": Account("o", 4.0, 2000.0), "s": Account("p", -4.0, 9000.0, "W")})
    pair = {"name": "pair", "kind": "basis", "long_account": "l", "short_account": "s", "asset": "X"}
    found = ct.strategy_hedges(
        [ct.run(build_town(town).replace(strategies=[pair]), ct.PriceShock({"X": -0.125}, over=0.0), MODEL)]
    )
    assert found.hedged.loc[0, "pair"] == -512.0 and found.hedging.loc[0, "pair"] == 512.0


def test_arbitrage_is_no_hedge():
    town = Town({"l": Account("o", 0.0, 2000.0), "s": Account("p", -5.0, 9000.0, "W")})
    pair = {"name": "pair", "kind": "arbitrage", "long_account": "l", "short_account": "s", "asset": "X"}
    net = build_town(town).replace(strategies=[CARRY | {"short_account": "s"}, pair], holdings=[HELD])
    assert list(ct.strategy_hedges(runs(net)).hedged.columns) == ["o"]


def test_a_study_gives_what_its_runs_give():
    net = world()
    study = ct.compare(net, [ct.PriceShock({"X": move}, over=0.0) for move in (-0.25, 0.125, 0.25)], MODEL)
    found, by_hand = ct.strategy_hedges(study), ct.strategy_hedges(runs(net))
    pd.testing.assert_frame_equal(found.hedged, by_hand.hedged)
    pd.testing.assert_frame_equal(found.hedging, by_hand.hedging)


def test_what_has_no_two_legs_is_refused():
    plain = small_net({"calm": Holder({"M": 1.0}, 5000.0)})
    with pytest.raises(ValueRangeError, match="no strategy with two legs"):
        ct.strategy_hedges([ct.run(plain, ct.PriceShock({"X": -0.1}, over=0.0), MODEL)])
    with pytest.raises(ValueRangeError, match="holds no run"):
        ct.strategy_hedges([])
    other = build_town(Town({"l": Account("o", 4.0, 2000.0), "s": Account("p", -4.0, 9000.0, "W")}))
    pair = {"name": "pair", "kind": "basis", "long_account": "l", "short_account": "s", "asset": "X"}
    mixed = [
        runs(world())[0],
        ct.run(other.replace(strategies=[pair]), ct.PriceShock({"X": -0.1}, over=0.0), MODEL),
    ]
    with pytest.raises(SchemaError, match="network of scenario 1: has other strategies"):
        ct.strategy_hedges(mixed)
