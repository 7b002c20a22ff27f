"""Closed-form cascades against exact oracles, refusals and each other."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from contagion.errors import InputError
from contagion.propagation.firesales import borel
from contagion.propagation.firesales.closed_forms import (
    borel_cascade,
    circuit_breaker_cascade,
    discrete_cascade,
    linear_cascade,
)
from tests.oracles.triggers import breaker_path, least_closed_set

BOOK = {
    "liquidation_price": [96.0, 95.2, 94.1, 93.9, 92.8, 91.0, 88.5, 85.0],
    "size": [40.0, 25.0, 60.0, 30.0, 55.0, 80.0, 100.0, 120.0],
    "start_price": 95.5,
}

# multiples of 1/8 and impact a power of two: every price is exact in double precision
eighths = st.integers(1, 1600).map(lambda n: n / 8)
books = st.lists(st.tuples(eighths, st.integers(0, 40)), max_size=12)
powers = st.integers(-6, -1).map(lambda e: 2.0**e)


@given(books, eighths, powers, st.randoms(use_true_random=False))
def test_waves_end_where_any_order_of_single_closes_ends(book, start, impact, random):
    triggers, sizes = [t for t, _ in book], [s for _, s in book]
    order = list(range(len(book)))
    random.shuffle(order)
    closed, price = least_closed_set(triggers, sizes, start, impact, order)
    found = discrete_cascade(triggers, sizes, start, impact=impact)
    assert list(found.liquidated) == closed
    assert found.final_price == price
    assert found.total_sold == sum(sizes[p] for p in closed)
    assert sorted(p for wave in found.waves for p in wave) == closed
    assert all(wave == tuple(sorted(wave)) and wave for wave in found.waves)


@given(books, eighths, powers, st.randoms(use_true_random=False))
def test_relabelling_positions_permutes_the_answer(book, start, impact, random):
    order = list(range(len(book)))
    random.shuffle(order)
    one = discrete_cascade([t for t, _ in book], [s for _, s in book], start, impact=impact)
    two = discrete_cascade([book[p][0] for p in order], [book[p][1] for p in order], start, impact=impact)
    assert sorted(order[p] for p in two.liquidated) == list(one.liquidated)
    assert two.final_price == one.final_price


@given(books, eighths, powers)
def test_a_lower_start_closes_at_least_as_many(book, start, impact):
    triggers, sizes = [t for t, _ in book], [s for _, s in book]
    near = discrete_cascade(triggers, sizes, start, impact=impact, impact_form="exponential")
    far = discrete_cascade(triggers, sizes, start * 0.5, impact=impact, impact_form="exponential")
    assert set(near.liquidated) <= set(far.liquidated)
    assert 0 < near.final_price <= start


def test_a_position_exactly_at_its_trigger_closes_and_slack_is_below_a_price_step():
    assert discrete_cascade([95.5], [1.0], 95.5, impact=0.0).liquidated == (0,)
    assert discrete_cascade([0.1 + 0.2], [1.0], 0.3, impact=0.0).liquidated == (0,)
    assert discrete_cascade([1.0], [1.0], 1.0 + 5e-13, impact=0.0).liquidated == (0,)
    assert discrete_cascade([1.0], [1.0], 1.0 + 1e-11, impact=0.0).liquidated == ()


def test_no_positions_leave_the_price():
    found = discrete_cascade([], [], 98.5, impact=0.02)
    assert (found.waves, found.liquidated, found.final_price, found.total_sold) == ((), (), 98.5, 0.0)


def test_zero_impact_closes_one_wave_and_moves_nothing():
    found = discrete_cascade(**BOOK, impact=0.0, impact_form="exponential")
    assert found.waves == ((0,),)
    assert found.final_price == 95.5


@given(
    books,
    eighths,
    powers,
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    st.sampled_from([None, 0.125, 0.25, 0.5]),
    st.integers(1, 5),
    st.sampled_from([0.0, 0.125, 1.0]),
    st.integers(1, 12),
)
def test_the_stepwise_cascade_follows_the_exact_path(
    book, start, impact, recovery, drop, length, top_up, steps
):
    triggers, sizes = [t for t, _ in book], [s for _, s in book]
    prices, closed, halts = breaker_path(
        triggers, sizes, start, impact, recovery, drop, length, top_up, steps
    )
    found = circuit_breaker_cascade(
        triggers,
        sizes,
        start,
        impact=impact,
        steps=steps,
        recovery=recovery,
        halt_drop=drop,
        halt_length=length,
        top_up=top_up,
    )
    assert list(found.liquidated) == closed
    assert (found.last_price, found.lowest_price, found.halts) == (prices[-1], min(prices), halts)


@given(books, eighths, powers, st.sampled_from([None, 0.01, 0.05, 0.3]), st.integers(1, 6))
def test_without_recovery_or_top_up_halts_change_nothing_in_the_end(book, start, impact, drop, length):
    triggers, sizes = [t for t, _ in book], [s for _, s in book]
    free = discrete_cascade(triggers, sizes, start, impact=impact)
    assume(free.final_price > 0)  # a fall is a share of a positive price
    steps = (len(book) + 2) * (length + 2)
    found = circuit_breaker_cascade(
        triggers, sizes, start, impact=impact, steps=steps, halt_drop=drop, halt_length=length
    )
    assert found.liquidated == free.liquidated
    assert found.last_price == free.final_price


def test_with_recovery_a_halt_saves_positions():
    free = circuit_breaker_cascade(**BOOK, impact=0.03, steps=60, recovery=0.2)
    halted = circuit_breaker_cascade(
        **BOOK, impact=0.03, steps=60, recovery=0.2, halt_drop=0.01, halt_length=3
    )
    assert set(halted.liquidated) < set(free.liquidated)
    assert halted.lowest_price > free.lowest_price


def test_no_steps_leave_the_start():
    found = circuit_breaker_cascade(**BOOK, impact=0.03, steps=0)
    assert (found.liquidated, found.lowest_price, found.last_price, found.halts) == ((), 95.5, 95.5, 0)


@given(st.floats(-10, 10), st.floats(0, 10), st.floats(0, 10))
def test_the_linear_cascade_is_the_sum_of_its_rounds(move, impact, density):
    found = linear_cascade(move, impact_per_unit=impact, liquidation_density=density)
    ratio = impact * density
    assert found.branching_ratio == ratio
    assert found.stable == (ratio < 1)
    if ratio >= 1:
        assert (found.amplification, found.total_move, found.forced_sales) == (None, None, None)
    elif ratio < 0.9:
        total = math.fsum(move * ratio**k for k in range(2000))
        assert found.total_move == pytest.approx(total, rel=1e-12, abs=1e-300)
        assert found.amplification * move == pytest.approx(total, rel=1e-12, abs=1e-300)
        assert found.forced_sales == pytest.approx(density * abs(total), rel=1e-12, abs=1e-300)


@settings(max_examples=20)
@given(st.floats(0.0, 0.97))
def test_the_borel_law_sums_to_one_and_has_its_moments(ratio):
    sizes = list(range(1, 4000))
    found = borel_cascade(sizes, [1, 2, 3], branching_ratio=ratio)
    masses = np.array([found.pmf[k] for k in sizes])
    assert math.fsum(masses) + borel.tail(4000, ratio) == pytest.approx(1.0, rel=1e-12)
    assert found.tail[2] == pytest.approx(1.0 - found.pmf[1], rel=1e-10, abs=1e-15)
    if ratio < 0.8:
        mean = math.fsum(masses * sizes)
        assert mean == pytest.approx(found.mean, rel=1e-9)
        assert math.fsum(masses * (np.array(sizes) - mean) ** 2) == pytest.approx(found.variance, rel=1e-8)


@pytest.mark.parametrize("ratio", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("size", [1, 2, 10, 29, 30, 31, 100])
def test_the_borel_probability_is_its_formula(ratio, size):
    exact = math.exp(-ratio * size) * (ratio * size) ** (size - 1) / math.factorial(size)
    assert borel.probability(size, ratio) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("ratio", [0.9, 0.99, 0.9999, 1.0])
@pytest.mark.parametrize("size", [2, 50, 3000])
def test_the_borel_tail_continues_the_probabilities(ratio, size):
    head = math.fsum(borel.probability(k, ratio) for k in range(size, size + 500))
    assert borel.tail(size, ratio) == pytest.approx(head + borel.tail(size + 500, ratio), rel=1e-11)
    assert math.fsum(borel.probability(k, ratio) for k in range(1, size)) + borel.tail(
        size, ratio
    ) == pytest.approx(1.0, rel=1e-11)


def test_the_borel_tail_is_positive_where_one_minus_the_sum_would_be_zero():
    tail = borel_cascade(tail_at=[100, 1000], branching_ratio=0.2).tail
    assert tail[100] == pytest.approx(2.4933230070632126e-38, rel=1e-10)
    assert tail[1000] == 0.0 or tail[1000] < 1e-300
    assert borel.tail(10**9, 1.0) == pytest.approx(math.sqrt(2 / (math.pi * 1e9)), rel=1e-8)


def test_the_ends_of_the_borel_range():
    none = borel_cascade([1, 2], [1, 2], branching_ratio=0)
    assert (none.mean, none.variance, none.pmf, none.tail) == (1.0, 0.0, {1: 1.0, 2: 0.0}, {1: 1.0, 2: 0.0})
    critical = borel_cascade([1], [0, 1], branching_ratio=1)
    assert (critical.mean, critical.variance) == (None, None)
    assert critical.pmf[1] == pytest.approx(math.exp(-1))
    assert critical.tail == {0: 1.0, 1: 1.0}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, "5", None, True])
@pytest.mark.parametrize("key", ["liquidation_price", "size"])
def test_a_book_with_something_other_than_numbers_is_refused_by_name(key, bad):
    book = {name: list(values) if name != "start_price" else values for name, values in BOOK.items()}
    book[key][3] = bad
    with pytest.raises(InputError, match=key):
        discrete_cascade(**book, impact=0.1)
    with pytest.raises(InputError, match=key):
        circuit_breaker_cascade(**book, impact=0.1, steps=3)


@pytest.mark.parametrize(
    ("change", "mentions"),
    [
        ({"size": [1.0]}, "size"),
        ({"size": [-1.0] * 8}, "size"),
        ({"liquidation_price": [[1.0] * 8]}, "liquidation_price"),
        ({"start_price": 0.0}, "start_price"),
        ({"start_price": math.nan}, "start_price"),
        ({"impact": -0.1}, "impact"),
        ({"impact": math.inf}, "impact"),
        ({"impact_form": "square"}, "impact_form"),
    ],
)
def test_bad_books_are_refused_by_name(change, mentions):
    with pytest.raises(InputError, match=mentions):
        discrete_cascade(**{**BOOK, "impact": 0.1, **change})


@pytest.mark.parametrize(
    ("change", "mentions"),
    [
        ({"recovery": 1.5}, "recovery"),
        ({"recovery": -0.1}, "recovery"),
        ({"halt_drop": -0.1}, "halt_drop"),
        ({"halt_drop": 2.0}, "halt_drop"),
        ({"halt_length": -1}, "halt_length"),
        ({"halt_length": 1.5}, "halt_length"),
        ({"top_up": -1.0}, "top_up"),
        ({"steps": -1}, "steps"),
        ({"steps": math.nan}, "steps"),
        ({"impact": -1.0}, "impact"),
    ],
)
def test_bad_breakers_are_refused_by_name(change, mentions):
    with pytest.raises(InputError, match=mentions):
        circuit_breaker_cascade(**{**BOOK, "impact": 0.1, "steps": 5, **change})


@pytest.mark.parametrize(
    ("keys", "mentions"),
    [
        ({"impact_per_unit": -1.0}, "impact_per_unit"),
        ({"liquidation_density": -1.0}, "liquidation_density"),
        ({"exogenous_move": math.nan}, "exogenous_move"),
    ],
)
def test_bad_densities_are_refused_by_name(keys, mentions):
    with pytest.raises(InputError, match=mentions):
        linear_cascade(**{"exogenous_move": 1.0, "impact_per_unit": 0.1, "liquidation_density": 1.0, **keys})


@pytest.mark.parametrize(
    ("keys", "mentions"),
    [
        ({"branching_ratio": 1.2}, "branching_ratio"),
        ({"branching_ratio": -0.1}, "branching_ratio"),
        ({"branching_ratio": math.nan}, "branching_ratio"),
        ({"pmf_at": [1.5]}, "pmf_at"),
        ({"pmf_at": [-1]}, "pmf_at"),
        ({"tail_at": ["2"]}, "tail_at"),
        ({"tail_at": 3}, "tail_at"),
    ],
)
def test_bad_laws_are_refused_by_name(keys, mentions):
    with pytest.raises(InputError, match=mentions):
        borel_cascade(**{"branching_ratio": 0.5, **keys})
