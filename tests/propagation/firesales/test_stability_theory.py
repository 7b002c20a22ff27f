"""Branching theory of contagion against closed forms, exact sums over few holders, the records and simulation."""

import json
import math
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.errors import InputError
from contagion.propagation.firesales.stability import gai_kapadia_window
from contagion.propagation.firesales.stability_branching import PoissonOverlap, caccioli_poisson_theory
from contagion.propagation.firesales.stability_claims import gai_kapadia_theory
from contagion.propagation.firesales.stability_simulation import caccioli_poisson, gai_kapadia_simulation

CASES = Path(__file__).parents[2] / "reference" / "cases" / "firesale"


def records(name):
    case = json.loads((CASES / f"{name}.json").read_text())
    given = [{**case["input"], **case["params"], **one} for one in case["params"]["scenarios"]]
    return list(zip(given, case["expected"]["scenarios"], strict=True))


def poisson(mean, count):
    return math.exp(-mean) * mean**count / math.factorial(count)


def holders_that_fail(seller, holders, elasticity, leverage):
    """Degrees of the holders of one asset that fail after a seller of degree `seller`, by plain rounds."""
    total = 1 / seller + sum(1 / degree for degree in holders)
    failed = set()
    while True:
        sold = 1 / seller + sum(1 / holders[k] for k in failed)
        fall = 1 - math.exp(-elasticity * sold / total)
        more = {k for k, degree in enumerate(holders) if fall / degree > 1 / leverage}
        if more <= failed:
            return [holders[k] for k in failed]
        failed |= more


def mean_matrix_by_sum(mean, ratio, elasticity, leverage, n, most_holders, most_degree):
    """Mean number of falling assets, from the sum over all lists of up to `most_holders` holders."""
    matrix = [[0.0] * n for _ in range(n)]
    for count in range(1, most_holders + 1):
        for holders in product(range(1, most_degree + 1), repeat=count):
            chance = poisson(mean * ratio, count) * math.prod(poisson(mean, d - 1) for d in holders)
            for seller in range(1, n + 1):
                for degree in holders_that_fail(seller, list(holders), elasticity, leverage):
                    if degree <= n:
                        matrix[seller - 1][degree - 1] += chance * (degree - 1)
    return matrix


def spectral_radius(matrix):
    """Largest eigenvalue of a matrix without negative numbers, by powers."""
    vector, size = [1.0] * len(matrix), 0.0
    for _ in range(2000):
        after = [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]
        size = max(after)
        vector = [part / size for part in after]
    return size


@pytest.mark.parametrize(("mean", "ratio", "leverage"), [(1.2, 0.5, 6.0), (0.8, 0.8, 9.0), (1.5, 0.3, 4.5)])
def test_the_branching_number_is_that_of_a_sum_over_all_holders_of_an_asset(mean, ratio, leverage):
    expected = spectral_radius(mean_matrix_by_sum(mean, ratio, 1.0536, leverage, 6, 5, 6))
    overlap = PoissonOverlap.of(mean, ratio, price_elasticity=1.0536, assets=60_000)
    assert overlap.branching_number(leverage) == pytest.approx(expected, rel=0.02)


def test_if_every_holder_fails_the_branching_number_is_the_product_of_mean_degrees():
    found = caccioli_poisson_theory(1.6, 2.0, price_elasticity=40.0, leverage=1e6)
    assert found.branching_number == pytest.approx(1.6 * 3.2, rel=1e-6)
    survivors = 0.0  # chance that an asset's fall dies out: those of all holders' other assets do
    for _ in range(500):
        survivors = math.exp(3.2 * (math.exp(1.6 * (survivors - 1)) - 1))
    assert found.contagion_probability == pytest.approx(1 - math.exp(1.6 * (survivors - 1)), abs=0.01)


@pytest.mark.parametrize(("given", "expected"), records("caccioli_poisson_window_a")[1:2])
def test_theory_of_overlaps_lies_in_the_band_of_the_record_far_from_the_edges(given, expected):
    found = caccioli_poisson_theory(
        given["mean_bank_degree"],
        given["n_banks"] / given["n_assets"],
        price_elasticity=given["price_elasticity"],
        leverage=given["leverage"],
    )
    low, high = expected["contagion_probability"]["band"]
    assert low <= found.contagion_probability <= high


def test_stable_overlaps_have_no_chance_of_contagion_and_a_branching_number_below_one():
    for mean in (0.9, 8.0, 16.0):
        found = caccioli_poisson_theory(mean, 1.0, price_elasticity=1.0536, leverage=20.0)
        assert (found.regime, found.contagion_probability) == ("stable", 0.0)
        assert found.branching_number < 1.0


@pytest.mark.parametrize(("mean", "ratio"), [(1.5, 1.0), (3.0, 1.0), (4.0, 2.0)])
def test_theory_of_overlaps_lies_in_the_interval_of_a_large_simulation(mean, ratio):
    banks = 6000
    found = caccioli_poisson(
        banks, round(banks / ratio), mean, price_elasticity=1.0536, leverage=25.0, runs=150, seed=4
    ).probability_interval(0.999)
    theory = caccioli_poisson_theory(mean, ratio, price_elasticity=1.0536, leverage=25.0)
    assert found.low <= theory.contagion_probability <= found.high


@given(st.floats(1.2, 12.0), st.floats(0.3, 3.0), st.floats(2.0, 60.0))
def test_d3_more_leverage_lowers_neither_the_branching_number_nor_the_probability(mean, ratio, leverage):
    overlap = PoissonOverlap.of(mean, ratio, price_elasticity=1.0536, assets=64)
    assert overlap.branching_number(leverage) <= overlap.branching_number(1.3 * leverage) + 1e-12
    low, high = overlap.contagion_probability(leverage), overlap.contagion_probability(1.3 * leverage)
    assert 0.0 <= low <= high + 1e-7 <= 1.0 + 1e-7


