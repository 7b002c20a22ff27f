"""Made interbank networks have the links of their kind, and balance sheets that balance."""

import itertools

import networkx as nx
import numpy as np
import pytest
from scipy import stats
from scipy.sparse.csgraph import connected_components

import contagion as ct
from contagion import facts
from contagion.errors import InputError, TooLargeError
from contagion.generate.interbank_degrees import check_degrees, with_degrees
from contagion.generate.interbank_links import draw_links

KINDS = ("core_periphery", "erdos_renyi", "scale_free", "small_world", "random_regular", "given_degrees")


def make(kind, n, seed=0, **options):
    if kind == "given_degrees" and "out_degrees" not in options:
        degrees = np.random.default_rng(n).integers(0, 4, n)
        options |= {"out_degrees": degrees, "in_degrees": degrees[::-1]}
    return ct.generate.interbank_sheets(kind, n, seed, **options)


def links(sheets):
    return set(zip(sheets.claims.debtor.tolist(), sheets.claims.creditor.tolist(), strict=True))


def out_degrees(sheets):
    return np.diff(sheets.claims.indptr)


def in_degrees(sheets):
    return np.bincount(sheets.claims.creditor, minlength=sheets.n)


def is_connected(sheets):
    return connected_components(sheets.claims.matrix(), directed=True, connection="weak")[0] == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sizes", ["log_normal", "pareto"])
@pytest.mark.parametrize("n", [30, 2000])
def test_every_bank_balances_and_keeps_its_shares(kind, sizes, n):
    sheets = make(kind, n, 3, sizes=sizes, interbank_share=0.3, capital_ratio=0.07, cash_share=0.05)
    assets, claims = sheets.total_assets, sheets.claims
    np.testing.assert_allclose(sheets.external_assets + sheets.cash + claims.claimed, assets, rtol=1e-12)
    debts = claims.owed + sheets.external_liabilities
    np.testing.assert_allclose(debts + sheets.equity, assets, rtol=1e-12)
    np.testing.assert_allclose(sheets.equity, 0.07 * assets, rtol=1e-12)
    np.testing.assert_allclose(sheets.cash, 0.05 * assets, rtol=1e-12)
    for side in (claims.owed, claims.claimed):
        assert (side <= 0.3 * assets * (1 + 1e-9)).all()
    for column in (sheets.external_assets, sheets.external_liabilities, sheets.cash):
        assert (column >= 0.0).all()
    assert (claims.amount > 0.0).all()
    assert (claims.debtor != claims.creditor).all()
    assert 0.03 < claims.amount.sum() / assets.sum() <= 0.3


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bits_and_another_one_another_network(kind):
    first, again, other = make(kind, 60, 5), make(kind, 60, 5), make(kind, 60, 6)
    assert (first.claims.creditor == again.claims.creditor).all()
    assert (first.claims.amount == again.claims.amount).all()
    assert (first.external_assets == again.external_assets).all()
    assert links(first) != links(other)
    richer = make(kind, 60, 5, capital_ratio=0.1)
    assert links(first) == links(richer)
    assert (first.claims.amount == richer.claims.amount).all()


def test_the_network_holds_what_the_sheets_hold():
    sheets = make("scale_free", 120, 2, mean_degree=3)
    net = ct.generate.interbank("scale_free", 120, 2, mean_degree=3)
    assert net.nodes["kind"].eq("institution").all()
    assert list(net.nodes.index[[0, 119]]) == ["bank-000", "bank-119"]
    for column in ("cash", "external_assets", "external_liabilities"):
        assert (net.nodes[column].to_numpy() == getattr(sheets, column)).all()
    assert net.obligations["amount"].sum() == pytest.approx(sheets.claims.amount.sum(), rel=1e-12)
    assert len(net.obligations) == len(sheets.claims.amount)


@pytest.mark.parametrize("kind", KINDS)
def test_one_bank_is_a_network(kind):
    options = {"out_degrees": [0], "in_degrees": [0]} if kind == "given_degrees" else {}
    net = ct.generate.interbank(kind, 1, **options)
    assert (len(net.nodes), len(net.obligations)) == (1, 0)


