"""What an account gained or lost, by cause: small cascades by hand, sums over random worlds."""

import numpy as np
import pytest

import contagion as ct
from contagion.errors import SchemaError, ValueRangeError
from contagion.experiments.account_results import PARTS, REASONS
from contagion.propagation.cascade.codes import REASONS as POSTED
from tests.propagation.cascade.small import Holder, Rules, play, small_net
from tests.worlds import random_world

FEE = 1.0 / 64.0
LONGS = {"a": Holder({"M": 16.0}, 1900.0), "b": Holder({"M": 8.0}, 1100.0)}


def parts(row):
    """The parts that are not 0."""
    return {name: value for name, value in row.items() if value != 0.0}


def test_two_longs_that_are_sold_one_after_the_other():
    """Numbers of `test_metrics_by_hand`: a is sold at 952.5 for a mark of 960, b at 941.25 for a mark of 945."""
    run = play(small_net(LONGS, Rules({"fee": FEE})))
    table = ct.account_results(run, ["a", "b"])
    assert parts(table.loc["a"]) == {
        "outside_move": 16.0 * -64.0,
        "slippage": 16.0 * -7.5,
        "fees": -FEE * 16.0 * 952.5,
        "change": -16.0 * 71.5 - FEE * 16.0 * 952.5,
    }
    assert parts(table.loc["b"]) == {
        "outside_move": 8.0 * -64.0,
        "impact_others": 8.0 * -15.0,
        "slippage": 8.0 * -3.75,
        "fees": -FEE * 8.0 * 941.25,
        "change": -8.0 * 82.75 - FEE * 8.0 * 941.25,
    }


def test_the_other_side_gains_what_the_marks_fell():
    row = ct.account_results(play(small_net(LONGS)), "rest_of_market:V").loc["rest_of_market:V"]
    assert row["outside_move"] == 24.0 * 64.0 and row["impact_others"] == 24.0 * 22.5
    assert row["change"] == 24.0 * (1024.0 - 937.5) and row["impact_own"] == 0.0


def test_what_is_sold_in_two_clips_falls_by_ones_own_hand():
    """Throughput lets 8 units through in a round: the second half stands at the mark that the first one left."""
    slow = Rules({"throughput": 8.0 * 960.0 / 10.0})
    run = play(small_net({"a": Holder({"M": 16.0}, 1064.0)}, slow))
    fills = run.events[run.events["kind"] == "liquidation"]
    assert fills["lots"].abs().gt(0).sum() >= 2
    row = ct.account_results(run, "a").loc["a"]
    assert row["impact_own"] < 0.0 == row["impact_others"]
    assert row[list(PARTS)].sum() == row["change"]


def test_an_account_without_postings_has_moves_only():
    run = play(small_net({"calm": Holder({"M": 1.0}, 5000.0)}))
    assert parts(ct.account_results(run, "calm").loc["calm"]) == {"outside_move": -64.0, "change": -64.0}


def test_several_accounts_behind_a_row_count_each():
    run = play(small_net({"a": Holder({"M": 16.0}, 1900.0, count=3)}))
    row = ct.account_results(run, "a").loc["a"]
    assert row["outside_move"] == 3 * 16.0 * -64.0
    assert row[list(PARTS)].sum() == row["change"]


def test_every_kind_of_posting_has_one_part():
    assert sorted(kind for kinds in REASONS.values() for kind in kinds) == sorted(POSTED)


@pytest.mark.parametrize("seed", range(8))
def test_in_random_worlds_the_parts_sum_to_the_change(seed):
    world = random_world(seed)
    run = ct.run(world.net, world.shock, world.model, world.policies, seed=seed)
    table = ct.account_results(run)
    assert list(table.index) == list(run.accounts.index)
    gap = table[list(PARTS)].sum(axis=1) - table["change"]
    scale = table.abs().sum(axis=1) + run.accounts["opening_equity"].abs() + 1.0
    assert (gap.abs() / scale).max() < 1e-9
    assert np.isfinite(table.to_numpy()).all()


@pytest.mark.parametrize("seed", [1, 8, 17])
def test_coins_need_no_rest_where_venues_quote_them_without_delay(seed, monkeypatch):
    monkeypatch.setattr("contagion.experiments.account_results._Parts._close", lambda *_: None)
    world = random_world(seed)
    run = ct.run(world.net, world.shock, world.model, world.policies, seed=seed)
    table = ct.account_results(run)
    gap = (table[list(PARTS)].sum(axis=1) - table["change"]).abs()
    assert (run.network.balances["asset"] != run.unit).any()
    assert (gap / (table.abs().sum(axis=1) + run.accounts["opening_equity"].abs() + 1.0)).max() < 1e-9


def test_posted_money_is_a_transfer_and_funding_is_funding():
    run = play(small_net({"a": Holder({"M": 16.0}, 2200.0, cash=5000.0, response=1.0)}))
    row = ct.account_results(run, "a").loc["a"]
    assert row["transfers"] == run.accounts.loc["a", "posted"] > 0.0


def test_names_and_runs_are_checked():
    run = play(small_net(LONGS))
    with pytest.raises(ValueRangeError, match="accounts: 'c' is no account"):
        ct.account_results(run, "c")
    with pytest.raises(SchemaError, match="is no run of the cascade"):
        ct.account_results(3)
