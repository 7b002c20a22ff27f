"""Shares of scenarios, limits exceeded, scenarios that carry the mean, and controls, against closed forms."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from contagion.errors import InputError, SchemaError, ValueRangeError
from contagion.measures.concentration import carried, carried_note
from contagion.measures.controls import controls_note, controls_table
from contagion.measures.exceedance import EXCEEDANCE_COLUMNS, exceedance_table
from contagion.measures.proportions import clopper_pearson, mean_share_interval, share_interval
from contagion.measures.tails import effects_table


class TestExactIntervals:
    @pytest.mark.parametrize(("hits", "n"), [(1, 10), (5, 10), (3, 200), (199, 200)])
    def test_each_end_leaves_half_of_the_rest_beyond_the_count(self, hits, n):
        low, high = clopper_pearson(hits, n)
        assert stats.binom.sf(hits - 1, n, low) == pytest.approx(0.025)
        assert stats.binom.cdf(hits, n, high) == pytest.approx(0.025)

    def test_the_ends_of_no_and_of_all_hits_are_closed_forms(self):
        assert clopper_pearson(0, 50) == (0.0, pytest.approx(1.0 - 0.025 ** (1 / 50)))
        assert clopper_pearson(50, 50) == (pytest.approx(0.025 ** (1 / 50)), 1.0)

    @pytest.mark.parametrize("n", [25, 200])
    def test_every_true_share_is_covered_with_at_least_the_confidence(self, n):
        bounds = np.array([clopper_pearson(hits, n) for hits in range(n + 1)])
        for share in np.linspace(0.005, 0.995, 100):
            inside = (bounds[:, 0] <= share) & (share <= bounds[:, 1])
            assert stats.binom.pmf(np.arange(n + 1), n, share)[inside].sum() >= 0.95

    @pytest.mark.parametrize(("hits", "n"), [(-1, 5), (6, 5), (0, 0), (math.nan, 5)])
    def test_counts_that_are_none_are_refused(self, hits, n):
        with pytest.raises(ValueRangeError, match="hits, n"):
            clopper_pearson(hits, n)


class TestShares:
    def test_failed_scenarios_widen_the_interval_to_their_best_and_worst_case(self):
        interval = share_interval([1.0] * 10 + [0.0] * 80 + [math.nan] * 10)
        assert interval.value == pytest.approx(1 / 9)
        assert interval.low == clopper_pearson(10, 100)[0]
        assert interval.high == clopper_pearson(20, 100)[1]
        assert interval.note.startswith("10 of 100 scenarios failed")

    def test_a_few_networks_are_strata(self):
        hits, networks = [1.0] * 30 + [0.0] * 70, np.arange(100) % 4
        assert share_interval(hits, networks=networks) == share_interval(hits)

    def test_networks_that_are_all_or_nothing_count_as_one_scenario_each(self):
        networks = np.repeat(np.arange(40), 10)
        hits = (networks % 4 == 0).astype(float)
        interval = share_interval(hits, networks=networks)
        deff = stats.t.ppf(0.975, 399) / stats.t.ppf(0.975, 39)
        effective = 39.0 * deff**2  # p(1-p) / (p(1-p) / 39), narrower by the quantiles of Student
        assert (interval.low, interval.high) == pytest.approx(clopper_pearson(0.25 * effective, effective))
        nothing = share_interval(np.zeros(400), networks=networks)
        assert nothing.high == pytest.approx(clopper_pearson(0, 40)[1])

    def test_what_is_no_share_is_refused(self):
        with pytest.raises(ValueRangeError, match="0, 1 and NaN"):
            share_interval([0.5, 1.0])
        with pytest.raises(SchemaError, match="networks"):
            share_interval([0.0, 1.0], networks=[1, 2, 3])
        assert share_interval([math.nan]).note == "no scenario finished"


class TestCarried:
    def test_scenarios_that_are_alike_carry_their_number(self):
        assert carried(np.full(200, -3.0), 0.05) == pytest.approx(0.05)

    @pytest.mark.parametrize("sign", [1.0, -1.0])
    def test_exponential_differences_carry_the_closed_form(self, sign):
        n = 100_000
        values = sign * stats.expon.ppf((np.arange(n) + 0.5) / n)
        for share in (0.01, 0.05):  # Lorenz curve of the exponential law
            assert carried(values, share) == pytest.approx(share * (1.0 - math.log(share)), rel=1e-3)

    def test_what_turns_the_sign_carries_more_than_all(self):
        values = [1.0] * 99 + [-200.0]
        assert carried(values, 0.01) == pytest.approx(200.0 / 101.0)
        assert carried_note(carried(values, 0.01), 1.0) == (
            "without 1 % of the scenarios the mean effect has the other sign"
        )

    def test_there_is_no_share_of_nothing_or_of_too_few(self):
        assert math.isnan(carried(np.zeros(200), 0.05)) and math.isnan(carried(np.ones(99), 0.01))
        assert carried_note(math.nan, math.nan) == carried_note(0.5, 0.5) == ""


def study(sets, networks=1, status="ok"):
    parts = [
        pd.DataFrame(
            {
                "policy": name,
                "scenario": range(len(losses)),
                "network": np.arange(len(losses)) % networks,
                "status": status,
                "system_loss": np.asarray(losses, dtype=float),
            }
        )
        for name, losses in sets.items()
    ]
    return pd.concat(parts, ignore_index=True)


class TestEffects:
    def test_the_probability_of_harm_has_an_exact_interval(self):
        harmed = np.r_[np.full(30, 2.0), np.full(170, 0.5)]
        row = effects_table(study({"none": np.ones(200), "rule": harmed}), "system_loss").loc["rule"]
        assert row["harmed"] == 0.15
        assert (row["harmed_low"], row["harmed_high"]) == clopper_pearson(30, 200)

    def test_a_few_scenarios_that_carry_the_mean_are_named(self):
        losses = np.r_[np.full(10, -90.0), np.full(190, -1.0)] + 100.0
        row = effects_table(study({"none": np.full(200, 100.0), "rule": losses}), "system_loss").loc["rule"]
        assert row["carried_5"] == pytest.approx(900.0 / 1090.0)
        assert row["carried_1"] == pytest.approx(180.0 / 1090.0)
        assert "5 % of the scenarios carry 83 % of the mean effect" in row["note"]


SETS = {"none": np.r_[np.full(60, 9.0), np.full(140, 1.0)], "rule": np.r_[np.full(20, 9.0), np.ones(180)]}


class TestExceedance:
    def test_probabilities_and_their_paired_difference_are_counts(self):
        table = exceedance_table(study(SETS), "system_loss", 5.0)
        assert tuple(table.columns) == EXCEEDANCE_COLUMNS
        assert table["probability"].tolist() == [0.3, 0.1] and table["n"].tolist() == [200, 200]
        assert (table.loc["none", "low"], table.loc["none", "high"]) == clopper_pearson(60, 200)
        assert table.loc["rule", "difference"] == pytest.approx(-0.2)
        assert table.loc["rule", "difference_low"] < -0.2 < table.loc["rule", "difference_high"] < 0.0
        assert table.loc["none", ["difference", "p_value"]].isna().all()

    def test_a_value_at_the_limit_does_not_exceed_it(self):
        assert exceedance_table(study(SETS), "system_loss", 9.0)["probability"].tolist() == [0.0, 0.0]

    def test_failures_widen_and_values_that_are_none_are_left_out(self):
        frame = study(SETS)
        frame.loc[frame["scenario"] < 5, ["status", "system_loss"]] = ["error", np.nan]
        frame.loc[frame["scenario"] == 199, "system_loss"] = np.nan
        table = exceedance_table(frame, "system_loss", 5.0)
        assert table["n"].tolist() == [194, 194]
        assert table.loc["none", "low"] == clopper_pearson(55, 199)[0]
        assert table.loc["none", "high"] == clopper_pearson(60, 199)[1]
        assert "5 of 199 scenarios failed" in table.loc["none", "note"]

    def test_a_metric_without_any_value_has_no_probability(self):
        table = exceedance_table(study({"none": [np.nan] * 30, "rule": [np.nan] * 30}), "system_loss", 5.0)
        assert table["probability"].isna().all() and (table["note"] == "no scenario has a value").all()

    @pytest.mark.parametrize(
        "change", [{"limit": math.nan}, {"limit": "5"}, {"against": "non"}, {"metric": "m"}]
    )
    def test_what_does_not_exist_is_refused(self, change):
        given = {"frame": study(SETS), "metric": "system_loss", "limit": 5.0, **change}
        with pytest.raises((SchemaError, ValueRangeError), match=next(iter(change))):
            exceedance_table(**given)


class TestControls:
    def frame(self, **change):
        columns = {"none": [1.0, 2.0], "rule": [1.0, 2.0], "placebo": [1.0, 2.0], **change}
        return study(columns).rename(columns={"system_loss": "direct_loss"}).assign(bad_debt=math.nan)

    def test_nothing_that_changed_is_exactly_nothing(self):
        table = controls_table(self.frame(), ["direct_loss", "bad_debt"], ["rule"])
        assert table["control"].tolist() == ["placebo", "placebo", "negative control"]
        assert table["passed"].all() and (table["largest"] == 0.0).all() and (table["n"] == 2).all()
        assert controls_note(table) == ""

    def test_the_last_bit_is_enough_to_fail(self):
        table = controls_table(self.frame(rule=[1.0, np.nextafter(2.0, 3.0)]), ["direct_loss"], ["rule"])
        row = table.set_index("control").loc["negative control"]
        assert row["unequal"] == 1 and row["largest"] == np.nextafter(2.0, 3.0) - 2.0 and not row["passed"]
        assert "negative control 'rule' changed direct_loss" in controls_note(table)

    def test_a_number_on_one_side_only_fails(self):
        table = controls_table(self.frame(placebo=[1.0, np.nan]), ["direct_loss"], [])
        assert table.loc[0, "largest"] == math.inf and not table.loc[0, "passed"]


@pytest.mark.parametrize("n", [1, 5, 30])
@pytest.mark.parametrize("p", [0.0, 0.02, 0.3, 0.5, 0.9, 1.0])
def test_means_of_shares_are_covered_at_least_as_often_as_asked(n, p):
    covered = 0.0
    for hits in range(n + 1):
        interval = mean_share_interval([1.0] * hits + [0.0] * (n - hits))
        covered += math.comb(n, hits) * p**hits * (1 - p) ** (n - hits) * (interval.low <= p <= interval.high)
    assert covered >= 0.95


def test_the_interval_of_a_mean_of_shares_knows_the_value_and_the_ends():
    interval = mean_share_interval([0.25, 0.5, 0.75])
    assert interval.value == 0.5
    assert interval.low == pytest.approx(1.0 - interval.high)
    assert mean_share_interval([0.0] * 50).low == 0.0
    assert mean_share_interval([0.0] * 50).high == pytest.approx(1 - 0.025 ** (1 / 50))
    assert mean_share_interval([1.0] * 50).high == 1.0


@pytest.mark.parametrize("shares", [[], [1.1], [-0.1], [float("nan")], ["x"]])
def test_what_is_no_share_has_no_mean(shares):
    with pytest.raises(InputError):
        mean_share_interval(shares)
