"""Invariants B and F of clearing: each test is named after its number."""

import numpy as np
import pandas as pd
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import csr_array

from contagion.claims import Claims
from contagion.propagation.clearing import clearing_range, eisenberg_noe, rogers_veraart
from tests.oracles.clearing import from_above
from tests.oracles.clearing_pieces import costs_of_default
from tests.properties.clearing_networks import PARTS, PRIORITIES, networks, scale_of

POINTS = st.sampled_from(["greatest", "least"])
KEPT = st.tuples(PARTS, PARTS)


def clear(network, kept=(1.0, 1.0), priority="pari_passu", point="greatest"):
    return rogers_veraart(
        *network, alpha=kept[0], beta=kept[1], external_priority=priority, fixed_point=point
    )


def flows(network, found):
    """What node i pays node j."""
    return network[0] * found.recovery[:, None]


@given(networks(), KEPT, PRIORITIES, POINTS)
def test_b1_payments_are_no_more_than_debts_and_resources(network, kept, priority, point):
    matrix, assets, debts = network
    found, slack = clear(network, kept, priority, point), 1e-12 * scale_of(network)
    have = assets + flows(network, found).sum(axis=0)
    assert (found.payments >= 0).all()
    assert (found.payments <= (matrix.sum(axis=1) + debts) * (1 + 1e-12)).all()
    assert (found.payments <= have + slack).all()
    assert np.isfinite(found.to_frame().to_numpy(dtype=float)).all()


@given(networks(), KEPT, PRIORITIES, POINTS)
def test_b2_who_pays_less_than_it_owes_has_nothing_left_and_seniors_come_first(
    network, kept, priority, point
):
    found, debts = clear(network, kept, priority, point), network[2]
    due = network[0].sum(axis=1) + debts
    less = found.payments < due * (1 - 1e-9)
    assert (found.equity[less] == 0).all()
    assert found.defaulted[less].all()
    if priority == "senior":
        assert (
            found.external_payments[found.interbank_payments > 0]
            >= debts[found.interbank_payments > 0] - 1e-12 * scale_of(network)
        ).all()


@given(networks(), KEPT, PRIORITIES, POINTS)
def test_b3_payments_are_shared_in_proportion(network, kept, priority, point):
    matrix, _, debts = network
    found = clear(network, kept, priority, point)
    inside = matrix.sum(axis=1)
    np.testing.assert_allclose(found.interbank_payments, inside * found.recovery, rtol=1e-12)
    total = found.interbank_payments + found.external_payments
    np.testing.assert_allclose(found.payments, total, rtol=1e-12, atol=1e-300)
    if priority == "pari_passu":
        np.testing.assert_allclose(found.external_payments, debts * found.recovery, rtol=1e-12)


@given(networks(), KEPT, PRIORITIES, POINTS)
def test_b4_the_rule_gives_back_the_payments(network, kept, priority, point):
    """Defaulters pay what their resources allow after costs, everybody else all; the residual is bounded."""
    matrix, assets, debts = network
    found = clear(network, kept, priority, point)
    income = flows(network, found).sum(axis=0)
    first = debts if priority == "senior" else 0 * debts
    due = matrix.sum(axis=1) + debts - first
    rest = np.maximum(0.0, kept[0] * assets + kept[1] * income - first)
    expected = np.where(found.defaulted, np.minimum(due, rest), due)
    np.testing.assert_allclose(found.recovery * due, expected, rtol=1e-12, atol=1e-12 * scale_of(network))
    assert found.residual <= 1e-9
    slack = 1e-11 * (assets + debts + matrix.sum(axis=1) + income)
    np.testing.assert_array_less(found.signed_equity - assets - income + due + first, slack + 1e-300)
    assert (found.signed_equity[found.defaulted] < 0).all()
    assert (found.signed_equity[~found.defaulted] >= -slack[~found.defaulted]).all()


