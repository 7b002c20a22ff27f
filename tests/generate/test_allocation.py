"""Tests of sharing out: totals met, limits kept, lots whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.errors import ValueRangeError
from contagion.generate.allocation import fill, fill_groups, raised_counts, whole_lots

PARTS = st.lists(
    st.tuples(st.floats(1e-3, 1e3), st.one_of(st.just(np.inf), st.floats(1e-2, 1e3))), min_size=1, max_size=20
)


@given(PARTS, st.floats(0.01, 0.99))
def test_parts_add_up_keep_their_limits_and_are_proportional_below_them(parts, used):
    weights, limits = np.array(parts).T
    room = limits.sum()
    total = used * room if np.isfinite(room) else 1e4 * used
    shares = fill(weights, limits, total)
    assert shares.sum() == pytest.approx(total, rel=1e-9)
    assert (shares <= limits).all()
    free = shares < limits
    scale = (shares / weights)[free]
    assert np.allclose(scale, scale[:1])
    assert (shares / weights <= scale.max(initial=0.0) * (1 + 1e-9)).all() or not free.any()


def test_a_total_at_the_sum_of_the_limits_fills_everybody():
    limits = np.array([3.0, 1.0])
    np.testing.assert_allclose(fill(np.ones(2), limits, 4.0), limits)


def test_a_total_above_all_limits_is_refused():
    with pytest.raises(ValueRangeError, match="does not fit"):
        fill(np.ones(2), np.array([1.0, 2.0]), 3.5)


def test_groups_are_filled_one_by_one():
    group = np.array([1, 0, 1, 0])
    parts = fill_groups(group, np.array([1.0, 1.0, 3.0, 1.0]), np.full(4, np.inf), np.array([10.0, 8.0]))
    assert parts.tolist() == [2.0, 5.0, 6.0, 5.0]


def test_counts_rise_until_every_total_fits():
    group, account = np.array([0, 0, 1]), np.array([0, 1, 1])
    count = raised_counts(group, account, np.array([1, 2]), np.full(3, 10.0), np.array([60.0, 5.0]))
    assert count.tolist() == [3, 6]
    assert (count[account][:2] * 10.0).sum() >= 60.0


def test_lots_are_multiples_of_the_count_and_never_zero():
    lots = whole_lots(np.array([1000.0, 1e-9, 70.0]), np.array([3, 4, 1]), np.array([0.5, 0.5, 2.0]))
    assert lots.tolist() == [2001, 4, 35]