def test_every_pair_of_an_erdos_renyi_network_is_linked_equally_often():
    n, runs, degree = 5, 600, 1.5
    counts = np.zeros((n, n))
    totals = []
    for seed in range(runs):
        debtor, creditor = draw_links("erdos_renyi", n, seed, {"mean_degree": degree})
        counts[debtor, creditor] += 1
        totals.append(len(debtor))
    share = degree / (n - 1)
    pairs = counts[~np.eye(n, dtype=bool)]
    assert (np.diag(counts) == 0).all()
    assert stats.chisquare(pairs, np.full(20, pairs.mean())).pvalue > 1e-3
    assert np.mean(totals) == pytest.approx(20 * share, abs=5 * np.sqrt(20 * share * (1 - share) / runs))
    assert np.var(totals) == pytest.approx(20 * share * (1 - share), rel=0.3)


def test_degrees_of_an_erdos_renyi_network_are_binomial():
    sheets = make("erdos_renyi", 20_000, 1, mean_degree=4)
    for degrees in (out_degrees(sheets), in_degrees(sheets)):
        seen = np.bincount(np.minimum(degrees, 12), minlength=13)
        law = stats.binom(19_999, 4 / 19_999)
        expected = 20_000 * np.append(law.pmf(np.arange(12)), law.sf(11))
        assert stats.chisquare(seen, expected).pvalue > 1e-3
    everybody = make("erdos_renyi", 6, 1, mean_degree=5)
    assert len(everybody.claims.amount) == 30


def test_a_core_is_complete_and_the_others_deal_with_it_alone():
    sheets = make("core_periphery", 400, 4, core_size=15, periphery_degree=2.5)
    found = np.zeros((400, 400), dtype=bool)
    found[sheets.claims.debtor, sheets.claims.creditor] = True
    assert (found[:15, :15] == ~np.eye(15, dtype=bool)).all()
    assert not found[15:, 15:].any()
    assert (found[15:, :15].sum(1) >= 1).all()
    assert (found[:15, 15:].sum(0) >= 1).all()
    assert found[15:, :15].sum(1).mean() == pytest.approx(2.5, abs=5 * np.sqrt(14 * 0.107 * 0.893 / 385))
    assert is_connected(sheets)
    assert sheets.total_assets[:15].mean() > 3 * sheets.total_assets[15:].mean()
    assert is_connected(make("core_periphery", 1800, 1))
    thin = make("core_periphery", 400, 4, core_size=15, core_density=0.5)
    core = (thin.claims.debtor < 15) & (thin.claims.creditor < 15)
    assert core.sum() == pytest.approx(105, abs=5 * np.sqrt(210 / 4))


def test_core_partners_are_every_subset_equally_often():
    counts = dict.fromkeys(itertools.combinations(range(4), 2), 0)
    sheets = make("core_periphery", 3004, 1, core_size=4, periphery_degree=2)
    for bank in range(4, 3004):
        chosen = sheets.claims.creditor[sheets.claims.indptr[bank] : sheets.claims.indptr[bank + 1]]
        if len(chosen) == 2:
            counts[tuple(chosen.tolist())] += 1
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3


def test_scale_free_networks_are_connected_with_a_tail_of_the_given_exponent():
    for exponent in (2.2, 3.0):
        sheets = make("scale_free", 30_000, 2, mean_degree=4, degree_exponent=exponent)
        assert len(sheets.claims.amount) == 4 * 30_000 - 10
        assert is_connected(sheets)
        degrees = np.sort(out_degrees(sheets) + in_degrees(sheets))[::-1]
        tail = degrees[:300]  # Hill estimate of the exponent of the density
        assert 1 + 1 / np.log(tail / tail[-1]).mean() == pytest.approx(exponent, abs=0.35)
    assert out_degrees(sheets).mean() == pytest.approx(in_degrees(sheets).mean())


def test_the_first_banks_of_a_scale_free_network_are_linked_alike_in_a_larger_one():
    small, large = (links(make("scale_free", n, 7, mean_degree=3)) for n in (50, 300))
    assert small == {pair for pair in large if max(pair) < 50}


def test_a_small_world_goes_from_the_ring_to_chance():
    ring = make("small_world", 200, 1, mean_degree=4, rewiring=0)
    assert links(ring) == {(i, (i + step) % 200) for i in range(200) for step in range(1, 5)}
    clustering = [
        nx.average_clustering(nx.Graph(list(links(make("small_world", 1000, 1, mean_degree=4, rewiring=p)))))
        for p in (0.0, 0.05, 1.0)
    ]
    assert clustering[0] == pytest.approx(3 * (8 - 2) / (4 * (8 - 1)))
    assert clustering[0] > clustering[1] > 0.4 > 0.05 > clustering[2]
    sheets = make("small_world", 1000, 1, mean_degree=4, rewiring=0.05)
    assert (out_degrees(sheets) == 4).all()
    kept = ((sheets.claims.creditor - sheets.claims.debtor) % 1000 <= 4).sum()
    assert kept / 4000 == pytest.approx(0.95, abs=5 * np.sqrt(0.05 * 0.95 / 4000))


