"""Network valuation against clearing, exact rationals, closed forms and a plain fixed point."""

import numpy as np
import pandas as pd
import pytest

from contagion.claims import Claims
from contagion.errors import ConvergenceError, InputError
from contagion.propagation.clearing import eisenberg_noe, rogers_veraart
from contagion.propagation.defaults import furfine
from contagion.propagation.distress import debtrank_linear
from contagion.propagation.neva import neva, neva_black_cox, neva_furfine_merton, neva_merton
from contagion.propagation.valuations import (
    BlackCox,
    EisenbergNoe,
    Furfine,
    FurfineMerton,
    LinearDebtRank,
    Merton,
    RogersVeraart,
)
from tests.oracles import valuation as oracle


def network(seed, n=6, density=0.5, rich=1.0):
    draw = np.random.default_rng(seed)
    debts = np.where(draw.random((n, n)) < density, draw.integers(1, 40, (n, n)), 0).astype(float)
    np.fill_diagonal(debts, 0.0)
    assets = draw.integers(1, 40, n) * rich
    return debts, assets.astype(float), draw.integers(0, 30, n).astype(float)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("priority", ["pari_passu", "senior"])
def test_eisenberg_noe_is_clearing(seed, priority):
    debts, assets, outside = network(seed)
    if priority == "senior":
        outside = np.minimum(outside, assets)
    found = neva(debts, assets, outside, valuation=EisenbergNoe(priority))
    cleared = eisenberg_noe(debts, assets, outside, external_priority=priority)
    assert found.signed_equity == pytest.approx(cleared.signed_equity, abs=1e-10)
    assert found.valuation == pytest.approx(cleared.recovery, abs=1e-12)
    assert found.defaulted.tolist() == cleared.defaulted.tolist()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("alpha", "beta"), [(1, 1), (0.5, 0.75), (0, 0), (1, 0.25), (0.25, 1)])
def test_rogers_veraart_is_the_greatest_vector_in_rationals(seed, alpha, beta):
    debts, assets, outside = network(seed, n=5)
    found = neva(debts, assets, outside, valuation=RogersVeraart(alpha, beta))
    exact = oracle.rogers_veraart_equity(debts.tolist(), assets, outside, alpha, beta)
    assert found.signed_equity == pytest.approx([float(x) for x in exact], abs=1e-10)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("recovery", [0.0, 0.25, 1.0])
def test_furfine_is_rounds_of_default_in_rationals(seed, recovery):
    debts, assets, outside = network(seed)
    equity = assets + debts.sum(axis=0) - debts.sum(axis=1) - outside
    found = neva(debts, equity=equity, valuation=Furfine(recovery))
    exact = oracle.furfine_equity(debts.tolist(), equity, recovery)
    assert found.signed_equity == pytest.approx([float(x) for x in exact], abs=1e-10)


