"""Value at risk and expected shortfall: estimates by hand, intervals by rule, refusals with their reason."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures import resampling
from contagion.measures.intervals import (
    Interval,
    es_difference,
    es_interval,
    expected_shortfall,
    hill_estimate,
    joined,
    tail_points,
    value_at_risk,
    var_interval,
)
from contagion.measures.shortfall import tail, weighted_tail


def sample(n=1000, seed=1, draw="lognormal"):
    source = np.random.Generator(np.random.PCG64(seed))
    return getattr(source, draw)(size=n)


class TestEstimates:
    def test_the_tail_of_1000_scenarios_at_95_percent_has_50_points(self):
        assert [tail_points(n, 0.95) for n in (1000, 999, 20, 19, 500)] == [50, 49, 1, 0, 25]
        assert tail_points(500, 0.9) == 50 and tail_points(10, 0.9) == 1

    def test_shortfall_is_the_mean_of_the_tail(self):
        losses = sample(1000)
        assert expected_shortfall(losses, 0.95) == pytest.approx(np.sort(losses)[-50:].mean())
        assert value_at_risk(losses, 0.95) == np.sort(losses)[949]

    def test_a_point_on_the_edge_counts_with_its_fraction(self):
        assert expected_shortfall([1.0, 2.0, 3.0, 10.0], 0.6) == pytest.approx((10.0 + 0.6 * 3.0) / 1.6)
        assert value_at_risk([1.0, 2.0, 3.0, 10.0], 0.6) == 3.0

    def test_a_tail_thinner_than_one_scenario_is_the_worst_one(self):
        assert expected_shortfall([1.0, 2.0, 3.0], 0.95) == 3.0
        assert value_at_risk([1.0, 2.0, 3.0], 0.95) == 3.0

    def test_order_does_not_matter_and_scale_comes_through(self):
        losses = sample(300)
        assert expected_shortfall(losses[::-1], 0.9) == expected_shortfall(losses, 0.9)
        assert expected_shortfall(8.0 * losses, 0.9) == pytest.approx(8.0 * expected_shortfall(losses, 0.9))

    def test_failed_scenarios_are_left_out_of_plain_estimates(self):
        assert expected_shortfall([1.0, float("nan"), 3.0], 0.5) == 3.0
        assert math.isnan(expected_shortfall([float("nan")], 0.5))
        assert math.isnan(value_at_risk([float("nan")], 0.5))

    @given(
        st.lists(st.integers(-1000, 1000), min_size=1, max_size=30),
        st.sampled_from([0.5, 0.75, 0.9, 0.95]),
        st.randoms(use_true_random=False),
    )
    def test_weights_are_repetitions(self, values, level, random):
        ordered = np.sort(np.array(values, dtype=float))[::-1]
        weights = np.array([random.randint(0, 3) for _ in ordered], dtype=float)
        if weights.sum() == 0:
            weights[0] = 1.0
        found = weighted_tail(ordered, weights[np.newaxis], np.array([weights.sum()]), level)
        expected = tail(np.repeat(ordered, weights.astype(int)), level)
        assert [float(part[0]) for part in found] == pytest.approx(expected, rel=1e-9, abs=1e-6)

    def test_a_tail_of_equal_values_below_a_top_without_weight_has_no_spread(self):
        found = weighted_tail(np.array([41.0, 0.1, 0.1]), np.array([[0.0, 1.0, 2.0]]), np.array([3.0]), 0.95)
        assert found[2].tolist() == [0.0]

    def test_the_standard_error_follows_its_formula(self):
        losses = sample(1000)
        worst = np.sort(losses)[-50:]
        shortfall, risk, error = tail(losses, 0.95)
        assert error**2 == pytest.approx((worst.var() + 0.95 * (shortfall - risk) ** 2) / 50)

    def test_hill_finds_the_exponent_of_a_pareto_tail(self):
        exact = (1.0 - (np.arange(20_000) + 0.5) / 20_000) ** (-1 / 3)
        assert hill_estimate(exact, 1000) == pytest.approx(3.0, rel=0.03)

    def test_hill_reads_positive_losses_only(self):
        assert math.isnan(hill_estimate(np.zeros(100), 50))
        assert math.isnan(hill_estimate(np.full(100, 3.0), 50))
        assert math.isnan(hill_estimate(np.r_[np.zeros(90), np.arange(1.0, 9.0)], 50))
        assert np.isfinite(hill_estimate(np.r_[np.zeros(50), np.arange(1.0, 51.0)], 60))


class TestValueAtRisk:
    def test_ranks_of_the_interval_are_binomial_quantiles(self):
        interval = var_interval(np.arange(1.0, 1001.0), 0.95)
        assert interval.low == stats.binom.ppf(0.025, 1000, 0.95)
        assert interval.high == stats.binom.ppf(0.975, 1000, 0.95) + 1
        assert interval.note == ""

    def test_a_missing_order_statistic_leaves_a_side_open_and_says_so(self):
        interval = var_interval(np.arange(30.0), 0.95)
        assert interval.low == 25.0 and math.isnan(interval.high)
        assert interval.note == "no upper bound of var: n = 30"
        both = var_interval([1.0, 2.0], 0.5)
        assert both.note == "no lower and no upper bound of var: n = 2"

    def test_few_networks_keep_the_order_statistics(self):
        losses = sample(400)
        assert var_interval(losses, networks=np.arange(400) % 4) == var_interval(losses)

    def test_from_20_networks_on_their_spread_widens_the_interval(self):
        networks = np.arange(1000) % 25
        losses = sample(1000, draw="standard_normal") + 3.0 * sample(25, 2, "standard_normal")[networks]
        plain, resampled = var_interval(losses), var_interval(losses, networks=networks)
        assert resampled.value == plain.value
        assert resampled.high - resampled.low > 1.5 * (plain.high - plain.low)


class TestShortfallInterval:
    def test_below_25_points_there_is_no_interval_and_the_reason_is_given(self):
        interval = es_interval(sample(240), 0.95)
        assert interval.note == "no interval: k = 12 < 25"
        assert math.isnan(interval.low) and math.isnan(interval.high)
        assert interval.value == expected_shortfall(sample(240), 0.95)

    @pytest.mark.parametrize(
        ("n", "note"), [(500, "approximate: k = 25 < 100"), (1980, "approximate: k = 99 < 100")]
    )
    def test_from_25_to_99_points_it_is_approximate(self, n, note):
        assert es_interval(sample(n, draw="standard_normal") + 9.0, 0.95).note == note

    def test_from_100_points_on_it_is_plain(self):
        interval = es_interval(sample(2000, draw="standard_normal") + 9.0, 0.95)
        assert interval.note == ""
        assert interval.low < interval.value < interval.high

    def test_a_heavy_tail_is_flagged(self):
        heavy = sample(4000, draw="random") ** (-1 / 1.5)
        assert "approximate: heavy tail, Hill estimate 1." in es_interval(heavy, 0.95).note

    def test_it_is_the_log_studentised_bootstrap_of_its_formula(self):
        losses = sample(600)
        scheme = resampling.Resampling.make(600, None, 7, ("tail", "loss"))
        reach = scheme.reach(600 * (1.0 - 0.95))
        largest = np.argsort(-losses, kind="stable")[:reach]
        kept = np.sort(largest)
        shortfall, _, error = tail(losses, 0.95)
        statistics = []
        for weights, totals in scheme.blocks(kept):
            for row, total in zip(weights, totals, strict=True):
                rest = np.full(int(total - row.sum()), -1e9)
                own, _, spread = tail(np.r_[np.repeat(losses[kept], row.astype(int)), rest], 0.95)
                statistics.append((math.log(own) - math.log(shortfall)) / (spread / own))
        low, high = np.sort(statistics)[[24, 974]]
        interval = es_interval(losses, 0.95, seed=7, key=("loss",))
        assert interval.low == pytest.approx(shortfall * math.exp(-high * error / shortfall), rel=1e-7)
        assert interval.high == pytest.approx(shortfall * math.exp(-low * error / shortfall), rel=1e-7)

    def test_scaling_losses_scales_the_interval(self):
        one, many = es_interval(sample(1000)), es_interval(1e9 * sample(1000))
        assert [many.low, many.high] == pytest.approx([1e9 * one.low, 1e9 * one.high], rel=1e-9)

    def test_losses_around_zero_do_without_logs(self):
        losses = sample(2000, draw="standard_normal") - 9.0
        interval = es_interval(losses, 0.95)
        assert interval.low < interval.value < interval.high < 0.0

    def test_without_logs_a_shift_shifts_the_interval(self):
        losses = sample(2000, draw="standard_normal")
        one, other = es_interval(losses - 50.0, 0.95), es_interval(losses - 90.0, 0.95)
        assert other.low == pytest.approx(one.low - 40.0) and other.high == pytest.approx(one.high - 40.0)

    def test_a_tail_without_spread_has_an_interval_without_width(self):
        assert es_interval(np.full(1000, 7.0), 0.95) == Interval(7.0, 7.0, 7.0, "approximate: k = 50 < 100")
        assert es_interval(np.zeros(1000), 0.95).high == 0.0

    def test_a_tail_of_few_values_has_none(self):
        losses = np.r_[np.zeros(4800), np.ones(200 + 45)]
        interval = es_interval(losses, 0.95)
        assert interval.value == pytest.approx(245 / 252.25)
        few = es_interval(np.r_[np.zeros(946), np.ones(54)], 0.95)
        assert few.note == "no interval: the tail has too few distinct values"

    def test_seed_and_key_make_the_bits(self):
        losses = sample(1000)
        assert es_interval(losses, seed=1, key=("a",)) == es_interval(losses, seed=1, key=("a",))
        assert es_interval(losses, seed=1) != es_interval(losses, seed=2)
        assert es_interval(losses, key=("a",)) != es_interval(losses, key=("b",))

    def test_blocks_of_memory_change_no_bit(self, monkeypatch):
        first = es_interval(sample(1000))
        monkeypatch.setattr(resampling, "BLOCK_VALUES", 3000)
        assert es_interval(sample(1000)) == first

    def test_confidence_widens_it(self):
        wide, narrow = es_interval(sample(1000), confidence=0.99), es_interval(sample(1000), confidence=0.5)
        assert wide.low < narrow.low < narrow.high < wide.high

    def test_few_scenarios_per_network_give_none(self):
        interval = es_interval(sample(90), 0.5, networks=np.arange(90) % 18)
        assert interval.note == "no interval: 5 scenarios per network < 10"

    def test_few_networks_narrow_and_many_widen_it(self):
        networks = np.arange(2000)
        levels = 2.0 * sample(40, 2, "standard_normal")
        few = sample(2000, draw="standard_normal") + levels[:4][networks % 4] + 20.0
        many = sample(2000, draw="standard_normal") + levels[networks % 40] + 20.0

        def width(interval):
            return interval.high - interval.low

        assert width(es_interval(few, networks=networks % 4)) < 1.05 * width(es_interval(few))
        assert width(es_interval(many, networks=networks % 40)) > 1.3 * width(es_interval(many))


class TestShortfallDifference:
    def test_below_50_points_there_is_no_interval(self):
        difference = es_difference(sample(980), sample(980, 2), 0.95)
        assert difference.note == "no interval: k = 49 < 50"
        assert math.isnan(difference.low)
        assert difference.value == expected_shortfall(sample(980)) - expected_shortfall(sample(980, 2))

    @pytest.mark.parametrize(("n", "note"), [(1000, "approximate: k = 50 < 200"), (4000, "")])
    def test_from_50_to_199_points_it_is_approximate(self, n, note):
        assert es_difference(sample(n), 2 * sample(n), 0.95).note == note

    def test_equal_losses_differ_by_exactly_nothing(self):
        assert es_difference(sample(1000), sample(1000)) == Interval(0.0, 0.0, 0.0, "")
        assert es_difference([1.0], [1.0]) == Interval(0.0, 0.0, 0.0, "")

    def test_a_constant_saving_has_an_interval_without_width(self):
        difference = es_difference(sample(1000) - 5.0, sample(1000))
        assert [difference.low, difference.high] == pytest.approx([-5.0, -5.0])

    def test_pairing_makes_it_narrower_than_independent_samples(self):
        losses = sample(2000)
        paired = es_difference(0.9 * losses, losses)
        apart = es_difference(0.9 * sample(2000, 2), losses)
        assert paired.high - paired.low < 0.3 * (apart.high - apart.low)
        assert paired.high < 0.0

    def test_it_is_antisymmetric(self):
        one, other = (
            es_difference(sample(2000), sample(2000, 2)),
            es_difference(sample(2000, 2), sample(2000)),
        )
        assert [one.value, one.low, one.high] == pytest.approx([-other.value, -other.high, -other.low])

    def test_failed_scenarios_bound_it_by_their_best_and_worst_case(self):
        losses, against = sample(2000), 2.0 * sample(2000)
        broken, other = losses.copy(), against.copy()
        broken[:7], other[5:9] = np.nan, np.nan
        difference = es_difference(broken, other, 0.9)
        note = "9 of 2,000 scenarios failed; low and high are their best and worst case"
        assert difference.note == f"approximate: k = 199 < 200; {note}"
        best = es_difference(
            np.nan_to_num(broken, nan=losses.min()), np.nan_to_num(other, nan=against.max()), 0.9
        )
        worst = es_difference(
            np.nan_to_num(broken, nan=losses.max()), np.nan_to_num(other, nan=against.min()), 0.9
        )
        assert difference.low <= best.low and difference.high >= worst.high
        assert difference.value == es_difference(losses[9:], against[9:], 0.9).value

    def test_without_an_interval_both_cases_are_named(self):
        difference = es_difference([1.0, 2.0, np.nan], [2.0, 4.0, 6.0], 0.5)
        assert "1 of 3 scenarios failed: -" in difference.note
        assert es_difference([np.nan], [1.0]).note == "no scenario finished"

    def test_networks_are_resampled_by_their_rule(self):
        networks = np.arange(2000) % 40
        first = sample(2000) + sample(40, 3)[networks]
        plain, clustered = (
            es_difference(first, sample(2000)),
            es_difference(first, sample(2000), networks=networks),
        )
        assert clustered.high - clustered.low > plain.high - plain.low
        refused = es_difference(sample(100), sample(100, 2), 0.5, networks=np.arange(100) % 15)
        assert refused.note == "no interval: 6 scenarios per network < 10"

    def test_sides_have_the_same_scenarios(self):
        with pytest.raises(SchemaError, match="against"):
            es_difference([1.0, 2.0], [1.0])


class TestFailedScenarios:
    def test_bounds_hold_the_best_and_the_worst_case(self):
        losses = sample(2000)
        broken = losses.copy()
        broken[:20] = np.nan
        interval = es_interval(broken, 0.95)
        best, worst = broken.copy(), broken.copy()
        best[:20], worst[:20] = np.nanmin(broken), np.nanmax(broken)
        assert interval.low == min(es_interval(best).low, es_interval(broken[20:]).low)
        assert interval.high == es_interval(worst).high
        assert interval.value == es_interval(broken[20:]).value
        assert interval.note.endswith(
            "20 of 2,000 scenarios failed; low and high are their best and worst case"
        )

    def test_without_an_interval_both_cases_are_named(self):
        interval = es_interval([1.0, 2.0, 3.0, np.nan], 0.5)
        assert interval.note == (
            "no interval: k = 1 < 25; 1 of 4 scenarios failed: 2.5 to 3 in their best and worst case"
        )

    def test_value_at_risk_is_bounded_too(self):
        broken = np.arange(1000.0)
        broken[:50] = np.nan
        interval = var_interval(broken, 0.9)
        whole = var_interval(np.arange(1000.0), 0.9)
        assert interval.low <= whole.low and interval.high >= whole.high
        assert "50 of 1,000 scenarios failed" in interval.note

    def test_networks_follow_their_scenarios(self):
        broken = sample(400)
        broken[::50] = np.nan
        assert "8 of 400" in es_interval(broken, 0.75, networks=np.arange(400) % 4).note

    def test_nothing_finished_is_said(self):
        assert es_interval([np.nan] * 3).note == "no scenario finished"
        assert math.isnan(var_interval([np.nan] * 3).value)


class TestBadInput:
    @pytest.mark.parametrize("function", [es_interval, var_interval, expected_shortfall, value_at_risk])
    @pytest.mark.parametrize(
        ("level", "error"),
        [
            (0.0, ValueRangeError),
            (1.0, ValueRangeError),
            (95, ValueRangeError),
            (float("nan"), ValueRangeError),
            ("0.95", SchemaError),
            (True, SchemaError),
        ],
    )
    def test_levels_are_shares(self, function, level, error):
        with pytest.raises(error, match="level"):
            function([1.0, 2.0], level)

    @pytest.mark.parametrize("function", [es_interval, var_interval])
    def test_confidence_is_a_share(self, function):
        with pytest.raises(ValueRangeError, match="confidence"):
            function([1.0, 2.0], confidence=1.0)

    def test_no_scenarios_are_refused(self):
        with pytest.raises(ValueRangeError, match="no scenario"):
            es_interval([])


def test_notes_are_joined_once():
    assert joined("a", "", "b", "a") == "a; b"
    assert joined("", "") == ""