@pytest.mark.parametrize(("n", "degree"), [(2, 1), (5, 4), (7, 3), (50, 40), (3000, 6)])
def test_regular_networks_have_one_degree(n, degree):
    sheets = make("random_regular", n, 3, mean_degree=degree)
    assert (out_degrees(sheets) == degree).all()
    assert (in_degrees(sheets) == degree).all()


def every_pair_of_degrees(n):
    """Degrees of all networks of n banks."""
    cells = [(i, j) for i in range(n) for j in range(n) if i != j]
    found = set()
    for chosen in itertools.product((0, 1), repeat=len(cells)):
        matrix = np.zeros((n, n), dtype=int)
        for (i, j), one in zip(cells, chosen, strict=True):
            matrix[i, j] = one
        found.add((tuple(matrix.sum(1).tolist()), tuple(matrix.sum(0).tolist())))
    return found


def test_degrees_are_refused_exactly_where_no_network_has_them():
    possible = every_pair_of_degrees(3)
    for creditors in itertools.product(range(3), repeat=3):
        for debtors in itertools.product(range(3), repeat=3):
            if (creditors, debtors) in possible:
                pair = check_degrees(creditors, debtors, 3)
                debtor, creditor = with_degrees(*pair, seed=1)
                assert tuple(np.bincount(debtor, minlength=3)) == creditors
                assert tuple(np.bincount(creditor, minlength=3)) == debtors
                assert len(set(zip(debtor.tolist(), creditor.tolist(), strict=True))) == len(debtor)
                assert (debtor != creditor).all()
            else:
                with pytest.raises(InputError, match=r"infeasible|total"):
                    check_degrees(creditors, debtors, 3)


@pytest.mark.parametrize("n", [4, 12, 40])
def test_degrees_that_one_network_has_give_that_network(n):
    rising = np.arange(n)
    debtor, creditor = with_degrees(*check_degrees(rising[::-1], rising, n), seed=2)
    assert set(zip(debtor.tolist(), creditor.tolist(), strict=True)) == set(
        itertools.combinations(range(n), 2)
    )


def test_networks_with_given_degrees_are_drawn_equally_often():
    ones = np.ones(4, dtype=np.int64)
    seen = {}
    for seed in range(900):
        _, creditor = with_degrees(ones, ones, seed)
        seen[tuple(creditor.tolist())] = seen.get(tuple(creditor.tolist()), 0) + 1
    assert len(seen) == 9  # derangements of four
    assert stats.chisquare(list(seen.values())).pvalue > 1e-4


def test_given_degrees_of_a_large_skewed_network_are_met_exactly():
    rng = np.random.default_rng(8)
    creditors = np.minimum(rng.zipf(2.1, 20_000), 3000)
    debtors = rng.permutation(creditors)
    sheets = make("given_degrees", 20_000, 1, out_degrees=creditors, in_degrees=debtors)
    assert (out_degrees(sheets) == creditors).all()
    assert (in_degrees(sheets) == debtors).all()


def test_concentration_and_sizes_are_what_they_say():
    even = make("small_world", 500, 1, mean_degree=5, concentration=0, size_sd=1e-6, rewiring=0)
    np.testing.assert_allclose(even.claims.amount, 0.2 / 5 * even.total_assets[0], rtol=1e-4)
    shares = []
    for spread in (0.5, 2.0):
        sheets = make("random_regular", 500, 1, mean_degree=20, concentration=spread, size_sd=1e-6)
        matrix = sheets.claims.dense()
        shares.append(((matrix / matrix.sum(1, keepdims=True)) ** 2).sum(1).mean())
    assert 1 / 20 < shares[0] < shares[1]
    sheets = make("erdos_renyi", 20_000, 1, mean_degree=2, size_sd=1.2, mean_assets=5e8)
    logs = np.log(sheets.total_assets / 5e8)
    assert stats.kstest(logs, stats.norm(-0.72, 1.2).cdf).pvalue > 1e-3
    sheets = make("erdos_renyi", 20_000, 1, mean_degree=2, sizes="pareto", size_exponent=2.0, mean_assets=6.0)
    assert stats.kstest(sheets.total_assets, stats.pareto(2.0, scale=3.0).cdf).pvalue > 1e-3
    apart, along = (make("scale_free", 3000, 1, size_follows_degree=value) for value in (0.0, 1.0))
    degree = out_degrees(along) + in_degrees(along)
    assert stats.spearmanr(degree, along.total_assets).statistic > 0.95
    assert abs(stats.spearmanr(degree, apart.total_assets).statistic) < 0.1


