"""Importance sampling: exact likelihood ratios, the same for everybody, and small variance where it matters."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import contagion as ct
from contagion.errors import SchemaError, ValueRangeError
from contagion.experiments.likeliest import most_likely_break
from contagion.experiments.plain import plain, revive
from contagion.measures.shortfall import weighted_tail
from contagion.measures.weighted import exceedance_interval, weighted_mean
from contagion.policies.bills import bill

from .conftest import ClosedForm, Failing, Scaled, small_market, small_network

ASSETS = ["BTC", "ETH", "SOL"]
MATRIX = pd.DataFrame([[1.0, 0.9, 0.3], [0.9, 1.0, 0.5], [0.3, 0.5, 1.0]], index=ASSETS, columns=ASSETS)
SCALES = {"BTC": 0.1, "ETH": 0.15, "SOL": 0.2}
FAMILIES = {
    "shift": ct.PriceShocks.normal(SCALES, 0.6).tilted({"BTC": -0.3}),
    "direction": ct.PriceShocks.normal(0.1, MATRIX).tilted(direction={"ETH": -1.0, "SOL": -1.0}, plain=0.5),
    "factor": ct.PriceShocks.normal(0.1).tilted(factor=-3.0) + ct.DepthShock(-0.5),
    "betas": ct.PriceShocks.normal(0.1, betas={"BTC": 1.0, "ETH": 1.2, "SOL": 2.0}, residual=0.05).tilted(
        {"BTC": -0.2, "ETH": -0.3}
    ),
    "student": ct.PriceShocks.student_t(4, 0.1).tilted(factor=-2.0, mixing=0.3),
    "student matrix": ct.PriceShocks.student_t(3, SCALES, MATRIX).tilted({"SOL": -0.5}, mixing=0.5),
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
class TestEveryTilt:
    @given(seed=st.integers(0, 2**64), few=st.integers(1, 12), more=st.integers(0, 9))
    @settings(max_examples=8)
    def test_draws_and_weights_do_not_depend_on_how_many_are_drawn(self, family, seed, few, more):
        assert family.draw(ASSETS, few + more, seed).iloc[:few].equals(family.draw(ASSETS, few, seed))
        assert np.array_equal(family.weights(few + more, seed)[:few], family.weights(few, seed))

    @given(seed=st.integers(0, 2**64), assets=st.permutations(ASSETS), size=st.integers(1, 3))
    @settings(max_examples=8)
    def test_an_asset_gets_the_same_numbers_whichever_others_take_part(self, family, seed, assets, size):
        chosen = assets[:size]
        assert family.draw(chosen, 6, seed).equals(family.draw(ASSETS, 6, seed)[chosen])

    @given(seed=st.integers(0, 2**64), i=st.integers(0, 11))
    @settings(max_examples=8)
    def test_a_scenario_alone_is_the_row_of_the_draw(self, family, seed, i):
        row = family.draw(ASSETS, 12, seed).iloc[i].to_numpy()
        assert family.scenario(ASSETS, i, seed).log_returns(ASSETS) == pytest.approx(row, abs=1e-12)

    def test_weights_are_bounded_and_average_one(self, family):
        weights = family.weights(4000, 3)
        share = family.sampler.plain
        assert weights.min() >= 0.0 and weights.max() <= 1.0 / share
        assert abs(weights.mean() - 1.0) < 4.0 * weights.std() / np.sqrt(len(weights))

    def test_it_is_the_same_after_pickling_and_after_a_store(self, family):
        for again in (pickle.loads(pickle.dumps(family)), revive(plain(family))):
            assert again.draw(ASSETS, 3, 7).equals(family.draw(ASSETS, 3, 7))
            assert np.array_equal(again.weights(3, 7), family.weights(3, 7))

    def test_it_says_that_it_is_importance_sampling(self, family):
        assert "importance sampling" in family.describe() and "over 30 min" in family.describe()


class TestLikelihoodRatios:
    def test_weights_of_a_normal_are_the_ratio_of_the_densities_of_what_was_drawn(self):
        for base, shift in (
            (ct.PriceShocks.normal(SCALES, 0.6), {"BTC": -0.3, "ETH": -0.1, "SOL": 0.2}),
            (ct.PriceShocks.normal(SCALES, MATRIX), {"BTC": -0.3, "ETH": -0.4, "SOL": -0.1}),
        ):
            family = base.tilted(shift, plain=0.2)
            drawn = family.draw(ASSETS, 50, 7).to_numpy()
            law = stats.multivariate_normal(cov=base.sampler.covariance(ASSETS))
            before, after = law.pdf(drawn), law.pdf(drawn - np.array([shift[name] for name in ASSETS]))
            expected = before / (0.2 * before + 0.8 * after)
            assert family.weights(50, 7) == pytest.approx(expected, rel=1e-9)

    def test_other_assets_follow_by_their_correlations(self):
        family = ct.PriceShocks.normal(SCALES, MATRIX).tilted({"BTC": -0.3}, plain=0.01)
        plain_draws = ct.PriceShocks.normal(SCALES, MATRIX).draw(ASSETS, 400, 7)
        moved = (family.draw(ASSETS, 400, 7) - plain_draws).to_numpy()
        shifted = moved[np.abs(moved).max(axis=1) > 1e-9]
        expected = [-0.3, 0.9 * 0.15 / 0.1 * -0.3, 0.3 * 0.2 / 0.1 * -0.3]
        assert shifted == pytest.approx(np.tile(expected, (len(shifted), 1)), abs=1e-9)
        assert len(shifted) > 380

    def test_a_direction_is_as_far_away_as_it_says(self):
        base = ct.PriceShocks.normal(SCALES, MATRIX)
        one = base.tilted(direction={"ETH": -1.0, "SOL": -1.0, "BTC": -2.0}, distance=2.5).sampler
        assert sum(part**2 for part in one.own.values()) == pytest.approx(2.5**2)

    def test_weights_of_a_student_t_undo_its_shift_and_its_mixing(self):
        base = ct.PriceShocks.student_t(4, 0.1)
        family = base.tilted(factor=-2.0, mixing=0.3)
        drawn, weights = family.draw(["BTC"], 6000, 3)["BTC"].to_numpy(), family.weights(6000, 3)
        for limit in (-0.1, -0.3, -0.6):
            hit = drawn < limit
            noise = np.sqrt(np.sum((weights * (hit - np.mean(weights * hit))) ** 2)) / len(weights)
            assert np.mean(weights * hit) == pytest.approx(stats.t(4).cdf(limit / 0.1), abs=4.0 * noise)

    def test_without_shifted_scenarios_it_is_the_family_itself_with_weights_of_one(self):
        base = ct.PriceShocks.student_t(4, 0.1)
        family = base.tilted(factor=-3.0, mixing=0.5, plain=1.0)
        assert family.draw(ASSETS, 20, 7).equals(base.draw(ASSETS, 20, 7))
        assert family.weights(20, 7).tolist() == [1.0] * 20 == base.weights(20, 7).tolist()


class TestVariance:
    """A linear loss of two assets under the normal law: closed forms for probability and shortfall."""

    base = ct.PriceShocks.normal(SCALES, 0.6)
    tilted = base.tilted(direction={"BTC": -0.019, "ETH": -0.0315})  # covariance times exposures

    def losses(self, family, seed):
        drawn = family.draw(["BTC", "ETH"], 300, seed)
        return -(drawn["BTC"] + drawn["ETH"]).to_numpy(), family.weights(300, seed)

    def test_probability_and_shortfall_are_the_closed_forms_with_far_less_noise_than_plain_draws(self):
        spread = np.sqrt(0.1**2 + 0.15**2 + 2 * 0.6 * 0.1 * 0.15)
        limit, level = 2.8 * spread, 0.99
        chance = stats.norm.sf(2.8)
        shortfall = spread * stats.norm.pdf(stats.norm.ppf(level)) / (1.0 - level)
        found = {"plain": [], "tilted": []}
        for seed in range(30):
            for name, family in (("plain", self.base), ("tilted", self.tilted)):
                loss, weights = self.losses(family, seed)
                probability = weighted_mean((loss > limit).astype(float), weights)
                order = np.argsort(-loss)
                load = weights[order]
                tail = weighted_tail(loss[order], load[np.newaxis], np.array([load.sum()]), level)[0]
                found[name].append((probability, tail[0]))
        plain_ones, tilted = np.array(found["plain"]), np.array(found["tilted"])
        assert tilted.mean(axis=0) == pytest.approx([chance, shortfall], rel=0.04)
        ratios = plain_ones.var(axis=0) / tilted.var(axis=0)
        assert ratios[0] > 20.0 and ratios[1] > 5.0

    def test_an_interval_of_a_rare_probability_holds_it(self):
        loss, weights = self.losses(self.tilted, 3)
        spread = np.sqrt(0.1**2 + 0.15**2 + 2 * 0.6 * 0.1 * 0.15)
        chance = exceedance_interval(loss, 3.0 * spread, weights)
        assert chance.low <= stats.norm.sf(3.0) <= chance.high < 0.003


class TestBadInput:
    @pytest.mark.parametrize(
        ("options", "error", "words"),
        [
            ({}, SchemaError, "exactly one"),
            ({"shift": {"BTC": -0.1}, "factor": -1.0}, SchemaError, "shift and factor"),
            ({"shift": -0.1}, SchemaError, "shift"),
            ({"direction": {"BTC": 0.0}}, ValueRangeError, "points nowhere"),
            ({"factor": -1.0, "plain": 0.0}, ValueRangeError, "plain"),
            ({"factor": -1.0, "mixing": 0.5}, SchemaError, "needs a Student t"),
            ({"factor": float("nan")}, ValueRangeError, "factor"),
            ({"direction": {"BTC": -1.0}, "distance": -1.0}, ValueRangeError, "distance"),
        ],
    )
    def test_what_is_wrong_is_named(self, options, error, words):
        with pytest.raises(error, match=words):
            ct.PriceShocks.normal(0.1).tilted(**options)

    def test_a_law_without_a_factor_or_without_the_move_is_refused(self):
        with pytest.raises(SchemaError, match="common factor"):
            ct.PriceShocks.normal(0.1, MATRIX).tilted(factor=-1.0)
        with pytest.raises(ValueRangeError, match="cannot be reached"):
            ct.PriceShocks.normal(0.1, 1.0).tilted({"BTC": -0.1, "ETH": 0.1})

    def test_other_families_have_no_density_to_tilt(self):
        with pytest.raises(SchemaError, match="cannot be tilted"):
            ct.PriceShocks.jump(0.1, 1.0, -0.1).tilted(factor=-1.0)


class TestComparisons:
    """The model of `conftest`: loss = size x sum of falls + a draw, times the factor of the policy."""

    net = small_network()
    base = ct.PriceShocks.normal(0.1)
    family = base.tilted(factor=-2.0)
    sets = {"half": [Scaled(0.5)], "double": [Scaled(2.0)]}  # noqa: RUF012

    @pytest.fixture
    def study(self):
        return ct.compare(self.net, self.family, ClosedForm(), self.sets, n=400, seed=7)

    def test_the_table_carries_the_weights_and_they_are_no_metric(self, study):
        frame = study.to_frame()
        assert list(frame.columns[:5]) == ["policy", "scenario", "network", "status", "weight"]
        assert "weight" not in study.metric_names and study.weighted
        weights = self.family.weights(400, 7)
        assert np.array_equal(frame["weight"].to_numpy(), weights[frame["scenario"].to_numpy()])
        assert "effective sample size" in study.note and "effective sample size" in repr(study)

    def test_every_estimate_is_the_weighted_one(self, study):
        frame = study.to_frame().pivot(index="scenario", columns="policy", values="system_loss")
        weights = self.family.weights(400, 7)
        change = (frame["half"] - frame["none"]).to_numpy()
        effect = study.effects().loc["half"]
        assert effect["difference"] == pytest.approx(np.average(change, weights=weights))
        assert effect["helped"] == pytest.approx(weights[change < 0.0].sum() / weights.sum())
        assert effect["low"] < effect["difference"] < effect["high"]
        assert effect["tail_difference"] == pytest.approx(-0.5 * study.tail().loc["none", "es"])
        limit = float(frame["none"].median())
        chance = study.exceedance("system_loss", limit).loc["none", "probability"]
        assert chance == pytest.approx(weights[frame["none"].to_numpy() > limit].sum() / weights.sum())
        put_off = study.to_frame().query("policy == 'half'")["deferred_notional"].to_numpy()
        mean = np.average(put_off, weights=weights)
        assert study.deferred.loc["half", "deferred_notional"] == pytest.approx(mean)
        assert study.tail().loc["double", "es"] == pytest.approx(2.0 * study.tail().loc["none", "es"])

    def test_the_median_scenario_has_half_of_the_weight_at_or_below_it(self, study):
        losses = study.to_frame().query("policy == 'none'").set_index("scenario")["system_loss"]
        weights = pd.Series(self.family.weights(400, 7))
        for which, share in (("median", 0.5), ("bad", 0.95)):
            found = losses[study.representative(which)]
            below, upto = weights[losses < found].sum(), weights[losses <= found].sum()
            assert below < share * weights.sum() <= upto + 1e-9

    def test_the_numbers_do_not_depend_on_workers_on_n_or_on_other_sets(self, study):
        alone = ct.compare(
            self.net, self.family, ClosedForm(), {"half": [Scaled(0.5)]}, n=250, seed=7, n_jobs=2
        )
        mine = study.to_frame().query("policy == 'half' and scenario < 250").reset_index(drop=True)
        assert alone.to_frame().query("policy == 'half'").reset_index(drop=True).equals(mine)

    def test_weights_of_one_give_the_bits_of_a_study_without_weights(self):
        ones = self.base.tilted(factor=-2.0, plain=1.0)
        tilted = ct.compare(self.net, ones, ClosedForm(), self.sets, n=300, seed=7)
        bare = ct.compare(self.net, self.base, ClosedForm(), self.sets, n=300, seed=7)
        assert not tilted.weighted and tilted.to_frame().drop(columns="weight").equals(bare.to_frame())
        for make in (
            lambda cmp: cmp.effects(),
            lambda cmp: cmp.tail(),
            lambda cmp: cmp.costs(),
            lambda cmp: cmp.deferred,
            lambda cmp: cmp.exceedance("system_loss", 5.0),
        ):
            pd.testing.assert_frame_equal(make(tilted), make(bare), check_exact=True)

    def test_a_factorial_study_weighs_its_interactions(self):
        sets = ct.factorial({"a": Scaled(0.5), "b": Scaled(0.4)})
        study = ct.compare(self.net, self.family, ClosedForm(), sets, n=300, seed=7)
        wide = study.to_frame().pivot(index="scenario", columns="policy", values="system_loss")
        joint = [name for name in wide.columns if name not in ("none", "placebo", "a", "b")]
        contrast = wide[joint[0]] - wide["a"] - wide["b"] + wide["none"]
        expected = np.average(contrast, weights=self.family.weights(300, 7))
        assert study.interactions().loc["a × b", "effect"] == pytest.approx(expected)

    def test_scenarios_that_failed_are_bounded_and_counted(self):
        study = ct.compare(self.net, self.family, ClosedForm(), {"bad": [Failing(40)]}, n=400, seed=7)
        effect, tail = study.effects().loc["bad"], study.tail().loc["bad"]
        assert "10 of 400 scenarios failed" in effect["note"] and "10 of 400" in tail["note"]
        assert effect["low"] <= effect["difference"] <= effect["high"]
        assert tail["es_high"] >= study.tail().loc["none", "es"]

    def test_several_networks_are_resampled_with_their_weights(self):
        worlds = [small_network(cash) for cash in (50.0, 100.0, 150.0)]
        study = ct.compare(
            None, self.family, ClosedForm(), {"half": [Scaled(0.5)]}, n=300, seed=7, networks=worlds
        )
        effect = study.effects().loc["half"]
        rows = study.to_frame().query("policy == 'none'")
        means = [
            np.average(-0.5 * part["system_loss"], weights=part["weight"])
            for _, part in rows.groupby("network")
        ]
        assert effect["between_networks"] == pytest.approx(np.var(means, ddof=1))
        assert "for these 3 networks" in effect["note"] and effect["high"] < 0.0

    def test_what_has_no_weighted_version_refuses_the_family(self, study):
        net, family, model = self.net, self.family, ClosedForm()
        refused = (
            lambda: ct.break_even(study, "half.factor", bounds=(0.05, 0.2)),
            lambda: ct.phase_diagram(
                study,
                ("half.factor", 0.1, 1.0),
                ("shock.size", 0.5, 1.0),
                ("system_loss", ">=", 1.0),
                policy="half",
            ),
            lambda: ct.node_outcomes(study),
            lambda: ct.compare_studies(
                study, ct.compare(net, family, model, self.sets, n=30, seed=8)
            ),  # other scenarios
            lambda: ct.attribute(net, family, model, n=2),
            lambda: ct.open_interest_limit(small_market(), family, "V"),
            lambda: ct.variance_split(net, family, model),
            lambda: ct.measures.account_risk(ct.generate.perp_market(n_accounts=300, seed=1), family),
        )
        for call in refused:
            with pytest.raises(SchemaError, match="weights"):
                call()
        with pytest.raises(SchemaError, match="no density"):
            most_likely_break(net, family, model)

    def test_two_studies_of_the_same_weighted_scenarios_differ_by_weighted_means(self, study):
        sets = {"half": [Scaled(0.4)], "double": [Scaled(2.0)]}
        other = ct.compare(self.net, self.family, ClosedForm(), sets, n=300, seed=7)
        found = ct.compare_studies(study, other, ["system_loss"])
        assert found.paired
        wide = [
            one.to_frame()
            .query("scenario < 300")
            .pivot(index="scenario", columns="policy", values="system_loss")
            for one in (study, other)
        ]
        weights = self.family.weights(400, 7)[:300]
        change = (wide[1]["half"] - wide[0]["half"]).to_numpy()
        assert np.average(change, weights=weights) != pytest.approx(change.mean(), rel=0.1)
        for what in ("level", "effect"):  # none is the same in both
            row = found.to_frame().query(f"policy == 'half' and what == '{what}'").iloc[0]
            assert row["difference"] == pytest.approx(np.average(change, weights=weights))
            assert row["low"] < row["difference"] < row["high"] and "effective sample size" in row["note"]
        row = found.to_frame().query("policy == 'half' and what == 'level'").iloc[0]
        assert row["first"] == pytest.approx(np.average(wide[0]["half"], weights=weights))
        assert row["second"] == pytest.approx(np.average(wide[1]["half"], weights=weights))
        same = found.to_frame().query("policy == 'double'")
        assert (same["difference"] == 0.0).all() and (same["p_value"] == 1.0).all()

    def test_batches_go_on_until_weighted_intervals_are_narrow(self):
        study = ct.compare_until(
            self.net, self.family, ClosedForm(), self.sets, width=1e9, batch=100, most=200, looks=2, seed=7
        )
        assert study.weighted and study.n == 100 and "effective sample size" in study.note

    def test_the_plot_of_a_distribution_uses_the_weights(self, study):
        ax = ct.plot.distribution(study, "system_loss")
        losses = study.to_frame().query("policy == 'none'")["system_loss"].to_numpy()
        weights, order = self.family.weights(400, 7), np.argsort(losses, kind="stable")
        shares = 100.0 * np.cumsum(weights[order][::-1])[::-1] / weights.sum()
        assert ax.lines[0].get_ydata() == pytest.approx(shares)

    def test_a_store_gives_the_weights_back(self, study, tmp_path):
        net = ct.generate.perp_market(n_accounts=300, seed=1)
        cmp = ct.compare(net, self.family, ct.Cascade(step=1800.0), n=2, seed=7, store=tmp_path / "s")
        again = ct.load_results(tmp_path / "s")
        assert again.weighted and again.to_frame().equals(cmp.to_frame())

    def test_bills_weigh_runs(self):
        outlays = np.array([[3600.0, 1e6, 0, 0, 0, 0, 0], [3600.0, 3e6, 0, 0, 0, 0, 0]])
        policies = [ct.InsuranceFund(factor=2.0)]
        one, other = (bill(policies, row[np.newaxis], ct.CostRates()) for row in outlays)
        found = bill(policies, outlays, ct.CostRates(), np.array([3.0, 1.0]))
        assert found["cost"] == pytest.approx(0.75 * one["cost"] + 0.25 * other["cost"])


def test_a_study_may_ask_for_importance_sampling(tmp_path):
    from contagion.studies.builtins import shock

    made = shock({"kind": "normal", "scale": 0.1, "tilt": {"factor": -3.0, "plain": 0.4}}, tmp_path)
    assert made.weighted and made.sampler.plain == 0.4
    with pytest.raises(SchemaError, match="tilt"):
        shock({"kind": "normal", "scale": 0.1, "tilt": {"facto": -3.0}}, tmp_path)
    with pytest.raises(SchemaError, match="tilt"):
        shock({"kind": "PriceShock", "moves": {"BTC": -0.1}, "tilt": {"factor": -3.0}}, tmp_path)
