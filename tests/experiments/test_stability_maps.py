"""Maps of contagion: exact enumerations, edges by hand, draws that nobody shifts, theory and simulation, refusals."""

import math
from fractions import Fraction

import numpy as np
import pytest

import contagion as ct
from contagion.errors import InputError
from contagion.experiments.stability_networks import OverlapNetworks
from contagion.experiments.stability_pairs import chance_in_pair, expected_pairs, pairs_of
from contagion.propagation.firesales.stability_branching import PoissonOverlap
from contagion.propagation.firesales.stability_graphs import Links
from contagion.propagation.firesales.stability_simulation import (
    caccioli_poisson,
    caccioli_regular_simulation,
    gai_kapadia_simulation,
)
from contagion.streams import stream
from tests.oracles import small_graphs as exact

RANDOM = {"leverage": [6.0, 12.0, 24.0], "bank_degree": [1.5, 3.0, 6.0], "n_banks": 60, "runs": 25, "seed": 3}
REGULAR = {
    "leverage": [9.0, 11.0],
    "bank_degree": [3, 4],
    "n_banks": 60,
    "runs": 20,
    "seed": 3,
    "graph": "regular",
}
CLAIMS = {
    "mean_degree": [0.5, 2.0, 6.0],
    "capital": [0.03, 0.045, 0.08],
    "n_banks": 60,
    "runs": 25,
    "seed": 3,
}


@pytest.fixture(scope="module")
def overlaps():
    return ct.overlap_stability_map(**RANDOM)


@pytest.fixture(scope="module")
def claims():
    return ct.claims_stability_map(**CLAIMS)


def chance(extents, n_banks, threshold):
    """Probability of more than `threshold` failures, and their mean share given that."""
    wide = {failed: p for failed, p in extents.items() if Fraction(failed, n_banks) > Fraction(threshold)}
    total = sum(wide.values())
    return float(total), float(sum(p * failed for failed, p in wide.items()) / total / n_banks)


@pytest.mark.parametrize("leverage", [2.6, 3.4, 6.0])
def test_bands_of_overlaps_cover_the_enumeration_of_all_graphs_of_three_banks_and_two_assets(leverage):
    found = ct.overlap_stability_map(
        leverage, 1.2, 1.5, n_banks=3, runs=1500, seed=8, extent_threshold=0.5, confidence=0.999
    ).table.iloc[0]
    extents = exact.overlap_extents(3, 2, Fraction(3, 5), 1.0536, leverage)
    probability, extent = chance(extents, 3, 0.5)
    assert sum(extents.values()) == 1
    assert found["low"] <= probability <= found["high"]
    assert found["extent_low"] <= extent <= found["extent_high"]


def test_bands_of_regular_overlaps_cover_the_enumeration_of_all_even_graphs():
    for leverage in (2.5, 3.5, 6.0):
        found = ct.overlap_stability_map(
            leverage, 2, n_banks=3, graph="regular", runs=400, seed=8, extent_threshold=0.4, confidence=0.999
        ).table.iloc[0]
        extents = exact.regular_extents(3, 3, 2, 1.0536, leverage)
        wide = float(sum(p for failed, p in extents.items() if failed > 1))
        assert found["low"] <= wide <= found["high"]


@pytest.mark.parametrize("capital", [0.05, 0.12, 0.19])
def test_bands_of_claims_cover_the_enumeration_of_all_networks_of_three_banks(capital):
    found = ct.claims_stability_map(
        0.8, capital, n_banks=3, runs=1500, seed=8, extent_threshold=0.5, confidence=0.999
    ).table.iloc[0]
    extents = exact.claims_extents(3, Fraction(2, 5), Fraction(capital), Fraction(1, 5))
    probability, extent = chance(extents, 3, 0.5)
    assert found["low"] <= probability <= found["high"]
    assert found["extent_low"] <= extent <= found["extent_high"]


