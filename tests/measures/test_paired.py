"""Paired effects: exact zeros stay zeros, intervals and p-values agree, nothing depends on its neighbours."""

import math
import warnings

import numpy as np
import pytest

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures import resampling
from contagion.measures.paired import holm, paired_effect, paired_effects

SOURCE = np.random.Generator(np.random.PCG64(4))
BASE = SOURCE.lognormal(size=400)
NOISE = SOURCE.normal(size=400)
NETWORKS = np.arange(400) % 4


class TestConstantDifferences:
    @pytest.mark.parametrize("n", [1, 10, 400])
    @pytest.mark.parametrize("networks", [1, 4, 30])
    def test_a_placebo_changes_exactly_nothing(self, n, networks):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            effect = paired_effect(BASE[:n], BASE[:n], networks=np.arange(n) % networks)
        assert (effect.difference, effect.low, effect.high, effect.p_value) == (0.0, 0.0, 0.0, 1.0)
        assert (effect.helped, effect.unchanged, effect.harmed, effect.n) == (0.0, 1.0, 0.0, n)
        assert effect.median == 0.0 and effect.note == ""

    def test_a_constant_saving_has_an_interval_without_width(self):
        effect = paired_effect(np.full(50, 3.0), np.full(50, 3.1))
        assert effect.low == effect.high == effect.difference == pytest.approx(-0.1)
        assert effect.p_value == 0.002 and effect.helped == 1.0

    def test_a_constant_saving_over_few_scenarios_has_none(self):
        assert paired_effect([1.0] * 5, [2.0] * 5).note == "no interval: n = 5 < 25"


class TestInterval:
    def test_shares_count_scenarios(self):
        effect = paired_effect(np.r_[np.zeros(10), np.full(20, 2.0), np.full(70, -1.0)], np.zeros(100))
        assert (effect.helped, effect.unchanged, effect.harmed) == (0.7, 0.1, 0.2)
        assert effect.difference == pytest.approx(-0.3)
        assert effect.median == -1.0 and effect.median_low <= -1.0 <= effect.median_high

    def test_it_spans_the_percentile_and_the_studentised_bootstrap(self):
        effect = paired_effect(BASE + NOISE, BASE, seed=9, key=("loss",))
        scheme = resampling.Resampling.make(400, None, 9, ("effect", "loss"))
        difference = (BASE + NOISE) - BASE
        mean, error = difference.mean(), difference.std() / 20.0
        means, statistics = [], []
        for weights, _ in scheme.blocks(np.arange(400)):
            for row in weights:
                drawn = np.repeat(difference, row.astype(int))
                means.append(drawn.mean())
                statistics.append((drawn.mean() - mean) / (drawn.std() / math.sqrt(len(drawn))))
        low, high = np.sort(statistics)[[24, 974]]
        least, most = np.sort(means)[[24, 974]]
        assert effect.low == pytest.approx(min(least, mean - high * error))
        assert effect.high == pytest.approx(max(most, mean - low * error))
        studentised = min(np.sum(statistics >= mean / error), np.sum(statistics <= mean / error))
        percentile = min(np.sum(np.array(means) >= 0.0), np.sum(np.array(means) <= 0.0))
        assert effect.p_value == min(1.0, 2 * (1 + max(studentised, percentile)) / 1000)

    @pytest.mark.parametrize("shift", np.linspace(-0.2, 0.2, 21))
    def test_the_p_value_is_small_exactly_where_the_interval_leaves_out_zero(self, shift):
        effect = paired_effect(BASE + NOISE + shift, BASE)
        assert (effect.p_value <= 0.05) == (effect.low > 0.0 or effect.high < 0.0)

    def test_swapping_sides_mirrors_everything(self):
        one, other = paired_effect(BASE + NOISE, BASE), paired_effect(BASE, BASE + NOISE)
        assert [one.low, one.high, one.p_value] == pytest.approx([-other.high, -other.low, other.p_value])
        assert (one.helped, one.harmed) == (other.harmed, other.helped)

    def test_pairing_makes_the_interval_narrow(self):
        effect = paired_effect(0.9 * BASE, BASE)
        apart = paired_effect(0.9 * BASE[::-1], BASE)
        assert effect.high - effect.low < 0.2 * (apart.high - apart.low)

    def test_confidence_widens_it(self):
        wide = paired_effect(BASE + NOISE, BASE, confidence=0.99)
        narrow = paired_effect(BASE + NOISE, BASE, confidence=0.8)
        assert wide.low < narrow.low < narrow.high < wide.high

    def test_few_networks_speak_for_themselves_and_many_for_others(self):
        levels = np.random.Generator(np.random.PCG64(1)).normal(size=40)
        few = paired_effect(BASE + NOISE + levels[NETWORKS], BASE, networks=NETWORKS)
        plain_few = paired_effect(BASE + NOISE + levels[NETWORKS], BASE)
        many = np.arange(400) % 40
        clustered = paired_effect(BASE + NOISE + 2 * levels[many], BASE, networks=many)
        plain_many = paired_effect(BASE + NOISE + 2 * levels[many], BASE)
        assert few.high - few.low < plain_few.high - plain_few.low
        assert clustered.high - clustered.low > 1.5 * (plain_many.high - plain_many.low)


