"""The tables of a comparison: one row per policy set, from a long frame in any order."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.intervals import es_interval, var_interval
from contagion.measures.paired import paired_effect
from contagion.measures.tails import EFFECT_COLUMNS, TAIL_COLUMNS, effects_table, tail_table

SOURCE = np.random.Generator(np.random.PCG64(8))
LOSS = SOURCE.lognormal(size=600)
NOISE = SOURCE.normal(size=600)
SETS = {"none": LOSS, "halt": 0.9 * LOSS, "tiers": LOSS + NOISE, "placebo": LOSS}


def study(sets=SETS, n=600, networks=1, **columns):
    parts = [
        pd.DataFrame(
            {
                "policy": name,
                "scenario": np.arange(n),
                "network": np.arange(n) % networks,
                "status": "ok",
                "system_loss": np.asarray(losses)[:n],
                "bad_debt": 2.0 * np.asarray(losses)[:n],
            }
        )
        for name, losses in sets.items()
    ]
    return pd.concat(parts, ignore_index=True).assign(**columns)


class TestEffects:
    def test_there_is_a_row_for_every_other_set_in_the_order_of_the_study(self):
        table = effects_table(study(), "system_loss")
        assert table.index.tolist() == ["halt", "tiers", "placebo"] and table.index.name == "policy"
        assert tuple(table.columns) == EFFECT_COLUMNS
        assert table["n"].tolist() == [600] * 3 and table["n"].dtype == np.int64

    def test_a_row_is_the_paired_effect_of_its_losses(self):
        row = effects_table(study(), "system_loss", seed=5).loc["tiers"]
        effect = paired_effect(LOSS + NOISE, LOSS, seed=5, key=("system_loss",))
        for name in ("difference", "low", "high", "p_value", "helped", "unchanged", "harmed"):
            assert row[name] == getattr(effect, name)
        assert row["median_difference"] == effect.median

    def test_the_placebo_is_exactly_nothing_and_raises_no_warning(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            row = effects_table(study(), "system_loss").loc["placebo"]
        exact = {
            "difference": 0,
            "low": 0,
            "high": 0,
            "p_value": 1,
            "p_adjusted": 1,
            "helped": 0,
            "unchanged": 1,
            "harmed": 0,
            "tail_difference": 0,
            "tail_low": 0,
            "tail_high": 0,
            "median_difference": 0,
        }
        assert {name: row[name] for name in exact} == exact
        assert row["note"] == ""

    def test_p_values_are_adjusted_within_the_table(self):
        table = effects_table(study(), "system_loss")
        assert table.loc["halt", "p_value"] == 0.002
        assert table.loc["halt", "p_adjusted"] == pytest.approx(0.006)

    def test_a_row_does_not_depend_on_the_other_sets_except_its_adjusted_p_value(self):
        alone = effects_table(study({"none": LOSS, "tiers": LOSS + NOISE}), "system_loss")
        both = effects_table(study(), "system_loss")
        columns = [name for name in EFFECT_COLUMNS if name != "p_adjusted"]
        pd.testing.assert_series_equal(
            alone.loc["tiers", columns], both.loc["tiers", columns], check_exact=True
        )

    def test_the_order_of_rows_changes_no_bit(self):
        frame = study(networks=4)
        shuffled = frame.sample(frac=1.0, random_state=1)
        first = effects_table(frame, "system_loss").sort_index()
        again = effects_table(shuffled, "system_loss").sort_index()
        pd.testing.assert_frame_equal(first, again, check_exact=True)

    def test_any_set_can_be_the_one_to_compare_with(self):
        table = effects_table(study(), "system_loss", against="halt")
        assert table.index.tolist() == ["none", "tiers", "placebo"]
        assert table.loc["none", "difference"] == pytest.approx(0.1 * LOSS.mean())

    def test_metrics_beside_the_headline_are_exploratory(self):
        assert effects_table(study(), "bad_debt")["note"].str.startswith("exploratory").all()
        assert (
            not effects_table(study(), "bad_debt", headline="bad_debt")["note"]
            .str.contains("exploratory")
            .any()
        )

    def test_the_tail_has_its_own_difference_and_refusal(self):
        table = effects_table(study(), "system_loss")
        assert table.loc["halt", "note"] == "tail: no interval: k = 30 < 50"
        assert math.isnan(table.loc["halt", "tail_low"])
        wide = effects_table(study(), "system_loss", tail_level=0.5)
        assert (
            wide.loc["halt", "tail_low"]
            < wide.loc["halt", "tail_difference"]
            < wide.loc["halt", "tail_high"]
            < 0
        )

    def test_several_networks_are_named_with_the_variance_between_them(self):
        table = effects_table(study(networks=4), "system_loss")
        means = pd.Series(NOISE).groupby(np.arange(600) % 4).mean()
        assert table.loc["tiers", "between_networks"] == pytest.approx(means.var())
        assert "for these 4 networks, variance between networks" in table.loc["tiers", "note"]
        many = effects_table(study(networks=25), "system_loss")
        assert "25 networks resampled whole" in many.loc["tiers", "note"]
        assert math.isnan(effects_table(study(), "system_loss").loc["tiers", "between_networks"])

    def test_attributes_state_how_the_table_was_made(self):
        attributes = effects_table(study(), "system_loss", level=0.9, seed=3).attrs
        assert attributes == {
            "metric": "system_loss",
            "against": "none",
            "level": 0.9,
            "seed": 3,
            "draws": 999,
        }

    def test_a_study_of_one_set_has_no_effects(self):
        table = effects_table(study({"none": LOSS}), "system_loss")
        assert len(table) == 0 and tuple(table.columns) == EFFECT_COLUMNS

    def test_few_scenarios_have_numbers_but_no_interval(self):
        row = effects_table(study(n=10), "system_loss").loc["halt"]
        assert row["difference"] == pytest.approx(-0.1 * LOSS[:10].mean())
        assert row["note"] == "no interval: n = 10 < 25; tail: no interval: k = 0 < 50"


class TestTail:
    def test_there_is_a_row_for_every_set(self):
        table = tail_table(study(), "system_loss")
        assert table.index.tolist() == list(SETS) and tuple(table.columns) == TAIL_COLUMNS
        assert table["k"].tolist() == [30] * 4 and table["k"].dtype == np.int64

    def test_a_row_holds_both_intervals_of_its_losses(self):
        row = tail_table(study(), "system_loss", level=0.9, seed=5).loc["tiers"]
        shortfall = es_interval(LOSS + NOISE, 0.9, seed=5, key=("system_loss",))
        risk = var_interval(LOSS + NOISE, 0.9)
        assert [row["es"], row["es_low"], row["es_high"]] == [shortfall.value, shortfall.low, shortfall.high]
        assert [row["var"], row["var_low"], row["var_high"]] == [risk.value, risk.low, risk.high]
        assert row["note"] == shortfall.note

    def test_the_placebo_has_the_tail_of_none_to_the_bit(self):
        table = tail_table(study(), "system_loss")
        assert table.loc["placebo"].equals(table.loc["none"])

    def test_a_thin_tail_has_no_interval_and_says_why(self):
        row = tail_table(study(n=240), "system_loss").loc["none"]
        assert row["note"] == "no interval: k = 12 < 25" and row["k"] == 12
        assert (
            np.isnan([row["es_low"], row["es_high"]]).all() and np.isfinite([row["var_low"], row["es"]]).all()
        )

    def test_networks_are_named(self):
        assert "for these 4 networks" in tail_table(study(networks=4), "system_loss").loc["none", "note"]

    def test_attributes_state_how_the_table_was_made(self):
        attributes = tail_table(study(), "system_loss", seed=3).attrs
        assert attributes == {
            "metric": "system_loss",
            "level": 0.95,
            "confidence": 0.95,
            "seed": 3,
            "draws": 999,
        }

    def test_a_metric_that_never_moved_has_an_interval_without_width(self):
        row = tail_table(study({"none": np.zeros(600)}), "system_loss").loc["none"]
        assert [row["es"], row["es_low"], row["es_high"], row["var_high"]] == [0.0] * 4


class TestFailedAndMissing:
    def failing(self, status="error"):
        frame = study()
        rows = (frame["policy"] == "halt") & (frame["scenario"] < 5)
        frame.loc[rows, ["system_loss", "bad_debt"]] = np.nan
        frame.loc[rows, "status"] = status
        return frame, rows

    @pytest.mark.parametrize("status", ["error", "timeout"])
    def test_failed_runs_bound_the_numbers_of_their_set_alone(self, status):
        frame, _ = self.failing(status)
        effects, tails = effects_table(frame, "system_loss"), tail_table(frame, "system_loss")
        assert effects["n"].tolist() == [595, 600, 600]
        assert "5 of 600 scenarios failed" in effects.loc["halt", "note"]
        assert "5 of 600 scenarios failed" in tails.loc["halt", "note"]
        assert "failed" not in effects.loc["tiers", "note"] and "failed" not in tails.loc["none", "note"]
        whole = effects_table(study(), "system_loss")
        assert effects.loc["halt", "low"] < whole.loc["halt", "low"]
        assert effects.loc["tiers"].equals(whole.loc["tiers"])

    def test_rows_that_are_missing_are_runs_that_failed(self):
        frame, rows = self.failing()
        missing = effects_table(frame[~rows], "system_loss")
        pd.testing.assert_frame_equal(missing, effects_table(frame, "system_loss"), check_exact=True)

    def test_a_number_in_a_failed_row_is_not_believed(self):
        frame, rows = self.failing()
        frame.loc[rows, "system_loss"] = 1e9
        assert effects_table(frame, "system_loss").loc["halt", "n"] == 595

    def test_a_metric_without_a_value_is_left_out_and_counted(self):
        frame = study()
        frame.loc[frame["scenario"] < 30, "system_loss"] = np.nan
        effects, tails = effects_table(frame, "system_loss"), tail_table(frame, "system_loss")
        assert effects["n"].tolist() == [570] * 3 and tails["k"].tolist() == [28] * 4
        assert "30 scenarios have no value and are left out" in effects.loc["halt", "note"]
        assert "30 scenarios have no value and are left out" in tails.loc["none", "note"]

    def test_a_metric_without_any_value_is_said_so(self):
        frame = study(system_loss=np.nan)
        assert effects_table(frame, "system_loss").loc["halt", "note"] == "no scenario has a value"
        row = tail_table(frame, "system_loss").loc["none"]
        assert row["k"] == 0 and "no scenario has a value" in row["note"]

    def test_a_set_that_always_failed_is_said_so(self):
        frame = study()
        frame.loc[frame["policy"] == "halt", "status"] = "error"
        assert "no scenario finished" in effects_table(frame, "system_loss").loc["halt", "note"]
        assert "no scenario finished" in tail_table(frame, "system_loss").loc["halt", "note"]


class TestBadInput:
    @pytest.mark.parametrize("table", [effects_table, tail_table])
    def test_an_unknown_metric_is_refused_with_the_nearest_name(self, table):
        with pytest.raises(SchemaError, match="did you mean 'system_loss'"):
            table(study(), "systemloss")

    @pytest.mark.parametrize("table", [effects_table, tail_table])
    @pytest.mark.parametrize("column", ["policy", "scenario", "network", "status"])
    def test_every_key_column_is_needed_and_no_metric(self, table, column):
        with pytest.raises(SchemaError, match=column):
            table(study().drop(columns=column), "system_loss")
        with pytest.raises(SchemaError, match="metric"):
            table(study(), column)

    def test_an_unknown_set_is_refused_with_the_nearest_name(self):
        with pytest.raises(SchemaError, match=r"'nine' is no policy set .*'none'"):
            effects_table(study(), "system_loss", against="nine")

    @pytest.mark.parametrize("frame", [None, {"policy": []}, "frame"])
    def test_only_frames_are_read(self, frame):
        with pytest.raises(SchemaError, match="frame"):
            tail_table(frame, "system_loss")

    def test_an_empty_study_is_refused(self):
        with pytest.raises(ValueRangeError, match="no rows"):
            tail_table(study().iloc[:0], "system_loss")

    def test_two_rows_for_one_run_are_refused(self):
        frame = study()
        with pytest.raises(SchemaError, match="two rows"):
            effects_table(pd.concat([frame, frame.iloc[[3]]]), "system_loss")

    def test_a_scenario_runs_on_one_network(self):
        frame = study()
        frame.loc[3, "network"] = 7
        with pytest.raises(SchemaError, match="two networks"):
            effects_table(frame, "system_loss")

    def test_a_row_names_its_run(self):
        frame = study().astype({"policy": object, "network": float})
        frame.loc[3, "policy"] = None
        with pytest.raises(SchemaError, match="without policy"):
            effects_table(frame, "system_loss")

    def test_texts_are_no_metric(self):
        with pytest.raises(SchemaError, match="metric 'system_loss'"):
            tail_table(study(system_loss="1"), "system_loss")

    @pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
    def test_levels_are_shares(self, level):
        with pytest.raises(ValueRangeError, match="level"):
            tail_table(study(), "system_loss", level=level)
        with pytest.raises(ValueRangeError, match="level"):
            effects_table(study(), "system_loss", level=level)
        with pytest.raises(ValueRangeError, match="tail_level"):
            effects_table(study(), "system_loss", tail_level=level)

    def test_a_bad_seed_is_refused(self):
        with pytest.raises(ValueRangeError, match="seed"):
            effects_table(study(), "system_loss", seed=-1)