@pytest.mark.parametrize(("mean", "ratio"), [(2.0, 1.0), (6.0, 1.0), (4.0, 0.5)])
def test_the_branching_number_is_one_at_the_critical_leverage(mean, ratio):
    overlap = PoissonOverlap.of(mean, ratio, price_elasticity=1.0536)
    critical = overlap.critical_leverage()
    assert overlap.branching_number(0.999 * critical) <= 1.0 < overlap.branching_number(1.001 * critical)


def test_the_critical_leverage_is_known_within_about_one_per_cent():
    few = PoissonOverlap.of(8.0, 1.0, price_elasticity=1.0536).critical_leverage()
    many = PoissonOverlap.of(8.0, 1.0, price_elasticity=1.0536, assets=40_000).critical_leverage()
    assert few == pytest.approx(many, rel=0.015)


def test_too_few_links_or_no_price_impact_leave_no_critical_leverage():
    assert PoissonOverlap.of(1.0, 1.0, price_elasticity=1.0536).critical_leverage() is None
    assert PoissonOverlap.of(0.0, 1.0, price_elasticity=1.0536).critical_leverage() is None
    assert PoissonOverlap.of(4.0, 1.0, price_elasticity=0.0).critical_leverage() is None
    assert caccioli_poisson_theory(4.0, 1.0, price_elasticity=0.0, leverage=1e9).regime == "stable"


def test_where_all_creditors_are_vulnerable_defaults_fill_the_giant_component():
    found = gai_kapadia_theory(2.0, 0.0, 0.2)
    share = 0.8
    for _ in range(500):
        share = 1 - math.exp(-2.0 * share)
    assert found.branching_number == 2.0
    assert found.contagion_probability == pytest.approx(share, abs=1e-12)
    assert found.extent == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize(("given", "expected"), records("gai_kapadia_simulation_a")[:2])
def test_theory_of_claims_lies_in_the_band_of_the_record_away_from_the_edges(given, expected):
    found = gai_kapadia_theory(given["mean_degree"], given["capital"], given["interbank_assets"])
    low, high = expected["contagion_probability"]["band"]
    assert low <= found.contagion_probability <= high
    if "mean_extent_given_contagion" in expected:
        low, high = expected["mean_extent_given_contagion"]["band"]
        assert low <= found.extent <= high


@given(st.floats(0.1, 20.0), st.floats(0.005, 0.1))
def test_contagion_through_claims_is_possible_exactly_inside_the_window(mean, capital):
    found, window = gai_kapadia_theory(mean, capital, 0.2), gai_kapadia_window(capital, 0.2)
    inside = window.window_lower is not None and window.window_lower < mean < window.window_upper
    assert (found.regime == "unstable") == inside
    assert (found.contagion_probability > 0.0) == inside
    assert math.isnan(found.extent) != inside


@pytest.mark.parametrize(("mean", "capital"), [(1.5, 0.04), (4.0, 0.045), (6.0, 0.035)])
def test_theory_of_claims_lies_in_the_intervals_of_a_large_simulation(mean, capital):
    found = gai_kapadia_simulation(8000, mean, capital, 0.2, runs=150, seed=4)
    theory = gai_kapadia_theory(mean, capital, 0.2)
    chance = found.probability_interval(0.999)
    assert chance.low <= theory.contagion_probability <= chance.high
    assert found.mean_extent_given_contagion == pytest.approx(theory.extent, abs=0.03)


def test_close_to_an_edge_probability_and_extent_vanish_together_or_apart():
    low, high = gai_kapadia_window(0.04, 0.2).window_lower, gai_kapadia_window(0.04, 0.2).window_upper
    sparse, dense = gai_kapadia_theory(low + 1e-4, 0.04, 0.2), gai_kapadia_theory(high - 1e-4, 0.04, 0.2)
    assert 0.0 < sparse.contagion_probability < 1e-3 and 0.0 < sparse.extent < 1e-3
    assert 0.0 < dense.contagion_probability < 1e-3 and dense.extent > 0.99


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: caccioli_poisson_theory(-1.0, 1.0, price_elasticity=1.0, leverage=9.0), "mean_bank_degree"),
        (lambda: caccioli_poisson_theory(2.0, 0.0, price_elasticity=1.0, leverage=9.0), "banks_per_asset"),
        (lambda: caccioli_poisson_theory(2.0, 1.0, price_elasticity=-1.0, leverage=9.0), "price_elasticity"),
        (lambda: caccioli_poisson_theory(2.0, 1.0, price_elasticity=1.0, leverage=0.0), "leverage"),
        (lambda: caccioli_poisson_theory(2.0, 1.0, price_elasticity=1.0, leverage=9.0, assets=0), "assets"),
        (lambda: caccioli_poisson_theory(1e20, 1.0, price_elasticity=1.0, leverage=9.0), "mean_bank_degree"),
        (lambda: caccioli_poisson_theory(2.0, 1e20, price_elasticity=1.0, leverage=9.0), "banks_per_asset"),
        (lambda: gai_kapadia_theory(math.inf, 0.04, 0.2), "mean_degree"),
        (lambda: gai_kapadia_theory(3.0, 1.2, 0.2), "capital"),
        (lambda: gai_kapadia_theory(3.0, 0.04, "0.2"), "interbank_assets"),
    ],
)
def test_numbers_out_of_range_are_refused_by_name(call, name):
    with pytest.raises(InputError, match=name):
        call()
