"""Rounds of default: comparisons at the edge, triggers, thresholds of neighbours, large networks, what is refused."""

import numpy as np
import pandas as pd
import pytest

from contagion.claims import Claims
from contagion.errors import InputError
from contagion.propagation.defaults import furfine, gai_kapadia, threshold_cascade, watts

DENSE = [[0.0, 4.0, 0.0], [0.0, 0.0, 3.0], [2.0, 0.0, 0.0]]
WORTH = [5.0, 4.0, 6.0]
NAMES = ["c", "a", "b"]


def rounds_by_sets(debts, worth, first, fails):
    """Rounds by the definition: everybody's loss anew in every round."""
    failed, waves, newly = np.zeros(len(worth), dtype=bool), [], np.asarray(first)
    while newly.any():
        waves.append(np.flatnonzero(newly).tolist())
        failed = failed | newly
        newly = ~failed & fails(debts.T @ failed)
    return waves


@pytest.mark.parametrize(
    ("worth", "fails"),
    [(4.0, False), (4.0 * (1 - 1e-13), False), (4.0 * (1 - 1e-11), True), (4.0 * (1 + 1e-11), False)],
)
def test_furfine_needs_a_loss_above_equity_beyond_rounding(worth, fails):
    found = furfine(DENSE, equity=[5, worth, 9], initial_defaults=[0])
    assert bool(found.defaulted[1]) is fails


@pytest.mark.parametrize(
    ("worth", "fails"),
    [(4.0, True), (4.0 * (1 + 1e-13), True), (4.0 * (1 + 1e-11), False), (4.0 * (1 - 1e-11), True)],
)
def test_a_threshold_that_is_met_within_rounding_is_reached(worth, fails):
    found = threshold_cascade(DENSE, equity=[5, worth, 9], initial_defaults=[0])
    assert bool(found.defaulted[1]) is fails


def test_the_tolerance_counts_all_amounts_behind_a_difference():
    debts = [[0, 0.4], [0, 0]]
    assert furfine(debts, [0.1 + 0.3, 1.0]).waves == []
    assert furfine([[0, 0.3], [0, 0]], [0.1 + 0.2, 1.0]).n_defaulted == 0
    lent = [[0, 0.1, 0], [0, 0, 0.7], [0, 0, 0]]
    assert furfine(lent, [1, 0.7, 1], initial_defaults=[0]).waves == [[0]]  # 0.7 + 0.1 - 0.7 - 0.1
    assert threshold_cascade(lent, [1, 0.7, 1], initial_defaults=[0]).waves == [[0], [1]]


def test_many_small_losses_that_add_up_to_equity_do_not_depend_on_the_order_of_defaults():
    amounts = [0.1, 0.7, 0.2, 0.3, 0.4, 0.6, 0.5]
    n = len(amounts) + 1
    debts = np.zeros((n, n))
    debts[:-1, -1] = amounts
    exact = sum(round(10 * amount) for amount in amounts) / 10
    for first in (list(range(n - 1)), [0, 3], [6, 5, 4, 3, 2, 1, 0]):
        chain = debts.copy()
        for node in range(n - 1):
            if node not in first:
                chain[first[0], node] = 1.0
        worth = [1.0] * (n - 1) + [exact]
        assert not furfine(chain, equity=worth, initial_defaults=first).defaulted[-1]
        assert threshold_cascade(chain, equity=worth, initial_defaults=first).defaulted[-1]


def test_the_trigger_is_fundamental_unless_nodes_are_chosen():
    worth = [-1.0, 4.5, 6.0]
    assert furfine(DENSE, equity=worth).waves == [[0]]
    assert furfine(DENSE, equity=worth, initial_defaults=[2]).waves == [[2], [0]]
    assert furfine(DENSE, equity=worth, trigger="chosen", initial_defaults=[]).waves == [[0]]
    assert furfine(DENSE, equity=WORTH).waves == []


def test_a_chosen_bank_that_was_insolvent_fails_in_the_first_round_without_any_loss():
    found = furfine(np.zeros((3, 3)), equity=[1, -1, 1], initial_defaults=[0])
    assert found.round.tolist() == [0, 1, -1]


def test_shocks_below_the_threshold_are_not_passed_on_and_forced_nodes_always_are():
    assert threshold_cascade(DENSE, equity=WORTH, shock=0.9).waves == []
    forced = threshold_cascade(DENSE, equity=WORTH, threshold=1.5, initial_defaults=[0])
    assert (forced.waves, forced.stress.tolist()) == ([[0]], [1.0, 1.0, 0.0])
    above = threshold_cascade(DENSE, equity=WORTH, shock=[1.25, 0, 0])
    assert (above.waves, above.stress.tolist()) == ([[0], [1]], [1.25, 1.0, 0.5])
    assert above.additional_stress == pytest.approx((5 + 4 + 3) / 15 - 1.25 * 5 / 15)


def test_without_losses_nobody_follows():
    assert furfine(DENSE, equity=[5, 0, 0], lgd=0.0, initial_defaults=[0]).waves == [[0]]
    assert threshold_cascade(DENSE, equity=WORTH, lgd=0.0, initial_defaults=[0]).waves == [[0]]


