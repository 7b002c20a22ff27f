"""Barriers of a log-normal price: known numbers, limits, and walks."""

import math

import numpy as np
import pytest

from contagion.errors import InputError, SchemaError, ValueRangeError
from contagion.measures.passage import exit_probability

NONE = math.inf


def normal(x):
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def test_one_barrier_without_drift_is_twice_the_tail_of_the_normal():
    found = exit_probability(math.exp(-0.06), NONE, 0.03, 4.0)  # one standard deviation away
    assert found == pytest.approx(2.0 * 0.15865525393145707, rel=1e-14)
    assert exit_probability(0.0, math.exp(0.06), 0.03, 4.0) == pytest.approx(found, rel=1e-14)
    assert exit_probability(math.exp(-0.06), NONE, 0.03, 4.0, passage="end") == pytest.approx(
        0.5 * found, rel=1e-14
    )


def test_a_price_without_trend_meets_a_barrier_by_the_formula_with_drift():
    spread, barrier, trend = 0.2, math.log(0.8), -0.5 * 0.2**2
    expected = normal((barrier - trend) / spread) + math.exp(2.0 * trend * barrier / spread**2) * normal(
        (barrier + trend) / spread
    )
    assert exit_probability(0.8, NONE, 0.2, 1.0, drift="price") == pytest.approx(expected, rel=1e-13)
    end = normal((barrier - trend) / spread)
    assert exit_probability(0.8, NONE, 0.2, 1.0, drift="price", passage="end") == pytest.approx(
        end, rel=1e-13
    )


def test_two_barriers_one_standard_deviation_away_have_the_series_of_the_heat_equation():
    # survival = 4 / pi * sum (-1)^k / (2k + 1) exp(-(2k + 1)^2 pi^2 / 8) for barriers at -1 and 1
    survival = (
        4.0
        / math.pi
        * sum((-1) ** k / (2 * k + 1) * math.exp(-((2 * k + 1) ** 2) * math.pi**2 / 8.0) for k in range(20))
    )
    assert survival == pytest.approx(0.370777, abs=1e-6)
    found = exit_probability(math.exp(-0.05), math.exp(0.05), 0.05, 1.0)
    assert found == pytest.approx(1.0 - survival, rel=1e-12)


@pytest.mark.parametrize("width", [0.4, 1.0, 3.0])
def test_unequal_barriers_agree_with_the_sine_series(width):
    below, above = -0.3 * width, 0.7 * width
    total = sum(
        2.0 / (k * math.pi) * (1.0 - math.cos(k * math.pi)) * math.sin(k * math.pi * 0.3)
        * math.exp(-0.5 * (k * math.pi / width) ** 2)
        for k in range(1, 200)
    )  # fmt: skip
    found = exit_probability(math.exp(below), math.exp(above), 1.0, 1.0)
    assert found == pytest.approx(1.0 - total, abs=1e-13)


def test_a_far_second_barrier_changes_nothing():
    one = exit_probability(0.9, NONE, 0.05, 1.0, drift="price")
    two = exit_probability(0.9, 1e6, 0.05, 1.0, drift="price")
    assert two == pytest.approx(one, rel=1e-12)


def test_a_narrow_corridor_is_always_left_and_a_met_barrier_is_met():
    assert exit_probability(0.999, 1.001, 0.5, 1.0) == 1.0
    assert exit_probability(1.0, NONE, 0.05, 1.0) == 1.0
    assert exit_probability(1.0, NONE, 0.0, 1.0) == 1.0


def test_without_time_or_volatility_or_barriers_nothing_is_met():
    np.testing.assert_array_equal(exit_probability(0.9, 1.1, [0.0, 0.1], [1.0, 0.0]), [0.0, 0.0])
    assert exit_probability(0.0, NONE, 0.1, 1.0) == 0.0
    assert exit_probability(0.0, NONE, 0.1, 1.0, passage="end") == 0.0


def test_more_time_makes_every_passage_more_likely():
    chances = exit_probability(0.9, 1.15, 0.04, np.linspace(0.01, 60.0, 400), drift="price")
    assert (np.diff(chances) > -1e-15).all() and chances[0] < 1e-12 and chances[-1] > 0.9


def test_walks_with_drift_leave_a_corridor_as_often_as_the_images_say():
    rng = np.random.default_rng(8)
    steps, n = 2_000, 4_000
    walk = np.cumsum(rng.normal(-0.5 * 0.1**2 / steps, 0.1 / math.sqrt(steps), (n, steps)), axis=1)
    shift = (
        0.5826 * 0.1 / math.sqrt(steps)
    )  # Broadie, Glasserman, Kou (1997): barriers seen only at the steps
    left = (
        (walk.min(axis=1) <= math.log(0.88) + shift) | (walk.max(axis=1) >= math.log(1.15) - shift)
    ).mean()
    exact = float(exit_probability(0.88, 1.15, 0.1, 1.0, drift="price"))
    assert abs(left - exact) < 3.0 * math.sqrt(exact * (1.0 - exact) / n)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"lower": 1.1}, "lower"),
        ({"lower": -0.1}, "lower"),
        ({"upper": 0.9}, "upper"),
        ({"volatility": -1.0}, "volatility"),
        ({"horizon": float("nan")}, "horizon"),
    ],
)
def test_numbers_out_of_range_are_refused_by_name(arguments, words):
    good = {"lower": 0.9, "upper": 1.1, "volatility": 0.1, "horizon": 1.0}
    with pytest.raises(ValueRangeError, match=words):
        exit_probability(**(good | arguments))


def test_unknown_words_and_shapes_are_refused():
    with pytest.raises(InputError, match="did you mean 'first'"):
        exit_probability(0.9, 1.1, 0.1, 1.0, passage="firs")
    with pytest.raises(InputError, match="drift"):
        exit_probability(0.9, 1.1, 0.1, 1.0, drift="none")
    with pytest.raises(SchemaError, match="fit together"):
        exit_probability([0.9, 0.8], [1.1, 1.2, 1.3], 0.1, 1.0)
