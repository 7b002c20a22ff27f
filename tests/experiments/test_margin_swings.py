"""Procyclicality and breaches of the margins of policy sets: dynamic against static, on a path followed by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.comparison import Comparison
from contagion.errors import ContagionError
from contagion.experiments.margin_swings import margin_sets
from contagion.measures import kupiec, procyclicality
from contagion.reporting.sections.margins import margins
from tests.propagation.cascade.small import RATE, ROUND, Holder, gap, small_net

SETS = {
    "dynamic": [ct.DynamicMargin(window=172_800.0, floor=1.0, cap=3.0, calm=0.05)],
    "double": [ct.MarginMultiplier(factor=2.0)],
    "halt": [ct.Halt(drop=0.5)],
}
DAYS = pd.DataFrame({"X": [100.0, 101.0, 95.0, 88.0, 89.0, 90.0, 90.0]}, index=np.arange(7) * 86_400.0)


def study(sets: dict[str, list[ct.Policy]]) -> Comparison:
    """A long of 16 with ample margin."""
    net = small_net({"a": Holder({"M": 16.0}, 8000.0, "isolated")})
    return ct.compare(net, gap(), ct.Cascade(step=ROUND, horizon=600.0), sets, n=1)


def test_a_dynamic_margin_stands_beside_a_static_one_on_prices_of_ones_own() -> None:
    cmp = study(SETS)
    table = ct.margin_swings(cmp, DAYS).set_index("policy")
    assert table.index.tolist() == ["none", "dynamic", "double"] and margin_sets(cmp) == ["dynamic", "double"]
    moves = DAYS["X"].pct_change().abs().dropna().to_numpy()
    rates = {
        "none": np.full(7, RATE),
        "dynamic": RATE * ct.margin_path(SETS["dynamic"][0], DAYS)["X"].to_numpy(),  # type: ignore[arg-type]
        "double": np.full(7, 2.0 * RATE),
    }
    for name, rate in rates.items():
        wanted = procyclicality(rate, DAYS.index.to_numpy())
        row = table.loc[name]
        assert row["peak"] == pytest.approx(wanted.peak) and row["trough"] == pytest.approx(wanted.trough)
        assert row["peak_to_trough"] == pytest.approx(wanted.peak_to_trough)
        assert row["rise_1_day"] == pytest.approx(wanted.rise_1_day)
        assert row["rise_5_day"] == pytest.approx(wanted.rise_5_day)
        breaches = int((moves > rate[:-1]).sum())
        assert (row["breaches"], row["n"]) == (breaches, 6)
        assert row["p_value"] == pytest.approx(kupiec(breaches, 6, 0.99).p_value)
    assert table.loc["dynamic", "peak_to_trough"] > 1.2 > table.loc["double", "peak_to_trough"] == 1.0
    assert table.loc["none", "breaches"] == 1 and table.loc["double", "breaches"] == 0


def test_without_prices_the_bad_scenario_is_the_path() -> None:
    table = ct.margin_swings(study(SETS)).set_index("policy")
    run = study(SETS).rerun("none", 0)
    assert table["n"].tolist() == [run.paths["time"].nunique() - 1] * 3
    assert (table["breaches"] == 0).all()  # the fall by 1/16 is exactly the margin
    assert table.loc["dynamic", "note"] == ""


def test_a_window_shorter_than_the_step_of_the_prices_is_told() -> None:
    cmp = study({"dynamic": [ct.DynamicMargin(window=3600.0, calm=0.05)]})
    row = ct.margin_swings(cmp, DAYS).set_index("policy").loc["dynamic"]
    assert row["peak_to_trough"] == 1.0 and "below the step of the prices" in row["note"]


def test_a_study_without_margin_policies_has_no_table() -> None:
    cmp = study({"halt": [ct.Halt(drop=0.5)]})
    assert ct.margin_swings(cmp).empty and margins(cmp) == ()


def test_the_report_shows_the_table_with_units() -> None:
    (block,) = margins(study(SETS))
    assert block.identifier == "margin-table"  # type: ignore[union-attr]
    assert [row[0].parts[0].text for row in block.rows] == ["none", "dynamic", "double"]  # type: ignore[union-attr]
    assert sum("%" in name or "times" in name or "count" in name for name in block.columns) == 5  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "prices", [DAYS.rename(columns={"X": "Z"}), DAYS.iloc[:0], DAYS * 0.0, DAYS.iloc[::-1], "X"]
)
def test_prices_that_are_none_are_refused(prices: object) -> None:
    with pytest.raises(ContagionError):
        ct.margin_swings(study(SETS), prices)  # type: ignore[arg-type]
    with pytest.raises(ContagionError):
        ct.margin_swings(study(SETS), DAYS, level=1.0)