def test_a_cell_is_what_the_simulation_of_one_cell_gives_with_the_seed_of_its_column(overlaps, claims):
    row = overlaps.table.query("bank_degree == 3 and leverage == 12").iloc[0]
    one = caccioli_poisson(
        60, 60, 3.0, price_elasticity=1.0536, leverage=12.0, runs=25, seed=int(row["seed"])
    )
    assert row["probability"] == one.contagion_probability
    row = claims.table.query("mean_degree == 2 and capital == 0.03").iloc[0]
    one = gai_kapadia_simulation(60, 2.0, 0.03, 0.2, runs=25, seed=int(row["seed"]))
    assert row["extent"] == pytest.approx(one.mean_extent_given_contagion, abs=1e-15)
    row = ct.overlap_stability_map(**REGULAR).table.query("bank_degree == 4 and leverage == 11").iloc[0]
    one = caccioli_regular_simulation(
        60, 4, 1.0, price_elasticity=1.0536, leverage=11.0, runs=20, seed=int(row["seed"])
    )
    assert row["probability"] == one.contagion_probability


def test_further_cells_columns_and_runs_shift_no_draws(overlaps):
    alone = ct.overlap_stability_map(**{**RANDOM, "leverage": 12.0, "bank_degree": 3.0}).table
    within = overlaps.table.query("bank_degree == 3 and leverage == 12")
    drawn = ["probability", "low", "high", "extent", "seed", "theory"]
    assert alone[drawn].to_numpy().tolist() == within[drawn].to_numpy().tolist()
    backwards = ct.overlap_stability_map(
        **{**RANDOM, "leverage": [24.0, 6.0, 12.0], "bank_degree": [6.0, 1.5, 3.0]}
    )
    assert backwards.table.equals(overlaps.table)
    networks = OverlapNetworks("poisson", 60, 3.0, 1.0)
    long = networks.extents(np.array([12.0]), 1.0536, 30, 3)
    assert (networks.extents(np.array([12.0]), 1.0536, 25, 3) == long[:25]).all()
    assert not ct.overlap_stability_map(**{**RANDOM, "seed": 4}).table.equals(overlaps.table)


def test_along_a_column_more_leverage_or_less_capital_never_helps(overlaps, claims):
    for _, column in overlaps.table.groupby("bank_degree"):
        assert column.sort_values("leverage")["probability"].is_monotonic_increasing
    for _, column in claims.table.groupby("mean_degree"):
        assert column.sort_values("capital")["probability"].is_monotonic_decreasing


def test_the_edge_of_regular_overlaps_is_degree_over_the_fall_of_one_failure_by_diversification_and_crowding():
    edges = ct.overlap_stability_map([5.0, 20.0], [2, 3, 4], n_banks=60, runs=2, graph="regular").edges
    by_hand = [k / (1 - math.exp(-1.0536 / k)) for k in (2, 3, 4)]
    assert edges["leverage"].tolist() == pytest.approx(by_hand, rel=1e-12)
    edges = ct.overlap_stability_map(8.0, 4, [0.25, 0.5, 1.0], n_banks=60, runs=2, graph="regular").edges
    assert list(edges.columns) == ["edge", "banks_per_asset", "leverage"]
    by_hand = [4 / (1 - math.exp(-1.0536 / d)) for d in (2, 4)]
    assert edges["leverage"].tolist() == pytest.approx([math.nan, *by_hand], nan_ok=True)


def test_the_edges_of_random_overlaps_are_those_of_the_branching_process(overlaps):
    edges = overlaps.edges
    at = edges[edges["edge"] == "critical leverage"].set_index("bank_degree")["leverage"]
    for degree in (1.5, 3.0, 6.0):
        assert at[degree] == PoissonOverlap.of(degree, 1.0, price_elasticity=1.0536).critical_leverage()
    assert edges.loc[edges["edge"] == "least diversification", "bank_degree"].tolist() == [1.0, 1.0]
    crowded = ct.overlap_stability_map(20.0, 2.0, [0.5, 1.0], n_banks=60, runs=2).edges
    assert crowded.loc[crowded["edge"] == "least crowding", "banks_per_asset"].tolist() == [0.25, 0.25]


def test_the_edges_of_claims_are_the_steps_of_the_window_of_the_records():
    edges = ct.claims_stability_map([1.0, 8.0], [0.03, 0.04, 0.05, 0.06, 0.07], n_banks=20, runs=2).edges
    names = edges["edge"].unique().tolist()
    assert names == ["lower edge", "top", "upper edge"]
    points = list(dict.fromkeys(map(tuple, edges[["mean_degree", "capital"]].round(9).to_numpy().tolist())))
    third = round(0.2 / 3, 9)
    up = [(1.020703909, 0.04), (1.020703909, 0.05), (1.114141627, 0.05), (1.114141627, third)]
    down = [(3.863068858, third), (3.863068858, 0.05), (5.764677087, 0.05), (5.764677087, 0.04)]
    for part in (up, down):
        start = points.index(part[0])
        assert points[start : start + 4] == part
    assert edges.loc[edges["edge"] == "top", "capital"].tolist() == pytest.approx([0.2 / 3, 0.2 / 3])
    assert ct.claims_stability_map([1.0, 8.0], [0.08, 0.09], n_banks=20, runs=2).edges.empty


