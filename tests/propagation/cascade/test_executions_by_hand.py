"""The record of a forced fill, followed by hand."""

from __future__ import annotations

import numpy as np
import pytest

import contagion as ct
from contagion.errors import SchemaError
from tests.propagation.cascade.small import Holder, Rules, play, small_net

A = Holder({"M": 16.0}, 1900.0)


def test_a_long_that_is_closed_at_once() -> None:
    """16 units from 1024 with 1900: triggered at 960 with 876 left, sold at 952.5."""
    run = play(small_net({"a": A}))
    assert len(run.liquidations) == 1
    fill = run.liquidations.iloc[0]
    assert (fill["account"], fill["venue"], fill["market"], fill["asset"]) == ("a", "V", "M", "X")
    assert (fill["kind"], fill["side"], fill["quantity"], fill["time"]) == ("liquidation", "long", 16.0, 10.0)
    assert (fill["trigger_mark"], fill["mark"], fill["outside"], fill["execution"]) == (
        960.0,
        960.0,
        960.0,
        952.5,
    )
    assert fill["bankruptcy_price"] == 960.0 - 876.0 / 16.0
    assert (fill["delay"], fill["fill_rate"], fill["notional"]) == (0.0, 1.0, 15360.0)
    assert fill["liquidation_basis"] == 7.5 / 960.0
    owed = 16.0 * 1024.0 - 1900.0
    assert fill["coverage"] == pytest.approx(16.0 * 952.5 / owed, rel=1e-15)
    assert run.events.loc[fill["event"], "kind"] == "liquidation"


def slow() -> ct.Run:
    """Sixteen units with 1100 behind them at a venue that sells eight a round: from 960 to 952.5, then to 945."""
    return play(small_net({"a": Holder({"M": 16.0}, 1100.0)}, Rules({"throughput": 768.0})))


def test_a_venue_that_is_slow_leaves_lots_for_the_next_round() -> None:
    fills = slow().liquidations
    assert fills["quantity"].tolist() == [8.0, 8.0]
    assert fills["fill_rate"].tolist() == [0.5, 1.0]
    assert fills["delay"].tolist() == [0.0, 10.0]
    assert fills["execution"].tolist() == [956.25, 948.75]
    assert fills["trigger_mark"].tolist() == [960.0, 960.0]
    assert fills["mark"].tolist() == [960.0, 952.5]
    assert fills["liquidation_basis"].tolist() == [3.75 / 960.0, 11.25 / 960.0]
    # 1100 - 1024 = 76 is left at first; then 76 - 8 * 3.75 - 8 * 7.5 = -14
    np.testing.assert_allclose(
        fills["bankruptcy_price"], [960.0 - 76.0 / 16.0, 952.5 + 14.0 / 8.0], rtol=1e-15
    )
    assert np.isnan(fills["coverage"].iloc[0])
    # triggered at 10, flat at the end of the round that begins at 20
    assert np.isnan(fills["time_to_close"].iloc[0]) and fills["time_to_close"].iloc[1] == 20.0
    assert fills["coverage"].iloc[1] == pytest.approx(
        8.0 * (956.25 + 948.75) / (16.0 * 1024.0 - 1100.0), rel=1e-15
    )


def test_the_bankruptcy_price_spreads_equity_over_the_legs_by_notional() -> None:
    """Ten long X and six long Y, both at 960: each leg bears the same fall, 1160 - 1024 = 136 on 16 units."""
    holder = Holder({"M": 10.0, "N": 6.0}, 1160.0)
    run = play(
        small_net({"a": holder}, markets={"M": "X", "N": "Y"}),
        shock=ct.PriceShock({"X": -1 / 16, "Y": -1 / 16}, over=0.0),
    )
    fills = run.liquidations.set_index("market")
    for market in ("M", "N"):
        assert fills.loc[market, "bankruptcy_price"] == pytest.approx(960.0 - 136.0 / 16.0, rel=1e-15)
    assert fills.loc["M", "coverage"] == fills.loc["N", "coverage"]


def test_a_rise_closes_a_short_above_its_trigger() -> None:
    run = play(
        small_net({"s": Holder({"M": -16.0}, 1900.0)}), shock=ct.PriceShock({"X": 1.0 / 16.0}, over=0.0)
    )
    fill = run.liquidations.iloc[0]
    assert fill["side"] == "short" and fill["execution"] > fill["trigger_mark"] == 1088.0
    assert fill["liquidation_basis"] == pytest.approx((fill["execution"] - 1088.0) / 1088.0, rel=1e-12)
    assert fill["bankruptcy_price"] == pytest.approx(1088.0 + (1900.0 - 1024.0) / 16.0, rel=1e-15)


def test_several_accounts_behind_a_row_count_all() -> None:
    run = play(small_net({"a": Holder({"M": 2.0}, 1900.0 / 8.0, count=8)}))
    fill = run.liquidations.iloc[0]
    assert (fill["quantity"], fill["notional"]) == (16.0, 15360.0)
    assert fill["bankruptcy_price"] == 960.0 - 876.0 / 16.0


def test_distributions_per_venue_and_asset() -> None:
    run = slow()
    table, fills = run.liquidation_basis(), run.liquidations
    assert table.index.names == ["venue", "asset", "quantity"]
    basis = table.loc[("V", "X", "liquidation_basis")]
    weight = fills["notional"]
    assert basis["mean"] == pytest.approx(run.metrics["liquidation_basis_mean"], rel=1e-12)
    assert basis["p50"] == fills["liquidation_basis"].iloc[0] and basis["n"] == len(fills)
    assert basis["notional"] == pytest.approx(weight.sum())
    assert table.loc[("V", "X", "coverage"), "n"] == 1
    close = table.loc[("V", "X", "time_to_close")]
    assert close[["p5", "p50", "p95", "mean", "n"]].tolist() == [20.0, 20.0, 20.0, 20.0, 1]
    assert run.metrics["time_to_close_median"] == run.metrics["time_to_close_95"] == close["p50"]
    assert run.liquidation_basis(by=["side"]).index.get_level_values("side").unique().tolist() == ["long"]


def test_a_quiet_run_has_no_fills_and_an_empty_table() -> None:
    run = play(small_net({"a": Holder({"M": 1.0}, 1900.0)}))
    assert run.liquidations.empty and run.liquidation_basis().empty
    assert "liquidation_basis" in run.liquidations.columns


def test_unknown_groups_are_refused() -> None:
    run = play(small_net({"a": A}))
    with pytest.raises(SchemaError, match="did you mean 'venue'"):
        run.liquidation_basis(by=["venu"])
    with pytest.raises(SchemaError, match="by"):
        run.liquidation_basis(by=[])