def test_a_hundred_thousand_banks_take_no_dense_matrix():
    sheets = make("core_periphery", 100_000, 1)
    assert sheets.n == 100_000
    assert len(sheets.claims.amount) < 1_000_000


def test_every_number_is_an_assumption_with_a_range():
    rows = facts.load("interbank")
    assert set(rows["status"]) == {"assumption"}
    assert ((rows["low"] <= rows["value"]) & (rows["value"] <= rows["high"])).all()


@pytest.mark.parametrize(
    ("kind", "n", "options", "says"),
    [
        ("core_perifery", 10, {}, "core_periphery"),
        ("erdos_renyi", 0, {}, "empty"),
        ("erdos_renyi", 10.5, {}, "whole"),
        ("erdos_renyi", True, {}, "whole"),
        ("erdos_renyi", 10, {"mean_degree": 10}, "mean_degree"),
        ("erdos_renyi", 10, {"mean_degree": -1}, "mean_degree"),
        ("erdos_renyi", 10, {"mean_degree": float("nan")}, "finite"),
        ("erdos_renyi", 10, {"rewiring": 0.5}, "rewiring"),
        ("erdos_renyi", 10, {"mean_degre": 3}, "mean_degree"),
        ("erdos_renyi", 10, {"sizes": "normal"}, "log_normal"),
        ("erdos_renyi", 10, {"size_exponent": 2.0}, "size_exponent"),
        ("erdos_renyi", 10, {"sizes": "pareto", "size_exponent": 0.9}, "size_exponent"),
        ("erdos_renyi", 10, {"interbank_share": 1.1}, "interbank_share"),
        ("erdos_renyi", 10, {"interbank_share": 0.9, "capital_ratio": 0.2}, "capital_ratio"),
        ("erdos_renyi", 10, {"core_size": 3}, "core_size"),
        ("erdos_renyi", 10, {"out_degrees": [1] * 10}, "out_degrees"),
        ("core_periphery", 10, {"core_size": 11}, "core_size"),
        ("core_periphery", 10, {"core_size": 2.0}, "core_size"),
        ("core_periphery", 10, {"core_size": 2, "periphery_degree": 3}, "periphery_degree"),
        ("scale_free", 10, {"mean_degree": 2.5}, "mean_degree"),
        ("scale_free", 10, {"degree_exponent": 2.0}, "degree_exponent"),
        ("small_world", 10, {"mean_degree": 10}, "mean_degree"),
        ("small_world", 10, {"rewiring": 1.5}, "rewiring"),
        ("random_regular", 5, {"mean_degree": 5}, "mean_degree"),
        ("given_degrees", 3, {}, "out_degrees"),
        ("given_degrees", 3, {"out_degrees": [1, 1], "in_degrees": [1, 1]}, "length"),
        ("given_degrees", 3, {"out_degrees": [1, 1, 1], "in_degrees": [1, 1, 0]}, "total"),
        ("given_degrees", 3, {"out_degrees": [3, 0, 0], "in_degrees": [1, 1, 1]}, "infeasible"),
        ("given_degrees", 3, {"out_degrees": [2, 2, 0], "in_degrees": [2, 2, 0]}, "infeasible"),
        ("given_degrees", 3, {"out_degrees": [0.5, 0.5, 0], "in_degrees": [1, 0, 0]}, "whole"),
        ("given_degrees", 3, {"out_degrees": [-1, 1, 0], "in_degrees": [0, 0, 0]}, "negative"),
    ],
)
def test_what_means_nothing_is_refused(kind, n, options, says):
    with pytest.raises(InputError) as caught:
        ct.generate.interbank(kind, n, **options)
    assert says in str(caught.value)


def test_too_many_banks_are_refused_before_anything_is_drawn():
    with pytest.raises(TooLargeError):
        ct.generate.interbank("erdos_renyi", 10**9)