@pytest.mark.parametrize("seed", range(10))
def test_linear_debtrank_solves_its_linear_system_while_nobody_is_wiped_out(seed):
    debts, _, _ = network(seed)
    equity = 1.5 * debts.sum(axis=0) + 10.0
    found = neva(debts, equity=equity, valuation=LinearDebtRank(), shock=0.1)
    leverage = debts.T / equity[:, None]
    h = np.linalg.solve(np.eye(6) - leverage, np.full(6, 0.1))
    assert (h < 1.0).all()
    assert found.signed_equity == pytest.approx(equity * (1.0 - h), rel=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_lines_agree_with_the_algorithms_of_their_own(seed):
    debts, assets, outside = network(seed, n=7)
    draw = np.random.default_rng(seed)
    keys = {"equity": draw.integers(1, 60, 7).astype(float), "shock": draw.choice([0.0, 0.1, 1.0], 7)}
    distress = debtrank_linear(debts, **keys).signed_equity
    found = neva(debts, valuation=LinearDebtRank(), **keys).signed_equity
    assert found == pytest.approx(distress, abs=1e-10)
    poor = draw.integers(-4, 40, 7).astype(float)
    rounds = furfine(debts, equity=poor, lgd=0.4, trigger="fundamental")
    found = neva(debts, equity=poor, valuation=Furfine(0.6))
    assert found.signed_equity == pytest.approx(rounds.signed_equity, abs=1e-10)
    assert found.defaulted.tolist() == rounds.defaulted.tolist()
    cleared = rogers_veraart(debts, assets, outside, alpha=0.5, beta=0.25, external_priority="senior")
    found = neva(debts, assets, outside, valuation=RogersVeraart(0.5, 0.25, "senior"))
    assert found.signed_equity == pytest.approx(cleared.signed_equity, abs=1e-10)


def test_linear_debtrank_uses_each_banks_own_equity_and_is_cut_at_a_total_loss():
    debts = [[0, 2, 0], [0, 0, 3], [0, 0, 0]]
    found = neva(debts, equity=[1, 4, 2], valuation=LinearDebtRank(), shock=[1.5, 0, 0])
    assert found.signed_equity.tolist() == [-0.5, 2.0, 0.5]
    assert found.valuation.tolist() == [0.0, 0.5, 0.25]
    assert found.losses.tolist() == [1.5, 2.0, 1.5]
    assert found.shock_losses.tolist() == [1.5, 0.0, 0.0]
    assert found.defaulted.tolist() == [True, False, False]
    assert found.equity.tolist() == [0.0, 2.0, 0.5]
    assert found.n_defaulted == 1


def test_an_unreached_part_that_would_explode_stays_at_face_value():
    debts = np.zeros((4, 4))
    debts[0, 1], debts[2, 3], debts[3, 2] = 0.3, 30.1, 17.3
    found = neva(debts, equity=[0.7, 0.9, 0.1, 0.3], valuation=LinearDebtRank(), shock=[0.5, 0, 0, 0])
    assert found.signed_equity[2:].tolist() == [0.1, 0.3]


def test_a_leak_of_a_hundred_thousandth_is_solved_not_swept():
    leak = 1e-5
    debts = 1e5 * np.array([[0, 1], [1 - leak, 0.0]])
    outside = np.array([0.0, 1e5 * leak])
    found = neva(debts, [0.0, 0.5], outside, valuation=EisenbergNoe())
    assert found.rounds < 10
    assert found.valuation == pytest.approx(eisenberg_noe(debts, [0.0, 0.5], outside).recovery, rel=1e-9)


def test_a_ring_without_assets_pays_in_full_or_not_at_all():
    ring = [[0, 0.1 + 0.2, 0], [0, 0, 0.3], [0.3, 0, 0]]
    best = neva(ring, [0, 0, 0], valuation=EisenbergNoe())
    assert best.valuation.tolist() == [1.0, 1.0, 1.0]
    assert not best.defaulted.any()
    worst = neva(ring, [0, 0, 0], valuation=EisenbergNoe(), fixed_point="least")
    assert worst.valuation.tolist() == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)
    assert worst.fixed_point == "least"


def test_the_least_solution_is_refused_where_values_jump():
    with pytest.raises(InputError, match="fixed_point"):
        neva([[0, 1], [1, 0]], [1, 1], valuation=Furfine(0.4), fixed_point="least")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", [Merton, BlackCox, FurfineMerton])
def test_least_is_at_most_greatest_and_both_are_fixed(seed, kind):
    debts, assets, outside = network(seed, rich=2.0)
    own = assets - outside - debts.sum(axis=1)
    best, least = (
        neva(debts, assets, outside, valuation=kind(0.2, recovery=0.3), fixed_point=word)
        for word in ("greatest", "least")
    )
    assert (least.signed_equity <= best.signed_equity + 1e-9).all()
    for found in (best, least):
        assert found.signed_equity == pytest.approx(own + debts.T @ found.valuation, abs=1e-9)
    assert (best.signed_equity <= best.signed_equity_first_round).all()


