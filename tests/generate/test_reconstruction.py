"""Networks from row and column sums keep the sums, and are what their definitions say."""

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import InputError, TooLargeError
from contagion.generate.reconstruct_diagnostics import diagnose
from contagion.generate.reconstruct_flow import fill, plan
from tests.oracles.reconstruction import fewest_links, three_bank_posterior

OWED, CLAIMED = [4, 5, 5, 0, 0, 2, 4], [7, 5, 3, 1, 3, 0, 1]


def random_debts(rng, n, share=1.0, spread=1.0):
    debts = rng.lognormal(0.0, spread, (n, n)) * (rng.random((n, n)) < share)
    np.fill_diagonal(debts, 0.0)
    return debts


def test_maximum_entropy_is_a_product_off_the_diagonal():
    rng = np.random.default_rng(1)
    for n in (3, 4, 8, 40):
        debts = random_debts(rng, n)
        found = ct.generate.max_entropy(debts.sum(1), debts.sum(0))
        spread = found.liabilities
        assert found.gap <= 1e-12
        assert (np.diag(spread) == 0.0).all()
        if n > 3:  # L_ik L_jl = L_il L_jk for four different banks
            assert spread[0, 2] * spread[1, 3] == pytest.approx(spread[0, 3] * spread[1, 2], rel=1e-9)


def test_two_banks_and_one_bank_have_one_matrix():
    assert ct.generate.max_entropy([3, 0.5], [0.5, 3]).liabilities.tolist() == [[0, 3], [0.5, 0]]
    for make in (ct.generate.max_entropy, ct.generate.min_density):
        assert make([0], [0]).liabilities.tolist() == [[0]]
        assert make([0, 0, 0], [0, 0, 0]).liabilities.tolist() == [[0] * 3] * 3


def test_zero_sums_give_zero_rows_and_columns():
    spread = ct.generate.max_entropy(OWED, CLAIMED).liabilities
    assert (spread[[3, 4]] == 0.0).all()
    assert (spread[:, 5] == 0.0).all()
    assert (np.delete(np.delete(spread, [3, 4], 0), 5, 1) > 0).sum() == 5 * 6 - 4


@pytest.mark.parametrize("slack", [1e-1, 1e-4, 1e-8, 1e-10, 0.0])
def test_a_bank_that_is_party_to_almost_every_debt_is_served_to_the_last_digit(slack):
    owed, claimed = np.array([9.0, 2, 3, 1]), np.array([6.0 - slack, 3, 2, 1])
    claimed[1:] *= (9 + slack) / 6
    found = ct.generate.max_entropy(owed, claimed)
    np.testing.assert_allclose(found.liabilities.sum(1), owed, atol=15e-12)
    np.testing.assert_allclose(found.liabilities.sum(0), claimed, atol=15e-12)
    others = found.liabilities[1:, 1:]
    assert others.sum() == pytest.approx(slack, abs=3e-11)
    # u_i v_j among the small banks: shares close to (2, 3, 1) x (3, 2, 1)
    if slack:
        assert others[0, 1] / others[1, 2] == pytest.approx((2 * 2) / (3 * 1), rel=0.25)


def test_known_entries_are_kept_and_the_rest_is_spread():
    rng = np.random.default_rng(2)
    for n in (2, 3, 5, 8):
        for spread in (1.0, 5.0):
            for share in (0.0, 0.3, 0.7, 1.0):
                debts = random_debts(rng, n, 0.7, spread)
                known = np.where(rng.random((n, n)) < share, debts, np.nan)
                found = ct.generate.max_entropy(debts.sum(1), debts.sum(0), known=known)
                seen = ~np.isnan(known)
                assert found.gap <= 1e-12
                assert (found.liabilities[seen] == debts[seen]).all()
                assert (found.liabilities >= 0.0).all()