@given(networks(exact=True), KEPT, PRIORITIES)
def test_b5_every_fixed_point_lies_between_the_two_ends(network, kept, priority):
    assume(len(network[1]) <= 4)
    found = clearing_range(*network, alpha=kept[0], beta=kept[1], external_priority=priority)
    assert (found.gap >= -1e-12 * scale_of(network)).all()
    ends = costs_of_default(*(part.astype(int).tolist() for part in network), *kept, priority == "senior")
    for (paid, failed), vector in zip(ends, (found.greatest, found.least), strict=True):
        ours = vector.interbank_payments if priority == "senior" else vector.payments
        np.testing.assert_allclose(ours, [float(p) for p in paid], rtol=1e-12, atol=1e-12)
        assert vector.defaulted.tolist() == failed


def test_b5_a_ring_without_assets_pays_in_full_or_nothing():
    ring = [[0, 1], [1, 0]]
    found = clearing_range(ring, [0, 0])
    assert found.greatest.payments.tolist() == [1, 1]
    assert found.least.payments.tolist() == [0, 0]
    assert not found.unique


@given(networks())
def test_b6_equity_is_the_same_in_all_clearing_vectors(network):
    found = clearing_range(*network)
    slack = 1e-12 * scale_of(network)
    np.testing.assert_allclose(found.greatest.equity, found.least.equity, rtol=1e-12, atol=slack)


@given(networks(), KEPT, PRIORITIES)
def test_b7_fictitious_default_ends_within_n_rounds_and_its_set_only_grows(network, kept, priority):
    found = clear(network, kept, priority)
    assert len(found.waves) <= found.rounds <= len(network[1]) + 1
    seen = [node for wave in found.waves for node in wave]
    assert len(seen) == len(set(seen))
    assert sorted(seen) == np.flatnonzero(found.defaulted).tolist()


@given(networks(), KEPT, PRIORITIES, POINTS, st.data())
def test_b8_payments_rise_with_assets_and_with_what_default_leaves(network, kept, priority, point, data):
    matrix, assets, debts = network
    slack = 1e-11 * scale_of(network)
    less = clear(network, kept, priority, point)
    node = data.draw(st.integers(0, len(assets) - 1))
    richer = assets.copy()
    richer[node] += data.draw(st.sampled_from([1.0, 100.0, scale_of(network)]))
    gentler = tuple((1.0 + part) / 2 for part in kept)
    for other in (
        clear((matrix, richer, debts), kept, priority, point),
        clear(network, gentler, priority, point),
    ):
        assert (other.payments >= less.payments - slack).all()
        assert not (other.defaulted & ~less.defaulted).any()


@given(networks(), networks())
def test_b8_without_costs_payments_are_concave_in_assets_and_no_steeper_than_one(network, other):
    matrix, assets, debts = network
    more = np.resize(other[1], len(assets))
    low, high, middle = (
        clear((matrix, e, debts)).payments for e in (assets, assets + more, assets + more / 2)
    )
    slack = 1e-11 * (scale_of(network) + more.sum())
    assert (middle >= (low + high) / 2 - slack).all()
    external = debts / np.maximum(matrix.sum(axis=1) + debts, 1e-300)
    equity = [clear((matrix, e, debts)).equity.sum() for e in (assets, assets + more)]
    paid_out = ((high - low) * external).sum() + equity[1] - equity[0]
    assert paid_out <= more.sum() + slack


@given(networks(exact=True))
def test_b9_oracles_agree(network):
    matrix, assets, debts = network
    due = matrix.sum(axis=1) + debts
    assume(due.sum() > 0)
    found = clear(network)
    share = np.divide(matrix, due[:, None], out=np.zeros_like(matrix), where=due[:, None] > 0)
    bounds = [(0.0, float(d)) for d in due]
    solved = linprog(-np.ones(len(due)), A_ub=np.eye(len(due)) - share.T, b_ub=assets, bounds=bounds)
    np.testing.assert_allclose(found.payments, solved.x, atol=1e-6)
    picard = from_above(matrix.tolist(), assets.tolist(), debts.tolist(), rounds=300)
    assert (np.array(picard) >= found.interbank_payments - 1e-9).all()


