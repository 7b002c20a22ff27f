"""Own capital, default fund, assessments and replenishment, followed by hand and exact to the quantum."""

from fractions import Fraction

import pandas as pd
import pytest

import contagion as ct
from contagion.errors import InputError, PolicyError
from contagion.network.equity import contributions, opening_equity
from contagion.results import Run
from tests.propagation.cascade.small import OPENING, Holder, Rules, gap, play, small_net

DEEP = {"impact_coefficient": 0.0, "impact": "exponential"}
"""A book without impact: what is sold at a mark of 960 is sold for 960."""
HOLDERS = {
    "loser": Holder({"M": 1.0}, 40.0),
    "one": Holder({"M": -1.0}, 1000.0, cash=100.0),
    "two": Holder({"M": -3.0}, 3000.0, cash=5.0),
}
"""At 960 the loser misses 1024 - 960 - 40 = 24. Requirements stand 1 to 1 to 3."""


def money(run: Run, account: str) -> float:
    """What moved to a holder in the ledger."""
    rows = run.ledger[(run.ledger["account"] == account) & (run.ledger["instrument"] == "money")]
    exponent = float(run.provenance["quantum"].split("^")[1].split()[0])
    return float(rows["amount"].sum()) * 2.0**exponent


def contributed(run: Run) -> dict[str, float]:
    """What moved out of the contribution of each holder."""
    return {name: money(run, f"default_fund:V/{name}") for name in HOLDERS}


def lost(cash: float = 0.0, **venue: object) -> Run:
    """The gap under a venue with these columns and so much cash of its own."""
    rules = Rules(venue={"residual": "own_equity", **venue}, market=DEEP, rate=2.0**-8)
    net = small_net(HOLDERS, rules)
    purse = net.nodes["cash"].where(net.nodes.index != "V", cash)
    return play(net.replace(nodes=net.nodes.assign(cash=purse)), horizon=60.0)


def layers(run: Run) -> list[float]:
    """Fund, own capital, default fund, assessments, uncovered, of 24 that are missing."""
    names = ["fund_used", "own_capital_paid", "default_fund_paid", "assessed", "uncovered"]
    assert run.metrics["bad_debt"] == 24.0
    return [float(value) for value in run.venues.loc["V", names]]