def test_a_known_zero_leaves_a_product_on_the_other_cells():
    known = np.full((4, 4), np.nan)
    known[0, 1] = 0.0
    matrix = ct.generate.max_entropy([3, 2, 2, 2], [2, 2, 3, 2], known=known).liabilities
    assert matrix[0, 1] == 0.0
    assert matrix[1, 2] * matrix[0, 3] == pytest.approx(matrix[1, 3] * matrix[0, 2], rel=1e-10)


def test_names_are_joined_by_name_whatever_their_order():
    owed = pd.Series([4.0, 1.0, 2.0], index=["B", "C", "A"])
    claimed = {"A": 3.0, "B": 2.0, "C": 2.0}
    frame = ct.generate.max_entropy(owed, claimed).liabilities
    bare = ct.generate.max_entropy([2, 4, 1], [3, 2, 2]).liabilities
    np.testing.assert_allclose(frame.loc[["A", "B", "C"], ["A", "B", "C"]], bare, rtol=1e-9)
    known = pd.DataFrame(np.nan, index=["C", "A", "B"], columns=["A", "B", "C"])
    known.loc["B", "C"] = 2.0
    assert ct.generate.max_entropy(owed, claimed, known=known).liabilities.loc["B", "C"] == 2.0
    assert ct.generate.min_density(owed, claimed).liabilities.loc["B"].sum() == pytest.approx(4.0)


MAKERS = [
    ct.generate.max_entropy,
    ct.generate.min_density,
    lambda owed, claimed: ct.generate.gandy_veraart(owed, claimed, link_probability=0.5, n_samples=10),
    lambda owed, claimed: ct.generate.reconstruct(owed, claimed, method="min_density"),
]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    ("owed", "claimed", "says"),
    [
        ([3, 2, 1], [2, 2, 3], "total"),
        ([8, 1, 1], [4, 3, 3], "infeasible"),
        ([1], [1], "infeasible"),
        ([8, 1, 1], [4, 3, 3], "bank 0"),
        ([1, np.nan], [1, 0], "finite"),
        ([1, np.inf], [1, 0], "finite"),
        ([1, -1], [0, 0], "negative"),
        ([0, 0], [1, -1], "negative"),
        ([1, 2], [1, 1, 1], "length"),
        ([], [], "empty"),
        ({"A": 1, "B": 0}, {"A": 0, "C": 1}, "missing ['B'], not expected ['C']"),
        ({"A": 1, "B": 0}, [0, 1], "names"),
    ],
)
def test_sums_that_mean_nothing_are_refused(make, owed, claimed, says):
    with pytest.raises(InputError) as caught:
        make(owed, claimed)
    assert says in str(caught.value)


def test_a_bank_at_the_edge_of_feasibility_is_accepted():
    owed, claimed = [0.1 + 0.2, 0.1, 0.0], [0.1, 0.15, 0.15]
    found = ct.generate.max_entropy(owed, claimed).liabilities
    np.testing.assert_allclose(found, [[0, 0.15, 0.15], [0.1, 0, 0], [0, 0, 0]], atol=1e-12)


@pytest.mark.parametrize(
    ("known", "says"),
    [
        ([[0, 5, np.nan], [np.nan] * 3, [np.nan] * 3], "infeasible"),
        ([[0, 0, 0], [np.nan] * 3, [np.nan] * 3], "bank 0"),
        ([[1, np.nan, np.nan], [np.nan] * 3, [np.nan] * 3], "self"),
        ([[0, -1, np.nan], [np.nan] * 3, [np.nan] * 3], "negative"),
        ([[0, np.inf, np.nan], [np.nan] * 3, [np.nan] * 3], "finite"),
        ([[0, 1], [0, 0]], "length"),
    ],
)
def test_known_entries_that_no_matrix_has_are_refused(known, says):
    with pytest.raises(InputError) as caught:
        ct.generate.max_entropy([2, 2, 2], [2, 2, 2], known=known)
    assert says in str(caught.value)


