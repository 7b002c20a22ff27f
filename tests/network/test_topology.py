"""The shape of a network against networkx, closed forms and plain definitions."""

from itertools import combinations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

import contagion as ct
from contagion.claims import Claims
from contagion.errors import InputError
from contagion.network.topology import (
    components,
    concentration,
    core_numbers,
    core_periphery,
    distance_to_instability,
    holdings_matrix,
    links,
    portfolio_overlap,
    reach,
    topology,
)

SEEDS = range(8)


def network(seed, n=30, degree=2.5):
    draw = np.random.default_rng(seed)
    debts = np.where(draw.random((n, n)) < degree / n, draw.integers(1, 50, (n, n)), 0).astype(float)
    np.fill_diagonal(debts, 0.0)
    return debts


def star(n):
    debts = np.zeros((n, n))
    debts[0, 1:], debts[1:, 0] = 1.0, 1.0
    return debts


def ring(n):
    return np.roll(np.eye(n), 1, axis=1)


def complete(n):
    return np.ones((n, n)) - np.eye(n)


def graph(debts):
    return nx.from_numpy_array(np.asarray(debts), create_using=nx.DiGraph)


@pytest.mark.parametrize("seed", SEEDS)
def test_links_agree_with_networkx(seed):
    debts = network(seed)
    found, wanted = links(debts), graph(debts)
    assert found.creditors.tolist() == [wanted.out_degree(v) for v in wanted]
    assert found.debtors.tolist() == [wanted.in_degree(v) for v in wanted]
    assert found.count == wanted.number_of_edges()
    assert found.density == pytest.approx(nx.density(wanted), rel=1e-14)
    assert found.reciprocity == pytest.approx(nx.overall_reciprocity(wanted), rel=1e-14)
    assert found.assortativity == pytest.approx(nx.degree_assortativity_coefficient(wanted), abs=1e-12)
    either = nx.Graph(wanted)
    assert found.clustering.tolist() == pytest.approx([nx.clustering(either, v) for v in either], rel=1e-14)
    assert found.mean_clustering == pytest.approx(nx.average_clustering(either), rel=1e-13)


@pytest.mark.parametrize("seed", SEEDS)
def test_components_reach_and_cores_agree_with_networkx(seed):
    debts = network(seed, n=80, degree=1.2 + 0.2 * seed)
    wanted = graph(debts)
    assert reach(debts).tolist() == [len(nx.descendants(wanted, v)) for v in wanted]
    assert reach(debts, along="exposures").tolist() == [len(nx.ancestors(wanted, v)) for v in wanted]
    found = components(debts)
    strong = list(nx.strongly_connected_components(wanted))
    assert found.count == len(strong)
    for part in strong:
        members = sorted(part)
        assert len({int(found.component[v]) for v in members}) == 1
        assert found.component_size[members[0]] == len(part)
    assert found.component_size[found.component == 0][0] == max(map(len, strong))
    cores = nx.core_number(nx.Graph(wanted))
    assert core_numbers(debts).tolist() == [cores[v] for v in wanted]


def test_a_chain_longer_than_a_word_of_bits_is_reached_to_its_end():
    n = 200
    chain = Claims.from_edges([[k, k + 1, 1.0] for k in range(n - 1)], n=n)
    assert reach(chain).tolist() == list(range(n - 1, -1, -1))
    assert reach(chain, along="exposures").tolist() == list(range(n))


def test_star_ring_and_complete_network():
    for n in (3, 6):
        assert links(star(n)).clustering.tolist() == [0.0] * n
        assert links(star(n)).assortativity == pytest.approx(-1.0)
        assert links(star(n)).reciprocity == 1.0
        assert core_periphery(star(n)).core.tolist() == [True] + [False] * (n - 1)
        assert core_periphery(star(n)).errors == 0
        assert core_numbers(star(n)).tolist() == [1] * n
        assert concentration(star(n)).debts.tolist() == pytest.approx([1 / (n - 1)] + [1.0] * (n - 1))
    assert links(ring(5)).density == 0.25
    assert links(ring(5)).assortativity == 0.0
    assert links(ring(5)).reciprocity == 0.0
    assert reach(ring(5)).tolist() == [4] * 5
    assert components(ring(5)).count == 1
    assert links(complete(5)).clustering.tolist() == [1.0] * 5
    assert links(complete(5)).density == 1.0
    assert core_periphery(complete(5)).errors == 0
    assert core_periphery(complete(5)).core.tolist() == [True] * 4 + [
        False
    ]  # the smaller of two perfect cores
    assert core_numbers(complete(5)).tolist() == [4] * 5
    assert concentration(complete(5)).system_debts == pytest.approx(0.2)