@given(networks(), KEPT, PRIORITIES, POINTS)
def test_b10_nobody_defaults_who_can_pay_from_face_claims(network, kept, priority, point):
    matrix, assets, debts = network
    enough = np.maximum(assets, matrix.sum(axis=1) + debts - matrix.sum(axis=0))
    assert clear((matrix, enough, debts), kept, priority).n_defaulted == 0
    rich = np.maximum(assets, matrix.sum(axis=1) + debts)
    assert clear((matrix, rich, debts), kept, priority, point).n_defaulted == 0


@given(networks(), KEPT, POINTS)
def test_b11_clearing_again_what_is_paid_changes_nothing(network, kept, point):
    """The debts that are left after clearing are all paid: one round, same bits."""
    _, assets, debts = network
    first = clear(network, kept, "pari_passu", point)
    paid = flows(network, first), assets, debts * first.recovery
    again = clear(paid)
    assert (again.n_defaulted, again.rounds) == (0, 0)
    assert (again.recovery == 1).all()
    np.testing.assert_allclose(again.payments, first.payments, rtol=1e-12, atol=1e-300)
    third = clear((flows(paid, again), assets, paid[2] * again.recovery))
    assert np.array_equal(third.payments, again.payments)
    same = clear(network, kept, "pari_passu", point)
    assert np.array_equal(same.payments, first.payments)


@given(networks(), KEPT, PRIORITIES, st.sampled_from([0.25, 0.5, 0.75]))
def test_b12_splitting_a_node_splits_its_payments_and_changes_nobody_else(network, kept, priority, part):
    matrix, assets, debts = network
    n = len(assets)
    split = np.zeros((n + 1, n + 1))
    split[:n, :n] = matrix
    split[n, :n], split[0, :n] = (1 - part) * matrix[0], part * matrix[0]
    split[:n, n], split[:n, 0] = (1 - part) * matrix[:, 0], part * matrix[:, 0]
    own = [np.append(values, (1 - part) * values[0]) for values in (assets, debts)]
    for values in own:
        values[0] *= part
    one, two = clear(network, kept, priority), clear((split, *own), kept, priority)
    slack = 1e-11 * scale_of(network)
    np.testing.assert_allclose(two.payments[1:n], one.payments[1:], rtol=1e-11, atol=slack)
    np.testing.assert_allclose(two.payments[[0, n]].sum(), one.payments[0], rtol=1e-11, atol=slack)


@given(networks(5), networks(5), KEPT, PRIORITIES, POINTS)
def test_b13_networks_side_by_side_clear_apart_and_bystanders_change_nothing(one, two, kept, priority, point):
    n, m = len(one[1]), len(two[1])
    both = np.zeros((n + m + 1, n + m + 1))
    both[:n, :n], both[n : n + m, n : n + m] = one[0], two[0]
    vectors = [np.concatenate([one[k], two[k], [0.0]]) for k in (1, 2)]
    found = clear((both, *vectors), kept, priority, point)
    parts = [clear(part, kept, priority, point) for part in (one, two)]
    expected = np.concatenate([part.payments for part in parts])
    slack = 1e-12 * max(scale_of(one), scale_of(two))
    np.testing.assert_allclose(found.payments[:-1], expected, rtol=1e-12, atol=slack)
    assert not found.defaulted[-1]


@given(networks(exact=True))
def test_b14_without_default_netting_a_cycle_leaves_equity(network):
    matrix, assets, debts = network
    n = len(assets)
    assume(n >= 3)
    enough = np.maximum(assets, matrix.sum(axis=1) + debts - matrix.sum(axis=0))
    netted = matrix.copy()
    ring = (np.arange(3), (np.arange(3) + 1) % 3)
    netted[ring] -= matrix[ring].min()
    one, two = clear((matrix, enough, debts)), clear((netted, enough, debts))
    assert one.n_defaulted == two.n_defaulted == 0
    assert np.array_equal(one.equity, two.equity)


