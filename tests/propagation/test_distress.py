"""DebtRank: closed forms, large networks, pitfalls, forms of input, and what is refused."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from contagion.claims import Claims
from contagion.errors import ConvergenceError, InputError
from contagion.propagation import distress_kernels
from contagion.propagation.distress import debtrank_linear, debtrank_nonlinear, debtrank_single_hit
from contagion.propagation.single_defaults import ranking, single_defaults

DENSE = [[0.0, 4.0, 0.0], [0.0, 0.0, 3.0], [2.0, 0.0, 0.0]]
WORTH = [5.0, 4.0, 6.0]
NAMES = ["c", "a", "b"]
ALL = [debtrank_linear, debtrank_single_hit, lambda *a, **k: debtrank_nonlinear(*a, alpha=1.0, **k)]


def ring(n, leverage):
    """Node i owes the next one `leverage`; equity 1."""
    return Claims.from_arrays(np.arange(n), np.roll(np.arange(n), -1), np.full(n, leverage), n)


def by_sets_of_numpy(share, shock):
    """The finite algorithm with dense solves, everybody reached."""
    h, below = np.ones(len(shock)), np.zeros(len(shock), dtype=bool)
    while True:
        more = below | (shock + share @ h < 1.0)
        if (more == below).all():
            return h
        below = more
        free = np.ix_(below, below)
        have = shock[below] + share[np.ix_(below, ~below)].sum(axis=1)
        h[below] = np.linalg.solve(np.eye(int(below.sum())) - share[free], have)


@pytest.mark.parametrize("n", [4, 200, 201, 500])
@pytest.mark.parametrize("leverage", [0.5, 0.999])
def test_a_ring_of_any_size_has_its_closed_form(n, leverage):
    shock = np.zeros(n)
    shock[0] = 1e-3
    found = debtrank_linear(ring(n, leverage), equity=np.ones(n), shock=shock)
    expected = 1e-3 * leverage ** np.arange(n) / (1.0 - leverage**n)
    assert np.allclose(found.h, expected, rtol=1e-9, atol=0.0)
    assert found.spectral_radius == pytest.approx(leverage, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_sweeps_over_a_large_network_find_what_the_finite_algorithm_finds(seed):
    rng = np.random.default_rng(seed)
    n = 260
    debts = rng.exponential(1.0, (n, n)) * (rng.random((n, n)) < 0.05)
    np.fill_diagonal(debts, 0.0)
    worth, shock = debts.sum(axis=0) / rng.uniform(0.5, 1.6, n) + 0.1, rng.random(n) * 0.02
    found = debtrank_linear(csr_array(debts), equity=worth, shock=shock)
    expected = by_sets_of_numpy(debts.T / worth[:, np.newaxis], shock)
    assert (expected < 1.0).any()
    assert np.allclose(found.h, expected, rtol=1e-8, atol=0.0)


@pytest.mark.parametrize("gap", [1e-3, 1e-5, 1e-7])
def test_near_the_edge_of_stability_a_large_network_has_the_distress_its_shock_was_made_for(gap):
    n, rng = 4500, np.random.default_rng(5)
    creditor, debtor = np.tile(np.arange(n), 5), np.concatenate([rng.permutation(n) for _ in range(5)])
    apart = creditor != debtor
    share = np.repeat([0.4, 0.1, 0.2, 0.05, 0.25], n)[apart] * (1.0 - gap)
    claims = Claims.from_arrays(debtor[apart], creditor[apart], share, n)
    expected = 1e-3 * (1.0 + 0.5 * gap * rng.random(n))  # rows sum to 1 - gap at most: the shock is positive
    shock = expected - claims.matrix().T @ expected
    found = debtrank_linear(claims, equity=np.ones(n), shock=shock)
    assert found.h == pytest.approx(expected, rel=1e-14 / gap)


def test_beyond_the_edge_a_large_network_stops_at_one_where_it_must():
    n, rng = 5000, np.random.default_rng(1)
    debtor, creditor = np.repeat(np.arange(n), 5), rng.integers(0, n, 5 * n)
    apart = debtor != creditor
    claims = Claims.from_arrays(debtor[apart], creditor[apart], rng.lognormal(0, 1, 5 * n)[apart], n)
    worth, shock = np.maximum(claims.claimed, 0.1) / 1.02, rng.random(n) * 1e-9
    found = debtrank_linear(claims, equity=worth, shock=shock)
    again = np.minimum(1.0, shock + claims.matrix().T @ found.h / worth)
    assert found.h == pytest.approx(again, rel=1e-13)
    assert 0 < (found.h < 1.0).sum() < n / 2


def test_where_sweeps_do_not_settle_the_finite_algorithm_does(monkeypatch):
    monkeypatch.setattr(distress_kernels, "LARGEST_SWEEPS", 20)  # so that plain Python gives up early, too
    n, leverage = 230, 1.0 - 1e-9
    claims = ring(n, leverage).exposures
    shock, h = np.zeros(n), np.empty(n)
    shock[0] = 1e-9
    distress_kernels.least(
        claims.indptr, claims.creditor, claims.amount, shock, np.ones(n, dtype=bool), 0.0, h
    )
    assert np.allclose(h, 1e-9 / (1.0 - leverage**n), rtol=1e-5)


def test_a_shock_that_fades_before_it_reaches_an_unstable_pair_is_followed_to_the_end():
    n = 300
    debtor = [*range(n - 2), n - 2, n - 1]
    creditor = [*range(1, n - 1), n - 1, n - 2]
    amount = [0.5] * (n - 2) + [3.0, 3.0]
    shock = np.zeros(n)
    shock[0] = 1e-6
    found = debtrank_linear(Claims.from_arrays(debtor, creditor, amount, n), equity=np.ones(n), shock=shock)
    assert np.allclose(found.h[:-2], 1e-6 * 0.5 ** np.arange(n - 2), rtol=1e-9)
    assert found.h[-2:].tolist() == [1.0, 1.0]
    assert found.n_additional_defaults == 2


def test_a_part_that_is_not_reached_stays_at_zero_however_unstable():
    debts = np.zeros((4, 4))
    debts[0, 1], debts[1, 0], debts[2, 3], debts[3, 2] = 2.0, 1.0, 9.0, 9.0
    found = debtrank_linear(debts, equity=[4] * 4, shock=[0.1, 0, 0, 0])
    assert found.h.tolist() == pytest.approx([0.8 / 7, 0.4 / 7, 0.0, 0.0], rel=1e-14)
    assert found.spectral_radius == pytest.approx(2.25)


def test_alpha_zero_is_linear_and_a_large_alpha_is_default_without_recovery():
    shock = [0.3, 0.0, 0.1]
    linear = debtrank_linear(DENSE, equity=WORTH, shock=shock)
    assert np.array_equal(debtrank_nonlinear(DENSE, equity=WORTH, shock=shock, alpha=0.0).h, linear.h)
    late = debtrank_nonlinear(DENSE, equity=WORTH, initial_defaults=[0], alpha=1e6)
    assert late.h.tolist() == [1.0, 1.0, 0.5]


def test_a_distress_that_does_not_settle_is_an_error_that_names_the_worst_node(monkeypatch):
    monkeypatch.setattr(distress_kernels, "least", lambda *_: (-7, 0.25, 1))
    with pytest.raises(ConvergenceError, match=r"round 7, gap 0\.25, worst 'b'"):
        debtrank_linear(
            pd.DataFrame(DENSE, NAMES, NAMES), equity=dict(zip(NAMES, WORTH, strict=True)), shock=0.1
        )


def test_without_positive_equity_a_node_may_start_at_one():
    for function in ALL:
        found = function(DENSE, equity=[5, -1, 6], shock=[0, 0, 0], nonpositive_equity="default")
        assert found.h[1] == 1.0
        assert found.h[2] >= 0.5
        assert found.n_additional_defaults == 0
        assert np.isfinite([found.debtrank, found.amplification]).all()
    linear = debtrank_linear(DENSE, equity=[5, -1, 6], nonpositive_equity="default")
    assert linear.h.tolist() == [0.2, 1.0, 0.5]
    assert linear.signed_equity.tolist() == pytest.approx([4.0, -1.8, 3.0])
    assert linear.losses.tolist() == [1.0, 0.0, 3.0]


def test_one_node_no_links_and_no_shock_are_legal():
    for function in ALL:
        found = function([[0]], [3], shock=0.25)
        assert (found.h.tolist(), found.debtrank, found.amplification) == ([0.25], 0.0, 1.0)
        still = function(np.zeros((2, 2)), [3, 1])
        assert (still.h.tolist(), still.amplification, still.spectral_radius) == ([0.0, 0.0], 0.0, 0.0)


def test_initial_defaults_and_shocks_go_together_by_name_or_position():
    frame, worth = pd.DataFrame(DENSE, NAMES, NAMES), dict(zip(NAMES, WORTH, strict=True))
    named = debtrank_linear(frame, equity=worth, initial_defaults=["c"], shock={"a": 0.5, "b": 0.0, "c": 0.0})
    plain = debtrank_linear(DENSE, equity=WORTH, initial_defaults=[0], shock=[0.0, 0.5, 0.0])
    assert named.h.tolist() == plain.h.tolist() == [1.0, 1.0, 0.5]
    assert named.to_frame().loc["a", "h"] == 1.0
    matrix = pd.DataFrame([[0.5, 0.0, 0.1], [0, 0, 0.3]], columns=["a", "b", "c"])
    found = debtrank_linear(frame, equity=worth, shock=matrix)
    single = debtrank_linear(frame, equity=worth, shock={"a": 0.5, "b": 0.0, "c": 0.1})
    assert found.h[0].tolist() == single.h.tolist() == pytest.approx([0.25, 0.75, 0.375])
    assert list(found.to_frame().index) == [0, 1]


def test_weights_are_positive_face_equity_unless_given():
    assert debtrank_linear(DENSE, equity=WORTH, initial_defaults=[0]).debtrank == pytest.approx((4 + 3) / 15)
    even = debtrank_linear(DENSE, equity=WORTH, initial_defaults=[0], weights=[1, 1, 1])
    assert even.debtrank == pytest.approx(1.5 / 3)


def test_history_is_the_simultaneous_rounds():
    found = debtrank_linear(DENSE, equity=WORTH, shock=[0.1, 0, 0], history=2)
    assert found.history.tolist() == [[0.1, 0, 0], [0.1, 0.1, 0], [0.1, 0.1, 0.05]]
    assert list(found.history_frame().index) == [0, 1, 2]
    ended = debtrank_single_hit(DENSE, equity=WORTH, initial_defaults=[0], history=9)
    assert ended.history.tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 0.5], [1, 1, 0.5]]
    with pytest.raises(InputError, match="history"):
        debtrank_linear(DENSE, equity=WORTH, shock=0.1).history_frame()


def test_single_defaults_are_ranked_and_labelled():
    frame, worth = pd.DataFrame(DENSE, NAMES, NAMES), dict(zip(NAMES, WORTH, strict=True))
    table = single_defaults(frame, equity=worth, model="debtrank_nonlinear", alpha=0.0)
    assert list(table.index) == NAMES
    assert table["debtrank"].to_numpy()[table["rank"].to_numpy() - 1].tolist() == sorted(
        table["debtrank"], reverse=True
    )
    assert single_defaults(ring(6, 0.3), equity=np.ones(6))["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert ranking([]).tolist() == []


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"equity": [1, 0, 1]}, "equity"),
        ({"external_assets": [0.3, 3, 1], "external_liabilities": [0, 5, 0]}, "equity"),
        ({"equity": [1, 1e-310, 1]}, "equity"),
        ({"equity": WORTH, "shock": 1.1}, "shock"),
        ({"equity": WORTH, "shock": [0, -0.1, 0]}, "shock"),
        ({"equity": WORTH, "shock": [0, 0.1]}, "length"),
        ({"equity": WORTH, "shock": [[0, 0.1]]}, "length"),
        ({"equity": WORTH, "shock": np.zeros((0, 3))}, "scenario"),
        ({"equity": WORTH, "shock": pd.DataFrame([[0, 0, 0]], columns=NAMES)}, "shock"),
        ({"equity": WORTH, "shock": [[0, 0, np.nan]]}, "finite"),
        ({"equity": WORTH, "initial_defaults": [3]}, "initial_defaults"),
        ({"equity": WORTH, "initial_defaults": ["x"]}, "initial_defaults"),
        ({"equity": WORTH, "initial_defaults": [-1]}, "initial_defaults"),
        ({"equity": WORTH, "nonpositive_equity": "skip"}, "nonpositive_equity"),
        ({"equity": WORTH, "shock": [[0, 0, 0]], "history": 3}, "history"),
        ({"equity": WORTH, "shock": 0.1, "history": -1}, "history"),
    ],
)
def test_what_is_wrong_is_refused_by_name(keys, word):
    for function in ALL:
        with pytest.raises(InputError, match=word):
            function(DENSE, **keys)


def test_an_equity_that_is_zero_but_for_rounding_counts_as_zero():
    with pytest.raises(InputError, match="equity"):
        debtrank_linear([[0, 0.4], [0, 0]], [0.1 + 0.3, 1.0])


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"model": "debtrank"}, "debtrank_linear"),
        ({"lgd": 0.5}, "lgd"),
        ({"model": "furfine", "lgd": 1.5}, "lgd"),
        ({"model": "debtrank_nonlinear"}, "alpha"),
        ({"model": "debtrank_nonlinear", "alpha": -1.0}, "alpha"),
        ({"model": "threshold_cascade", "threshold": 0.0}, "threshold"),
        ({"equity": [1, 0, 1]}, "equity"),
        ({"model": "threshold_cascade", "equity": [1, 0, 1]}, "equity"),
    ],
)
def test_single_defaults_refuse_what_their_model_refuses(keys, word):
    with pytest.raises(InputError, match=word):
        single_defaults(DENSE, **{"equity": WORTH, **keys})


def test_a_negative_alpha_is_refused():
    with pytest.raises(InputError, match="alpha"):
        debtrank_nonlinear(DENSE, equity=WORTH, alpha=-0.1, shock=0.1)


def test_distress_that_creeps_past_a_narrow_gap_settles():
    """One debtor, one creditor who owe each other: h = s + c h exp(2 (h - 1)) touches the diagonal at one point."""
    point = 0.25
    slope = math.exp(2.0 * (point - 1.0)) * (1.0 + 2.0 * point)
    share = 1.0 / slope
    shock = point - share * point * math.exp(2.0 * (point - 1.0))
    debts = [[0.0, share], [share, 0.0]]
    found = debtrank_nonlinear(debts, equity=[1.0, 1.0], alpha=2.0, shock=shock * (1.0 - 1e-9))
    assert found.h == pytest.approx([point, point], abs=1e-3)
    assert (found.h < point).all()