def test_two_components_and_a_node_alone():
    debts = np.zeros((6, 6))
    debts[:3, :3], debts[3:5, 3:5] = ring(3), ring(2)
    assert components(debts).component.tolist() == [0, 0, 0, 1, 1, 2]
    assert components(debts).component_size.tolist() == [3, 3, 3, 2, 2, 1]
    assert reach(debts).tolist() == [2, 2, 2, 1, 1, 0]


def error(debts, core):
    """The score of Craig and von Peter, written down block by block."""
    n = len(debts)
    lends = np.asarray(debts).T > 0
    inside, outside = [v for v in range(n) if core[v]], [v for v in range(n) if not core[v]]
    missing = sum(not lends[i, j] for i in inside for j in inside if i != j)
    stray = sum(lends[i, j] for i in outside for j in outside)
    idle = sum(not any(lends[i, j] for j in outside) for i in inside)
    idle += sum(not any(lends[j, i] for j in outside) for i in inside)
    return int(missing + stray + idle * len(outside))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_set_has_a_smaller_error_than_the_exact_core(seed):
    debts = network(seed, n=7, degree=3)
    found = core_periphery(debts)
    assert found.exact
    sets = [set(chosen) for size in range(8) for chosen in combinations(range(7), size)]
    assert found.errors == min(error(debts, [v in chosen for v in range(7)]) for chosen in sets)
    assert found.errors == error(debts, found.core)
    assert found.error_score == found.errors / np.count_nonzero(debts)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_single_move_lowers_the_error_of_the_greedy_core(seed):
    debts = network(seed, n=18, degree=4)
    found = core_periphery(debts)
    assert found.method == "greedy"
    assert found.errors == error(debts, found.core)
    for v in range(18):
        other = found.core.copy()
        other[v] = ~other[v]
        assert error(debts, other) >= found.errors


@pytest.mark.parametrize("seed", SEEDS)
def test_a_planted_core_is_found(seed):
    draw = np.random.default_rng(seed)
    n, size = 60, 8
    debts = np.zeros((n, n))
    debts[:size, :size] = complete(size)
    for v in range(size, n):
        debts[v, draw.integers(size)] = debts[draw.integers(size), v] = 1.0
    debts[np.arange(size), np.arange(size) + size] = debts[np.arange(size) + size, np.arange(size)] = 1.0
    order = draw.permutation(n)
    found = core_periphery(debts[np.ix_(order, order)])
    assert found.errors == 0
    assert sorted(order[found.core]) == list(range(size))
    by_number = core_periphery(debts, method="k_core")
    assert by_number.core.tolist() == [True] * size + [False] * (n - size)


def test_a_network_without_links_has_no_core_and_no_undefined_number():
    found = topology(Claims.from_edges([], n=3), equity=[1, 0, -1])
    assert not found.nodes["core"].any()
    assert found.system["core_error"] == 0.0
    assert found.system["distance_to_instability"] == 1.0
    assert not found.nodes.isna().any().any()
    assert not found.system.isna().any()
    assert topology([[0.0]]).system["nodes"] == 1.0


