"""D6: tiered margin is continuous, non-decreasing, convex and the sum of its marginal slices."""

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from contagion.margin.tiers import maintenance, tier_line, tier_lines, tier_table
from tests.oracles.margins import margin_by_slices


@st.composite
def tables(draw):
    floors = [0.0, *sorted(draw(st.sets(st.floats(1e-3, 1e12), max_size=11)))]
    rates = sorted(draw(st.lists(st.floats(0, 1), min_size=len(floors), max_size=len(floors))))
    caps = [*floors[1:], None]
    keys = zip(floors, caps, rates, strict=True)
    return tier_table([{"floor": f, "cap": c, "maintenance_rate": r} for f, c, r in keys])


notionals = st.floats(0, 1e13)


def lines(table, *values):
    return tier_lines(np.array(values, dtype=float), table)


@given(tables(), notionals, notionals)
def test_d6_never_falls_as_the_position_grows(table, one, two):
    low, high = lines(table, *sorted((one, two)))
    assert 0.0 <= low <= high


@given(tables())
def test_d6_never_falls_from_one_number_to_the_next_at_a_floor(table):
    for floor in table.floors[1:]:
        below, at, above = lines(table, math.nextafter(floor, 0), floor, math.nextafter(floor, math.inf))
        assert below <= at <= above


@given(tables())
def test_d6_is_continuous_at_every_floor(table):
    for place, floor in enumerate(table.floors[1:], start=1):
        left = table.rates[place - 1] * floor - table.amounts[place - 1]
        right = table.rates[place] * floor - table.amounts[place]
        assert abs(left - right) <= 4e-15 * floor


@given(tables(), notionals, notionals, st.floats(0, 1))
def test_d6_is_convex(table, one, two, share):
    middle = share * one + (1 - share) * two
    first, second, between = lines(table, one, two, middle)
    assert between <= share * first + (1 - share) * second + 1e-14 * max(one, two, table.floors[-1])


@given(tables(), notionals)
def test_d6_is_the_sum_of_the_marginal_slices(table, notional):
    exact = margin_by_slices(notional, table.floors.tolist(), table.rates.tolist())
    slack = Fraction(1e-14) * Fraction(max(notional, table.floors[-1], 1e-300))
    assert abs(Fraction(float(lines(table, notional)[0])) - exact) <= slack


@given(tables(), notionals)
def test_d6_maximum_of_the_lines_own_line_and_kernel_agree(table, notional):
    (most,) = lines(table, notional)
    own = tier_line(np.array([notional]), table)[0]
    assert most == maintenance(notional, 0, len(table.rates), table.rates, table.amounts)
    assert 0 <= most - max(own, 0.0) <= 4e-15 * max(notional, table.floors[-1])
