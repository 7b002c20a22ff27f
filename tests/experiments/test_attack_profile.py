"""An attack at every budget: the table is what single runs say, and policies that stop it are named."""

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import NetworkError, SchemaError, ValueRangeError
from contagion.experiments.attack_results import AttackProfile
from tests.propagation.cascade.small import Holder, small_net
from tests.propagation.cascade.test_attacks import PAIR, spot_net

MODEL = ct.Cascade(step=10.0, horizon=300.0)
BUDGETS = [32_768.0, 65_536.0, 131_072.0, 196_608.0]
TERMS = {"buy_back": 40.0, "return_over": 20.0, "position": 4e4}
LAG = {"lag": [ct.IndexDesign(lag=300.0)]}
CROWD = {"long": Holder({"M": 256.0}, 256.0 * 124.0), "short": Holder({"M": -256.0}, 1e6)}
"""Longs that are liquidated below a mark of 960; selling them takes their own market down by a quarter."""


@pytest.fixture(scope="module")
def crowded() -> ct.Network:
    return spot_net(CROWD, mark="weighted", fee=2.0**-6)


@pytest.fixture(scope="module")
def profile(crowded: ct.Network) -> AttackProfile:
    return ct.attack_profile(crowded, "X", BUDGETS, model=MODEL, policies=LAG, **TERMS)


def test_every_row_is_what_a_run_of_its_own_says(crowded, profile):
    table = profile.to_frame()
    for policies, name in (([], "none"), (LAG["lag"], "lag")):
        for row in table[table["policy"] == name].to_dict("records"):
            run = ct.run(crowded, ct.Attack("X", row["budget"], **TERMS), MODEL, policies)
            assert run.metrics["attack_profit"] == pytest.approx(row["profit"], abs=1e-9)
            assert run.metrics["liquidated_notional"] == row["liquidated_notional"]
            assert run.metrics["attack_traded"] == row["traded"] == row["budget"]
            index = run.paths.loc[run.paths["market"] == "S", "last"]
            assert index.min() / 1024.0 - 1.0 == pytest.approx(row["index_move"], rel=1e-9)


def test_cost_and_gain_by_hand(profile):
    row = profile.table.iloc[1]  # 64 coins: 960 from 1024, no liquidation; fees of 1/64 both ways at 992
    assert row["index_move"] == pytest.approx(-1.0 / 16.0)
    assert row["liquidated_notional"] == 0.0
    assert row["cost"] == pytest.approx(2.0 * 64.0 * 992.0 / 64.0)
    assert row["gain"] == pytest.approx(4e4 / 32.0)


def test_it_pays_only_once_others_must_sell(profile):
    none = profile.table[profile.table["policy"] == "none"]
    assert none["profitable"].tolist() == [False, False, False, True]
    below, above = none["profit"].iloc[2:]
    wanted = 131_072.0 + 65_536.0 * below / (below - above)
    assert profile.break_even["none"] == pytest.approx(wanted)
    summary = profile.summary
    assert summary.loc["none", "trigger_budget"] == summary.loc["none", "best_budget"] == 196_608.0


def test_marks_that_read_the_index_late_make_it_a_loss(profile):
    assert profile.protects == ["lag"]
    lag = profile.summary.loc["lag"]
    assert lag["unprofitable"] and np.isnan(lag["break_even"]) and np.isnan(lag["trigger_budget"])
    assert "under lag" in dict(profile.card())["unprofitable"]


def test_the_tables_stand_beside_it(crowded, profile):
    wanted = ct.measures.money_to_push_index(crowded, "X", 4e4)
    pd.testing.assert_frame_equal(profile.index_push, wanted)
    assert profile.clusters["market"].tolist() == ["M", "M"]
    assert "-13% of the index" in repr(profile) and "<table>" in profile._repr_html_()