def test_the_window_reaches_down_to_no_capital_at_all():
    edges = ct.claims_stability_map([1.0, 8.0], [0.0, 0.02, 0.04], n_banks=20, runs=2).edges
    assert edges["capital"].min() == 0.0
    assert edges.iloc[0]["mean_degree"] == pytest.approx(1.0, abs=1e-6)
    assert edges["mean_degree"].max() > 8.0
    little = ct.claims_stability_map([0.5, 3.0], [1e-5, 1e-4], n_banks=20, runs=2).edges
    assert little["edge"].unique().tolist() == ["lower edge", "upper edge"]
    assert little["mean_degree"].min() == pytest.approx(1.0) and little["mean_degree"].max() > 1000.0


def test_theory_and_regime_of_each_cell_and_which_lie_at_the_edge(claims):
    table = claims.table.set_index(["mean_degree", "capital"])
    assert table["regime"].unstack().to_numpy().tolist() == [
        ["stable", "stable", "stable"],
        ["unstable", "unstable", "stable"],
        ["unstable", "stable", "stable"],
    ]
    assert table["near_edge"].unstack().to_numpy().tolist() == [
        [True, True, False],
        [True, True, True],
        [True, True, False],
    ]
    clear = table[~table["near_edge"]]
    assert claims.agrees == clear["agrees"].mean()
    assert claims.false_contagion == clear["probability"].max()
    agrees = (table["low"] <= table["theory"]) & (table["theory"] <= table["high"])
    assert (table["agrees"] == agrees).all()


def test_large_systems_agree_with_theory_away_from_the_edge():
    found = ct.claims_stability_map(
        [0.5, 0.7, 2.0, 3.0, 4.0, 9.0, 12.0], [0.042, 0.044, 0.046], n_banks=4000, runs=100, confidence=0.999
    )
    assert found.agrees == 1.0
    assert found.false_contagion < 0.03


def test_a_ring_is_marginal_and_theory_says_nothing_of_it():
    found = ct.overlap_stability_map([4.0, 6.0], 2, n_banks=40, runs=5, graph="regular")
    assert found.table["regime"].tolist() == ["stable", "marginal"]
    assert math.isnan(found.table["theory"].iloc[1])
    assert math.isnan(found.agrees) and math.isnan(found.false_contagion)


def test_crossings_lie_between_cells_and_their_band_between_intervals():
    found = ct.overlap_stability_map(np.arange(6.0, 16.0), [2.5, 3.5], n_banks=100, runs=60, seed=2)
    for row in found.crossings(0.5).to_dict("records"):
        column = found.table[found.table["bank_degree"] == row["bank_degree"]].set_index("leverage")
        assert (column.loc[: row["low"], "high"] < 0.5).all() and (
            column.loc[row["high"] :, "low"] > 0.5
        ).all()
        below = column.index[column["probability"] < 0.5].max()
        assert below <= row["leverage"] <= below + 1.0
        assert row["low"] <= row["leverage"] <= row["high"]
    safe = ct.claims_stability_map([0.2], [0.05, 0.06], n_banks=40, runs=10).crossings()
    assert math.isnan(safe["capital"].iloc[0])


def test_crossings_of_capital_have_their_low_end_where_contagion_is_likely(claims):
    row = claims.crossings(0.2).set_index("mean_degree").loc[2.0]
    column = claims.table[claims.table["mean_degree"] == 2.0].set_index("capital")
    assert column.loc[row["low"], "low"] > 0.2
    assert math.isnan(row["high"]) or column.loc[row["high"], "high"] < 0.2


def test_without_price_impact_or_capital_needs_nothing_spreads():
    found = ct.overlap_stability_map([10.0, 1e6], [2.0, 4.0], n_banks=40, runs=5, price_elasticity=0.0)
    assert (found.table["probability"] == 0.0).all() and (found.table["regime"] == "stable").all()
    assert found.edges["leverage"].isna().all()
    found = ct.overlap_stability_map(10.0, 3, n_banks=40, runs=5, price_elasticity=0.0, graph="regular")
    assert found.table["theory"].tolist() == [0.0]


