"""Two studies: paired where their scenarios are the same, not paired and said so where they are not."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import contagion as ct
from contagion.errors import SchemaError, UnitError, ValueRangeError
from contagion.measures.paired import paired_effect
from contagion.measures.unpaired import unpaired_difference
from tests import evidence

BASE = evidence.common_losses()


def rows_of(found, metric="system_loss"):
    table = found.to_frame()
    own = table[table["metric"] == metric]
    return {(row["policy"], row["what"]): row for row in own.to_dict("records")}


def test_the_same_scenarios_are_paired_and_give_the_mean_of_the_differences():
    other = BASE + np.linspace(0.0, 2e6, 60)
    found = ct.compare_studies(evidence.study({"none": BASE}), evidence.study({"none": other}))
    row = rows_of(found)["none", "level"]
    expected = paired_effect(
        other, BASE, networks=np.zeros(60), seed=3, key=("studies", "system_loss", "level", "none")
    )
    assert found.paired and row["n"] == 60
    assert row["difference"] == pytest.approx(1e6, rel=1e-12)
    assert (row["low"], row["high"], row["p_value"]) == (expected.low, expected.high, expected.p_value)
    assert (row["first"], row["second"]) == pytest.approx((BASE.mean(), other.mean()))


def test_pairs_are_far_sharper_than_means():
    other = BASE + np.linspace(0.0, 2e6, 60)
    one = evidence.study({"none": BASE})
    paired, apart = (ct.compare_studies(one, evidence.study({"none": other}, seed=s)) for s in (3, 4))
    width = [rows_of(found)["none", "level"] for found in (paired, apart)]
    assert (width[0]["high"] - width[0]["low"]) * 20.0 < width[1]["high"] - width[1]["low"]


def test_the_difference_of_an_effect_is_the_difference_of_differences():
    found = rows_of(evidence.studies())
    assert found["halt", "effect"]["difference"] == pytest.approx(3e7, rel=0.02)
    assert found["halt", "level"]["difference"] == pytest.approx(4e7, rel=0.02)
    assert found["halt", "effect"]["first"] == pytest.approx(-3e7, rel=0.02)
    assert set(found) == {("none", "level"), ("halt", "level"), ("halt", "effect")}


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"seed": 4}, "their seeds are 3 and 4"),
        ({"scale": 0.2}, "different families"),
        ({"networks": 2}, "on 1 and on 2 networks"),
    ],
)
def test_other_scenarios_are_not_paired_and_the_reason_is_said(other, reason):
    found = ct.compare_studies(evidence.study({"none": BASE}), evidence.study({"none": BASE}, **other))
    assert not found.paired and reason in found.pairing and "without pairs" in found.pairing


def test_assets_that_only_one_study_moves_part_the_scenarios():
    one, two = (evidence.study({"none": BASE}) for _ in range(2))
    two = replace(two, scenarios=two.scenarios.rename(columns={"BTC": "ETH"}))
    assert "moves different assets" in ct.compare_studies(one, two).pairing


def test_unpaired_rows_are_those_of_the_unpaired_difference():
    one, two = evidence.study({"none": BASE}), evidence.study({"none": BASE + 5e7}, seed=4)
    row = rows_of(ct.compare_studies(one, two))["none", "level"]
    key = ("studies", "system_loss", "level", "none")
    expected = unpaired_difference(BASE, BASE + 5e7, networks=(np.zeros(60),) * 2, seed=3, key=key)
    assert (row["low"], row["high"], row["p_value"]) == (expected.low, expected.high, expected.p_value)


def test_of_studies_of_different_length_the_first_scenarios_are_paired():
    longer = evidence.study({"none": np.append(BASE, [9e9] * 20)}, n=80)
    found = ct.compare_studies(evidence.study({"none": BASE}), longer)
    assert found.paired and "first 60 scenarios" in found.pairing
    assert rows_of(found)["none", "level"]["difference"] == 0.0
    assert found.differs.loc["n"].tolist() == ["60", "80"]


def test_a_scenario_that_failed_in_one_study_is_no_pair_and_is_named():
    gap = BASE.copy()
    gap[5] = np.nan
    row = rows_of(ct.compare_studies(evidence.study({"none": BASE}), evidence.study({"none": gap})))
    assert row["none", "level"]["n"] == 59 and "1 of 60 scenarios failed" in row["none", "level"]["note"]


def test_what_differs_is_named_field_by_field_and_equal_studies_differ_in_nothing():
    one = evidence.study({"none": BASE}, packages={"numpy": "2.0", "scipy": "1.14"})
    two = evidence.study({"none": BASE}, packages={"numpy": "2.1", "scipy": "1.14"}, study="abc")
    assert ct.compare_studies(one, two).differs.to_dict("index") == {
        "packages.numpy": {"first": "2.0", "second": "2.1"}
    }
    same = ct.compare_studies(one, one)
    assert same.differs.empty and (same.table["difference"] == 0.0).all()
    assert "nothing that is recorded" in same.sentence and "clear of zero" in repr(same)


def test_p_values_are_adjusted_within_one_metric_and_question_and_others_are_exploratory():
    table = evidence.studies().to_frame()
    part = table[(table["metric"] == "system_loss") & (table["what"] == "level")]
    assert (part["p_adjusted"] >= part["p_value"]).all()
    assert part["p_adjusted"].tolist() == ct.measures.holm(part["p_value"]).tolist()
    assert table.loc[table["metric"] == "bad_debt", "note"].str.startswith("exploratory").all()


def test_sets_of_one_study_only_are_named():
    found = evidence.studies()
    assert (found.only_first, found.only_second) == (("fund",), ("throttle",))


def test_another_unit_is_refused():
    two = replace(evidence.study({"none": BASE}), networks=(SimpleNamespace(unit="EUR"),))
    with pytest.raises(UnitError, match="USD and in EUR"):
        ct.compare_studies(evidence.study({"none": BASE}), two)


@pytest.mark.parametrize(
    ("given", "options", "error", "message"),
    [
        (3, {}, SchemaError, "is no study"),
        (None, {"metrics": ["system_los"]}, ValueRangeError, "did you mean 'system_loss'"),
        (None, {"metrics": "system_loss"}, SchemaError, "are no names"),
        (None, {"names": "ab"}, SchemaError, "are no two names"),
        (None, {"level": 2.0}, ValueRangeError, "level"),
    ],
)
def test_bad_input_is_refused(given, options, error, message):
    one = evidence.study({"none": BASE})
    with pytest.raises(error, match=message):
        ct.compare_studies(one, one if given is None else given, **options)


def test_folders_of_results_are_read(tmp_path):
    net = ct.generate.perp_market(n_accounts=300, seed=1)
    falls = [ct.PriceShock({"BTC": -0.2}), ct.PriceShock({"BTC": -0.3})]
    for step in (900.0, 1800.0):
        ct.compare(net, falls, ct.Cascade.static(), store=tmp_path / str(step), seed=int(step))
    found = ct.compare_studies(tmp_path / "900.0", tmp_path / "1800.0")
    assert list(found.differs.index) == ["seed"] and not found.paired