def test_thresholds_may_differ_between_nodes():
    assert threshold_cascade(DENSE, equity=WORTH, threshold=[1, 2, 1], initial_defaults=[0]).waves == [[0]]


def test_history_is_the_stress_in_every_round():
    found = threshold_cascade(DENSE, equity=WORTH, initial_defaults=[0], history=True)
    assert found.history.tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 0.5]]
    assert np.array_equal(found.history[-1], found.stress)
    assert list(found.history_frame().index) == [0, 1, 2]
    with pytest.raises(InputError, match="history"):
        threshold_cascade(DENSE, equity=WORTH, shock=[[0, 0, 0]], history=True)
    with pytest.raises(InputError, match="history"):
        threshold_cascade(DENSE, equity=WORTH, shock=0.1).history_frame()


def test_names_label_the_results():
    frame, worth = pd.DataFrame(DENSE, NAMES, NAMES), dict(zip(NAMES, WORTH, strict=True))
    found = furfine(frame, equity=worth, initial_defaults=["c"])
    assert (found.waves, found.to_frame().loc["b", "losses"]) == ([[0]], 0.0)
    rows = threshold_cascade(frame, equity=worth, shock=pd.DataFrame([[0, 0, 1.0]], columns=["a", "b", "c"]))
    assert rows.waves == [[[0], [1]]]
    assert rows.to_frame()["n_defaulted"].tolist() == [2]


def test_claims_spread_evenly_fail_as_in_gai_and_kapadia():
    debts = np.zeros((4, 4))
    debts[:3, 3] = [7.0, 1.0, 1.0]
    plain = furfine(debts, equity=[1, 1, 1, 4], initial_defaults=[0])
    even = gai_kapadia(debts, equity=[1, 1, 1, 4], initial_defaults=[0])
    assert (plain.waves, even.waves) == ([[0], [3]], [[0]])
    assert even.signed_equity.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(("threshold", "fails"), [(1 / 3, True), (0.3334, False), (0.2, True)])
def test_watts_compares_the_fraction_of_failed_neighbours(threshold, fails):
    star = np.zeros((5, 5))
    star[0, 1:4] = 1.0  # node 4 has no neighbour
    found = watts(star, threshold=[threshold, 0.9, 0.9, 0.9, 0.01], initial_defaults=[2])
    assert bool(found.defaulted[0]) is fails
    assert found.n_defaulted == (4 if fails else 1)
    named = watts(pd.DataFrame(DENSE, NAMES, NAMES), threshold=0.5, initial_defaults=["a"])
    assert named.waves == [[1], [0, 2]]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("whole", [True, False])
def test_large_networks_follow_the_definition_round_by_round(seed, whole):
    rng = np.random.default_rng(seed)
    n = 400
    debts = rng.integers(1, 4, (n, n)) * (rng.random((n, n)) < 0.02) * (1.0 if whole else 0.1)
    np.fill_diagonal(debts, 0.0)
    worth = np.maximum(np.round(debts.sum(axis=0) * rng.uniform(0.1, 0.4, n), 1 - whole), 0.1)
    first = np.arange(n) < 4

    def above(lost):
        return lost > worth + 1e-12 * (lost + worth)

    def reached(lost):
        return first + lost / worth >= 1.0 - 1e-12

    places = np.flatnonzero(first)
    claims = Claims.from_matrix(debts)
    waves = furfine(claims, equity=worth, initial_defaults=places).waves
    assert waves == rounds_by_sets(debts, worth, first, above)
    waves = threshold_cascade(claims, equity=worth, initial_defaults=places).waves
    assert waves == rounds_by_sets(debts, worth, first, reached)
    assert len(waves) > 2


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: furfine(DENSE, equity=WORTH, lgd=1.5), "lgd"),
        (lambda: furfine(DENSE, equity=WORTH, trigger="random"), "trigger"),
        (lambda: furfine(DENSE, equity=WORTH, trigger="chosen"), "initial_defaults"),
        (
            lambda: furfine(DENSE, equity=WORTH, trigger="fundamental", initial_defaults=[0]),
            "initial_defaults",
        ),
        (lambda: furfine(DENSE, equity=WORTH, initial_defaults=[True]), "initial_defaults"),
        (lambda: threshold_cascade(DENSE, equity=[1, 0, 1]), "equity"),
        (lambda: threshold_cascade(DENSE, equity=WORTH, threshold=0), "threshold"),
        (lambda: threshold_cascade(DENSE, equity=WORTH, threshold=[1, 1]), "threshold.*length"),
        (lambda: threshold_cascade(DENSE, equity=WORTH, lgd=-0.1), "lgd"),
        (lambda: threshold_cascade(DENSE, equity=WORTH, shock=-0.1), "shock"),
        (lambda: gai_kapadia(DENSE, equity=WORTH, initial_defaults=[7]), "initial_defaults"),
        (lambda: watts(DENSE, threshold=1.5, initial_defaults=[0]), "threshold"),
        (lambda: watts([[0, -1], [0, 0]], threshold=0.5, initial_defaults=[0]), "links"),
    ],
)
def test_what_is_wrong_is_refused_by_name(call, word):
    with pytest.raises(InputError, match=word):
        call()