class TestRules:
    def test_below_25_scenarios_there_is_no_interval(self):
        effect = paired_effect((BASE + NOISE)[:24], BASE[:24])
        assert effect.note == "no interval: n = 24 < 25"
        assert np.isnan([effect.low, effect.high, effect.p_value]).all()
        assert effect.difference == pytest.approx(NOISE[:24].mean())

    def test_below_200_scenarios_it_is_approximate(self):
        assert paired_effect((BASE + NOISE)[:199], BASE[:199]).note == "approximate: n = 199 < 200"
        assert paired_effect((BASE + NOISE)[:200], BASE[:200]).note == ""

    @pytest.mark.parametrize(
        ("differing", "note"),
        [
            (9, "no interval: 9 scenarios differ < 10"),
            (10, "approximate: 10 scenarios differ < 25"),
            (24, "approximate: 24 scenarios differ < 25"),
            (25, ""),
        ],
    )
    def test_few_scenarios_that_differ_are_few_observations(self, differing, note):
        changed = BASE.copy()
        changed[:differing] += NOISE[:differing]
        assert paired_effect(changed, BASE).note == note

    def test_few_scenarios_per_network_give_no_interval(self):
        effect = paired_effect((BASE + NOISE)[:90], BASE[:90], networks=np.arange(90) % 10)
        assert effect.note == "no interval: 9 scenarios per network < 10"


class TestIndependence:
    def test_no_effect_depends_on_which_other_policies_are_there(self):
        rows = [BASE + NOISE, 0.5 * BASE, BASE]
        together = paired_effects(rows, BASE, key=("loss",))
        for row, effect in zip(rows, together, strict=True):
            assert paired_effect(row, BASE, key=("loss",)) == effect
        assert paired_effects(rows[::-1], BASE, key=("loss",)) == together[::-1]

    def test_blocks_of_memory_change_no_bit(self, monkeypatch):
        first = paired_effects([BASE + NOISE, 0.5 * BASE], BASE, networks=NETWORKS)
        monkeypatch.setattr(resampling, "BLOCK_VALUES", 5000)
        assert paired_effects([BASE + NOISE, 0.5 * BASE], BASE, networks=NETWORKS) == first

    def test_seed_and_key_make_the_bits(self):
        first = paired_effect(BASE + NOISE, BASE, seed=1)
        assert first == paired_effect(BASE + NOISE, BASE, seed=1)
        assert first != paired_effect(BASE + NOISE, BASE, seed=2)
        assert first != paired_effect(BASE + NOISE, BASE, seed=1, key=("other",))