def test_the_sparsest_network_is_that_of_the_mixed_integer_programme():
    rng = np.random.default_rng(3)
    gaps = []
    for _ in range(60):
        n = int(rng.integers(2, 6))
        debts = rng.integers(0, 5, (n, n)) * (rng.random((n, n)) < rng.choice([0.3, 0.6, 1.0]))
        np.fill_diagonal(debts, 0)
        owed, claimed = debts.sum(1), debts.sum(0)
        best = ct.generate.min_density(owed, claimed)
        near = ct.generate.min_density(owed, claimed, exact=False)
        for found in (best, near):
            np.testing.assert_allclose(found.claims.owed, owed, atol=1e-9)
            np.testing.assert_allclose(found.claims.claimed, claimed, atol=1e-9)
            assert found.n_links == (found.liabilities > 0).sum()
        assert best.exact
        assert best.n_links == best.lower_bound == fewest_links(owed, claimed)
        assert near.lower_bound <= best.n_links <= near.n_links
        gaps.append(near.n_links - best.n_links)
    assert np.mean(gaps) < 0.5


def test_a_large_network_says_that_it_is_not_minimal_and_how_far_it_can_be():
    rng = np.random.default_rng(4)
    owed = rng.pareto(1.2, 500)
    claimed = rng.pareto(1.2, 500)
    claimed *= owed.sum() / claimed.sum()
    found = ct.generate.min_density(owed, claimed)
    assert (found.method, found.exact) == ("heuristic", False)
    assert found.n_links <= 999
    assert found.lower_bound >= 666  # no two sums are equal: groups have three members at least
    np.testing.assert_allclose(found.claims.owed, owed, atol=1e-8 * owed.sum())
    same = rng.permutation(owed)
    ring = ct.generate.min_density(owed, np.roll(owed, 1))
    assert ring.n_links == ring.lower_bound == 500
    assert ct.generate.min_density(owed, same).n_links < 510
    with pytest.raises(TooLargeError):
        ct.generate.min_density(owed, claimed, exact=True)


def test_plans_and_flows_meet_any_feasible_sums():
    rng = np.random.default_rng(5)
    for place in range(200):
        n = int(rng.integers(2, 8))
        debts = random_debts(rng, n, 0.5, 3.0) if place % 2 else rng.integers(0, 3, (n, n)).astype(float)
        np.fill_diagonal(debts, 0.0)
        if place % 5 == 0:  # one bank is party to every debt
            debts[1:, 1:] = 0.0
        total = max(debts.sum(), 1.0)
        debtor, creditor, amount = plan(debts.sum(1), debts.sum(0), rng.permutation(n), rng.permutation(n))
        assert (debtor != creditor).all()
        assert np.abs(np.bincount(debtor, amount, n) - debts.sum(1)).max() < 1e-11 * total
        assert np.abs(np.bincount(creditor, amount, n) - debts.sum(0)).max() < 1e-11 * total
        flow, rest, _ = fill(debts.sum(1), debts.sum(0), debts > 0.0)
        assert rest.max() < 1e-11 * total
        assert (flow[debts == 0.0] == 0.0).all()


@pytest.mark.parametrize(
    ("owed", "claimed", "link_probability", "rate"),
    [
        ([3, 2, 2.5], [1.5, 2.75, 3.25], 0.6, 0.5),
        ([1, 2.5, 3], [0.7, 2.7, 3.1], 0.5, 0.25),
        ([1, 1, 1], [1, 1, 1], 0.7, 2.0),  # three entries vanish at each end
        ([2, 1, 1], [1, 1.5, 1.5], 0.3, 1.0),  # two at one end
        ([3, 2, 2.5], [1.5, 2.75, 3.25], 1.0, 0.5),  # no atoms
    ],
)
def test_three_banks_have_the_posterior_that_is_known_exactly(owed, claimed, link_probability, rate):
    found = ct.generate.gandy_veraart(
        owed, claimed, link_probability=link_probability, rate=rate, n_samples=6000, seed=3, thin=4
    )
    mean, positive = three_bank_posterior(owed, claimed, link_probability, rate)
    np.testing.assert_allclose(found.posterior_mean, mean, atol=0.04)
    np.testing.assert_allclose(found.prob_positive, positive, atol=0.03)
    np.testing.assert_allclose(found.draws.sum(2), np.tile(owed, (6000, 1)), atol=1e-9)
    np.testing.assert_allclose(found.draws.sum(1), np.tile(claimed, (6000, 1)), atol=1e-9)
    assert (found.diagnostics["effective_sample_size"] > 1000).all()
    assert (found.diagnostics["split_r_hat"] < 1.01).all()


