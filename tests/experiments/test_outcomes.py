"""Equity of nodes over scenarios: the same from a study and from runs, in returns by hand."""

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import SchemaError, ValueRangeError
from contagion.measures import market_measures, ses_table
from tests.experiments.conftest import small_market


@pytest.fixture(scope="module")
def study():
    shocks = [ct.PriceShock({"BTC": -fall}, over=0) for fall in (0.0, 0.05, 0.3)]
    return ct.compare(small_market(12), shocks, ct.Cascade(step=60.0, horizon=600.0), seed=3)


def test_a_study_gives_what_its_scenarios_give_one_by_one(study):
    runs = [study.rerun("none", i) for i in range(3)]
    found, by_hand = ct.node_outcomes(study), ct.node_outcomes(runs)
    pd.testing.assert_frame_equal(found.closing, by_hand.closing)
    pd.testing.assert_series_equal(found.system_closing, by_hand.system_closing)
    for i, run in enumerate(runs):
        assert found.closing.loc[i, "V"] == run.nodes.loc["V", "closing_equity"]


def test_a_return_is_the_change_as_a_share_of_opening_equity(study):
    run = study.rerun("none", 2)
    table = run.nodes[run.nodes["counted"]]
    returns = ct.node_outcomes([run], nodes=["V", "t003"]).returns
    row = run.nodes.loc["t003"]
    assert returns.loc[0, "t003"] == row["closing_equity"] / row["opening_equity"] - 1.0
    assert returns.loc[0, "system"] == table["closing_equity"].sum() / table["opening_equity"].sum() - 1.0
    assert list(returns.columns) == ["V", "t003", "system"]


def test_venues_protocols_and_institutions_are_taken_if_nobody_is_named(study):
    assert list(ct.node_outcomes(study).closing.columns) == ["V"]


def test_a_node_without_equity_before_the_shock_has_no_return(study):
    found = ct.node_outcomes(study, nodes=["V", "t000"])
    found.opening.loc[1, "t000"] = 0.0
    assert list(found.returns.columns) == ["V", "system"]


def test_outcomes_feed_the_system_measures(study):
    found = ct.node_outcomes(study, nodes=["V", "t000", "t001"])
    table = market_measures(found.returns, q=0.4)
    assert set(table.index) <= {"V", "t000", "t001"} and np.isfinite(table["mes"]).all()
    assets = pd.Series({"V": 2e8, "t000": 1e4, "t001": 1e4})
    assert ses_table(found.closing, assets)["ses"]["V"] == pytest.approx(
        0.08 * 2e8 - found.closing["V"].mean()
    )


def test_networks_are_numbered_in_the_order_in_which_they_come():
    worlds = [small_market(8, seed) for seed in (0, 1)]
    shock, model = ct.PriceShock({"BTC": -0.1}, over=0), ct.Cascade(step=60.0, horizon=300.0)
    found = ct.node_outcomes([ct.run(world, shock, model) for world in (*worlds, worlds[0])])
    assert found.networks.tolist() == [0, 1, 0]


def test_names_that_do_not_exist_are_refused(study):
    with pytest.raises(ValueRangeError, match=r"policy: 'nne' is unknown.*did you mean 'none'"):
        ct.node_outcomes(study, "nne")
    with pytest.raises(ValueRangeError, match="nodes: 't00' is no node"):
        ct.node_outcomes(study, nodes=["t00"])
    with pytest.raises(SchemaError, match="neither a comparison nor a list of runs"):
        ct.node_outcomes([1.0])
    with pytest.raises(ValueRangeError, match="holds no run"):
        ct.node_outcomes([])


def test_a_model_without_equities_of_nodes_is_refused(model, net, family):
    with pytest.raises(SchemaError, match=r"run 0: .* has no table of equities"):
        ct.node_outcomes(ct.compare(net, family, model, n=2))
