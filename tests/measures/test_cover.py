"""Cover of the largest members, by hand: what they would leave unpaid, and what stands against it."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import InputError, NetworkError
from tests.propagation.cascade.small import Holder, Rules, gap, play, small_net

HOLDERS = {
    "big": Holder({"M": 10.0}, 400.0),
    "mid": Holder({"M": 4.0}, 200.0),
    "twice": Holder({"M": 1.0}, 10.0, count=3),
    "short": Holder({"M": -17.0}, 9000.0),
}
"""At 960 a unit long has lost 64: big misses 240, mid 56, the three of twice 54 each, 162 in all."""
RULES = Rules(venue={"insurance_fund": 100.0, "own_capital": 50.0, "default_fund": 340.0}, rate=2.0**-10)
"""Requirements stand 10 to 4 to 3 to 17: big has prefunded 100, mid 40, twice 30, short 170."""
NET = small_net(HOLDERS, RULES)


def test_members_are_ranked_by_what_they_leave_unpaid():
    table = ct.measures.stressed_members(NET, gap())
    assert table["node"].tolist() == ["big", "twice", "mid", "short"]
    assert table["rank"].tolist() == [1, 2, 3, 4]
    assert table["uncovered"].tolist() == [240.0, 162.0, 56.0, 0.0]
    assert table["stressed_loss"].tolist() == [640.0, 192.0, 256.0, -1088.0]
    assert table["margin"].tolist() == [400.0, 30.0, 200.0, 9000.0]
    assert table["contribution"].tolist() == pytest.approx([100.0, 30.0, 40.0, 170.0], rel=1e-14)
    assert table["own_contributions"].tolist() == pytest.approx([100.0, 30.0, 40.0, 0.0], rel=1e-14)
    assert table["deficit"].tolist() == [140.0, 132.0, 16.0, 0.0]


def test_the_two_largest_stand_against_fund_own_capital_and_contributions_of_the_others():
    row = ct.measures.cover(NET, gap()).loc["V"]
    assert row["members"] == "big, twice"
    assert row[["stressed_loss", "uncovered", "own_contributions", "deficit"]].tolist() == [
        832.0,
        402.0,
        130.0,
        272.0,
    ]
    names = ["fund", "own_capital", "default_fund", "resources", "left"]
    assert row[names].tolist() == [100.0, 50.0, 210.0, 360.0, 88.0]
    assert row["ratio"] == 272.0 / 360.0


def test_what_failing_members_have_prefunded_beyond_their_own_losses_pays_for_nobody_else():
    large = Rules(venue={"default_fund": 680.0}, rate=2.0**-10)
    # prefunded: big 200, mid 80, twice 60, short 340; mid's loss of 56 leaves 24, which count for nobody
    row = ct.measures.cover(small_net(HOLDERS, large), gap(), k=3).loc["V"]
    assert row["members"] == "twice, big, mid"
    assert row[["uncovered", "own_contributions", "deficit"]].tolist() == [458.0, 316.0, 142.0]
    assert row[["default_fund", "resources", "left"]].tolist() == [340.0, 340.0, 198.0]
    assert row["ratio"] == float(Fraction(142, 340))


def test_a_member_that_loses_no_more_than_its_margin_stays_a_resource():
    row = ct.measures.cover(NET, gap(), k=4).loc["V"]
    assert row["members"] == "big, twice, mid, short"
    assert row["default_fund"] == 170.0


def test_members_are_ranked_by_what_their_own_contributions_leave():
    holders = {
        "careful": Holder({"M": 4.0}, 56.0),
        "careless": Holder({"M": 2.5}, 10.0),
        "short": Holder({"M": -6.5}, 9000.0),
    }
    # 200 and 150 are uncovered; of 260 the two have prefunded 80 and 50
    table = ct.measures.stressed_members(
        small_net(holders, Rules(venue={"default_fund": 260.0}, rate=2.0**-10)), gap()
    )
    assert table["node"].tolist() == ["careful", "careless", "short"]
    assert table["deficit"].tolist() == [120.0, 100.0, 0.0]
    large = small_net(holders, Rules(venue={"default_fund": 520.0}, rate=2.0**-10))
    # 160 and 100 prefunded: 40 and 50 are left
    assert ct.measures.stressed_members(large, gap())["node"].tolist() == ["careless", "careful", "short"]


def test_static_cover_and_the_layers_of_a_run_agree():
    rules = Rules(
        venue={"insurance_fund": 10.0, "own_capital": 5.0, "default_fund": 340.0},
        market={"impact_coefficient": 0.0, "impact": "exponential"},
        rate=2.0**-10,
    )
    net = small_net(HOLDERS, rules)
    row, venue = ct.cover(net, gap(), k=3).loc["V"], play(net, horizon=60.0).venues.loc["V"]
    assert venue["bad_debt"] == row["uncovered"] == 458.0
    assert venue["own_contributions_paid"] == row["own_contributions"] == 170.0
    assert venue["fund_used"] == row["fund"] and venue["own_capital_paid"] == row["own_capital"]
    # 288 are left for 15 of the venue and 170 of short; the other 103 are cut from gains
    assert venue["default_fund_paid"] - venue["own_contributions_paid"] == row["default_fund"] == 170.0
    assert venue["residual_loss"] == -row["left"] == 103.0


@pytest.mark.parametrize(("k", "uncovered"), [(1, 240.0), (2, 402.0), (3, 458.0), (99, 458.0)])
def test_more_members_leave_more(k, uncovered):
    assert ct.measures.cover(NET, gap(), k=k).loc["V", "uncovered"] == uncovered


def test_accounts_of_one_member_do_not_pay_for_one_another():
    holders = {
        "a": Holder({"M": 1.0}, 10.0, owner="both"),
        "b": Holder({"M": -1.0}, 1000.0, owner="both"),
    }
    assert ct.measures.cover(small_net(holders), gap()).loc["V", "uncovered"] == 54.0


def test_own_capital_is_no_more_than_the_cash_of_the_venue():
    net = NET.replace(nodes=NET.nodes.assign(cash=20.0))
    assert ct.measures.cover(net, gap()).loc["V", "own_capital"] == 20.0


def test_closing_prices_go_before_shocked_ones():
    row = ct.measures.cover(NET, gap(), marks=pd.Series({"M": 1024.0 - 80.0})).loc["V"]
    assert row["uncovered"] == 400.0 + 210.0


def test_without_a_shock_nothing_is_uncovered_and_the_ratio_is_0():
    row = ct.measures.cover(NET, ct.PriceShock({"X": 0.0})).loc["V"]
    assert row[["uncovered", "ratio"]].tolist() == [0.0, 0.0]


def test_where_there_is_neither_loss_nor_fund_there_is_no_ratio():
    net = small_net(HOLDERS, Rules(rate=2.0**-10))
    assert np.isnan(ct.measures.cover(net, ct.PriceShock({"X": 0.0})).loc["V", "ratio"])
    assert ct.measures.cover(net, gap()).loc["V", "ratio"] == np.inf


def test_bad_arguments_are_refused_by_name():
    with pytest.raises(InputError, match="k"):
        ct.measures.cover(NET, gap(), k=0)
    with pytest.raises(NetworkError, match="'XX'"):
        ct.measures.cover(NET, ct.PriceShock({"XX": -0.1}))
    with pytest.raises(NetworkError, match="marks"):
        ct.measures.cover(NET, gap(), marks=pd.Series({"N": 1.0}))


class TestFundSize:
    losses = np.arange(1000.0)

    def test_it_is_the_quantile_at_one_minus_the_ratio_of_costs(self):
        found = ct.fund_size(self.losses, capital_cost=0.1, social_cost=1.0)
        assert found.value == 899.0
        assert found.low < found.value < found.high
        assert "quantile at 0.9" in found.note

    def test_it_minimises_what_fund_and_losses_beyond_it_cost(self):
        found = ct.fund_size(self.losses, capital_cost=0.25, social_cost=1.0).value
        cost = [0.25 * fund + np.maximum(self.losses - fund, 0.0).mean() for fund in self.losses]
        assert cost[int(found)] == pytest.approx(min(cost))

    def test_without_a_quantile_there_is_no_interval(self):
        found = ct.fund_size(self.losses, capital_cost=2.0, social_cost=1.0)
        assert np.isnan(found.low)
        assert "capital costs as much" in found.note

    def test_a_negative_loss_is_refused(self):
        with pytest.raises(InputError, match="losses"):
            ct.fund_size([-1.0, 2.0], capital_cost=0.1, social_cost=1.0)
