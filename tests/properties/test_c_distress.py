"""C1 to C7: distress and rounds of default, against exact rationals, closed forms and their own parts."""

import os
from fractions import Fraction
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.propagation import defaults, distress, single_defaults
from tests.oracles import distress as oracle

FULL = os.environ.get("HYPOTHESIS_PROFILE") == "full"
SMALL = list(product([0, 1, 2], repeat=9))[:: 1 if FULL else 13]
seeds = st.integers(0, 2**32 - 1)
MODELS = {
    "debtrank_linear": (distress.debtrank_linear, {}),
    "debtrank_single_hit": (distress.debtrank_single_hit, {}),
    "debtrank_nonlinear": (distress.debtrank_nonlinear, {"alpha": 2.0}),
    "threshold_cascade": (defaults.threshold_cascade, {"threshold": 0.75, "lgd": 0.5}),
}
DEBTRANK = [name for name in MODELS if name.startswith("debtrank")]
RISING = ["debtrank_linear", "debtrank_nonlinear", "threshold_cascade"]  # a single hit may come too early


def random_network(seed, n=None):
    """Debts, face equity and shock: ties, zero rows and amounts far apart among them."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 9)) if n is None else n
    if rng.random() < 0.5:
        debts = rng.integers(0, 4, (n, n)) * 1.0
        worth = rng.integers(1, 7, n) * 1.0
        shock = rng.integers(0, 5, n) / 4.0
    else:
        debts = np.exp(rng.normal(0, 2, (n, n)))
        worth = np.exp(rng.normal(1, 1, n))
        shock = rng.random(n) * 10.0 ** -rng.integers(0, 9)
    debts *= rng.random((n, n)) < rng.random()
    np.fill_diagonal(debts, 0.0)
    shock *= rng.random(n) < 0.5
    return debts, worth, shock


def level(found):
    """What the shock has become: h or stress."""
    return found.h if hasattr(found, "h") else found.stress


def run(name, debts, worth, **keys):
    function, rule = MODELS[name]
    return function(debts, equity=worth, **rule, **keys)


def small_network(amounts):
    a, b, c, d, e, f, *assets = amounts
    return [[0, a, b], [c, 0, d], [e, f, 0]], assets


def either(rules, place):
    """All rules if everything is tried, else one of them in turn."""
    return rules if FULL else [rules[place % len(rules)]]


def share_of(debts, worth):
    return debts.T / worth[:, np.newaxis]


def exact(values):
    return [Fraction(float(value)) for value in values]


def close(found, expected):
    return all(
        abs(Fraction(float(x)) - y) <= Fraction(1, 10**9) * max(1, abs(y))
        for x, y in zip(found, expected, strict=True)
    )


def test_furfine_on_all_networks_of_three_is_exact():
    for place, amounts in enumerate(SMALL):
        debts, assets = small_network(amounts)
        worth = [assets[i] + sum(row[i] for row in debts) - sum(debts[i]) for i in range(3)]
        for lgd, chosen in either(((Fraction(1), None), (Fraction(1, 2), [amounts[0]])), place):
            waves, signed = oracle.furfine(debts, worth, lgd, chosen)
            found = defaults.furfine(debts, assets, lgd=float(lgd), initial_defaults=chosen)
            assert found.waves == waves, (debts, assets, lgd)
            assert found.signed_equity.tolist() == [float(value) for value in signed]


def test_threshold_cascades_on_all_networks_of_three_are_exact():
    for place, amounts in enumerate(SMALL):
        debts, assets = small_network(amounts)
        worth = [amount + 1 for amount in assets]
        shock = [Fraction(amount, 4) for amount in (amounts[8], amounts[1], amounts[4])]
        forced = [amounts[0]] if amounts[3] else []
        for threshold, lgd in either(((1, 1), (Fraction(1, 2), Fraction(1, 2))), place):
            waves, stress = oracle.threshold_cascade(debts, worth, threshold, lgd, shock, forced)
            found = defaults.threshold_cascade(
                debts,
                equity=worth,
                threshold=float(threshold),
                lgd=float(lgd),
                shock=[float(s) for s in shock],
                initial_defaults=forced,
            )
            assert found.waves == waves, (debts, worth, shock, forced)
            assert close(found.stress, stress)


def test_linear_debtrank_on_all_networks_of_three_is_exact():
    for amounts in SMALL:
        debts, worth = small_network(amounts)
        shock = [Fraction(amount, 4) for amount in (1 + amounts[8], amounts[1], amounts[4])]
        found = distress.debtrank_linear(
            debts, equity=worth, shock=[float(s) for s in shock], nonpositive_equity="default"
        )
        assert close(found.h, oracle.debtrank(debts, worth, shock)), (debts, worth, shock)


@given(seeds)
def test_random_networks_are_exact(seed):
    debts, worth, shock = random_network(seed, n=int(np.random.default_rng(seed).integers(1, 6)))
    rows, equity, shocks = [exact(row) for row in debts], exact(worth), exact(shock)
    share = share_of(debts, worth)
    hit = oracle.debtrank(debts, equity, shocks)
    found = distress.debtrank_linear(debts, equity=worth, shock=shock)
    free = np.array([0 < value < 1 for value in hit])
    inverse = np.linalg.inv(np.eye(int(free.sum())) - share[np.ix_(free, free)])
    worst = np.linalg.norm(inverse, 1) * np.finfo(float).eps * 100 if free.any() else 1e-12
    assert np.abs(found.h - np.array([float(value) for value in hit])).max() <= max(1e-12, worst)
    waves, signed = oracle.furfine(rows, equity, Fraction(3, 4), [0])
    chosen = defaults.furfine(debts, equity=worth, lgd=0.75, initial_defaults=[0])
    assert chosen.waves == waves
    assert close(chosen.signed_equity, signed)
    waves, stress = oracle.threshold_cascade(rows, equity, Fraction(3, 4), Fraction(1, 2), shocks)
    cascade = run("threshold_cascade", debts, worth, shock=shock)
    assert cascade.waves == waves
    assert close(cascade.stress, stress)


@pytest.mark.parametrize("name", DEBTRANK)
@given(seed=seeds)
def test_c1_distress_never_falls_and_stays_below_one(name, seed):
    debts, worth, shock = random_network(seed)
    found = run(name, debts, worth, shock=shock, history=40)
    steps = found.history
    assert np.array_equal(steps[0], shock)
    assert (np.diff(steps, axis=0) >= 0.0).all()
    assert steps.max() <= 1.0
    assert (steps[-1] <= found.h + 1e-12).all()


@pytest.mark.parametrize("name", RISING)
@given(seed=seeds, more=st.floats(1.0, 3.0))
def test_c2_distress_rises_with_shock_and_exposures(name, seed, more):
    debts, worth, shock = random_network(seed)
    found = level(run(name, debts, worth, shock=shock))
    slack = 1e-9 * (1.0 + found)
    assert (found >= shock).all()
    assert (level(run(name, debts, worth, shock=np.minimum(1.0, more * shock))) >= found - slack).all()
    assert (level(run(name, debts * more, worth, shock=shock)) >= found - slack).all()


@given(seeds)
def test_c2_more_debts_never_mean_fewer_defaults(seed):
    debts, worth, _ = random_network(seed)
    fewer = defaults.furfine(debts, equity=worth, initial_defaults=[0]).defaulted
    assert (defaults.furfine(debts * 1.5, equity=worth, initial_defaults=[0]).defaulted >= fewer).all()


@given(seeds)
def test_c3_without_a_cap_distress_is_the_resolvent_of_the_shock(seed):
    debts, worth, shock = random_network(seed)
    share = share_of(debts, worth)
    debts, shock = debts * min(1.0, 0.5 / max(share.sum(axis=1).max(), 1e-9)), 0.4 * shock
    found = distress.debtrank_linear(debts, equity=worth, shock=shock)
    assert found.spectral_radius <= 0.5 + 1e-12
    expected = np.linalg.solve(np.eye(len(worth)) - share_of(debts, worth), shock)
    assert np.allclose(found.h, expected, rtol=1e-12, atol=0.0)
    assert np.allclose(found.signed_equity, worth * (1.0 - found.h), rtol=1e-9, atol=1e-12)


@given(seeds)
def test_c4_in_the_single_hit_form_every_node_passes_on_once(seed):
    debts, worth, shock = random_network(seed)
    found = distress.debtrank_single_hit(debts, equity=worth, shock=shock, history=40)
    first = (found.history > 0.0).argmax(axis=0)
    entered = found.history[first, np.arange(len(worth))]
    once = shock + np.minimum(1.0, share_of(debts, worth)) @ entered
    assert np.allclose(found.h, np.minimum(1.0, once), rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("name", MODELS)
@given(seed=seeds)
def test_c5_who_is_not_reached_stays(name, seed):
    debts, worth, shock = random_network(seed)
    assert np.array_equal(level(run(name, np.zeros_like(debts), worth, shock=shock)), shock)
    reach = shock > 0.0
    for _ in range(len(worth)):
        reach = reach | ((debts.T > 0.0) @ reach)
    assert not level(run(name, debts, worth, shock=shock))[~reach].any()


@pytest.mark.parametrize("name", DEBTRANK)
@given(seed=seeds)
def test_c6_losses_are_those_of_the_shock_and_those_of_contagion(name, seed):
    debts, worth, shock = random_network(seed)
    found = run(name, debts, worth, shock=shock)
    direct = float(worth @ shock)
    assert found.total_losses >= 0.0
    assert found.debtrank >= 0.0
    assert np.isclose(found.losses.sum(), direct + found.total_losses, rtol=1e-12, atol=0.0)
    assert found.amplification == pytest.approx(found.losses.sum() / direct if direct else 0.0, rel=1e-12)


@given(seeds)
def test_c7_without_cycles_distress_is_passed_down_by_hand(seed):
    debts, worth, shock = random_network(seed)
    debts = np.triu(debts)  # node i owes only later ones
    linear, curved, limit = list(shock), list(shock), list(shock)
    for i in range(len(worth)):
        for j in range(i):
            linear[i] += debts[j, i] / worth[i] * linear[j]
            curved[i] += debts[j, i] / worth[i] * curved[j] * np.exp(2.0 * (curved[j] - 1.0))
            limit[i] += 0.5 * debts[j, i] / worth[i] * (limit[j] >= 0.75 * (1 - 1e-12))
        linear[i], curved[i] = min(1.0, linear[i]), min(1.0, curved[i])
    for name, hand in (
        ("debtrank_linear", linear),
        ("debtrank_nonlinear", curved),
        ("threshold_cascade", limit),
    ):
        assert np.allclose(level(run(name, debts, worth, shock=shock)), hand, rtol=1e-11, atol=0.0), name


@pytest.mark.parametrize("name", MODELS)
@given(seed=seeds)
def test_the_order_of_named_nodes_changes_no_bit(name, seed):
    debts, worth, shock = random_network(seed)
    names = [f"n{place}" for place in range(len(worth))]
    order = np.random.default_rng(seed).permutation(len(worth))
    turned = [names[place] for place in order]
    frame, equity, hit = (
        pd.DataFrame(debts, names, names),
        pd.Series(worth, names),
        pd.Series(shock, names),
    )
    here = run(name, frame, equity, shock=hit).to_frame()
    there = run(name, frame.loc[turned, turned], equity[turned], shock=hit[turned]).to_frame()
    pd.testing.assert_frame_equal(there, here.loc[turned], check_exact=True)


@pytest.mark.parametrize("name", MODELS)
@given(seed=seeds, power=st.integers(-40, 40))
def test_another_unit_of_money_changes_no_bit(name, seed, power):
    debts, worth, shock = random_network(seed)
    unit = 2.0**power
    here, there = (run(name, debts * by, worth * by, shock=shock) for by in (1.0, unit))
    assert np.array_equal(level(here), level(there))
    assert np.array_equal(here.losses * unit, there.losses)


@pytest.mark.parametrize("name", MODELS)
@given(seed=seeds, other=seeds)
def test_disjoint_networks_are_their_parts_bit_for_bit(name, seed, other):
    parts = [random_network(seed), random_network(other)]
    sizes = [len(worth) for _, worth, _ in parts]
    debts = np.zeros((sum(sizes) + 1, sum(sizes) + 1))  # the last node is alone
    debts[: sizes[0], : sizes[0]] = parts[0][0]
    debts[sizes[0] : -1, sizes[0] : -1] = parts[1][0]
    worth, shock = (np.concatenate([parts[0][k], parts[1][k], [0.5]]) for k in (1, 2))
    together = level(run(name, debts, worth, shock=shock))
    apart = [level(run(name, part[0], part[1], shock=part[2])) for part in parts]
    expected = np.concatenate([*apart, [0.5]])
    if name == "debtrank_nonlinear":  # parts are swept until the slowest has settled
        assert np.allclose(together, expected, rtol=1e-10, atol=0.0)
    else:
        assert np.array_equal(together, expected)


@pytest.mark.parametrize("name", MODELS)
@given(seed=seeds)
def test_scenarios_at_once_are_the_same_runs_bit_for_bit(name, seed):
    debts, worth, shock = random_network(seed)
    matrix = np.stack([shock, shock[::-1], 0.5 * shock])
    together = run(name, debts, worth, shock=matrix)
    for row, hit in enumerate(matrix):
        alone = run(name, debts, worth, shock=hit)
        assert np.array_equal(level(together)[row], level(alone))
        for number in together.to_frame().columns:
            assert getattr(together, number)[row] == getattr(alone, number)


@pytest.mark.parametrize("name", [*MODELS, "furfine"])
@pytest.mark.parametrize("at_once", [1, 10, 1000])
@given(seed=seeds)
def test_single_defaults_have_the_bits_of_single_calls(monkeypatch_at_once, name, at_once, seed):
    debts, worth, _ = random_network(seed)
    monkeypatch_at_once(at_once)
    function, rule = {**MODELS, "furfine": (defaults.furfine, {"lgd": 0.6})}[name]
    table = single_defaults.single_defaults(debts, equity=worth, model=name, **rule)
    for node, row in table.iterrows():
        alone = function(debts, equity=worth, initial_defaults=[node], **rule)
        for number in table.columns.drop("rank"):
            assert row[number] == getattr(alone, number)


@pytest.fixture(scope="module")
def monkeypatch_at_once():
    """Set how many numbers are held at a time."""
    before = single_defaults.AT_ONCE

    def use(number):
        single_defaults.AT_ONCE = number

    yield use
    single_defaults.AT_ONCE = before
