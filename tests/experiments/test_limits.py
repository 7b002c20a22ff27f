"""Limits of open interest, deleveraging by account, and cover after a run."""

import numpy as np
import pytest
from scipy.stats import binomtest

import contagion as ct
from contagion.errors import InputError, NetworkError, SchemaError, ValueRangeError
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
