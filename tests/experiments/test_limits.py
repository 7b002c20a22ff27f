"""Limits of open interest, deleveraging by account, and cover after a run."""

import numpy as np
import pytest
from scipy.stats import binomtest

import contagion as ct
from contagion.errors import InputError, NetworkError, PolicyError, SchemaError, ValueRangeError
from contagion.experiments.limits import scaled
from tests.propagation.cascade.small import Holder, Rules, gap, play, small_net

DEEP = {"impact_coefficient": 0.0, "impact": "exponential"}
HOLDERS = {"long": Holder({"M": 10.0}, 400.0), "short": Holder({"M": -10.0}, 9000.0)}
MODEL = ct.Cascade(step=10.0, horizon=60.0)


def net_of(fund, **market):
    return small_net(HOLDERS, Rules(venue={"insurance_fund": fund}, market=market, rate=2.0**-10))


class TestOpenInterestLimit:
    def test_without_impact_deficits_are_in_proportion_and_the_limit_is_fund_over_deficit(self):
        # at 960 the long misses 240; a fund of 600 carries 2.5 times as much
        found = ct.open_interest_limit(net_of(600.0, **DEEP), gap(), "V", MODEL, tolerance=0.01)
        assert found.multiple == pytest.approx(2.5, rel=0.01)
        assert found.multiple <= 2.5
        assert len(found.crossings) == 1
        assert found.table.loc[2.0, "shortfall"] == 480.0
        assert found.table["holds"].tolist() == (found.table.index <= 2.5).tolist()

    def test_the_fund_is_that_of_the_policies(self):
        put_in = ct.InsuranceFund(factor=1.0, amount=550.0)
        grid = {"multiples": [1.0, 2.0, 4.0], "tolerance": 0.05}
        found = ct.open_interest_limit(net_of(50.0, **DEEP), gap(), "V", MODEL, policies=[put_in], **grid)
        direct = ct.open_interest_limit(net_of(600.0, **DEEP), gap(), "V", MODEL, **grid)
        assert found.table.equals(direct.table)
        assert found.table["fund"].tolist() == [600.0] * len(found.table)
        one = ct.open_interest_limit(net_of(50.0, **DEEP), gap(), "V", MODEL, policies=put_in, **grid)
        assert one.crossings == direct.crossings

    @pytest.mark.parametrize(
        "rules",
        [
            {"insurance_fund": 500.0, "own_capital": 100.0},
            # 100 of the default fund are the long's own, 100 the short's, who loses nothing
            {"insurance_fund": 400.0, "default_fund": 200.0},
            {"insurance_fund": 100.0, "default_fund": 200.0, "own_capital": 300.0},
        ],
    )
    def test_own_capital_and_contributions_of_others_stand_before_the_fund_fails(self, rules):
        net = small_net(HOLDERS, Rules(venue=rules, market=DEEP, rate=2.0**-10))
        found = ct.open_interest_limit(net, gap(), "V", MODEL, multiples=[1.0, 2.0, 2.5, 4.0])
        own = 0.5 * rules.get("default_fund", 0.0)
        assert found.table.loc[2.5, ["shortfall", "left"]].tolist() == [600.0 - own, 0.0]
        assert bool(found.table.loc[2.5, "holds"])
        assert not found.table.loc[4.0, "holds"]
        # the same money as in cover
        row = ct.cover(net, gap(), k=2, model=MODEL).loc["V"]
        assert found.table.loc[1.0, ["shortfall", "left"]].tolist() == row[["deficit", "left"]].tolist()

    def test_own_capital_is_no_more_than_the_cash_of_the_venue(self):
        net = small_net(HOLDERS, Rules(venue={"own_capital": 100.0}, market=DEEP, rate=2.0**-10))
        net = net.replace(nodes=net.nodes.assign(cash=20.0))
        found = ct.open_interest_limit(net, gap(), "V", MODEL, multiples=[0.5])
        assert found.table.loc[0.5, ["shortfall", "own_capital", "left"]].tolist() == [120.0, 20.0, -100.0]

    def test_impact_lowers_the_limit(self):
        found = ct.open_interest_limit(net_of(600.0), gap(), "V", MODEL, tolerance=0.05)
        assert found.multiple < 2.4

    def test_a_limit_outside_the_grid_is_said(self):
        low = ct.open_interest_limit(net_of(10.0, **DEEP), gap(), "V", MODEL, multiples=[0.5, 1.0])
        high = ct.open_interest_limit(net_of(9e3, **DEEP), gap(), "V", MODEL, multiples=[0.5, 1.0])
        assert np.isnan(low.multiple)
        assert "try less" in low.note
        assert high.multiple == 1.0
        assert "try more" in high.note

    def test_everything_at_the_venue_is_scaled(self):
        net = scaled(net_of(1.0), "V", 2.0)
        assert net.positions["quantity"].abs().max() == 20.0
        assert net.balances.set_index("account").loc["long", "quantity"] == 800.0

    def test_bad_arguments_are_refused_by_name(self):
        with pytest.raises(NetworkError, match="venue"):
            ct.open_interest_limit(net_of(1.0), gap(), "W", MODEL)
        with pytest.raises(ValueRangeError, match="multiples"):
            ct.open_interest_limit(net_of(1.0), gap(), "V", MODEL, multiples=[1.0, 1.0])
        with pytest.raises(ValueRangeError, match="tolerance"):
            ct.open_interest_limit(net_of(1.0), gap(), "V", MODEL, tolerance=0.0)
        with pytest.raises(InputError, match="level"):
            ct.open_interest_limit(net_of(1.0), gap(), "V", MODEL, level=1.5)