def test_the_prior_of_four_banks_given_sums_is_met_by_rejection():
    """Without atoms and for given row sums only the law is Dirichlet; here the two-row cycles are checked:
    four banks with p = 1 are uniform on the matrices with these sums, whose mean follows by rejection."""
    owed = claimed = [1.0, 1.0, 1.0, 1.0]
    rng = np.random.default_rng(6)
    # free entries L01, L02, L10, L12, L20: the others follow
    free = rng.random((400_000, 5))
    a, b, c, d, e = free.T
    rows = np.zeros((len(free), 4, 4))
    rows[:, 0, 1], rows[:, 0, 2], rows[:, 0, 3] = a, b, 1 - a - b
    rows[:, 1, 0], rows[:, 1, 2], rows[:, 1, 3] = c, d, 1 - c - d
    rows[:, 2, 0], rows[:, 3, 0] = e, 1 - c - e
    rows[:, 3, 2] = 1 - b - d
    rows[:, 3, 1] = 1 - rows[:, 3, 0] - rows[:, 3, 2]
    rows[:, 2, 1] = 1 - a - rows[:, 3, 1]
    rows[:, 2, 3] = 1 - e - rows[:, 2, 1]
    kept = rows[(rows >= 0.0).all((1, 2))]
    assert len(kept) > 2000
    found = ct.generate.gandy_veraart(owed, claimed, link_probability=1.0, n_samples=4000, seed=1, thin=20)
    squares = (found.draws**2).sum((1, 2))
    expected = (kept**2).sum((1, 2))
    assert squares.mean() == pytest.approx(expected.mean(), abs=0.03)
    np.testing.assert_allclose(found.posterior_mean, kept.mean(0), atol=0.03)


def test_two_debtors_and_three_creditors_have_the_posterior_of_a_hexagon():
    """x, y = debts of the first debtor: area inside, lengths of edges (one zero), corners (two zeros)."""
    owed, claimed = [3.0, 3.2, 0, 0, 0], [0, 0, 2.0, 2.3, 1.9]
    found = ct.generate.gandy_veraart(
        owed, claimed, link_probability=0.6, rate=0.9, n_samples=8000, seed=4, thin=20
    )
    atom = 0.4 / (0.6 * 0.9)
    corners = np.array([[1.1, 0], [2, 0], [2, 1], [0.7, 2.3], [0, 2.3], [0, 1.1]])
    x, y = corners.T
    area = abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    edges = np.abs(corners - np.roll(corners, -1, axis=0)).max(1)
    masses = np.array([area, atom * edges.sum(), 6 * atom**2])
    masses /= masses.sum()
    zeros = 6 - (found.draws > 0).sum((1, 2))
    assert np.bincount(zeros, minlength=3)[:3] / 8000 == pytest.approx(masses, abs=0.025)
    gone = (atom * 1.2 + 2 * atom**2) / (area + atom * edges.sum() + 6 * atom**2)
    assert 1 - found.prob_positive[0, 2] == pytest.approx(gone, abs=0.025)


def test_sparse_networks_of_twenty_banks_mix_from_different_starts():
    rng = np.random.default_rng(0)
    owed, claimed = rng.lognormal(0, 1.2, 20), rng.lognormal(0, 1.2, 20)
    claimed *= owed.sum() / claimed.sum()
    found = ct.generate.gandy_veraart(owed, claimed, link_probability=0.1, n_samples=200, seed=2)
    assert found.moved > 0.05
    assert (found.diagnostics.loc[["links", "concentration"], "split_r_hat"] < 1.1).all()
    assert (found.diagnostics.loc[["links", "concentration"], "effective_sample_size"] > 50).all()
    assert 40 <= found.diagnostics.loc["links", "mean"] <= 50


