"""Clearing against exact rationals, plain iteration, invariants B and refusals."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.errors import ConvergenceError, InputError
from contagion.propagation import clearing_kernels
from contagion.propagation.clearing import eisenberg_noe
from tests.oracles.clearing import brute_force, from_above, from_below

OFF_DIAGONAL = [(i, j) for i in range(3) for j in range(3) if i != j]


def three_nodes(step):
    """Every so manyeth network of 3 nodes with debts and assets in {0, 1, 2}."""
    for place, amounts in enumerate(product(range(3), repeat=9)):
        if place % step == 0:
            matrix = [[0] * 3 for _ in range(3)]
            for (i, j), amount in zip(OFF_DIAGONAL, amounts[:6], strict=True):
                matrix[i][j] = amount
            yield matrix, list(amounts[6:])


def test_small_networks_are_cleared_as_in_exact_arithmetic():
    for matrix, assets in three_nodes(41):
        exact = brute_force(matrix, assets, [0, 0, 0])
        found = eisenberg_noe(matrix, assets)
        assert found.payments == pytest.approx([float(p) for p in exact], rel=1e-12, abs=1e-15)
        owed = [sum(row) for row in matrix]
        assert found.defaulted.tolist() == [p < d for p, d in zip(exact, owed, strict=True)]


def test_external_debts_share_in_proportion_as_in_exact_arithmetic():
    for place, (matrix, assets) in enumerate(three_nodes(97)):
        debts = [(place >> k) % 3 for k in range(3)]
        exact = brute_force(matrix, assets, debts)
        found = eisenberg_noe(matrix, assets, debts)
        assert found.payments == pytest.approx([float(p) for p in exact], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("priority", ["pari_passu", "senior"])
def test_least_and_greatest_are_the_ends_of_plain_iteration(priority):
    senior = priority == "senior"
    for place, (matrix, assets) in enumerate(three_nodes(211)):
        debts = [(place >> k) % 2 * 0.5 for k in range(3)]
        for point, oracle in (("least", from_below), ("greatest", from_above)):
            found = eisenberg_noe(matrix, assets, debts, external_priority=priority, fixed_point=point)
            expected = oracle(matrix, assets, debts, senior)
            assert found.interbank_payments == pytest.approx(expected, abs=1e-9), (
                matrix,
                assets,
                debts,
                point,
            )


def test_a_ring_without_assets_pays_in_full_or_nothing():
    ring = [[0, 1], [1, 0]]
    greatest = eisenberg_noe(ring, [0, 0])
    assert (greatest.payments.tolist(), greatest.n_defaulted) == ([1, 1], 0)
    least = eisenberg_noe(ring, [0, 0], fixed_point="least")
    assert (least.payments.tolist(), least.defaulted.tolist()) == ([0, 0], [True, True])
    assert least.recovery.tolist() == [0, 0]


def test_senior_creditors_drain_a_ring():
    found = eisenberg_noe([[0, 1], [1, 0]], [0, 0], [0.125, 0], external_priority="senior")
    assert found.payments.tolist() == [0, 0]
    assert found.signed_equity.tolist() == [-1.125, -1]
    assert found.defaulted.all()


def test_zero_equity_is_no_default_even_when_rounding_says_otherwise():
    found = eisenberg_noe([[0, 0.4], [0, 0]], [0.1, 0.0], None)
    assert found.n_defaulted == 1
    exact = eisenberg_noe([[0, 0.4, 0], [0, 0, 0], [0.3, 0, 0]], [0.1, 0.0, 1.0])
    assert exact.n_defaulted == 0
    assert exact.recovery.tolist() == [1, 1, 1]


def test_the_smallest_leak_keeps_its_digits():
    n, leak = 5, 1e-10
    ring = np.zeros((n, n))
    for i in range(n):
        ring[i, (i + 1) % n] = 10.0
    found = eisenberg_noe(ring, [20 * leak, 0, 0, 0, 0], [10 * leak] * n)
    # receipts from outside equal payments outside: recovery r with n * 10 * leak * r = 20 * leak
    assert found.recovery == pytest.approx([0.4] * n, rel=1e-9)


amounts = st.one_of(st.sampled_from([0, 0, 1, 2, 3]), st.integers(0, 2**40), st.floats(1e-3, 1e6))


@st.composite
def networks(draw, largest=8):
    n = draw(st.integers(1, largest))
    matrix = np.array(
        draw(st.lists(st.lists(amounts, min_size=n, max_size=n), min_size=n, max_size=n)), dtype=float
    )
    np.fill_diagonal(matrix, 0.0)
    vector = st.lists(amounts, min_size=n, max_size=n)
    return matrix, np.array(draw(vector), dtype=float), np.array(draw(vector), dtype=float)


@given(networks(), st.sampled_from(["pari_passu", "senior"]), st.sampled_from(["greatest", "least"]))
def test_b1_to_b4_payments_clear(network, priority, point):
    matrix, assets, debts = network
    found = eisenberg_noe(matrix, assets, debts, external_priority=priority, fixed_point=point)
    owed = matrix.sum(axis=1)
    scale = max(1.0, owed.max(), assets.max(), debts.max())
    inside = found.interbank_payments
    share = np.divide(matrix, owed[:, None], out=np.zeros_like(matrix), where=owed[:, None] > 0)
    have = assets + share.T @ inside
    assert (found.payments >= 0).all()
    assert (found.payments <= (owed + debts) * (1 + 1e-12)).all()
    assert found.payments == pytest.approx(np.minimum(owed + debts, have), rel=1e-9, abs=1e-9 * scale)
    assert found.signed_equity == pytest.approx(have - owed - debts, rel=1e-9, abs=1e-9 * scale)
    assert not (found.defaulted & (found.equity > 1e-9 * scale)).any()
    assert (found.recovery[owed + debts == 0] == 1).all()


@given(networks(), st.sampled_from(["pari_passu", "senior"]))
def test_b5_b6_the_least_vector_is_below_the_greatest_with_the_same_equity(network, priority):
    matrix, assets, debts = network
    low = eisenberg_noe(matrix, assets, debts, external_priority=priority, fixed_point="least")
    high = eisenberg_noe(matrix, assets, debts, external_priority=priority)
    scale = max(1.0, matrix.sum(), assets.sum())
    assert (low.payments <= high.payments + 1e-10 * scale).all()
    assert low.equity == pytest.approx(high.equity, abs=1e-10 * scale)


@given(networks())
def test_b8_more_assets_never_lower_a_payment(network):
    matrix, assets, debts = network
    less, more = eisenberg_noe(matrix, assets, debts), eisenberg_noe(matrix, assets + 1.0, debts)
    assert (more.payments >= less.payments * (1 - 1e-11)).all()
    assert (more.payments - less.payments).sum() >= -1e-6


@given(networks())
def test_b10_nodes_that_can_pay_from_face_claims_do_not_default(network):
    matrix, _, debts = network
    assets = np.maximum(0.0, matrix.sum(axis=1) + debts - matrix.sum(axis=0))
    assert eisenberg_noe(matrix, assets, debts).n_defaulted == 0


@given(networks(4), networks(4))
def test_b13_networks_side_by_side_clear_apart(one, two):
    n, m = len(one[1]), len(two[1])
    both = np.zeros((n + m, n + m))
    both[:n, :n], both[n:, n:] = one[0], two[0]
    found = eisenberg_noe(both, np.r_[one[1], two[1]], np.r_[one[2], two[2]])
    parts = [eisenberg_noe(*one).payments, eisenberg_noe(*two).payments]
    assert found.payments == pytest.approx(np.concatenate(parts), rel=1e-12)


@given(networks(), st.randoms(use_true_random=False))
def test_new_labels_permute_the_payments(network, random):
    matrix, assets, debts = network
    order = list(range(len(assets)))
    random.shuffle(order)
    one = eisenberg_noe(matrix, assets, debts)
    two = eisenberg_noe(matrix[np.ix_(order, order)], assets[order], debts[order])
    assert two.payments == pytest.approx(one.payments[order], rel=1e-11)
    assert two.defaulted.tolist() == one.defaulted[order].tolist()


@given(networks())
def test_money_in_other_units_gives_the_same_bits(network):
    matrix, assets, debts = network
    one, two = eisenberg_noe(matrix, assets, debts), eisenberg_noe(matrix * 8, assets * 8, debts * 8)
    assert np.array_equal(one.payments * 8, two.payments)


def large(n, seed):
    draw = np.random.default_rng(seed)
    matrix = draw.exponential(1.0, (n, n)) * (draw.random((n, n)) < 8 / n)
    np.fill_diagonal(matrix, 0.0)
    return matrix, draw.exponential(2.0, n), draw.exponential(4.0, n)


def test_many_defaulters_are_swept_to_the_solution_of_the_system():
    matrix, assets, debts = large(600, 1)
    found = eisenberg_noe(matrix, assets, debts)
    assert found.n_defaulted > clearing_kernels.LARGEST_DENSE
    due = matrix.sum(axis=1) + debts
    failed = found.defaulted
    share = (matrix / due[:, None]).T
    income = assets + share[:, ~failed] @ due[~failed]
    solved = np.linalg.solve(np.eye(failed.sum()) - share[np.ix_(failed, failed)], income[failed])
    assert found.payments[failed] == pytest.approx(solved, rel=1e-10)
    assert found.payments[~failed] == pytest.approx(due[~failed], rel=1e-15)
    assert (found.signed_equity[~failed] >= -1e-12 * due.max()).all()


def test_rounds_in_which_nobody_fails_go_on_from_the_ratios_of_those_before():
    matrix, assets, debts = large(600, 1)
    found = eisenberg_noe(matrix, 0.5 * assets, debts)
    assert found.n_defaulted > 500
    assert found.rounds <= 50
    assert found.residual <= 1e-12


def test_a_long_ring_with_a_tiny_leak_is_solved_where_sweeps_do_not_settle():
    n, leak = 300, 1e-9
    ring = np.zeros((n, n))
    ring[np.arange(n), (np.arange(n) + 1) % n] = 1.0
    assets = np.zeros(n)
    assets[0] = leak * n / 2
    found = eisenberg_noe(ring, assets, np.full(n, leak))
    assert found.n_defaulted == n
    assert found.recovery.mean() == pytest.approx(0.5, rel=1e-9)


def test_the_kernel_counts_its_rounds():
    chain = [(0, 1, 3.0), (1, 2, 3.0), (2, 3, 3.0)]
    indptr = np.array([0, 1, 2, 3, 3])
    creditor, amount = np.array([c for _, c, _ in chain]), np.array([a for _, _, a in chain])
    payments = np.empty(4)
    rounds = clearing_kernels.clear(indptr, creditor, amount, np.array([1.0, 0, 0, 0]), np.zeros(4), payments)
    assert rounds == 3
    assert payments.tolist() == [1, 1, 1, 0]
    assert clearing_kernels.clear(indptr, creditor, amount, np.full(4, 3.0), np.zeros(4), payments) == 0
    assert payments.tolist() == [3, 3, 3, 0]


@pytest.mark.parametrize(
    ("arguments", "mentions"),
    [
        (([[0, -1], [0, 0]], [1, 1]), "negative"),
        (([[0, 1], [0, 0]], [-1, 1]), "negative"),
        (([[0, 1], [0, 0]], [1, 1], [0, -1]), "negative"),
        (([[0, math.nan], [0, 0]], [1, 1]), "finite"),
        (([[0, 1], [0, 0]], [math.inf, 1]), "finite"),
        (([[0, 1], [0, 0]], [1, 1], [math.nan, 1]), "finite"),
        (([[1, 1], [0, 0]], [1, 1]), "self"),
        (([[0, 1, 0], [0, 0, 0]], [1, 1]), "square"),
        (([0, 1], [1, 1]), "square"),
        (([[0, 1], [0, 0]], [1]), "length"),
        (([[0, 1], [0, 0]], [1, 1], [1, 1, 1]), "length"),
        (([], []), "empty"),
        (([["a"]], [1]), "liabilities"),
        (([[0, 1], [0]], [1, 1]), "liabilities"),
    ],
)
def test_bad_balance_sheets_are_refused(arguments, mentions):
    with pytest.raises(InputError, match=mentions):
        eisenberg_noe(*arguments)


def test_unknown_words_are_refused_by_argument():
    with pytest.raises(InputError, match="external_priority"):
        eisenberg_noe([[0]], [1], external_priority="junior")
    with pytest.raises(InputError, match="fixed_point"):
        eisenberg_noe([[0]], [1], fixed_point="middle")


def test_one_node_and_no_links_are_legal():
    found = eisenberg_noe([[0]], [1.0], [2.0])
    assert (found.payments.tolist(), found.recovery.tolist(), found.n_defaulted) == ([1], [0.5], 1)
    assert eisenberg_noe(np.zeros((3, 3)), [0, 1, 2]).n_defaulted == 0


def test_what_does_not_settle_is_an_error_with_round_gap_and_worst_node(monkeypatch):
    def never(*arguments):
        arguments[-1][:] = 0.25, 1, 7
        return -1

    monkeypatch.setattr("contagion.propagation.clearing_sets.settle", never)
    ring = pd.DataFrame([[0, 1], [0, 0]], index=["b", "a"], columns=["b", "a"])
    with pytest.raises(ConvergenceError, match=r"round 7, gap 0.25, worst 'b'"):
        eisenberg_noe(ring, {"a": 0, "b": 0})