def test_the_card_says_how_much_agrees_and_both_forms_say_the_same(overlaps):
    labels = [label for label, _ in overlaps.card()]
    assert labels == ["networks", "cells", "contagion", "theory", "agreement", "false alarm"]
    for _, text in overlaps.card():
        assert text in repr(overlaps)
    assert "Stability map: overlapping portfolios (poisson)" in overlaps._repr_html_()
    copy = overlaps.to_frame()
    copy["probability"] = 2.0
    assert overlaps.table["probability"].max() <= 1.0


def test_contagion_below_the_edge_of_regular_overlaps_fades_with_size_and_needs_a_pair():
    found = ct.contagion_by_size([40, 200, 2000], [24.0, 27.0], 5, runs=120, seed=5)
    below, above = (found.table[found.table["leverage"] == leverage] for leverage in (24.0, 27.0))
    assert found.critical_leverage == pytest.approx(5 / (1 - math.exp(-1.0536 / 5)))
    assert below["regime"].tolist() == ["stable"] * 3 and above["regime"].tolist() == ["unstable"] * 3
    assert below["low"].iloc[0] > below["high"].iloc[1] and below["low"].iloc[1] > below["high"].iloc[2]
    assert (above["probability"] == 1.0).all()
    assert (below["probability_alone"].fillna(0.0) == 0.0).all()
    assert below["of_critical"].iloc[0] == pytest.approx(24.0 / found.critical_leverage)
    assert (below["low"] <= below["expected_in_pair"]).all() and (
        below["expected_in_pair"] <= below["high"]
    ).all()
    assert "24" in repr(found) and "theory 0%" in found._repr_html_()


def test_pairs_are_counted_as_by_hand_on_random_portfolios():
    for draw in range(40):
        random = np.random.default_rng(draw)
        matrix = (random.random((7, 5)) < 0.5).astype(int)
        row, column = np.nonzero(matrix)
        held = Links.of(row, column, 7)
        shared = matrix @ matrix.T
        for bank in range(7):
            found, inside = pairs_of(held, 5, bank)
            assert found == exact.pairs_sharing_two(matrix.tolist())
            assert inside == any(shared[bank, other] > 1 for other in range(7) if other != bank)


@pytest.mark.parametrize(
    "networks", [OverlapNetworks("poisson", 80, 4.0, 2.0), OverlapNetworks("regular", 300, 4.0, 1.0)]
)
def test_expected_pairs_and_the_chance_to_be_in_one_are_those_of_many_draws(networks):
    runs = 400
    seen = [
        pairs_of(networks.draw(stream(6, "pairs", run)), networks.n_assets, run % networks.n_banks)
        for run in range(runs)
    ]
    counts = np.array([count for count, _ in seen])
    assert counts.mean() == pytest.approx(expected_pairs(networks), abs=4.0 * counts.std() / runs**0.5)
    share, expected = np.mean([inside for _, inside in seen]), chance_in_pair(networks)
    assert share == pytest.approx(expected, abs=4.0 * (expected * (1 - expected) / runs) ** 0.5)


def test_expected_pairs_of_ever_more_banks_tend_to_a_number_without_their_size():
    assert expected_pairs(OverlapNetworks("regular", 10**6, 5.0, 1.0)) == pytest.approx(64.0, rel=1e-4)
    assert expected_pairs(OverlapNetworks("poisson", 10**5, 5.0, 2.0)) == pytest.approx(50.0**2 / 4, rel=1e-3)
    assert expected_pairs(OverlapNetworks("regular", 1, 1.0, 1.0)) == 0.0


def test_two_banks_that_hold_the_same_two_assets_are_surely_in_a_pair():
    found = ct.contagion_by_size(2, 3.0, 2, graph="poisson", runs=5).table.iloc[0]
    assert (found["pairs"], found["expected_pairs"], found["in_pair"]) == (1.0, 1.0, 1.0)
    assert found["expected_in_pair"] == pytest.approx(1.0)
    assert math.isnan(found["probability_alone"])


