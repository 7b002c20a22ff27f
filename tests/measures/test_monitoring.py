"""One row of indicators per snapshot: each the number of its own measure, some by hand."""

import numpy as np
import pytest

import contagion as ct
from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.monitoring import COLUMNS, monitor
from contagion.network.equity import opening_account_equity, opening_requirement
from contagion.network.reserved import rest_of_market
from tests.measures.test_clusters import ruled
from tests.measures.test_early_warning import borrowers, uniform_book
from tests.measures.test_liquidation import market


def snapshot(cash=100.0, **columns):
    """x is long 5 BTC at 100, y short 4; both accounts stand for two."""
    positions = [("x", "BTC", 5.0, 100.0), ("y", "BTC", -4.0, 100.0)]
    return ruled(market(positions, {"x": cash, "y": 300.0}, counts={"x": 2, "y": 2}), **columns)


def test_the_row_holds_what_can_be_added_up_by_hand():
    row = monitor(snapshot(), reach=0.2, n=50).iloc[0]
    assert row["accounts"] == 4.0
    assert row["open_interest"] == 1000.0
    # 500 on 100 is 5 times, 400 on 300 is 1.3 times, the rest is unlevered
    assert row["share_above_3x"] == pytest.approx(1000.0 / 2000.0) and row["share_above_5x"] == 0.0
    assert row["margin_balance"] == 2 * 100.0 + 2 * 300.0
    assert row["requirement"] == pytest.approx(2 * 5.0 + 2 * 4.0)
    assert row["requirement_adjusted"] == pytest.approx(18.0 + 2 * 500.0 * 250e-6 + 2 * 400.0 * 200e-6)
    assert row["requirement_adjusted_together"] == pytest.approx(18.0 + 1000.0 * 500e-6 + 800.0 * 400e-6)
    assert row["liquidatable_fall"] == pytest.approx(2 * 5.0 * 80.0 / 0.99)
    assert row["liquidatable_rise"] == 0.0
    assert row["cluster_money_fall"] == pytest.approx(0.2 / 1e-6)
    assert row["cluster_break_even_fall"] == pytest.approx(20_000.0 / (0.2 + 1000e-6))
    assert row["fund"] == 0.0


def test_the_columns_are_those_of_the_measures():
    net = uniform_book(400, 1.3)
    row = monitor([net], n=200, seed=3).iloc[0]
    for side, furthest in (("fall", -0.6), ("rise", 0.6)):
        found = ct.measures.distance_to_divergence(net, furthest=furthest)
        assert row[f"peak_slope_{side}"] == found.peak_slope
        np.testing.assert_equal(row[f"divergence_{side}"], found.shock)
    assert row["divergence_fall"] == pytest.approx(-0.05, abs=0.011) and np.isnan(row["divergence_rise"])
    chances = ct.measures.probability_of_liquidation(net, 86_400.0, n=200, seed=3)["probability"]
    # every trader holds 1000 of money; the rest of the market cannot be closed
    assert row["expected_liquidated"] == pytest.approx(1000.0 * chances.iloc[:-1].sum())
    system = ct.measures.system_risk(net, n=200, seed=3)
    assert row[["deficit_var", "deficit_es"]].tolist() == system.loc["deficit", ["var", "es"]].tolist()
    assert row["direct_loss_es"] == system.loc["direct_loss", "es"]
    assert row["exhausted_worst"] == ct.measures.fund_risk(net, n=200, seed=3)["exhausted"].max()


def test_loans_add_their_collateral_to_the_margin_and_what_does_not_count_to_the_requirement():
    net = borrowers(one={"ETH": 1000.0, "USD": -760.0}, short={"USD": 1000.0, "ETH": -900.0})
    row = monitor(net, n=50).iloc[0]
    # 240 and 100 of equity; a fifth of 1000 in ETH does not count, money counts in full
    assert row["margin_balance"] == pytest.approx(340.0)
    assert row["requirement"] == pytest.approx(200.0)
    assert row["requirement"] == pytest.approx(opening_requirement(net).sum())
    assert row["margin_balance"] == pytest.approx(opening_account_equity(net).sum())
    assert row["requirement_adjusted"] == row["requirement_adjusted_together"] == row["requirement"]


def test_loans_of_a_row_count_as_often_as_there_are_accounts():
    net = borrowers(one={"ETH": 1000.0, "USD": -760.0})
    three = net.replace(accounts=net.accounts.assign(count=3))
    assert monitor(three, n=50).iloc[0]["requirement"] == pytest.approx(600.0)


def test_loans_alone_have_no_slope_rather_than_one_of_0():
    row = monitor(borrowers(one={"ETH": 1000.0, "USD": -760.0}), n=50).iloc[0]
    names = [f"{name}_{side}" for name in ("divergence", "peak_slope") for side in ("fall", "rise")]
    assert row[names].isna().all()
    # and what a fall of 5 % closes is there: the collateral at 95 %
    assert row["liquidatable_fall"] == pytest.approx(950.0)


def test_the_bundled_protocols_have_a_requirement():
    net = ct.datasets.load("lending-markets")
    row = monitor(net, n=10).iloc[0]
    own = ~rest_of_market(net.accounts.index) * net.accounts["count"]
    assert row["requirement"] == pytest.approx(float((opening_requirement(net) * own).sum()), rel=1e-9)
    assert row["requirement"] > 0.0


def test_snapshots_keep_their_names_and_the_columns_their_order():
    table = ct.monitor({"monday": snapshot(), "tuesday": snapshot(cash=50.0)}, n=50)
    assert list(table.index) == ["monday", "tuesday"] and table.index.name == "snapshot"
    assert tuple(table.columns) == COLUMNS and (table.dtypes == np.float64).all()
    assert table.loc["tuesday", "liquidatable_fall"] > table.loc["monday", "liquidatable_fall"] == 0.0
    assert list(ct.monitor(iter([snapshot()]), n=50).index) == [0]


def test_the_same_seed_gives_the_same_row_and_snapshots_do_not_disturb_each_other():
    alone = monitor({"b": snapshot(cash=50.0)}, n=100, seed=2)
    together = monitor({"a": snapshot(), "b": snapshot(cash=50.0)}, n=100, seed=2)
    np.testing.assert_array_equal(alone.loc["b"].to_numpy(), together.loc["b"].to_numpy())


def test_a_network_without_markets_has_a_row_of_what_it_has():
    row = monitor(ct.Network(nodes=[{"name": "A"}]), n=10).iloc[0]
    assert row["accounts"] == 0.0 and row["open_interest"] == 0.0 and row["direct_loss_es"] == 0.0
    assert np.isnan(row["share_above_3x"]) and np.isnan(row["divergence_fall"])


@pytest.mark.parametrize("networks", [[], {}, "net", 7, [1], {"a": None}])
def test_what_is_no_snapshot_is_refused(networks):
    with pytest.raises(SchemaError, match="networks"):
        monitor(networks)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"reach": 0.0}, ValueRangeError, "reach"),
        ({"reach": 1.0}, ValueRangeError, "reach"),
        ({"horizon": -1.0}, ValueRangeError, "horizon"),
        ({"n": 1}, ValueRangeError, "n:"),
        ({"seed": 0.5}, SchemaError, "seed"),
        ({"level": 2.0}, ValueRangeError, "level"),
        ({"volatility": {"DOGE": 0.1}}, SchemaError, "no asset of the network"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, error, words):
    with pytest.raises(error, match=words):
        monitor(snapshot(), **arguments)