def test_two_banks_by_hand():
    # B has no claims, so its equity is 2 whatever happens; A holds 3 of B's debts.
    found = neva_furfine_merton([[0, 0], [3, 0]], [4, 8], [5, 3], sigma=0.2, recovery=0.4)
    default = oracle.normal((np.log(1 - 2 / 8) + 0.02) / 0.2)
    assert found.signed_equity == pytest.approx([4 - 5 + 3 * (1 - 0.6 * default), 2.0], abs=1e-14)
    assert found.signed_equity_first_round.tolist() == found.signed_equity.tolist()
    endogenous = neva_merton([[0, 0], [3, 0]], [4, 8], [5, 3], sigma=0.2, recovery=0.4)
    worth = oracle.merton_value(2.0, 8.0, 6.0, 0.2, 0.4)
    assert endogenous.signed_equity == pytest.approx([4 - 5 + 3 * worth, 2.0], abs=1e-10)


@pytest.mark.parametrize("seed", range(8))
def test_merton_without_uncertainty_is_clearing(seed):
    debts, assets, outside = network(seed)
    cleared = eisenberg_noe(debts, assets, outside)
    if np.abs(cleared.signed_equity).min() < 0.5:
        cleared = eisenberg_noe(debts, assets := assets + 0.25, outside)
    found = neva_merton(debts, assets, outside, sigma=1e-7)
    assert found.signed_equity == pytest.approx(cleared.signed_equity, abs=1e-4)


@pytest.mark.parametrize("seed", range(8))
def test_default_at_any_time_costs_more_than_at_maturity_and_costs_of_default_more_than_sharing(seed):
    debts, assets, outside = network(seed, rich=3.0)
    keys = {"sigma": 0.3, "recovery": 0.2, "shock": 0.1}
    any_time = neva_black_cox(debts, assets, outside, **keys).signed_equity
    at_maturity = neva_furfine_merton(debts, assets, outside, **keys).signed_equity
    assert (any_time <= at_maturity + 1e-9).all()
    free = neva_merton(debts, assets, outside, sigma=0.3, recovery=1.0, shock=0.1).signed_equity
    costly = neva_merton(debts, assets, outside, sigma=0.3, recovery=0.2, shock=0.1).signed_equity
    assert (costly <= free + 1e-9).all()


def test_volatility_of_equity_is_turned_into_that_of_assets_before_the_shock():
    debts, assets, outside = [[0, 2], [1, 0]], [8, 6], [6, 5]  # face equity 1 and 2
    keys = {"recovery": 0.4, "shock": 0.4}
    found = neva_black_cox(debts, assets, outside, sigma_equity=0.3, **keys)
    assert found.sigma == pytest.approx([0.3 / 8, 0.6 / 6])
    same = neva_black_cox(debts, assets, outside, sigma=[0.3 / 8, 0.6 / 6], **keys)
    assert found.signed_equity == pytest.approx(same.signed_equity, abs=1e-14)


def test_full_recovery_leaves_face_values_less_the_shock():
    found = neva_black_cox([[0, 2], [1, 0]], [5, 6], [3, 4], sigma=0.3, recovery=1.0, shock=[1.2, -0.5])
    assert found.signed_equity == pytest.approx([1 - 1.2, 3 * 1.5])


def test_edges_frames_and_arrays_are_one_network():
    debts = np.array([[0, 4.0, 0], [0, 0, 3], [2, 0, 0]])
    plain = neva_merton(debts, [3, 2, 3], sigma=0.2)
    edges = Claims.from_edges([[0, 1, 3], [1, 2, 3], [2, 0, 2], [0, 1, 1]], n=3)
    assert neva_merton(edges, [3, 2, 3], sigma=0.2).signed_equity.tolist() == plain.signed_equity.tolist()
    names = ["z", "y", "x"]
    named = neva_merton(
        pd.DataFrame(debts, index=names, columns=names), pd.Series([3, 2, 3], index=names), sigma=0.2
    )
    assert named.signed_equity == pytest.approx(plain.signed_equity, abs=1e-14)
    assert named.to_frame().index.tolist() == names