def test_the_sampler_is_keyed_and_its_first_draws_stay():
    few = ct.generate.gandy_veraart(OWED, CLAIMED, link_probability=0.4, n_samples=8, seed=5, chains=2)
    many = ct.generate.gandy_veraart(OWED, CLAIMED, link_probability=0.4, n_samples=20, seed=5, chains=2)
    other = ct.generate.gandy_veraart(OWED, CLAIMED, link_probability=0.4, n_samples=8, seed=6, chains=2)
    assert (few.draws[:4] == many.draws[:4]).all()
    assert (few.draws[4:] == many.draws[10:14]).all()
    assert not (few.draws == other.draws).all()
    assert 0.0 < few.moved < 1.0
    without = ct.generate.gandy_veraart(
        OWED, CLAIMED, link_probability=0.4, n_samples=8, seed=5, chains=2, keep_draws=False
    )
    assert without.draws is None
    assert (without.posterior_mean == few.posterior_mean).all()
    np.testing.assert_allclose(few.posterior_mean, few.draws.mean(0), rtol=1e-12)
    np.testing.assert_allclose(few.prob_positive, (few.draws > 0).mean(0), rtol=1e-12)


def test_round_sums_that_settle_exactly_leave_the_sparsest_networks_only():
    found = ct.generate.gandy_veraart(OWED, CLAIMED, link_probability=0.4, n_samples=80, seed=1, burn_in=500)
    assert ct.generate.min_density(OWED, CLAIMED).n_links == 7
    assert ((found.draws > 0).sum((1, 2)) == 7).all()


def test_a_unique_matrix_is_drawn_again_and_again():
    found = ct.generate.gandy_veraart([3, 0.5], [0.5, 3], link_probability=0.5, n_samples=40)
    assert found.posterior_mean.tolist() == [[0, 3], [0.5, 0]]
    assert found.moved == 0.0
    assert found.diagnostics["split_r_hat"].tolist() == [1.0] * 3


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"link_probability": 0.0}, "link_probability"),
        ({"link_probability": 1.5}, "link_probability"),
        ({"link_probability": 0.5, "rate": 0.0}, "rate"),
        ({"link_probability": 0.5, "rate": np.nan}, "finite"),
        ({"link_probability": 0.5, "n_samples": 0}, "n_samples"),
        ({"link_probability": 0.5, "thin": 1.5}, "thin"),
        ({"link_probability": 0.5, "chains": True}, "chains"),
        ({"link_probability": 0.5, "seed": -1}, "seed"),
        ({"link_probability": 0.5, "n_samples": 10**9}, "keep_draws"),
    ],
)
def test_parameters_of_the_sampler_are_checked(options, says):
    with pytest.raises(InputError) as caught:
        ct.generate.gandy_veraart(OWED, CLAIMED, **options)
    assert says in str(caught.value)


def test_diagnostics_are_those_of_an_autoregression():
    rng = np.random.default_rng(7)
    chains = np.zeros((4, 20_000, 1))
    for t in range(1, chains.shape[1]):
        chains[:, t] = 0.5 * chains[:, t - 1] + rng.normal(size=(4, 1))
    effective, lag, r_hat = diagnose(chains)
    assert effective[0] == pytest.approx(80_000 / 3, rel=0.06)  # (1 - 0.5) / (1 + 0.5)
    assert lag[0] == pytest.approx(0.5, abs=0.02)
    assert r_hat[0] == pytest.approx(1.0, abs=0.002)
    apart = np.arange(4.0)[:, None, None] + np.zeros((4, 100, 1))
    assert diagnose(apart)[2][0] == np.inf
    assert diagnose(apart + rng.normal(size=apart.shape))[2][0] > 1.2
    assert np.isnan(diagnose(chains[:, :3])[0]).all()


