"""Hedge effectiveness: closed forms, exact fractions, refusals."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures import hedge_effectiveness, hedge_table

SMALL = st.integers(-50, 50)


def test_a_mirror_image_is_a_perfect_hedge():
    found = hedge_effectiveness([-4.0, 0.0, 3.0], [4.0, 0.0, -3.0])
    assert (found.variance_reduction, found.best_ratio, found.offset, found.within) == (1.0, 1.0, 1.0, 1.0)
    assert found.r_squared == pytest.approx(1.0) and found.n == 3


def test_half_a_hedge_takes_three_quarters_of_the_variance_and_wants_to_be_doubled():
    found = hedge_effectiveness([-4.0, 0.0, 2.0], [2.0, 0.0, -1.0])
    assert found.variance_reduction == 0.75 and found.best_ratio == 2.0
    assert found.offset == 0.5 and found.within == 0.0 and found.r_squared == pytest.approx(1.0)


def test_a_hedge_the_wrong_way_round_adds_risk():
    found = hedge_effectiveness([-4.0, 4.0], [-4.0, 4.0])
    assert found.variance_reduction == -3.0 and found.best_ratio == -1.0 and np.isnan(found.offset)


def test_basis_risk_is_what_r_squared_lacks():
    """Item x, hedge -(x + e) with x and e orthogonal, variances 4 and 1: R² = 4/5, best ratio 4/5, reduction 3/4."""
    x, e = np.array([2.0, 2.0, -2.0, -2.0]), np.array([1.0, -1.0, 1.0, -1.0])
    found = hedge_effectiveness(x, -(x + e))
    assert found.r_squared == 0.8 and found.best_ratio == 0.8 and found.variance_reduction == 0.75


@given(st.lists(st.tuples(SMALL, SMALL), min_size=2, max_size=8))
def test_all_numbers_equal_the_exact_fractions(points):
    item, hedge = ([Fraction(value) for value in row] for row in zip(*points, strict=True))
    n = len(item)
    if len(set(item)) == 1:
        with pytest.raises(ValueRangeError, match="nothing to hedge"):
            hedge_effectiveness([float(value) for value in item], [float(value) for value in hedge])
        return

    def product(first, second):
        return sum(a * b for a, b in zip(first, second, strict=True)) / n - sum(first) * sum(second) / n**2

    found = hedge_effectiveness([float(value) for value in item], [float(value) for value in hedge])
    both = [a + b for a, b in zip(item, hedge, strict=True)]
    assert found.variance_reduction == pytest.approx(
        float(1 - product(both, both) / product(item, item)), abs=1e-9
    )
    if len(set(hedge)) > 1:
        together, own = product(item, hedge), product(hedge, hedge)
        assert found.r_squared == pytest.approx(float(together**2 / (product(item, item) * own)), abs=1e-9)
        assert found.best_ratio == pytest.approx(float(-together / own), abs=1e-9)
    else:
        assert np.isnan(found.r_squared) and np.isnan(found.best_ratio)
    moved = [(a, b) for a, b in points if a != 0]
    inside = sum(Fraction(4, 5) <= Fraction(-b, a) <= Fraction(5, 4) for a, b in moved)
    assert found.within == inside / len(moved)


def test_the_edges_of_the_range_are_inside():
    assert hedge_effectiveness([5.0, 4.0, 1.0], [-4.0, -5.0, -2.0]).within == pytest.approx(2.0 / 3.0)


def test_the_best_ratio_leaves_the_least_variance():
    source = np.random.Generator(np.random.PCG64(1))
    item, noise = source.standard_normal((2, 200))
    hedge = -0.3 * item + 0.2 * noise
    found = hedge_effectiveness(item, hedge)
    left = [float((item + ratio * hedge).var()) for ratio in found.best_ratio + np.array([-0.1, 0.0, 0.1])]
    assert min(left) == left[1]
    assert 1.0 - left[1] / item.var() == pytest.approx(found.r_squared)


def test_the_table_puts_the_worst_hedge_first():
    item = pd.DataFrame({"good": [-1.0, 1.0, 2.0], "bad": [1.0, 2.0, 4.0]})
    hedge = pd.DataFrame({"good": [1.0, -1.0, -2.0], "bad": [0.0, 0.0, 0.0]})
    table = hedge_table(item, hedge)
    assert list(table.index) == ["bad", "good"] and table["n"].tolist() == [3, 3]
    assert table["variance_reduction"].tolist() == [0.0, 1.0]


def test_an_item_that_never_varies_leaves_nothing_to_hedge():
    table = hedge_table(pd.DataFrame({"still": [1.0, 1.0]}), pd.DataFrame({"still": [0.0, 2.0]}))
    assert table.loc["still"].isna().to_list() == [True] * 5 + [False] and table.loc["still", "n"] == 2


def test_frames_must_fit_and_numbers_be_there():
    item = pd.DataFrame({"a": [1.0, 2.0]})
    with pytest.raises(SchemaError, match="other rows or columns"):
        hedge_table(item, item.rename(columns={"a": "b"}))
    with pytest.raises(SchemaError, match="hedging: has length 1"):
        hedge_effectiveness([1.0, 2.0], [1.0])
    with pytest.raises(ValueRangeError, match=r"hedging\[1\]: nan is missing"):
        hedge_effectiveness([1.0, 2.0], [1.0, np.nan])