def test_names_in_another_order_give_the_same_bits():
    debts, assets, outside = network(3, n=12)
    names = [f"bank {k}" for k in range(12)]
    frame = pd.DataFrame(debts, index=names, columns=names)
    assets, outside = pd.Series(assets, index=names), pd.Series(outside, index=names)
    order = np.random.default_rng(1).permutation(names)
    for kind in (Merton(0.2, recovery=0.5), EisenbergNoe(), RogersVeraart(0.5, 0.5)):
        one = neva(frame, assets, outside, valuation=kind).to_frame()
        other = neva(frame.loc[order, order], assets[order], outside[order], valuation=kind).to_frame()
        pd.testing.assert_frame_equal(one.loc[order], other, check_exact=True)


def test_one_bank_and_no_links_are_legal():
    found = neva_merton([[0.0]], [3.0], [1.0], sigma=0.2)
    assert found.signed_equity.tolist() == [2.0]
    assert neva_merton(Claims.from_edges([], n=2), [1, 2], sigma=0.2).signed_equity.tolist() == [1.0, 2.0]


def test_more_nodes_than_are_solved_at_once_are_swept():
    n = 1500
    places = np.arange(n)
    debts = Claims.from_arrays(places, (places + 1) % n, np.full(n, 10.0), n)
    assets, outside = np.ones(n), np.full(n, 4.0)
    found = neva(debts, assets, outside, valuation=EisenbergNoe())
    # every bank pays p = 1 + 10/14 p
    assert found.valuation == pytest.approx(np.full(n, 1 / (1 - 10 / 14) / 14), rel=1e-11)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda d: neva(d, [1, 1], valuation=3), "valuation"),
        (lambda d: neva(d, [1, 1], valuation=lambda e, b: 1.0), "shape"),
        (lambda d: neva(d, [1, 1], valuation=lambda e, b: np.array(["x", "y"])), "numbers"),
        (lambda d: neva(d, [1, 1], valuation=lambda e, b: e * np.nan), "finite"),
        (lambda d: neva(d, [1, 1], valuation=lambda e, b: np.full(2, 1.5)), "<= 1"),
        (lambda d: neva(d, [1, 1], valuation=lambda e, b: np.clip(1 - e, 0, 1)), "less for more equity"),
        (lambda d: neva(d, [1, 1], valuation=EisenbergNoe("junior")), "external_priority"),
        (lambda d: neva(d, [1, 1], valuation=EisenbergNoe(), fixed_point="any"), "fixed_point"),
        (lambda d: neva(d, [1, 1], valuation=RogersVeraart(1.2)), "alpha"),
        (lambda d: neva(d, [1, 1], valuation=RogersVeraart(1, -1)), "beta"),
        (lambda d: neva(d, [1, 1], valuation=Furfine(2)), "recovery"),
        (lambda d: neva(d, equity=[1, 0], valuation=LinearDebtRank()), "equity"),
        (lambda d: neva(d, [1, 1], valuation=EisenbergNoe(), shock=np.nan), "shock"),
        (lambda d: neva(d, [1, 1], valuation=EisenbergNoe(), shock=[1, 2, 3]), "shock"),
        (lambda d: neva(d, [1, 1], valuation=RogersVeraart(), shock=5), "external_assets"),
        (lambda d: neva_merton(d, [0, 1], sigma=0.1), "external_assets"),
        (lambda d: neva_merton(d, [1, 1], sigma=0.1, shock=1.0), "external_assets"),
        (lambda d: neva_merton(d, equity=[1, 1], sigma=0.1), "external_assets"),
        (lambda d: neva_black_cox(d, [1, 1], sigma=0.1), "recovery"),
        (lambda d: neva_merton(d, [1, 1], [3, 0], sigma_equity=0.1), "sigma"),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_computed(call, word):
    with pytest.raises(InputError, match=word):
        call([[0.0, 1.0], [1.0, 0.0]])


def test_what_does_not_settle_names_round_residual_and_bank():
    debts, assets, outside = network(2, rich=2.0)
    with pytest.raises(ConvergenceError, match=r"round 2, gap .*, worst '[0-5]'"):
        neva(debts, assets, outside, valuation=Merton(0.2), max_rounds=2)
