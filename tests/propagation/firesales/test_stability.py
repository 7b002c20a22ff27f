"""Thresholds and simulated cascades against exact rounds in fractions, hand calculations, theory and refusals."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.errors import InputError
from contagion.propagation.firesales import stability_graphs as graphs
from contagion.propagation.firesales.stability import caccioli_regular, gai_kapadia_window
from contagion.propagation.firesales.stability_kernels import claims_failures, overlap_failures
from contagion.propagation.firesales.stability_simulation import (
    caccioli_poisson,
    caccioli_regular_simulation,
    gai_kapadia_simulation,
)

POISSON = {"n_banks": 40, "n_assets": 30, "mean_bank_degree": 3.0, "price_elasticity": 1.05, "leverage": 20.0}
REGULAR = {
    "n_banks": 40,
    "bank_degree": 3,
    "banks_per_asset": 1.0,
    "price_elasticity": 1.05,
    "leverage": 11.0,
}
CLAIMS = {"n_banks": 40, "mean_degree": 3.0, "capital": 0.04, "interbank_assets": 0.2}


def links(matrix):
    """Links of a matrix of zeros and ones."""
    row, column = np.nonzero(matrix)
    return graphs.Links.of(row, column, len(matrix))


def overlap(matrix, first, elasticity, equity):
    held = links(matrix)
    turned = held.turned(len(matrix[0]))
    return overlap_failures(held.start, held.column, turned.start, turned.column, first, elasticity, equity)


def sold_out(matrix, first, elasticity, equity):
    """The least set of failures that holds the first, from plain sweeps over all banks."""
    degree = [sum(row) for row in matrix]
    failed = {first}
    while True:
        price = []
        for asset in range(len(matrix[0])):
            owners = [b for b, row in enumerate(matrix) if row[asset]]
            total = sum(Fraction(1, degree[b]) for b in owners)
            sold = sum((Fraction(1, degree[b]) for b in owners if b in failed), Fraction(0))
            price.append(math.exp(-elasticity * float(sold / total)) if total else 1.0)
        more = {
            b
            for b, row in enumerate(matrix)
            if degree[b]
            and sum(1 - price[a] for a, held in enumerate(row) if held) / degree[b] > equity + 1e-12
        }
        if more <= failed:
            return len(failed)
        failed |= more


def lost_claims(matrix, first, claims, capital):
    """The same for claims on defaulters, `matrix[i][j]` being 1 where i owes j."""
    n = len(matrix)
    debtors = [sum(matrix[i][j] for i in range(n)) for j in range(n)]
    failed = {first}
    while True:
        more = {
            j
            for j in range(n)
            if debtors[j]
            and Fraction(claims) * sum(matrix[i][j] for i in failed) / debtors[j]
            > Fraction(capital) + Fraction(1e-12)
        }
        if more <= failed:
            return len(failed)
        failed |= more


@given(st.data(), st.integers(1, 7), st.integers(1, 6))
def test_sales_fail_the_banks_of_plain_sweeps(data, n_banks, n_assets):
    row = st.lists(st.integers(0, 1), min_size=n_assets, max_size=n_assets)
    matrix = data.draw(st.lists(row, min_size=n_banks, max_size=n_banks))
    first = data.draw(st.integers(0, n_banks - 1))
    elasticity, equity = data.draw(st.integers(0, 40)) / 16, data.draw(st.integers(0, 33)) / 37
    assert overlap(matrix, first, elasticity, equity) == sold_out(matrix, first, elasticity, equity)


@given(st.data(), st.integers(2, 8))
def test_lost_claims_fail_the_banks_of_plain_sweeps(data, n):
    pairs = [(i, j) for i, j in product(range(n), repeat=2) if i != j]
    present = data.draw(st.sets(st.sampled_from(pairs)))
    matrix = [[int((i, j) in present) for j in range(n)] for i in range(n)]
    first, quarters = data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, 16))
    owed = links(matrix)
    degree = np.bincount(owed.column, minlength=n).astype(np.int64)
    found = claims_failures(owed.start, owed.column, degree, first, 0.25, quarters / 64)
    assert found == lost_claims(matrix, first, 0.25, quarters / 64)


def test_a_loss_that_equals_capital_does_not_fail_and_a_little_more_does():
    owed = links([[0, 1, 1], [0, 0, 0], [0, 1, 0]])
    degree = np.array([0, 2, 1])
    assert claims_failures(owed.start, owed.column, degree, 0, 0.2, 0.2) == 1
    assert claims_failures(owed.start, owed.column, degree, 0, 0.2, 0.1) == 3
    assert claims_failures(owed.start, owed.column, degree, 1, 0.2, 0.0) == 1


def test_d1_without_price_impact_nobody_else_fails():
    found = caccioli_poisson(**{**POISSON, "price_elasticity": 0.0, "leverage": 1e9}, runs=20, seed=3)
    assert (found.extent == 1 / 40).all()
    assert (found.contagion_probability, math.isnan(found.mean_extent_given_contagion)) == (0.0, True)
    assert math.isnan(found.extent_interval().value)
    found = caccioli_regular_simulation(**{**REGULAR, "price_elasticity": 0.0}, runs=5, seed=3)
    assert (found.extent == 1 / 40).all()
    assert found.critical_leverage is None


def test_d3_more_leverage_less_capital_or_more_impact_fails_no_fewer_on_the_same_networks():
    for key, low, high in (("leverage", 12.0, 24.0), ("price_elasticity", 0.6, 1.2)):
        few = caccioli_poisson(**{**POISSON, key: low}, runs=20, seed=5).extent
        assert (few <= caccioli_poisson(**{**POISSON, key: high}, runs=20, seed=5).extent).all()
    few = gai_kapadia_simulation(**{**CLAIMS, "capital": 0.06}, runs=30, seed=5).extent
    assert (few <= gai_kapadia_simulation(**CLAIMS, runs=30, seed=5).extent).all()


def test_the_first_runs_of_a_longer_simulation_are_the_shorter_one():
    for simulate, keys in (
        (caccioli_poisson, POISSON),
        (caccioli_regular_simulation, {**REGULAR, "leverage": 9.5}),
        (gai_kapadia_simulation, CLAIMS),
    ):
        long = simulate(**keys, runs=12, seed=9).extent
        assert (simulate(**keys, runs=5, seed=9).extent == long[:5]).all()
        assert (simulate(**keys, runs=12, seed=10).extent != long).any()


def test_probability_and_extent_are_those_of_the_runs_above_the_threshold_strictly():
    found = gai_kapadia_simulation(**CLAIMS, runs=60, seed=2, extent_threshold=0.05)
    wide = found.extent[found.extent > 0.05]
    assert 0 < len(wide) < 60
    assert found.contagion_probability == len(wide) / 60
    assert found.mean_extent_given_contagion == wide.mean()
    interval = found.probability_interval()
    assert interval.low < found.contagion_probability < interval.high
    assert found.extent_interval().low < wide.mean() <= found.extent_interval().high
    everything = gai_kapadia_simulation(
        **{**CLAIMS, "mean_degree": 0.0}, runs=3, seed=2, extent_threshold=1 / 40
    )
    assert everything.contagion_probability == 0.0


def test_regular_networks_fail_whole_above_the_critical_leverage_and_hardly_below():
    critical = caccioli_regular(3, 1.0, price_elasticity=1.05).critical_leverage
    above = caccioli_regular_simulation(
        **{**REGULAR, "n_banks": 300, "leverage": 1.01 * critical}, runs=6, seed=1
    )
    below = caccioli_regular_simulation(
        **{**REGULAR, "n_banks": 300, "leverage": 0.99 * critical}, runs=6, seed=1
    )
    assert above.contagion_probability == 1.0
    assert below.contagion_probability < 0.5
    assert above.critical_leverage == critical


@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 4), st.integers(0, 9))
def test_regular_portfolios_have_equal_degrees_and_nothing_twice(n_assets, ratio, degree, seed):
    degree = min(degree * 3, n_assets)
    held = graphs.regular_portfolios(n_assets * ratio, n_assets, degree, np.random.default_rng(seed))
    assert (np.diff(held.start) == degree).all()
    assert (np.bincount(held.column, minlength=n_assets) == degree * ratio).all()
    pairs = held.row * n_assets + held.column
    assert len(set(pairs.tolist())) == len(pairs)


def test_regular_portfolios_reach_every_graph_about_equally():
    seen = {}
    for draw in range(900):
        held = graphs.regular_portfolios(3, 3, 1, np.random.default_rng(draw))
        seen[tuple(held.column.tolist())] = seen.get(tuple(held.column.tolist()), 0) + 1
    assert len(seen) == 6
    assert min(seen.values()) > 100


@pytest.mark.parametrize("probability", [0.0, 0.03, 0.5, 1.0])
def test_pairs_are_chosen_as_often_as_their_probability_says(probability):
    counts = np.zeros(50)
    for draw in range(400):
        chosen = graphs.chosen_pairs(50, probability, np.random.default_rng(draw))
        assert (np.diff(chosen) > 0).all()
        counts[chosen] += 1
    spread = 4.5 * math.sqrt(400 * probability * (1 - probability))
    assert (np.abs(counts - 400 * probability) <= spread).all()


def test_nobody_owes_itself_and_all_others_when_links_are_certain():
    debts = graphs.random_debts(5, 1.0, np.random.default_rng(1))
    assert sorted(zip(debts.row.tolist(), debts.column.tolist(), strict=True)) == [
        (i, j) for i, j in product(range(5), repeat=2) if i != j
    ]


def test_critical_leverage_is_degree_over_the_fall_of_one_failure():
    found = caccioli_regular(4, 0.5, price_elasticity=1.0536, leverage=9.0)
    fall = 1 - math.exp(-1.0536 / 2)
    assert found.asset_degree == 2
    assert found.critical_leverage == pytest.approx(4 / fall, rel=1e-14)
    assert (found.offspring_first, found.offspring_later, found.regime) == (4, 3, "stable")
    assert found.leverage_gap == pytest.approx(4 / fall - 9.0)
    assert caccioli_regular(3, 1 / 3, price_elasticity=1.0).asset_degree == 1
    assert caccioli_regular(3, 1.0, price_elasticity=1.0).regime is None


@pytest.mark.parametrize("degree", [2, 3, 7])
def test_leverage_at_the_critical_one_is_stable_and_above_it_is_not(degree):
    critical = degree / (1 - math.exp(-1.0536 / degree))
    regimes = [
        caccioli_regular(degree, 1.0, price_elasticity=1.0536, leverage=critical * factor).regime
        for factor in (1.0, 1.0 + 1e-9)
    ]
    assert regimes == ["stable", "marginal" if degree == 2 else "unstable"]


def test_without_price_impact_any_leverage_is_stable():
    found = caccioli_regular(3, 1.0, price_elasticity=0.0, leverage=1e6)
    assert (found.critical_leverage, found.leverage_gap, found.regime) == (None, None, "stable")
    assert found.price_return_one_failure == 0.0


@given(st.integers(3, 60))
def test_edges_of_the_window_solve_the_sum_over_vulnerable_degrees(most):
    found = gai_kapadia_window(0.5 / (most + 0.5), 0.5)
    assert found.max_vulnerable_in_degree == most
    for mean in (found.window_lower, found.window_upper):
        law = [math.exp(-mean + j * math.log(mean) - math.lgamma(j + 1)) for j in range(1, most + 1)]
        assert sum(j * p for j, p in enumerate(law, 1)) == pytest.approx(1.0, abs=1e-10)
    assert 1.0 <= found.window_lower < found.window_upper


def test_capital_that_equals_a_claim_withstands_it():
    assert gai_kapadia_window(0.05, 0.2).max_vulnerable_in_degree == 3
    assert gai_kapadia_window(0.05 - 1e-9, 0.2).max_vulnerable_in_degree == 4
    assert gai_kapadia_window(0.3, 0.2).max_vulnerable_in_degree == 0
    assert gai_kapadia_window(0.3, 0.2).window_lower is None
    assert gai_kapadia_window(0.0, 0.0).max_vulnerable_in_degree == 0


def test_without_capital_everybody_is_vulnerable_and_the_window_has_no_upper_edge():
    found = gai_kapadia_window(0.0, 0.2)
    assert (found.max_vulnerable_in_degree, found.window_lower, found.window_upper) == (None, 1.0, None)
    assert gai_kapadia_window(1e-7, 0.2).window_upper > 1e6


@pytest.mark.parametrize(
    ("simulate", "keys", "key", "value"),
    [
        (caccioli_poisson, POISSON, "n_banks", 0),
        (caccioli_poisson, POISSON, "n_assets", 2.5),
        (caccioli_poisson, POISSON, "mean_bank_degree", 31.0),
        (caccioli_poisson, POISSON, "price_elasticity", -1.0),
        (caccioli_poisson, POISSON, "leverage", 0.0),
        (caccioli_poisson, POISSON, "runs", 0),
        (caccioli_poisson, POISSON, "seed", -1),
        (caccioli_poisson, POISSON, "extent_threshold", 1.5),
        (caccioli_regular_simulation, REGULAR, "bank_degree", 41),
        (caccioli_regular_simulation, REGULAR, "bank_degree", 1.5),
        (caccioli_regular_simulation, {**REGULAR, "bank_degree": 1}, "bank_degree", 3.3),
        (caccioli_regular_simulation, REGULAR, "banks_per_asset", 0.0),
        (caccioli_regular_simulation, {**REGULAR, "banks_per_asset": 3.0}, "n_banks", 40),
        (caccioli_poisson, POISSON, "n_banks", 1e20),
        (caccioli_poisson, POISSON, "n_assets", 10**400),
        (caccioli_poisson, {**POISSON, "n_assets": 10**8, "n_banks": 10**8}, "mean_bank_degree", 1e8 + 1),
        (caccioli_poisson, POISSON, "runs", 1e20),
        (caccioli_regular_simulation, REGULAR, "banks_per_asset", 1e308),
        (gai_kapadia_simulation, CLAIMS, "n_banks", 1e300),
        (gai_kapadia_simulation, CLAIMS, "n_banks", 1),
        (gai_kapadia_simulation, CLAIMS, "mean_degree", -0.1),
        (gai_kapadia_simulation, CLAIMS, "capital", 1.1),
        (gai_kapadia_simulation, CLAIMS, "interbank_assets", math.nan),
    ],
)
def test_simulations_that_make_no_sense_are_refused_by_name(simulate, keys, key, value):
    with pytest.raises(InputError, match=key):
        simulate(**{"runs": 2, "seed": 1, **keys, key: value})


def test_networks_of_more_than_a_billion_links_are_refused_before_one_is_drawn():
    with pytest.raises(InputError, match="too many links"):
        caccioli_poisson(10**8, 10**8, 50.0, price_elasticity=1.0, leverage=9.0, runs=1, seed=1)
    with pytest.raises(InputError, match="too many links"):
        gai_kapadia_simulation(10**8, 50.0, 0.04, 0.2, runs=1, seed=1)


@pytest.mark.parametrize(
    ("degree", "ratio", "key"),
    [
        (10**300, 1.0, "bank_degree"),
        (3, 1e308, "bank_degree"),
        (3, 0.5, "bank_degree"),
        (0, 1.0, "bank_degree"),
        (2, -1.0, "banks_per_asset"),
    ],
)
def test_degrees_that_are_not_whole_are_refused(degree, ratio, key):
    with pytest.raises(InputError, match=key):
        caccioli_regular(degree, ratio, price_elasticity=1.0)
