"""The difference of two means without pairs: exact where nothing varies, covered where it does."""

from __future__ import annotations

import numpy as np
import pytest

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.unpaired import unpaired_difference

DRAWS = 500


def covered(draw, truth, sizes):
    source, hits = np.random.default_rng(11), 0
    for case in range(DRAWS):
        sides = draw(source, sizes[0]), draw(source, sizes[1]) + 1.0
        found = unpaired_difference(*sides, seed=case)
        hits += found.low <= truth <= found.high
    return hits / DRAWS


@pytest.mark.parametrize(
    ("draw", "sizes"),
    [
        (lambda source, n: source.normal(size=n), (40, 60)),
        (lambda source, n: source.lognormal(size=n), (60, 60)),
        (lambda source, n: source.standard_t(4, size=n), (60, 40)),
    ],
    ids=["normal", "log-normal", "student 4"],
)
def test_intervals_cover_the_difference_in_93_to_97_of_100(draw, sizes):
    assert 0.93 <= covered(draw, 1.0, sizes) <= 0.97


def test_where_nothing_varies_the_difference_is_exact():
    found = unpaired_difference([2.0] * 30, [5.0] * 30)
    assert (found.difference, found.low, found.high, found.p_value) == (3.0, 3.0, 3.0, 0.002)
    assert unpaired_difference([2.0] * 30, [2.0] * 25).p_value == 1.0


def test_the_difference_changes_its_sign_with_the_order():
    source = np.random.default_rng(2)
    one, two = source.normal(size=50), source.normal(1.0, 2.0, size=70)
    there, back = unpaired_difference(one, two), unpaired_difference(two, one)
    assert there.difference == -back.difference
    assert (there.n_first, there.n_second, back.n_first) == (50, 70, 70)


@pytest.mark.parametrize(
    ("first", "note"),
    [
        ([1.0] * 24, "n = 24 < 25"),
        ([1.0] * 40 + [np.nan], "1 scenarios failed"),
        ([np.nan] * 30, "no scenario finished"),
    ],
)
def test_without_a_ground_there_is_no_interval(first, note):
    found = unpaired_difference(first, np.arange(40.0))
    assert np.isnan([found.low, found.high, found.p_value]).all() and note in found.note


def test_few_scenarios_are_called_approximate():
    assert unpaired_difference(np.arange(40.0), np.arange(300.0)).note == "approximate: n = 40 < 200"
    assert unpaired_difference(np.arange(200.0), np.arange(300.0)).note == ""


def test_the_draws_follow_from_seed_and_key():
    one, two = np.arange(40.0), np.arange(50.0) ** 1.1
    assert unpaired_difference(one, two, seed=1) == unpaired_difference(one, two, seed=1)
    assert unpaired_difference(one, two, seed=1) != unpaired_difference(one, two, seed=2)


def test_what_is_no_row_of_numbers_is_refused():
    with pytest.raises(SchemaError, match="first"):
        unpaired_difference([[1.0]], [1.0])
    with pytest.raises(ValueRangeError, match="confidence"):
        unpaired_difference([1.0], [1.0], confidence=1.0)
