"""ΔCoVaR, MES, SRISK and systemic expected shortfall: by hand, against the linear programme and closed forms."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.stats import norm

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures import (
    covar,
    market_measures,
    mes,
    quantile_regression,
    ses_table,
    srisk,
    srisk_table,
)
from contagion.measures.market_based.regression import best_line, line_through


def loss(x, y, weights, q, intercept, slope):
    gaps = y - intercept - slope * x
    return float(weights @ np.where(gaps >= 0.0, q * gaps, (q - 1.0) * gaps))


def optimum(x, y, weights, q):
    """Least loss, by the dual linear programme."""
    bounds = np.stack([(q - 1.0) * weights, q * weights], axis=1)
    found = linprog(-y, A_eq=np.stack([np.ones(len(x)), x]), b_eq=[0.0, 0.0], bounds=bounds, method="highs")
    return -found.fun


def days(n=1000, seed=3, beta=0.5):
    source = np.random.Generator(np.random.PCG64(seed))
    firm = source.standard_normal(n)
    return firm, beta * firm + source.standard_normal(n)


class TestQuantileRegression:
    @pytest.mark.parametrize("n", [2, 3, 40, 251])
    @pytest.mark.parametrize("q", [0.05, 0.5, 0.9])
    def test_the_line_is_an_optimum_of_the_linear_programme(self, n, q):
        x, y = days(n)
        weights = np.ones(n)
        assert loss(x, y, weights, q, *quantile_regression(x, y, q)) == pytest.approx(
            optimum(x, y, weights, q), rel=1e-10, abs=1e-10
        )

    @given(
        points=st.lists(
            st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 3)), min_size=2, max_size=15
        ),
        q=st.sampled_from([0.05, 0.3, 0.5]),
    )
    def test_ties_points_on_one_line_and_weights_of_zero_do_no_harm(self, points, q):
        x, y, weights = np.array(points, dtype=np.float64).T
        if x.min() < x.max():
            pair = best_line(x, y, weights, q, (int(x.argmin()), int(x.argmax())))
            assert loss(x, y, weights, q, *line_through(x, y, *pair)) == pytest.approx(
                optimum(x, y, weights, q), rel=1e-9, abs=1e-9
            )

    def test_every_start_ends_at_the_same_loss(self):
        x, y = days(60)
        ones = np.ones(60)
        ends = [line_through(x, y, *best_line(x, y, ones, 0.1, (0, j))) for j in range(1, 60)]
        losses = [loss(x, y, ones, 0.1, *end) for end in ends]
        assert max(losses) == pytest.approx(min(losses), rel=1e-12)

    def test_a_constant_x_has_no_line(self):
        with pytest.raises(ValueRangeError, match=r"x: 1.0 is constant"):
            quantile_regression([1.0, 1.0], [0.0, 2.0], 0.5)


class TestMes:
    def test_days_at_the_quantile_itself_do_not_count(self):
        # the 25 % quantile of five days is the second lowest: one day is strictly below it
        found = mes([0.5, -0.1, 0.3, 0.2, 0.0], [-0.4, -0.2, 0.0, 0.1, 0.3], q=0.25)
        assert (found.mes, found.n_tail_days) == (0.5, 1)

    def test_of_the_market_itself_is_its_tail_mean(self):
        _, market = days(101)
        worst = np.sort(market)[:10]
        assert mes(market, market, 0.1).mes == pytest.approx(worst.mean())

    @pytest.mark.parametrize(
        ("firm", "market", "q", "word"),
        [
            ([0.1, 0.2], [0.0, 0.0], 0.05, "tail"),
            ([0.1, 0.2], [0.0, 0.1], 1.0, "q: 1.0 is out of range"),
            ([0.1, np.nan], [0.0, 0.1], 0.5, "firm_returns\\[1\\]: nan is missing"),
            ([0.1, np.inf], [0.0, 0.1], 0.5, "not finite"),
        ],
    )
    def test_what_has_no_tail_is_refused_by_name(self, firm, market, q, word):
        with pytest.raises(ValueRangeError, match=word):
            mes(firm, market, q)

    @pytest.mark.parametrize(
        ("firm", "market"), [([0.1], [0.2]), ([0.1, 0.2], [0.1]), (["a", "b"], [0.1, 0.2])]
    )
    def test_series_of_another_length_or_of_words_are_refused(self, firm, market):
        with pytest.raises(SchemaError):
            mes(firm, market)


class TestCovar:
    def test_on_a_line_delta_is_the_slope_times_the_fall_of_the_firm(self):
        firm = np.linspace(-0.1, 0.1, 21)
        found = covar(firm, 2.0 * firm - 0.01, 0.1)
        assert found.slope == pytest.approx(2.0) and found.intercept == pytest.approx(-0.01)
        assert found.delta_covar == pytest.approx(2.0 * -0.08)
        assert found.covar == pytest.approx(2.0 * -0.08 - 0.01)

    def test_of_a_bivariate_normal_law_tends_to_its_closed_form(self):
        """Adrian and Brunnermeier (2016): ΔCoVaR = ρ σ Φ⁻¹(q), CoVaR = Φ⁻¹(q) σ (ρ + √(1 - ρ²))."""
        rho, q, n = 0.6, 0.05, 400
        grid = norm.ppf((np.arange(n) + 0.5) / n)
        firm, other = (part.ravel() for part in np.meshgrid(grid, grid[::4]))
        found = covar(firm, rho * firm + np.sqrt(1.0 - rho**2) * other, q)
        assert found.delta_covar == pytest.approx(rho * norm.ppf(q), abs=0.02)
        assert found.covar == pytest.approx((rho + np.sqrt(1.0 - rho**2)) * norm.ppf(q), abs=0.04)

    def test_a_firm_that_never_moves_is_refused(self):
        with pytest.raises(ValueRangeError, match=r"firm_returns: 0.1 never changes"):
            covar([0.1, 0.1], [0.0, 0.2])


class TestTables:
    def frame(self, n=1000):
        firm, system = days(n)
        return pd.DataFrame({"still": 0.0, "near": firm, "system": system})

    def test_agree_with_the_functions_and_put_the_worst_first(self):
        frame = self.frame()
        table = market_measures(frame, q=0.05)
        assert list(table.index) == ["near", "still"]
        found = covar(frame["near"], frame["system"])
        row = table.loc["near"]
        assert row["mes"] == mes(frame["near"], frame["system"]).mes and row["covar"] == found.covar
        assert row["delta_covar"] == found.delta_covar and row["slope"] == found.slope
        assert row["mes_low"] < row["mes"] < row["mes_high"] < 0.0
        assert row["delta_covar_low"] < row["delta_covar"] < row["delta_covar_high"] < 0.0
        assert row["note"] == "approximate: n q = 50 < 100"

    def test_a_firm_that_never_moves_has_no_delta_covar(self):
        row = market_measures(self.frame(500), q=0.05).loc["still"]
        assert row["mes"] == row["mes_low"] == row["mes_high"] == 0.0
        assert np.isnan(row[["delta_covar", "delta_covar_low", "covar", "slope"]].astype(float)).all()
        assert "no ΔCoVaR: the firm never changes" in row["note"]

    def test_a_thin_tail_has_no_interval(self):
        row = market_measures(self.frame(499), q=0.05).loc["near"]
        assert row["note"] == "no interval: n q = 24 < 25"
        assert np.isnan(row["mes_low"]) and np.isnan(row["delta_covar_high"]) and np.isfinite(row["mes"])

    def test_another_firm_changes_nobodys_interval(self):
        frame = self.frame(500)
        alone = market_measures(frame[["near", "system"]], seed=4)
        pd.testing.assert_frame_equal(market_measures(frame, seed=4).loc[["near"]], alone)

    def test_unknown_or_lonely_markets_are_refused(self):
        with pytest.raises(SchemaError, match="did you mean 'system'"):
            market_measures(self.frame(10), "systm")
        with pytest.raises(SchemaError, match="no firm beside the market"):
            market_measures(self.frame(10)[["system"]])


class TestSrisk:
    def test_by_hand(self):
        found = srisk([100.0, 10.0], [900.0, 0.0], [1.0, 0.0], prudential_ratio=0.1, market_decline=0.5)
        assert found.lrmes == pytest.approx([0.5, 0.0])
        assert found.srisk == pytest.approx([45.0, -9.0]) and found.system_srisk == pytest.approx(45.0)

    def test_no_fall_of_the_market_takes_nothing(self):
        assert srisk([5.0], [0.0], [2.0], market_decline=0.0).lrmes.tolist() == [0.0]

    def test_a_negative_beta_gains(self):
        assert srisk([5.0], [0.0], [-1.0], market_decline=0.5).lrmes == pytest.approx([-1.0])

    @pytest.mark.parametrize(
        ("changed", "word"),
        [
            ({"prudential_ratio": 0.0}, "prudential_ratio"),
            ({"market_decline": 1.0}, "market_decline"),
            ({"market_decline": -0.1}, "market_decline"),
            ({"debt": [-1.0]}, r"debt\[0\]: -1.0 is negative"),
            ({"beta": [np.nan]}, r"beta\[0\]"),
        ],
    )
    def test_bad_input_is_named(self, changed, word):
        given = {"market_value": [1.0], "debt": [1.0], "beta": [1.0], **changed}
        with pytest.raises(ValueRangeError, match=word):
            srisk(**given)

    def test_lengths_must_fit(self):
        with pytest.raises(SchemaError, match="beta: has length 2"):
            srisk([1.0], [1.0], [1.0, 2.0])

    def test_the_table_shares_the_positive_parts(self):
        firms = pd.DataFrame(
            {"market_value": [0.0, 0.0, 100.0], "debt": [10.0, 30.0, 0.0], "beta": 1.0}, index=["A", "B", "C"]
        )
        table = srisk_table(firms)
        assert list(table.index) == ["B", "A", "C"]
        assert table["share"].to_numpy() == pytest.approx([0.75, 0.25, 0.0])

    def test_a_table_without_a_column_is_refused(self):
        with pytest.raises(SchemaError, match="'beta'"):
            srisk_table(pd.DataFrame({"market_value": [1.0], "debt": [1.0]}))


class TestSystemicExpectedShortfall:
    def equity(self, crises=30):
        bad = pd.DataFrame({"A": np.linspace(-2.0, 2.0, crises), "B": 1.0})
        good = pd.DataFrame({"A": [50.0] * 10, "B": [50.0] * 10})
        return pd.concat([bad, good], ignore_index=True)

    def test_is_the_mean_lack_over_crises_only(self):
        table = ses_table(self.equity(), pd.Series({"B": 100.0, "A": 50.0}), 0.1)
        assert table["ses"].to_numpy() == pytest.approx([5.0, 9.0])
        assert table["share"].to_numpy() == pytest.approx([5.0 / 14.0, 9.0 / 14.0])
        assert table.attrs == {"k": 30, "n": 40, "prudential_ratio": 0.1}
        assert table.loc["A", "low"] < 5.0 < table.loc["A", "high"]
        assert table.loc["A", "note"] == "approximate: k = 30 < 200"

    def test_the_sum_is_what_the_system_lacks_in_a_crisis(self):
        equity, assets = self.equity(), pd.Series({"A": 50.0, "B": 100.0})
        whole = 0.1 * assets.sum() - equity.sum(axis=1)
        assert ses_table(equity, assets, 0.1)["ses"].sum() == pytest.approx(whole[whole > 0.0].mean())

    def test_few_crises_give_no_interval_and_none_is_refused(self):
        assets = pd.Series({"A": 50.0, "B": 100.0})
        table = ses_table(self.equity(24), assets, 0.1)
        assert table["low"].isna().all() and table.loc["A", "note"] == "no interval: k = 24 < 25"
        with pytest.raises(ValueRangeError, match="tail is empty"):
            ses_table(self.equity(0), assets, 0.1)

    def test_a_firm_without_assets_is_refused(self):
        with pytest.raises(SchemaError, match="'B' is not among the assets"):
            ses_table(self.equity(), pd.Series({"A": 50.0}), 0.1)