@given(networks(), KEPT, PRIORITIES, POINTS)
def test_a4_what_is_lost_is_the_cost_of_default(network, kept, priority, point):
    assets = network[1]
    found = clear(network, kept, priority, point)
    income, failed = flows(network, found).sum(axis=0), found.defaulted
    costs = ((1 - kept[0]) * assets + (1 - kept[1]) * income)[failed].sum()
    left = assets.sum() - found.equity.sum() - found.external_payments.sum()
    capped = (kept[0] * assets + kept[1] * income - found.payments)[failed]
    np.testing.assert_allclose(
        left - np.maximum(capped, 0.0).sum(), costs, rtol=1e-11, atol=1e-11 * scale_of(network)
    )


@given(networks(), KEPT, PRIORITIES, POINTS, st.randoms(use_true_random=False))
def test_f2_permuting_nodes_permutes_the_result(network, kept, priority, point, random):
    matrix, assets, debts = network
    n = len(assets)
    order = list(range(n))
    random.shuffle(order)
    turned = matrix[np.ix_(order, order)], assets[order], debts[order]
    bare, moved = clear(network, kept, priority, point), clear(turned, kept, priority, point)
    slack = 1e-12 * scale_of(network)
    np.testing.assert_allclose(moved.payments, bare.payments[order], rtol=1e-12, atol=slack)
    names = np.array([f"bank {k}" for k in range(n)])
    frames = [
        (
            pd.DataFrame(own[0], index=labels, columns=labels),
            pd.Series(own[1], index=labels),
            pd.Series(own[2], index=labels),
        )
        for own, labels in ((network, names), (turned, names[order]))
    ]
    first, second = (clear(frame, kept, priority, point).to_frame() for frame in frames)
    pd.testing.assert_frame_equal(second, first.loc[names[order]], check_exact=True)


@given(networks(), KEPT, PRIORITIES, POINTS, st.integers(-20, 20))
def test_f3_money_in_other_units_scales_the_result(network, kept, priority, point, power):
    one = clear(network, kept, priority, point)
    two = clear(tuple(part * 2.0**power for part in network), kept, priority, point)
    for name in ("payments", "signed_equity", "external_payments"):
        assert np.array_equal(getattr(one, name) * 2.0**power, getattr(two, name))
    assert np.array_equal(one.recovery, two.recovery)
    assert one.defaulted.tolist() == two.defaulted.tolist()
    three = clear(tuple(part * 1.1 for part in network), kept, priority, point)
    slack = 1e-12 * scale_of(network)
    np.testing.assert_allclose(three.payments, 1.1 * one.payments, rtol=1e-12, atol=slack)


@given(networks(), POINTS)
def test_f4_arrays_sparse_matrices_edges_and_layers_give_the_same_bits(network, point):
    matrix, assets, debts = network
    n = len(assets)
    one = eisenberg_noe(matrix, assets, debts, fixed_point=point)
    edges = [[i, j, matrix[i, j]] for i in range(n) for j in range(n) if i != j]
    for liabilities in (csr_array(matrix), Claims.from_edges(edges[::-1], n)):
        two = eisenberg_noe(liabilities, assets, debts, fixed_point=point)
        pd.testing.assert_frame_equal(one.to_frame(), two.to_frame(), check_exact=True)
    layered = eisenberg_noe(
        external_assets=assets,
        liabilities_by_seniority=[np.zeros((n, n)), matrix],
        external_liabilities_by_seniority=[debts, np.zeros(n)],
        fixed_point=point,
    )
    senior = eisenberg_noe(matrix, assets, debts, external_priority="senior", fixed_point=point)
    slack = 1e-12 * scale_of(network)
    np.testing.assert_allclose(layered.payments, senior.payments, rtol=1e-11, atol=slack)
    np.testing.assert_allclose(
        layered.payments_by_seniority[0], senior.external_payments, rtol=1e-11, atol=slack
    )