class TestFailedScenarios:
    def test_they_widen_the_interval_to_their_best_and_worst_case(self):
        changed = BASE + NOISE
        broken = changed.copy()
        broken[:6] = np.nan
        effect = paired_effect(broken, BASE)
        finished = paired_effect(changed[6:], BASE[6:])
        assert effect.difference == finished.difference and effect.n == 394
        gaps = changed - BASE
        for fill in (gaps[6:].min(), gaps[6:].max()):
            filled = paired_effect(np.r_[np.full(6, fill), gaps[6:]], np.zeros(400))
            assert effect.low <= filled.low and effect.high >= filled.high
        assert effect.note.startswith("6 of 400 scenarios failed: mean ")

    def test_a_failure_without_the_rules_counts_too(self):
        broken = BASE.copy()
        broken[3] = np.nan
        assert "1 of 400 scenarios failed" in paired_effect(BASE + NOISE, broken).note

    def test_shares_are_those_of_the_scenarios_that_finished(self):
        effect = paired_effect([1.0, 2.0, np.nan, 0.0], [2.0, 2.0, 1.0, 1.0])
        assert effect.helped == pytest.approx(2 / 3) and effect.n == 3

    def test_nothing_finished_is_said(self):
        effect = paired_effect([np.nan, 1.0], [1.0, np.nan])
        assert effect.note == "no scenario finished" and effect.n == 0 and math.isnan(effect.difference)

    def test_scenarios_without_a_value_are_left_out_and_counted(self):
        undefined = np.zeros((2, 400), dtype=bool)
        undefined[0, :40] = True
        rows = [np.where(undefined[0], np.nan, BASE + NOISE), BASE + NOISE]
        first, second = paired_effects(rows, BASE, undefined=undefined)
        assert first.n == 360 and first.note == "40 scenarios have no value and are left out"
        assert first.difference == pytest.approx(NOISE[40:].mean())
        assert second == paired_effect(BASE + NOISE, BASE)

    def test_no_value_anywhere_is_said(self):
        effect = paired_effects([[np.nan]], [1.0], undefined=[[True]])[0]
        assert effect.note == "no scenario has a value"

    def test_a_harmless_placebo_with_failures_stays_zero_and_says_so(self):
        broken = BASE.copy()
        broken[0] = np.nan
        effect = paired_effect(broken, BASE)
        assert (effect.low, effect.high, effect.p_value) == (0.0, 0.0, 1.0)
        assert "1 of 400 scenarios failed" in effect.note


class TestHolm:
    def test_it_steps_down(self):
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])

    def test_a_single_p_value_stays(self):
        assert holm([0.04]).tolist() == [0.04]
        assert holm([]).tolist() == []

    def test_adjusted_p_values_are_at_most_one_and_keep_the_order(self):
        given = SOURCE.random(20)
        adjusted = holm(given)
        assert (adjusted <= 1.0).all() and (adjusted >= given).all()
        assert (np.diff(adjusted[np.argsort(given)]) >= 0.0).all()

    def test_missing_p_values_do_not_count(self):
        adjusted = holm([0.01, float("nan"), 0.04])
        assert adjusted[[0, 2]].tolist() == [0.02, 0.04] and math.isnan(adjusted[1])

    def test_only_shares_are_p_values(self):
        with pytest.raises(ValueRangeError, match="p_values"):
            holm([1.2])
        with pytest.raises(SchemaError, match="p_values"):
            holm([[0.1]])


class TestBadInput:
    def test_sides_have_the_same_scenarios(self):
        with pytest.raises(SchemaError, match="against"):
            paired_effect([1.0, 2.0], [1.0])

    @pytest.mark.parametrize("undefined", [[True], [[1, 0]], [[True, False, True]]])
    def test_the_mask_fits_the_losses(self, undefined):
        with pytest.raises(SchemaError, match="undefined"):
            paired_effects([[1.0, 2.0]], [1.0, 2.0], undefined=undefined)

    def test_losses_are_finite_numbers(self):
        with pytest.raises(ValueRangeError, match="against"):
            paired_effect([1.0], [float("inf")])
        with pytest.raises(SchemaError, match="losses"):
            paired_effect(["a"], [1.0])
        with pytest.raises(ValueRangeError, match="confidence"):
            paired_effect([1.0], [1.0], confidence=0.0)