class TestOrder:
    def test_the_fund_pays_first(self):
        assert layers(lost(insurance_fund=24.0, own_capital=10.0, cash=10.0)) == [24.0, 0, 0, 0, 0]

    def test_own_capital_follows_as_far_as_it_was_pledged(self):
        run = lost(insurance_fund=10.0, own_capital=4.0, cash=50.0)
        assert layers(run) == [10.0, 4.0, 0, 0, 0]
        # the other 10 come from the venue's own equity, last
        assert money(run, "cash:V") == -14.0

    def test_own_capital_is_no_more_than_the_cash(self):
        # of 80 the loser has prefunded 16, which go first; 8 are left for 6 of the venue and 2 of the others
        assert layers(lost(own_capital=100.0, cash=6.0, default_fund=80.0)) == [0, 6.0, 18.0, 0, 0]

    def test_who_owes_pays_out_of_his_own_contribution_before_the_fund_and_the_venue(self):
        run = lost(insurance_fund=100.0, own_capital=50.0, cash=50.0, default_fund=80.0)
        assert layers(run) == [8.0, 0, 16.0, 0, 0]
        assert run.venues.loc["V", "own_contributions_paid"] == 16.0
        assert contributed(run) == {"loser": -16.0, "one": 0.0, "two": 0.0}

    def test_the_others_lose_in_proportion_to_what_they_prefunded(self):
        run = lost(default_fund=100.0)
        assert layers(run) == [0, 0, 24.0, 0, 0]
        # of 100: 20, 20, 60 are prefunded; the loser's 20 go first, 4 are shared one to three
        assert contributed(run) == {"loser": -20.0, "one": -1.0, "two": -3.0}

    def test_every_layer_in_its_order(self):
        run = lost(insurance_fund=5.0, own_capital=3.0, cash=3.0, default_fund=10.0, assessment=1.0)
        assert run.venues.loc["V", "own_contributions_paid"] == 2.0
        # 24 = 2 of the loser, 5 of the fund, 3 of the venue, 2 and 6 of the others, 6 of them called in proportion
        assert layers(run) == [5.0, 3.0, 10.0, 6.0, 0]
        assert contributed(run) == {"loser": -2.0, "one": -2.0, "two": -6.0}
        assert (money(run, "cash:one"), money(run, "cash:two")) == (-1.5, -4.5)
        paid = run.events[run.events["kind"].isin(["fund", "own_capital", "default_fund", "assessment"])]
        assert list(zip(paid["kind"], paid["node"], paid["money"], strict=True)) == [
            ("default_fund", "loser", 2.0),
            ("fund", "V", 5.0),
            ("own_capital", "V", 3.0),
            ("default_fund", "one", 2.0),
            ("default_fund", "two", 6.0),
            ("assessment", "one", 1.5),
            ("assessment", "two", 4.5),
        ]

    def test_nobodys_own_contribution_pays_first_for_somebody_else(self):
        holders = {
            "small": Holder({"M": 4.0}, 254.0),
            "large": Holder({"M": 1.0}, 8.0),
            "winner": Holder({"M": -5.0}, 5000.0),
        }
        # 256 - 254 = 2 and 64 - 8 = 56 are missing; 40, 10 and 50 are prefunded; no capital of the venue
        rules = Rules(venue={"default_fund": 100.0}, market=DEEP, rate=2.0**-8)
        run = play(small_net(holders, rules), horizon=60.0)
        assert run.venues.loc["V", "default_fund_paid"] == 58.0
        # 2 and 10 go first; 46 are shared by what is left: 38 of 88, nothing, 50 of 88
        expected = {
            "small": -2 - Fraction(46 * 38, 88),
            "large": -Fraction(10),
            "winner": -Fraction(46 * 50, 88),
        }
        assert sum(expected.values()) == -58
        quantum = Fraction(1, 2**19)
        found = {name: Fraction(money(run, f"default_fund:V/{name}")) for name in holders}
        assert all(abs(found[name] - expected[name]) <= quantum for name in holders)
        assert sum(found.values()) == -58

    def test_accounts_of_one_member_are_paid_for_by_his_one_contribution(self):
        holders = {
            "a": Holder({"M": 1.0}, 40.0, owner="both"),
            "b": Holder({"M": 1.0}, 60.0, owner="both", count=2),
            "winner": Holder({"M": -3.0}, 3000.0),
        }
        # 24 and twice 4 are missing; both and winner have prefunded 25 each
        rules = Rules(
            venue={"default_fund": 50.0, "own_capital": 5.0, "insurance_fund": 1.0}, market=DEEP, rate=2.0**-8
        )
        run = play(small_net(holders, rules), horizon=60.0)
        names = ["bad_debt", "fund_used", "own_capital_paid", "default_fund_paid"]
        assert run.venues.loc["V", names].tolist() == [32.0, 1.0, 5.0, 26.0]
        assert money(run, "default_fund:V/both") == -25.0

    def test_members_who_lose_contributions_lose_equity(self):
        run = lost(default_fund=100.0)
        assert run.nodes.loc["two", "opening_equity"] == 3000.0 + 5.0 + 60.0
        assert run.nodes.loc["two", "loss"] == pytest.approx(3.0, abs=2.0**-18)
        assert run.metrics["system_loss"] - run.metrics["system_gain"] == pytest.approx(0.0, abs=2.0**-17)

    def test_assessments_come_when_the_default_fund_is_gone(self):
        run = lost(default_fund=10.0, assessment=2.0, cash=5.0)
        # 10 are prefunded: 2, 2, 6; up to 4, 4, 12 more may be called, but the loser has no cash and two has 5
        assert layers(run)[2:4] == [10.0, 9.0]
        assert money(run, "cash:one") == -4.0
        assert money(run, "cash:two") == -5.0

    def test_what_one_member_cannot_pay_the_others_do(self):
        run = lost(default_fund=20.0, assessment=1.0)
        # 4 are missing; in proportion to 4, 4, 12 the loser would owe 0.8 of it, but has nothing
        assert layers(run) == [0, 0, 20.0, 4.0, 0]
        assert money(run, "cash:one") == pytest.approx(-1.0, abs=2.0**-18)
        assert money(run, "cash:two") == pytest.approx(-3.0, abs=2.0**-18)
        assert money(run, "cash:one") + money(run, "cash:two") == -4.0

    def test_a_failed_venue_keeps_what_a_member_owes_it_from_his_contribution(self):
        net = small_net(HOLDERS, Rules(venue={"default_fund": 100.0}, market=DEEP, rate=2.0**-8))
        shock = gap() + ct.Default(["V"]) + ct.Outage("V", length=60.0)
        run = ct.run(net, shock, ct.Cascade(step=10.0, horizon=60.0))
        # nothing is sold before the venue closes everything at 960; of the loser's 20 nothing goes back
        names = ["bad_debt", "default_fund_paid", "own_contributions_paid", "uncovered"]
        assert run.venues.loc["V", names].tolist() == [24.0, 20.0, 20.0, 4.0]
        assert contributed(run) == {"loser": -20.0, "one": -20.0, "two": -60.0}
        assert money(run, "cash:loser") == 0.0

    def test_gains_are_cut_after_all_that(self):
        run = lost(default_fund=10.0, assessment=2.0, residual="profit_pro_rata")
        assert layers(run) == [0, 0, 10.0, 9.0, 0]
        assert run.venues.loc["V", "residual_loss"] == 5.0
        kinds = run.events["kind"][run.events["kind"].isin(["default_fund", "assessment", "residual"])]
        assert kinds.drop_duplicates().tolist() == ["default_fund", "assessment", "residual"]

    def test_what_nobody_pays_is_uncovered_and_the_venue_fails(self):
        run = lost(own_capital=1.0, default_fund=10.0, cash=3.0)
        assert layers(run) == [0, 1.0, 10.0, 0, 11.0]
        assert run.metrics["venue_defaults"] == 1.0

    def test_what_is_left_of_the_default_fund_of_a_failed_venue_goes_back(self):
        net = small_net(HOLDERS, Rules(venue={"default_fund": 100.0}, market=DEEP, rate=2.0**-8))
        run = ct.run(net, ct.Default(["V"]), ct.Cascade(step=10.0, horizon=60.0))
        assert money(run, "default_fund:V/two") == -60.0
        back = run.ledger[(run.ledger["account"] == "default_fund:V/two")]
        assert back["kind"].tolist() == ["venue_default"]


