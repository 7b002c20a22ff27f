"""Shapley values: axioms in exact fractions, every order by brute force, shares by hand."""

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.errors import SchemaError
from contagion.measures import first_in, leave_one_out, shapley_values

WHOLE = st.integers(-1000, 1000)


@st.composite
def games(draw):
    n = draw(st.integers(1, 4))
    return [Fraction(draw(WHOLE)) for _ in range(2**n)]


def by_all_orders(worth):
    n = len(worth).bit_length() - 1
    orders = list(permutations(range(n)))
    sums = [Fraction(0)] * n
    for order in orders:
        inside = 0
        for player in order:
            sums[player] += worth[inside | 1 << player] - worth[inside]
            inside |= 1 << player
    return [total / len(orders) for total in sums]


@given(games())
def test_values_are_the_mean_over_all_orders(worth):
    assert shapley_values(np.array(worth, dtype=object)).tolist() == by_all_orders(worth)


@given(games())
def test_values_sum_exactly_to_what_everybody_makes(worth):
    assert shapley_values(np.array(worth, dtype=object)).sum() == worth[-1] - worth[0]


@given(games())
def test_floats_agree_with_fractions(worth):
    found = shapley_values([float(value) for value in worth])
    assert found == pytest.approx([float(value) for value in by_all_orders(worth)], abs=1e-9)


def test_who_adds_nothing_gets_nothing_and_equals_get_the_same():
    # players 0 and 1 make 6 together, player 2 adds nothing
    worth = [0, 0, 0, 6, 0, 0, 0, 6]
    assert shapley_values(worth).tolist() == [3.0, 3.0, 0.0]


def test_the_glove_game():
    """One left glove, two right ones, a pair is worth 1: 2/3 for the left, 1/6 for each right (Shapley 1953)."""
    worth = [Fraction(int(coalition & 1 and coalition > 1)) for coalition in range(8)]
    assert shapley_values(np.array(worth, dtype=object)).tolist() == [
        Fraction(2, 3),
        Fraction(1, 6),
        Fraction(1, 6),
    ]


def test_games_side_by_side_are_the_games_one_by_one():
    worth = np.arange(16.0).reshape(8, 2) ** 2
    both = shapley_values(worth)
    assert both[:, 0].tolist() == shapley_values(worth[:, 0]).tolist()
    assert both[:, 1].tolist() == shapley_values(worth[:, 1]).tolist()


def test_first_and_last_in_by_hand():
    worth = [1.0, 3.0, 4.0, 10.0]
    assert first_in(worth).tolist() == [2.0, 3.0]
    assert leave_one_out(worth).tolist() == [6.0, 7.0]


@pytest.mark.parametrize("worth", [[], [1.0], [1.0, 2.0, 3.0], 5.0, np.zeros((2, 2, 2))])
def test_what_is_no_game_is_refused(worth):
    with pytest.raises(SchemaError, match="one row per coalition"):
        shapley_values(worth)