def test_the_gain_is_what_the_attack_adds_to_a_fall_that_comes_anyway(crowded):
    fall = ct.PriceShock({"X": -1.0 / 32.0}, over=0)
    found = ct.attack_profile(crowded, "X", [16_384.0], shock=fall, model=MODEL, policies={}, **TERMS)
    row = found.table.iloc[0]
    with_it = ct.run(crowded, fall + ct.Attack("X", 16_384.0, **TERMS), MODEL).metrics["attack_profit"]
    without = ct.run(crowded, fall + ct.Attack("X", 0.0, **TERMS), MODEL).metrics["attack_profit"]
    assert without == pytest.approx(4e4 / 32.0)
    assert row["profit"] == pytest.approx(with_it - without, abs=1e-9)


def test_a_squeeze_pushes_the_index_up_and_gains_with_a_long_position():
    terms = {"side": "buy", "buy_back": 30.0, "return_over": 0.0, "position": 4e4}
    row = ct.attack_profile(spot_net(), "X", [65_536.0], model=MODEL, policies={}, **terms).table.iloc[0]
    assert row["index_move"] == pytest.approx(1.0 / 16.0)
    assert row["gain"] == pytest.approx(4e4 / 16.0)
    assert row["cost"] == pytest.approx(0.0, abs=1e-5)


def test_by_default_budgets_lie_around_the_next_cluster_and_four_defences_are_tried():
    found = ct.attack_profile(spot_net(), "X", model=ct.Cascade(step=120.0, horizon=1800.0))
    assert found.policies == ["none", "halt", "band", "lag", "outliers"]
    budgets = found.table["budget"].unique()
    assert len(budgets) == 8 and budgets[3] == pytest.approx(0.07 * 1024.0 * 1024.0)
    assert found.attack.budget == budgets[-1]


def test_workers_change_nothing(crowded, profile):
    again = ct.attack_profile(crowded, "X", BUDGETS, model=MODEL, policies=LAG, n_jobs=2, **TERMS)
    pd.testing.assert_frame_equal(again.table, profile.table)


@pytest.mark.parametrize(
    ("terms", "error", "words"),
    [
        ({"model": ct.Cascade.static()}, SchemaError, "no rounds"),
        ({"model": ct.Clearing()}, SchemaError, "no rounds"),
        ({"budgets": [0.0]}, ValueRangeError, "budgets"),
        ({"budgets": []}, SchemaError, "budgets"),
        ({"budgets": "much"}, SchemaError, "budgets"),
        ({"side": "up"}, SchemaError, r"Attack\.side"),
        ({"buy_back": 5000.0}, ValueRangeError, "goes on after the last round"),
        ({"policies": [ct.Halt()]}, SchemaError, "no mapping"),
        ({"n_jobs": 0}, ValueRangeError, "n_jobs"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(terms, error, words):
    with pytest.raises(error, match=words):
        ct.attack_profile(spot_net(), "X", **{"budgets": [1.0], "model": MODEL} | terms)


def test_an_asset_that_cannot_be_pushed_is_refused():
    with pytest.raises(NetworkError, match="is no asset"):
        ct.attack_profile(spot_net(), "Y", [1.0], model=MODEL)
    with pytest.raises(NetworkError, match="no spot market in its index"):
        ct.attack_profile(small_net(PAIR), "X", [1.0], model=MODEL)
    far = {"long": Holder({"M": 1.0}, 1e4), "short": Holder({"M": -1.0}, 1e4)}
    with pytest.raises(ValueRangeError, match="no cluster of liquidations is in reach"):
        ct.attack_profile(spot_net(far), "X", model=MODEL)


def test_without_a_perpetual_the_attacker_holds_no_position_by_default():
    net = spot_net(CROWD, mark="weighted")
    spot = net.replace(
        markets=net.markets[net.markets["kind"] == "spot"],
        depth=net.depth[net.depth["market"].isin(net.markets.index[net.markets["kind"] == "spot"])],
        positions=net.positions.iloc[:0],
    )
    found = ct.attack_profile(spot, "X", [32_768.0], model=MODEL, policies={}, buy_back=None)
    assert found.attack.position == 0.0
    assert found.table["gain"].tolist() == [0.0]
    assert np.isnan(found.by_tables["money"])