class TestContributions:
    def test_they_are_shares_of_the_opening_requirement(self):
        net = small_net(HOLDERS, Rules(venue={"default_fund": 100.0}))
        table = contributions(net).set_index("node")["money"]
        assert table.to_dict() == {"loser": 20.0, "one": 20.0, "two": 60.0}
        assert opening_equity(net)["two"] == 3065.0

    def test_a_fund_without_members_is_refused(self):
        net = small_net({"flat": Holder({}, 10.0)}, Rules(venue={"default_fund": 1.0}))
        with pytest.raises(PolicyError, match=r"default_fund.*'V' .*nobody there has a requirement"):
            play(net)

    @pytest.mark.parametrize("column", ["own_capital", "default_fund", "assessment", "replenish"])
    @pytest.mark.parametrize("value", [-1.0, float("inf")])
    def test_a_bad_column_is_refused_by_name(self, column, value):
        with pytest.raises(InputError, match=column):
            small_net(HOLDERS, Rules(venue={column: value}))


class TestReplenishment:
    def test_the_fund_is_filled_from_cash_so_much_a_second_up_to_where_it_was(self):
        holders = {**HOLDERS, "slow": Holder({"M": 0.5}, 2000.0)}
        rules = Rules(venue={"insurance_fund": 30.0, "replenish": 1.0}, market=DEEP, rate=2.0**-8)
        net = small_net(holders, rules)
        # 24 are used at 10 s; the venue is out at 60 s, until when the run goes on
        shock = ct.PriceShock({"X": 960.0 / OPENING - 1.0}, over=0.0) + ct.Outage("V", 60.0, 10.0)
        run = play(net, shock=shock)
        filled = run.events[run.events["kind"] == "replenishment"]
        assert filled["money"].tolist() == [10.0, 10.0, 4.0]
        assert filled["time"].tolist() == [10.0, 20.0, 30.0]
        assert run.venues.loc["V", ["fund_closing", "fund_used", "replenished"]].tolist() == [
            30.0,
            24.0,
            24.0,
        ]
        assert money(run, "cash:V") == -24.0


def test_columns_at_their_defaults_change_no_bit():
    plain, given = (
        play(small_net(HOLDERS)),
        play(
            small_net(
                HOLDERS,
                Rules(venue={"own_capital": 0.0, "default_fund": 0.0, "assessment": 0.0, "replenish": 0.0}),
            )
        ),
    )
    pd.testing.assert_series_equal(plain.metrics, given.metrics)
    pd.testing.assert_frame_equal(plain.ledger, given.ledger)