@pytest.mark.parametrize("seed", SEEDS)
def test_overlap_is_its_definition(seed):
    draw = np.random.default_rng(seed)
    held = np.where(draw.random((9, 5)) < 0.4, draw.random((9, 5)) * 10.0**seed, 0.0)
    cosine, jaccard = (portfolio_overlap(csr_array(held), measure=m).toarray() for m in ("cosine", "jaccard"))
    for i in range(9):
        for j in range(9):
            both, either = ((held[i] > 0) & (held[j] > 0)).sum(), ((held[i] > 0) | (held[j] > 0)).sum()
            lengths = np.linalg.norm(held[i]) * np.linalg.norm(held[j])
            apart = i != j and both > 0
            assert cosine[i, j] == pytest.approx(held[i] @ held[j] / lengths if apart else 0.0, rel=1e-12)
            assert jaccard[i, j] == pytest.approx(both / either if apart else 0.0, rel=1e-14)


def test_overlap_of_a_network_is_that_of_money_held():
    net = ct.Network(
        nodes=[{"name": "A"}, {"name": "B"}],
        assets=[{"name": "X", "price": 2.0}, {"name": "Y", "price": 1.0}],
        holdings=[
            {"node": "A", "asset": "X", "quantity": 1.5},
            {"node": "A", "asset": "Y", "quantity": 4.0},
            {"node": "B", "asset": "X", "quantity": 7.0},
        ],
    )
    assert sorted(holdings_matrix(net).toarray().ravel().tolist()) == [0.0, 3.0, 4.0, 14.0]
    assert portfolio_overlap(net).toarray()[0, 1] == pytest.approx(0.6)


@pytest.mark.parametrize("seed", SEEDS)
def test_distance_to_instability_is_that_of_all_eigenvalues(seed):
    debts = network(seed, n=12)
    equity = np.random.default_rng(seed).uniform(5.0, 60.0, 12)
    radius = np.abs(np.linalg.eigvals(debts.T / equity[:, None])).max()
    assert distance_to_instability(debts, equity=equity) == pytest.approx(1.0 - radius, abs=1e-9)
    assert topology(debts, equity=equity).system["spectral_radius"] == pytest.approx(radius, abs=1e-9)


def test_names_in_another_order_give_the_same_values_for_every_name():
    names = [f"bank {k}" for k in range(30)]
    frame = pd.DataFrame(network(4), index=names, columns=names)
    order = np.random.default_rng(0).permutation(names)
    equity = pd.Series(np.arange(30.0) + 1, index=names)
    one, other = topology(frame, equity=equity), topology(frame.loc[order, order], equity=equity[order])
    pd.testing.assert_frame_equal(one.nodes.loc[order], other.nodes, check_exact=True)
    pd.testing.assert_series_equal(one.system, other.system, check_exact=True)


def test_a_network_of_tables_gives_a_row_per_node_and_a_series():
    net = ct.Network.from_matrix(
        pd.DataFrame([[0, 2, 1], [1, 0, 0], [1, 0, 0]], index=list("ABC"), columns=list("ABC")),
        cash={"A": 5.0, "B": 1.0, "C": 1.0},
    )
    found = ct.network.topology.topology(net)
    assert found.nodes.index.tolist() == net.nodes.index.tolist()
    # equity: A 5 + 2 - 3, B 1 + 2 - 1, C 1 + 1 - 1
    assert found.system["spectral_radius"] == pytest.approx(np.sqrt(1 / 4 * 2 / 2 + 1 / 4 * 1 / 1))
    assert topology(net, equity={"A": 0.0, "B": 1.0, "C": 1.0}).system["distance_to_instability"] == -np.inf


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: reach(ring(3), along="shares"), "along"),
        (lambda: core_periphery(ring(3), method="best"), "method"),
        (lambda: core_periphery(ring(16), method="exact"), "15"),
        (lambda: links([[0, 1], [2, 3]]), "self"),
        (lambda: concentration([[0, -1], [0, 0]]), "negative"),
        (lambda: portfolio_overlap([[1, -1]]), "holdings"),
        (lambda: portfolio_overlap(csr_array(np.array([[1.0, np.inf]]))), "finite"),
        (lambda: portfolio_overlap([1, 2]), "holdings"),
        (lambda: portfolio_overlap([[1, 2]], measure="euclid"), "measure"),
        (lambda: distance_to_instability(ring(2), equity=[1, 0]), "equity"),
    ],
)
def test_what_is_wrong_is_named(call, word):
    with pytest.raises(InputError, match=word):
        call()
