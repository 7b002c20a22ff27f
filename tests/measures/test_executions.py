"""Weighted quantiles and the table of executions, by hand."""

import numpy as np
import pandas as pd
import pytest

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.executions import COLUMNS, execution_table, weighted_quantiles


def fills(**columns):
    base = {
        "venue": ["V", "V", "W"],
        "asset": ["X", "X", "X"],
        "notional": [3.0, 1.0, 5.0],
        "liquidation_basis": [0.01, 0.05, -0.02],
        "coverage": [np.nan, 0.9, np.nan],
        "delay": [0.0, 20.0, 10.0],
        "fill_rate": [1.0, 0.5, 1.0],
        "time_to_close": [30.0, 20.0, np.nan],
    }
    return pd.DataFrame(base | columns)


def test_quantiles_are_the_smallest_values_that_hold_the_weight():
    values, weights = [4.0, 1.0, 3.0, 2.0], [1.0, 1.0, 1.0, 1.0]
    assert weighted_quantiles(values, weights, [0.0, 0.25, 0.26, 0.5, 0.75, 1.0]).tolist() == [
        1,
        1,
        2,
        2,
        3,
        4,
    ]
    assert weighted_quantiles([1.0, 2.0], [1.0, 99.0], [0.01, 0.011, 0.5]).tolist() == [1.0, 2.0, 2.0]


def test_values_without_weight_are_nobodys_quantile():
    assert weighted_quantiles([0.0, 1.0, 2.0], [0.0, 1.0, 0.0], [0.0, 0.5, 1.0]).tolist() == [1.0, 1.0, 1.0]


def test_equal_weights_agree_with_the_inverted_distribution_of_numpy():
    rng = np.random.default_rng(1)
    values, levels = rng.normal(size=501), np.linspace(0.01, 0.99, 37)
    expected = np.quantile(values, levels, method="inverted_cdf")
    np.testing.assert_array_equal(weighted_quantiles(values, np.full(501, 2.0), levels), expected)


def test_each_group_has_a_row_per_quantity():
    table = execution_table(fills())
    assert list(table.columns) == list(COLUMNS)
    basis = table.loc[("V", "X", "liquidation_basis")]
    assert basis["mean"] == pytest.approx((3.0 * 0.01 + 0.05) / 4.0)
    assert basis[["p5", "p50", "p75", "p95"]].tolist() == [0.01, 0.01, 0.01, 0.05]
    assert (basis["notional"], basis["n"]) == (4.0, 2)
    assert table.loc[("V", "X", "coverage"), ["mean", "notional", "n"]].tolist() == [0.9, 1.0, 1]
    close = table.loc[("V", "X", "time_to_close")]
    assert close[["p5", "p50", "p95", "mean", "n"]].tolist() == [20.0, 30.0, 30.0, 27.5, 2]
    assert table.loc[("W", "X", "time_to_close"), "n"] == 0
    empty = table.loc[("W", "X", "coverage")]
    assert np.isnan(empty["p50"]) and np.isnan(empty["mean"]) and (empty["notional"], empty["n"]) == (0.0, 0)
    assert execution_table(fills(), by="asset").loc[("X", "delay"), "mean"] == pytest.approx(
        (20.0 + 50.0) / 9.0
    )


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([1.0], [1.0, 2.0], [0.5]), SchemaError, "weights"),
        (([1.0], [0.0], [0.5]), ValueRangeError, "weights"),
        (([1.0], [-1.0], [0.5]), ValueRangeError, "weights"),
        (([np.nan], [1.0], [0.5]), ValueRangeError, "values"),
        (([1.0], [1.0], [1.5]), ValueRangeError, "levels"),
    ],
)
def test_quantiles_of_nothing_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        weighted_quantiles(*arguments)


@pytest.mark.parametrize("by", [[], ["venue", "venue"], ["colour"], "colour"])
def test_groups_are_columns_of_the_fills(by):
    with pytest.raises(SchemaError, match="by"):
        execution_table(fills(), by=by)


def test_a_frame_of_something_else_is_refused():
    with pytest.raises(SchemaError, match="no column 'delay'"):
        execution_table(fills().drop(columns="delay"))
