"""Networks from sums keep the sums, whatever the sums; renaming and another unit of money change nothing else."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

import contagion as ct
from contagion.errors import NetworkError
from contagion.generate.interbank_degrees import check_degrees, with_degrees
from contagion.generate.reconstruct_flow import plan


@st.composite
def debts(draw, most=7):
    """Matrices with a zero diagonal: whole numbers or amounts over nine orders of magnitude, zero rows, stars."""
    n = draw(st.integers(1, most))
    amount = draw(
        st.sampled_from(
            [
                st.integers(0, 3).map(float),
                st.sampled_from([0.0, 0.1, 0.2, 0.3, 1e-6, 1e3]),
                st.floats(0, 1e6),
            ]
        )
    )
    matrix = np.array(draw(st.lists(st.lists(amount, min_size=n, max_size=n), min_size=n, max_size=n)))
    np.fill_diagonal(matrix, 0.0)
    if draw(st.booleans()) and n > 2:
        matrix[1:, 1:] = 0.0  # bank 0 is party to every debt
    matrix[matrix < 1e-9 * matrix.sum()] = 0.0
    return matrix


def sums_of(matrix):
    return matrix.sum(1), matrix.sum(0)


@given(debts())
def test_maximum_entropy_keeps_sums_and_is_nowhere_negative(matrix):
    owed, claimed = sums_of(matrix)
    found = ct.generate.max_entropy(owed, claimed)
    spread = found.liabilities
    assert np.abs(spread.sum(1) - owed).max() <= 2e-12 * matrix.sum()
    assert np.abs(spread.sum(0) - claimed).max() <= 2e-12 * matrix.sum()
    assert (spread >= 0.0).all()
    assert (np.diag(spread) == 0.0).all()
    assert (spread[owed == 0.0] == 0.0).all()


@given(debts(), st.randoms(use_true_random=False))
def test_maximum_entropy_follows_a_renaming_and_the_unit_of_money(matrix, random):
    owed, claimed = sums_of(matrix)
    spread = ct.generate.max_entropy(owed, claimed).liabilities
    order = list(range(len(owed)))
    random.shuffle(order)
    moved = ct.generate.max_entropy(owed[order], claimed[order]).liabilities
    np.testing.assert_allclose(moved, spread[np.ix_(order, order)], atol=1e-8 * matrix.sum())
    doubled = ct.generate.max_entropy(2.0 * owed, 2.0 * claimed).liabilities
    np.testing.assert_allclose(doubled, 2.0 * spread, atol=1e-11 * matrix.sum())


@given(debts(), st.integers(0, 2**20))
def test_what_is_known_of_a_network_that_exists_is_never_refused(matrix, seed):
    seen = np.random.default_rng(seed).random(matrix.shape) < 0.5
    known = np.where(seen, matrix, np.nan)
    found = ct.generate.max_entropy(*sums_of(matrix), known=known)
    assert (found.liabilities[seen] == matrix[seen]).all()
    assert found.gap <= 2e-12


@given(debts(5))
def test_the_sparsest_network_has_no_more_links_than_any_other(matrix):
    owed, claimed = sums_of(matrix)
    best = ct.generate.min_density(owed, claimed)
    near = ct.generate.min_density(owed, claimed, exact=False)
    members = int((owed > 0).sum() + (claimed > 0).sum())
    assert best.n_links <= (matrix > 0.0).sum()
    assert near.lower_bound <= best.n_links <= near.n_links <= max(0, members - 1)
    for found in (best, near):
        assert np.abs(found.claims.owed - owed).max() <= 1e-8 * matrix.sum()
        assert np.abs(found.claims.claimed - claimed).max() <= 1e-8 * matrix.sum()


@given(debts(5), st.sampled_from([0.1, 0.5, 1.0]), st.integers(0, 100))
def test_every_draw_of_the_posterior_keeps_sums(matrix, share, seed):
    owed, claimed = sums_of(matrix)
    draws = ct.generate.gandy_veraart(
        owed, claimed, link_probability=share, n_samples=12, seed=seed, thin=50, burn_in=0, chains=2
    ).draws
    assert np.abs(draws.sum(2) - owed).max() <= 1e-9 * max(matrix.sum(), 1e-300)
    assert np.abs(draws.sum(1) - claimed).max() <= 1e-9 * max(matrix.sum(), 1e-300)
    assert (draws >= 0.0).all()
    assert (np.diagonal(draws, axis1=1, axis2=2) == 0.0).all()


@given(debts(), st.randoms(use_true_random=False))
def test_a_plan_in_any_order_meets_sums(matrix, random):
    owed, claimed = sums_of(matrix)
    n = len(owed)
    orders = [random.sample(range(n), n) for _ in range(2)]
    debtor, creditor, amount = plan(owed, claimed, np.array(orders[0]), np.array(orders[1]))
    assert (debtor != creditor).all()
    assert (amount > 0.0).all()
    assert np.abs(np.bincount(debtor, amount, n) - owed).max() <= 1e-11 * max(matrix.sum(), 1e-300)
    assert np.abs(np.bincount(creditor, amount, n) - claimed).max() <= 1e-11 * max(matrix.sum(), 1e-300)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=9), st.integers(0, 1000))
def test_degrees_are_those_of_some_network_or_refused(creditors, seed):
    debtors = np.random.default_rng(seed).permutation(creditors)
    n = len(creditors)
    try:
        pair = check_degrees(creditors, debtors, n)
    except NetworkError as refused:
        assert "infeasible" in str(refused)
        assert not _exists(list(creditors), debtors.tolist())
        return
    debtor, creditor = with_degrees(*pair, seed)
    assert np.bincount(debtor, minlength=n).tolist() == list(creditors)
    assert np.bincount(creditor, minlength=n).tolist() == debtors.tolist()
    assert len(set(zip(debtor.tolist(), creditor.tolist(), strict=True))) == len(debtor)
    assert (debtor != creditor).all()


def _exists(creditors, debtors):
    """Kleitman and Wang: bank by bank, debts go to those that lack most debtors."""
    n = len(creditors)
    left, later = list(debtors), list(creditors)
    for bank in range(n):
        later[bank] = 0
        others = sorted((i for i in range(n) if i != bank), key=lambda i: (-left[i], -later[i]))
        for other in others[: creditors[bank]]:
            left[other] -= 1
        if creditors[bank] > n - 1 or min(left) < 0:
            return False
    return max(left) == 0


@given(
    st.sampled_from(["core_periphery", "erdos_renyi", "scale_free", "small_world", "random_regular"]),
    st.integers(1, 40),
    st.integers(0, 2**30),
    st.floats(0.01, 0.6),
    st.floats(0.01, 0.4),
)
def test_every_made_network_balances(kind, n, seed, share, capital):
    assume(share + capital <= 1.0)
    sheets = ct.generate.interbank_sheets(kind, n, seed, interbank_share=share, capital_ratio=capital)
    assets = sheets.external_assets + sheets.cash + sheets.claims.claimed
    debts = sheets.external_liabilities + sheets.claims.owed
    np.testing.assert_allclose(assets, debts + sheets.equity, rtol=1e-12)
    np.testing.assert_allclose(sheets.equity, capital * assets, rtol=1e-12)
    assert min(sheets.external_assets.min(), sheets.external_liabilities.min()) >= 0.0
