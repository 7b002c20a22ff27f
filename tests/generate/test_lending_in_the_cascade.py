"""Do lending markets do what happened? A fall like that of 5 August 2024, a faster one, staked ETH off its peg."""

import pytest

import contagion as ct
from contagion import facts

STILL = (
    "system_loss",
    "liquidated_notional",
    "margin_called",
    "forced_cost",
    "bad_debt",
    "liquidation_cost_gas",
)


def reported(name):
    return facts.values("events", name, event="2024-08-05").iloc[0]


def open_and_uncovered(run):
    """Money owed that no collateral covers at the end, written off or not."""
    equity = run.accounts["closing_equity"] * run.accounts["count"]
    return run.metrics["bad_debt"] - equity.clip(upper=0.0).sum()


@pytest.fixture(scope="module")
def small():
    return ct.generate.lending_market(800, seed=2)


@pytest.fixture(scope="module")
def day():
    net = ct.datasets.load("lending-markets")
    shock = ct.PriceShock({"ETH": -0.25, "WBTC": -0.182, "wstETH": -0.2554}, over=17 * 3600)
    return ct.run(net, shock, ct.Cascade(step=600, horizon=20 * 3600), seed=7)


def test_a_fall_like_that_of_5_august_liquidates_about_what_was_reported(day):
    total = reported("all_lending_liquidations")
    assert total["low"] < day.metrics["liquidated_notional"] < total["high"]
    seen = day.accounts.groupby("venue")["liquidated_notional"].sum()
    for venue, name in (
        ("aave", "aave_v3_liquidations_24_hours"),
        ("spark", "spark_liquidations"),
        ("compound", "compound_liquidations"),
        ("maker", "maker_liquidations"),
    ):
        assert 0.5 < seen[venue] / reported(name)["value"] < 2.0


def test_a_fall_like_that_of_5_august_leaves_no_bad_debt_and_touches_no_loop(day):
    assert open_and_uncovered(day) == pytest.approx(0.0, abs=1.0)
    assert day.metrics["fund_used"] == 0.0
    loops = day.accounts[day.accounts.index.str.startswith("looper")]
    assert loops["liquidated_notional"].sum() == 0.0


def test_a_fast_fall_leaves_debt_without_cover_and_dear_gas_leaves_more(small):
    model = ct.Cascade(step=120, horizon=2 * 3600)
    fall = ct.PriceShock({"ETH": -0.43, "WBTC": -0.40, "wstETH": -0.44}, over=3600)
    calm, dear = (ct.run(small, shock, model, seed=7) for shock in (fall, fall + ct.GasShock(400.0)))
    assert calm.metrics["bad_debt"] > small.venues["insurance_fund"].min()
    assert open_and_uncovered(dear) > 1.2 * open_and_uncovered(calm)
    assert dear.metrics["liquidated_accounts"] < calm.metrics["liquidated_accounts"]


def test_loops_are_liquidated_below_the_ratio_of_their_threshold_only(small):
    model = ct.Cascade(step=120, horizon=2 * 3600)
    for discount, hit in ((0.03, False), (0.07, True)):
        run = ct.run(small, ct.PriceShock({"wstETH": -discount}, over=3600), model, seed=7)
        sold = run.accounts["liquidated_notional"].groupby(run.accounts.index.str.split("-").str[0]).sum()
        assert (sold["looper"] > 0.0) == hit


@pytest.mark.parametrize("policies", [[], [ct.Policy()]])
def test_nothing_happens_while_prices_stand_still(small, policies):
    still = ct.run(small, ct.PriceShock({"ETH": 0.0}), ct.Cascade(step=60.0), policies=policies)
    for name in STILL:
        assert still.metrics[name] == 0.0, name
    assert still.events.empty or not still.events["kind"].isin(["call", "liquidation", "auction"]).any()