SHEETS = {"external_assets": [9, 9, 9, 9, 9, 9, 9], "external_liabilities": [2] * 7, "cash": [1] * 7}


@pytest.mark.parametrize(
    ("method", "options", "count"),
    [("gandy_veraart", {"link_probability": 0.4}, 5), ("max_entropy", {}, 1), ("min_density", {}, 1)],
)
def test_every_network_of_an_ensemble_has_the_sums_and_balances(method, options, count):
    exact_owed, exact_claimed = np.array(OWED) + 0.0, np.array(CLAIMED) + 0.0
    exact_owed[[0, 1, 2]] += [0.31, -0.17, 0.05]
    exact_claimed[[0, 1, 3]] += [0.23, -0.12, 0.08]
    equity = 10 - 2 + exact_claimed - exact_owed
    nets = ct.generate.reconstruct(
        exact_owed, exact_claimed, n=5, seed=2, method=method, equity=equity, **SHEETS, **options
    )
    assert len(nets) == count
    for net in nets:
        debts = net.obligations
        owed = debts.groupby("debtor")["amount"].sum().reindex(net.nodes.index, fill_value=0.0)
        claimed = debts.groupby("creditor")["amount"].sum().reindex(net.nodes.index, fill_value=0.0)
        np.testing.assert_allclose(owed, exact_owed, atol=2e-8)
        np.testing.assert_allclose(claimed, exact_claimed, atol=2e-8)
        assets = net.nodes["cash"] + net.nodes["external_assets"] + claimed
        np.testing.assert_allclose(assets - net.nodes["external_liabilities"] - owed, equity, atol=2e-8)
        assert net.nodes["kind"].eq("institution").all()
    assert len({net.fingerprint for net in nets}) == count


def test_an_ensemble_goes_straight_into_a_comparison():
    """Bank A fails; what the others lose depends on whom it owes, which only the ensemble says."""
    banks = list("ABCD")
    owed, claimed = [3.1, 2.2, 2.5, 1.7], [1.5, 2.9, 3.3, 1.8]
    sheets = {"external_assets": [1.7, 2.3, 1.3, 1.1], "external_liabilities": [0, 2.4, 1.6, 1.0]}
    labelled = {name: pd.Series(column, index=banks) for name, column in sheets.items()}
    nets = ct.generate.reconstruct(
        pd.Series(owed, index=banks),
        pd.Series(claimed, index=banks),
        n=6,
        seed=1,
        link_probability=0.4,
        **labelled,
    )
    assert list(nets[0].nodes.index) == banks
    model, policies = ct.Clearing(alpha=0.5, beta=0.5), {"injection": ct.CapitalInjection(1.0)}
    rows = ct.compare(None, ct.Default(["A"]), model, policies, networks=nets, n=6).to_frame()
    for policy in ("none", "injection"):
        found = rows[rows["policy"] == policy]
        assert found["network"].tolist() == list(range(6))
        assert found["status"].eq("ok").all()
        assert found["unpaid"].nunique() == 6
    alone = ct.compare(nets[3], ct.Default(["A"]), model, policies, n=1).to_frame()
    assert alone["unpaid"].iloc[0] == rows["unpaid"].iloc[3]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "link_probability"),
        ({"method": "max_entropi"}, "max_entropy"),
        ({"method": "max_entropy", "link_probability": 0.4}, "link_probability"),
        ({"method": "min_density", "equity": [0] * 7}, "bank"),
        ({"method": "min_density", "cash": [1, 2]}, "length"),
        ({"method": "min_density", "cash": [-1] * 7}, "negative"),
        ({"method": "min_density", "names": ["A"]}, "length"),
    ],
)
def test_ensembles_refuse_what_does_not_fit(options, says):
    with pytest.raises(InputError) as caught:
        ct.generate.reconstruct(OWED, CLAIMED, **options)
    assert says in str(caught.value)
