"""Weighted estimates by hand, and what they refuse."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.concentration import carried
from contagion.measures.exceedance import exceedance_table
from contagion.measures.intervals import es_difference, es_interval, value_at_risk
from contagion.measures.paired import paired_effect
from contagion.measures.tails import effects_table, tail_table
from contagion.measures.weighted import (
    effective_size,
    exceedance_interval,
    weighted_effects,
    weighted_mean,
    weighted_quantile,
)
from contagion.measures.weighted_tails import (
    tail_size,
    weighted_es_difference,
    weighted_es_interval,
    weighted_var_interval,
)

SOURCE = np.random.Generator(np.random.PCG64(5))
LOSSES = SOURCE.lognormal(0.0, 1.0, 600)
AGAINST = LOSSES + SOURCE.normal(0.5, 1.0, 600)


def frame(weights):
    numbers = np.arange(600)
    parts = [
        pd.DataFrame(
            {"policy": name, "scenario": numbers, "network": numbers % 2, "status": "ok", "loss": losses}
        )
        for name, losses in (("none", AGAINST), ("rule", LOSSES))
    ]
    table = pd.concat(parts, ignore_index=True)
    return table if weights is None else table.assign(weight=np.tile(weights, 2))


def test_the_effective_size_is_kishs():
    assert effective_size(np.full(7, 0.3)) == pytest.approx(7.0)
    assert effective_size(np.array([3.0, 1.0])) == float(Fraction(16, 10))
    assert effective_size(np.zeros(3)) == 0.0


def test_means_and_quantiles_are_those_of_scenarios_repeated_as_often_as_their_weights():
    values, weights = np.array([4.0, 1.0, 3.0, 2.0]), np.array([1.0, 3.0, 2.0, 4.0])
    repeated = np.repeat(values, weights.astype(int))
    assert weighted_mean(values, weights) == pytest.approx(repeated.mean())
    for level in (0.05, 0.3, 0.31, 0.5, 0.7, 0.9, 0.95):
        assert weighted_quantile(values, weights, level) == np.quantile(
            repeated, level, method="inverted_cdf"
        )


def test_tails_are_those_of_scenarios_repeated_as_often_as_their_weights():
    weights = SOURCE.integers(1, 6, 600).astype(float)
    repeated = np.repeat(LOSSES, weights.astype(int))
    for level in (0.8, 0.95):
        assert weighted_var_interval(LOSSES, weights, level).value == value_at_risk(repeated, level)
        assert weighted_es_interval(LOSSES, weights, level).value == pytest.approx(
            es_interval(repeated, level).value
        )


def test_equal_weights_give_the_numbers_of_the_estimators_without_weights():
    weights = np.full(600, 2.5)
    plain, weighted = paired_effect(LOSSES, AGAINST), weighted_effects([LOSSES], AGAINST, weights)[0]
    for name in ("difference", "low", "high", "p_value", "helped", "unchanged", "harmed", "n"):
        assert getattr(weighted, name) == pytest.approx(getattr(plain, name), rel=1e-9)
    mine, own = weighted_es_interval(LOSSES, weights, 0.9), es_interval(LOSSES, 0.9)
    assert mine.value == pytest.approx(own.value)
    assert [mine.low, mine.high] == pytest.approx([own.low, own.high], rel=0.02)
    gap, same = weighted_es_difference(LOSSES, AGAINST, weights, 0.9), es_difference(LOSSES, AGAINST, 0.9)
    assert gap.value == pytest.approx(same.value)
    assert [gap.low, gap.high] == pytest.approx([same.low, same.high], rel=0.1)


def test_a_frame_whose_weights_are_all_one_gives_the_bits_of_a_frame_without():
    for make in (
        lambda table: effects_table(table, "loss", headline="loss"),
        lambda table: tail_table(table, "loss", 0.9),
        lambda table: exceedance_table(table, "loss", 2.0),
    ):
        pd.testing.assert_frame_equal(make(frame(np.ones(600))), make(frame(None)), check_exact=True)


def test_scaled_weights_change_nothing():
    weights = SOURCE.uniform(0.1, 4.0, 600)
    one, other = (tail_table(frame(load), "loss", 0.9) for load in (weights, 4.0 * weights))
    numbers = [name for name in one.columns if name != "note"]
    pd.testing.assert_frame_equal(one[numbers], other[numbers], check_exact=True)


def test_a_placebo_changes_exactly_nothing():
    weights = SOURCE.uniform(0.1, 4.0, 600)
    effect = weighted_effects([LOSSES], LOSSES, weights)[0]
    assert (effect.difference, effect.low, effect.high, effect.p_value) == (0.0, 0.0, 0.0, 1.0)
    assert effect.unchanged == pytest.approx(1.0) and effect.median == 0.0
    assert weighted_es_difference(LOSSES, LOSSES, weights).high == 0.0


def test_failed_scenarios_bound_a_probability():
    losses = np.where(np.arange(600) % 60 == 0, np.nan, LOSSES)
    weights = SOURCE.uniform(0.5, 2.0, 600)
    bounded, finished = exceedance_interval(losses, 2.0, weights), exceedance_interval(LOSSES, 2.0, weights)
    assert bounded.low < finished.low and bounded.high > finished.high and "10 of 600" in bounded.note


def test_a_probability_that_too_few_scenarios_carry_has_no_interval():
    rare = exceedance_interval(range(100), 94.5)
    assert rare.value == 0.05 and np.isnan(rare.low) and "5 < 10" in rare.note
    assert exceedance_interval(range(100), 84.5).note.startswith("approximate: 15 effective")
    assert exceedance_interval([np.nan, np.nan], 1.0).note == "no scenario finished"


def test_too_small_an_effective_sample_has_no_interval_for_its_mean():
    weights = np.where(np.arange(600) < 20, 1.0, 1e-6)
    effect = weighted_effects([LOSSES], AGAINST, weights)[0]
    assert np.isnan(effect.low) and effect.note.startswith("no interval: effective sample size 20 < 25")
    assert tail_size(LOSSES, weights, 0.9) < 5.0


@pytest.mark.parametrize(
    ("weights", "error"),
    [
        (np.ones(599), SchemaError),
        (np.full(600, np.nan), ValueRangeError),
        (np.full(600, -1.0), ValueRangeError),
        (np.zeros(600), ValueRangeError),
        (np.full(600, np.inf), ValueRangeError),
        (["a"] * 600, SchemaError),
    ],
)
def test_what_is_no_weight_per_scenario_is_refused(weights, error):
    with pytest.raises(error, match="weights"):
        weighted_effects([LOSSES], AGAINST, weights)
    with pytest.raises(error, match="weights"):
        weighted_es_interval(LOSSES, weights)


def test_a_frame_with_two_weights_for_a_scenario_is_refused():
    table = frame(np.full(600, 2.0))
    table.loc[3, "weight"] = 1.0
    with pytest.raises(SchemaError, match="two weights"):
        tail_table(table, "loss")
    with pytest.raises(SchemaError, match="weight"):
        tail_table(table.assign(weight="1"), "loss")


def test_a_table_of_exceedance_weighs_probability_and_change():
    weights = SOURCE.uniform(0.1, 4.0, 600)
    table = exceedance_table(frame(weights), "loss", 2.0)
    mine, base = (np.average(values > 2.0, weights=weights) for values in (LOSSES, AGAINST))
    assert table.loc["rule", "probability"] == pytest.approx(mine)
    assert table.loc["rule", "difference"] == pytest.approx(mine - base)
    assert table.loc["rule", "low"] < mine < table.loc["rule", "high"]


def test_harm_and_what_few_scenarios_carry_are_weighted():
    weights = SOURCE.integers(1, 6, 600).astype(float)
    row = effects_table(frame(weights), "loss", headline="loss").loc["rule"]
    change = LOSSES - AGAINST
    assert row["harmed"] == pytest.approx(np.average(change > 0.0, weights=weights))
    assert row["harmed_low"] < row["harmed"] < row["harmed_high"]
    repeated = np.repeat(change, weights.astype(int))
    assert row["carried_5"] == pytest.approx(carried(repeated, 0.05), rel=0.02)
