"""Does a fall of 15 % in BTC and 20 to 50 % in the other coins do what the assumptions were tuned to?

Over half an hour about a tenth of the open interest is liquidated, the funds are partly used and nobody is
deleveraged; over ten minutes the funds are nearly spent and deleveraging begins; as a gap it is a large part.
"""

import pytest

import contagion as ct

FALL = {"BTC": -0.15, "ETH": -0.20, "SOL": -0.25, "XRP": -0.30, "DOGE": -0.35, "AAVE": -0.50}
OPEN_INTEREST, FUNDS = 99e9, 2.45e9


@pytest.fixture(scope="module")
def results():
    net = ct.datasets.load("perp-venues")
    model = ct.Cascade(step=60.0)
    return {
        over: ct.run(net, ct.PriceShock(FALL, over=over), model, seed=1).metrics for over in (1800, 600, 0)
    }


def deleveraged(metrics):
    return metrics["adl_notional"] / (metrics["adl_notional"] + metrics["liquidated_notional"])


def test_half_an_hour_liquidates_about_a_tenth_and_leaves_money_in_the_funds(results):
    slow = results[1800]
    assert 0.05 < slow["liquidated_notional"] / OPEN_INTEREST < 0.13
    assert 0.0 < slow["fund_used"] / FUNDS < 0.6
    assert slow["adl_notional"] == 0.0


def test_ten_minutes_spend_most_of_the_funds_and_start_deleveraging(results):
    fast = results[600]
    assert fast["fund_used"] / FUNDS > 0.7
    assert 0.0 < deleveraged(fast) < 0.4


def test_a_gap_is_met_by_deleveraging_more_than_a_fast_fall(results):
    assert deleveraged(results[0]) > max(0.25, deleveraged(results[600]))


@pytest.mark.parametrize("policies", [[], [ct.Policy()]])
def test_nothing_happens_while_prices_stand_still(policies):
    net = ct.generate.perp_market(2_000, seed=11)
    still = ct.run(net, ct.PriceShock({"BTC": 0.0}), ct.Cascade(step=60.0), policies=policies)
    for name in (
        "system_loss",
        "liquidated_notional",
        "adl_notional",
        "margin_called",
        "forced_cost",
        "fund_used",
    ):
        assert still.metrics[name] == 0.0, name
    assert not still.events["kind"].isin(["call", "liquidation", "adl", "unwind", "arbitrage"]).any()