class TestDeleveraging:
    net = small_net(HOLDERS, Rules(venue={"adl_trigger": "fund"}, market=DEEP, rate=2.0**-10))

    def test_the_share_of_runs_has_its_exact_interval(self):
        runs = [play(self.net, shock=gap(), horizon=60.0)] * 3
        runs += [play(self.net, shock=ct.PriceShock({"X": 0.01}, over=0.0), horizon=60.0)]
        table = ct.adl_probability(runs)
        exact = binomtest(3, 4).proportion_ci(0.95, method="exact")
        assert table.loc["short", ["deleveraged", "probability", "n"]].tolist() == [3, 0.75, 4]
        assert table.loc["short", ["low", "high"]].tolist() == pytest.approx([exact.low, exact.high])
        assert table.loc["long", ["deleveraged", "low"]].tolist() == [0, 0.0]

    def test_what_is_no_run_is_refused(self):
        with pytest.raises(SchemaError, match="runs"):
            ct.adl_probability([])
        with pytest.raises(SchemaError, match="run its scenarios"):
            ct.adl_probability(["run"])


class TestCover:
    def test_with_a_model_books_are_revalued_at_closing_prices(self):
        net = net_of(100.0)
        plain = ct.cover(net, gap())
        after = ct.cover(net, gap(), model=MODEL)
        # 10 units lower a linear book by 10/1024 of 960: the mark closes at 950.625
        assert plain.loc["V", "uncovered"] == 240.0
        assert after.loc["V", "uncovered"] == pytest.approx(10.0 * (1024.0 - 950.625) - 400.0)
        assert ct.measures.cover(net, gap()).equals(plain)

    @pytest.mark.parametrize("model", [None, MODEL])
    def test_funds_and_positions_are_those_of_the_policies(self, model):
        net = net_of(100.0, **DEEP)
        put_in = ct.InsuranceFund(factor=1.0, amount=50.0)
        assert ct.cover(net, gap(), model=model, policies=put_in).loc["V", "fund"] == 150.0
        # of 10,240 with 400 behind them 8,000 stay: a long of 7.8125 loses 500
        row = ct.cover(net, gap(), model=model, policies=[put_in, ct.LeverageLimit(max_leverage=20.0)]).loc[
            "V"
        ]
        assert row[["uncovered", "resources"]].tolist() == pytest.approx([100.0, 150.0], abs=1e-3)

    def test_without_a_model_what_acts_while_prices_move_is_refused(self):
        with pytest.raises(PolicyError, match=r"policies\[1\].*give a model"):
            ct.cover(net_of(100.0), gap(), policies=[ct.InsuranceFund(), ct.Halt(drop=0.1)])
        with pytest.raises(PolicyError, match=r"policies\[0\]"):
            ct.cover(net_of(100.0), gap(), policies=["Halt"])
        assert ct.cover(net_of(100.0), gap(), policies=[ct.Policy()]).equals(ct.cover(net_of(100.0), gap()))