@pytest.mark.parametrize(
    "make",
    [
        lambda: ct.overlap_stability_map([5.0, 10.0], [0.0, 1e-4, 2.0], n_banks=20, runs=3),
        lambda: ct.overlap_stability_map(
            [0.5, 1.0, 1e9], [1.0, 20.0], n_banks=20, runs=3, price_elasticity=1e4
        ),
        lambda: ct.overlap_stability_map(5.0, 1.0, n_banks=1, runs=3),
        lambda: ct.overlap_stability_map([5.0, 20.0], [1, 20], n_banks=20, runs=3, graph="regular"),
        lambda: ct.claims_stability_map([0.0, 19.0], [0.0, 0.5, 1.0], n_banks=20, runs=3),
        lambda: ct.claims_stability_map([0.5, 3.0], [0.0, 0.1], n_banks=20, runs=3, interbank_assets=0.0),
        lambda: ct.claims_stability_map(3.0, 0.0, n_banks=20, runs=3, extent_threshold=1.0),
        lambda: ct.contagion_by_size(20, 5.0, 1, runs=1),
        lambda: ct.contagion_by_size([20, 40], [5.0, 9.0], 3, runs=3, price_elasticity=0.0),
    ],
)
def test_the_ends_of_all_ranges_make_whole_tables_and_cards(make):
    found = make()
    table = found.to_frame()
    assert ((table["low"] <= table["probability"]) & (table["probability"] <= table["high"])).all()
    assert (table["theory"].isna() | table["theory"].between(0.0, 1.0)).all()
    assert repr(found) and "<table>" in found._repr_html_()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"leverage": []}, "leverage"),
        ({"leverage": [5.0, 0.0]}, r"leverage\[1\]"),
        ({"leverage": [5.0, 5.0]}, "leverage"),
        ({"leverage": [[5.0]]}, "leverage"),
        ({"leverage": "high"}, "leverage"),
        ({"leverage": [math.inf]}, "leverage"),
        ({"bank_degree": [-1.0]}, "bank_degree"),
        ({"bank_degree": [61.0]}, "bank_degree"),
        ({"bank_degree": [2.5], "graph": "regular"}, "bank_degree"),
        ({"bank_degree": [0], "graph": "regular"}, "bank_degree"),
        ({"banks_per_asset": [0.5, 1.0]}, "banks_per_asset"),
        ({"banks_per_asset": 0.0}, "banks_per_asset"),
        ({"banks_per_asset": 0.7}, "n_banks / banks_per_asset"),
        ({"bank_degree": 3, "banks_per_asset": 0.5, "graph": "regular"}, "bank_degree"),
        ({"price_elasticity": -0.1}, "price_elasticity"),
        ({"n_banks": 0}, "n_banks"),
        ({"n_banks": 10**7}, "n_banks"),
        ({"runs": 0}, "runs"),
        ({"runs": 10**7}, "runs"),
        ({"seed": -1}, "seed"),
        ({"extent_threshold": 1.2}, "extent_threshold"),
        ({"confidence": 1.0}, "confidence"),
        ({"graph": "poison"}, "did you mean 'poisson'"),
        ({"graph": None}, "graph"),
    ],
)
def test_maps_of_overlaps_that_make_no_sense_are_refused_by_name(change, name):
    with pytest.raises(InputError, match=name):
        ct.overlap_stability_map(**{**RANDOM, **change})


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"mean_degree": [-0.5]}, "mean_degree"),
        ({"mean_degree": [60.0]}, "mean_degree"),
        ({"capital": [1.5]}, "capital"),
        ({"capital": [0.03, math.nan]}, r"capital\[1\]"),
        ({"interbank_assets": -0.1}, "interbank_assets"),
        ({"n_banks": 1}, "n_banks"),
        ({"runs": 2.5}, "runs"),
    ],
)
def test_maps_of_claims_that_make_no_sense_are_refused_by_name(change, name):
    with pytest.raises(InputError, match=name):
        ct.claims_stability_map(**{**CLAIMS, **change})


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"n_banks": [50, 50]}, "n_banks"),
        ({"n_banks": [50.5]}, "n_banks"),
        ({"n_banks": [3]}, "bank_degree"),
        ({"bank_degree": [4, 5]}, "bank_degree"),
        ({"leverage": -1.0}, "leverage"),
        ({"graph": "ring"}, "graph"),
    ],
)
def test_sizes_that_make_no_sense_are_refused_by_name(change, name):
    with pytest.raises(InputError, match=name):
        ct.contagion_by_size(**{"n_banks": [50, 100], "leverage": 9.0, "bank_degree": 4, "runs": 2, **change})
