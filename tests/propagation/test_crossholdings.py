"""Cross-held equity and debt, and failure waves: hand calculations, boundaries, ways to write input, refusals."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from contagion.errors import InputError, TooLargeError
from contagion.propagation import failures, holdings
from contagion.propagation.crossholdings import elliott_golub_jackson, suzuki

NONE = [[0.0, 0.0], [0.0, 0.0]]
EACH_OTHERS_DEBT = [[0.0, 1.0], [1.0, 0.0]]
CHAIN = [[0.0, 0.3, 0.0], [0.0, 0.0, 0.3], [0.0, 0.0, 0.0]]


def test_a_share_of_a_firm_under_water_is_worth_nothing_and_not_less():
    found = suzuki([[0, 0], [0.5, 0]], NONE, [100, 5], [10, 8])
    assert found.equity.tolist() == [0.0, 3.0]
    assert found.debt_value.tolist() == [10.0, 5.0]
    assert found.recovery.tolist() == [0.1, 1.0]
    assert (found.n_defaulted, found.unique, found.fixed_point) == (1, True, "greatest")


def test_groups_that_hold_all_of_each_others_debt_have_two_values():
    greatest = suzuki(NONE, EACH_OTHERS_DEBT, [1, 1], [0, 0])
    least = suzuki(NONE, EACH_OTHERS_DEBT, [1, 1], [0, 0], fixed_point="least")
    assert greatest.debt_value.tolist() == [1.0, 1.0]
    assert least.debt_value.tolist() == [0.0, 0.0]
    assert (greatest.n_defaulted, least.n_defaulted) == (0, 2)
    assert not greatest.unique and not least.unique


def test_the_smallest_asset_settles_which_value_a_closed_group_has():
    for point in ("greatest", "least"):
        found = suzuki(NONE, EACH_OTHERS_DEBT, [1, 1], [1e-9, 0], fixed_point=point)
        assert found.debt_value.tolist() == [1.0, 1.0]
        assert found.unique


def test_a_closed_group_fed_by_a_valuable_share_is_paid_and_by_a_worthless_one_not():
    shares = np.zeros((3, 3))
    shares[0, 2] = 0.5
    debts = np.zeros((3, 3))
    debts[0, 1] = debts[1, 0] = 1.0
    fed = suzuki(shares, debts, [1, 1, 2], [0, 0, 2.5], fixed_point="least")
    starved = suzuki(shares, debts, [1, 1, 2], [0, 0, 2.0], fixed_point="least")
    assert fed.debt_value.tolist() == [1.0, 1.0, 2.0]
    assert starved.debt_value.tolist() == [0.0, 0.0, 2.0]
    assert fed.unique and not starved.unique


@pytest.mark.parametrize(("assets", "defaulted"), [(0.3, False), (0.3 * (1 - 1e-10), True)])
def test_exactly_solvent_firms_are_solvent_whatever_the_last_bit_says(assets, defaulted):
    found = suzuki(np.zeros((3, 3)), [[0, 1, 0], [0, 0, 0], [0, 0, 0]], [0.4, 0.1, 0], [assets, 0.1, 0])
    assert found.defaulted.tolist() == [defaulted, False, False]
    assert found.equity[0] == pytest.approx(0.0, abs=1e-16)


def test_a_firm_without_debt_never_defaults():
    found = suzuki(NONE, NONE, 0, 0)
    assert found.recovery.tolist() == [1.0, 1.0]
    assert found.n_defaulted == 0
    assert suzuki([[0]], [[0]], [3], [1]).debt_value.tolist() == [1.0]


def test_a_leak_of_a_millionth_is_found_in_a_handful_of_guesses(monkeypatch):
    solves = []
    solve = holdings.solve_leaky
    monkeypatch.setattr(
        "contagion.propagation.crossholdings.solve_leaky", lambda *given: solves.append(1) or solve(*given)
    )
    ring = np.roll(np.eye(40), 1, axis=0) * (1.0 - 1e-6)
    found = suzuki(np.zeros((40, 40)), ring, 1.0, 0.0)
    assert found.n_defaulted == 40
    assert found.debt_value == pytest.approx(np.zeros(40), abs=1e-9)
    assert len(solves) < 100


@pytest.mark.parametrize("limit", ["LARGEST_DENSE", "both"])
def test_large_systems_have_the_values_of_small_ones(monkeypatch, limit):
    rng = np.random.default_rng(3)
    shares, debts = (rng.random((60, 60)) * (rng.random((60, 60)) < 0.1) for _ in range(2))
    for matrix, top in ((shares, 0.6), (debts, 0.98)):
        np.fill_diagonal(matrix, 0.0)
        matrix *= top / np.maximum(matrix.sum(axis=0), 1e-9)
    given = shares, debts, rng.integers(1, 80, 60), rng.integers(0, 12, 60)
    dense = suzuki(*given)
    assert 5 < dense.n_defaulted < 55
    monkeypatch.setattr(holdings, "LARGEST_DENSE", 3)
    if limit == "both":
        monkeypatch.setattr(holdings, "MOST_PRODUCTS", 4)
    other = suzuki(*given)
    assert other.equity == pytest.approx(dense.equity, rel=1e-12, abs=1e-12)
    assert other.defaulted.tolist() == dense.defaulted.tolist()


def test_arrays_sparse_matrices_and_frames_in_any_order_give_the_same_values():
    shares = np.array([[0, 0.3, 0], [0.2, 0, 0.4], [0.1, 0, 0]])
    debts = np.array([[0, 0.25, 0.1], [0, 0, 0.5], [0.4, 0.2, 0]])
    debt, assets = np.array([3.0, 5.0, 4.0]), np.array([1.0, 4.0, 2.0])
    plain = suzuki(shares, debts, debt, assets)
    thin = suzuki(sparse.csr_array(shares), sparse.coo_matrix(debts), debt, assets)
    names = ["A", "B", "C"]
    frame = pd.DataFrame(shares, names, names)
    other = pd.DataFrame(debts, names, names).loc[["C", "A", "B"], ["B", "C", "A"]]
    by_name = suzuki(
        frame.loc[["B", "C", "A"], ["B", "C", "A"]],
        other,
        pd.Series(debt, names)[["C", "B", "A"]],
        dict(zip(names, assets, strict=True)),
    )
    assert (thin.equity == plain.equity).all()
    assert by_name.to_frame().index.tolist() == ["B", "C", "A"]
    assert by_name.to_frame()["equity"][names].tolist() == plain.equity.tolist()
    assert plain.to_frame().columns.tolist() == [
        "equity",
        "debt_value",
        "total_assets",
        "recovery",
        "defaulted",
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"equity_holdings": [[0, 1], [0, 0]]}, "equity_holdings"),
        ({"equity_holdings": [[0, 1 - 1e-14], [0, 0]]}, "equity_holdings"),
        ({"debt_holdings": [[0, 1.001], [0, 0]]}, "debt_holdings, column 1"),
        ({"equity_holdings": [[0.1, 0], [0, 0]]}, r"equity_holdings\[0\]\[0\].*self"),
        ({"debt_holdings": [[0, 0], [0, 0.1]]}, "self"),
        ({"debt_holdings": [[0, -0.1], [0, 0]]}, "negative"),
        ({"equity_holdings": [[0, np.nan], [0, 0]]}, "finite"),
        ({"debt": [1, np.inf]}, "debt.*finite"),
        ({"debt": [1, -2]}, "debt.*negative"),
        ({"external_assets": [1, -2]}, "external_assets.*negative"),
        ({"external_assets": [1, 2, 3]}, "external_assets.*length"),
        ({"debt": [1]}, "debt.*length"),
        ({"debt_holdings": np.zeros((3, 3))}, "debt_holdings.*length"),
        ({"debt_holdings": np.zeros((2, 3))}, "square"),
        ({"equity_holdings": []}, "empty|square|dimension"),
        ({"fixed_point": "lowest"}, "fixed_point"),
        ({"debt_holdings": pd.DataFrame(NONE, ["A", "B"], ["A", "B"])}, "names"),
    ],
)
def test_bad_holdings_are_refused(change, words):
    given = {"equity_holdings": NONE, "debt_holdings": NONE, "debt": [1, 2], "external_assets": [3, 4]}
    with pytest.raises(InputError, match=words):
        suzuki(**{**given, **change})


def test_names_that_differ_are_listed_on_both_sides():
    frame = pd.DataFrame(NONE, ["A", "B"], ["A", "B"])
    with pytest.raises(InputError, match=r"missing \['B'\].*not expected \['C'\]"):
        suzuki(frame, frame.rename(index={"B": "C"}, columns={"B": "C"}), {"A": 1, "B": 1}, {"A": 1, "B": 1})
    with pytest.raises(InputError, match=r"missing \['B'\].*not expected \['Z'\]"):
        suzuki(frame, frame, {"A": 1, "Z": 1}, {"A": 1, "B": 1})


def test_column_sums_of_debt_may_round_to_more_than_one():
    halves = np.zeros((3, 3))
    halves[1:, 0] = [0.5, 0.5 + 2.0**-52]
    assert halves.sum() > 1.0
    assert suzuki(np.zeros((3, 3)), halves, 1.0, 1.0).total_assets.tolist() == [1.0, 1.5, 1.5 + 2.0**-52]


def test_a_failure_at_the_end_of_a_chain_travels_up_by_hand():
    found = elliott_golub_jackson([1, 2, 1], CHAIN, thresholds=[1.2, 1.55, 1], failure_costs=0.5)
    assert found.dependency_matrix == pytest.approx(np.array([[1, 0.3, 0.09], [0, 0.7, 0.21], [0, 0, 0.7]]))
    assert found.waves == [[2], [1]]
    assert found.wave.tolist() == [-1, 1, 0]
    assert found.values == pytest.approx([1 + 0.3 * 1.5 + 0.09 * 0.5, 0.7 * 1.5 + 0.21 * 0.5, 0.35])
    assert found.values_without_failure == pytest.approx([1.69, 1.61, 0.7])
    assert (found.n_failed, found.releases) == (2, [])


def test_a_loop_of_holdings_can_stand_or_fall_together():
    holdings_of_two = [[0.0, 0.4], [0.4, 0.0]]
    given = {"thresholds": 0.9, "failure_costs": 0.5}
    best = elliott_golub_jackson(1, holdings_of_two, **given)
    worst = elliott_golub_jackson(1, holdings_of_two, case="worst", **given)
    assert best.values == pytest.approx([1.0, 1.0])
    assert worst.values == pytest.approx([0.5, 0.5])
    assert (best.n_failed, worst.n_failed) == (0, 2)
    assert (best.waves, worst.waves, worst.releases) == ([], [], [])


@pytest.mark.parametrize("case", ["best", "worst"])
def test_a_value_at_the_threshold_stands(case):
    own = [[0.0, 0.0], [0.0, 0.0]]
    found = elliott_golub_jackson([0.3, 0.1 + 0.2], own, thresholds=0.1 + 0.2, failure_costs=0.0, case=case)
    assert found.n_failed == 0
    short = elliott_golub_jackson([0.3 * (1 - 1e-10), 1], own, thresholds=0.3, failure_costs=0, case=case)
    assert short.failed.tolist() == [True, False]


def test_debts_become_holdings_of_creditors_and_a_debtor_of_nobody_is_held_by_nobody():
    debts = [[0, 2, 6], [0, 0, 5], [0, 0, 0]]
    found = elliott_golub_jackson(
        [4, 2, 1], liabilities=debts, cross_holding_share=0.4, theta=0.5, failure_cost_fraction=0.5
    )
    assert found.cross_holdings == pytest.approx(np.array([[0, 0, 0], [0.1, 0, 0], [0.3, 0.4, 0]]))
    assert found.reference_values.tolist() == found.values_without_failure.tolist()
    assert found.thresholds == pytest.approx(0.5 * found.reference_values)
    assert found.failure_costs == pytest.approx(0.25 * found.reference_values)


def test_frames_are_joined_by_name_and_results_keep_their_order():
    names = ["b", "c", "a"]
    frame = pd.DataFrame([[0, 0.3, 0], [0, 0, 0.3], [0, 0, 0]], names, names)
    assets = {"a": 1, "b": 1, "c": 2}
    found = elliott_golub_jackson(assets, frame, thresholds={"a": 1, "b": 1.2, "c": 1.55}, failure_costs=0.5)
    plain = elliott_golub_jackson([1, 2, 1], CHAIN, thresholds=[1.2, 1.55, 1], failure_costs=0.5)
    assert found.waves == plain.waves == [[2], [1]]
    assert found.to_frame().loc[["b", "c", "a"], "values"].tolist() == pytest.approx(plain.values.tolist())
    assert found.cross_holdings == pytest.approx(plain.cross_holdings)
    assert found.dependency_matrix == pytest.approx(plain.dependency_matrix)


EGJ = {
    "asset_values": [1, 1],
    "cross_holdings": [[0, 0.5], [0, 0]],
    "thresholds": 0.5,
    "failure_costs": 0.1,
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cross_holdings": [[0, 1.0], [0, 0]]}, "cross_holdings, column 1"),
        ({"cross_holdings": [[0, 1.5], [0, 0]]}, "cross_holdings"),
        ({"cross_holdings": [[0.2, 0], [0, 0]]}, "self"),
        ({"cross_holdings": [[0, -0.2], [0, 0]]}, "cross_holdings.*negative"),
        ({"cross_holdings": [[0, 0.2, 0], [0, 0, 0]]}, "square"),
        ({"cross_holdings": None}, "cross_holdings and liabilities.*missing"),
        ({"liabilities": NONE}, "both"),
        ({"cross_holding_share": 0.3}, "only with liabilities"),
        ({"cross_holdings": None, "liabilities": NONE}, "cross_holding_share"),
        (
            {"cross_holdings": None, "liabilities": [[0, 1], [0, 0]], "cross_holding_share": 1.0},
            "cross_holdings",
        ),
        ({"asset_values": [1, -1]}, "asset_values.*negative"),
        ({"asset_values": [1, np.nan]}, "asset_values.*finite"),
        ({"asset_values": [1, 1, 1]}, "asset_values.*length"),
        ({"thresholds": [1]}, "thresholds.*length"),
        ({"thresholds": None}, "thresholds and theta.*missing"),
        ({"theta": 0.9}, "thresholds and theta.*both"),
        ({"failure_costs": [-1, 0]}, "failure_costs.*negative"),
        ({"failure_costs": None}, "failure_cost_fraction.*missing"),
        ({"thresholds": None, "theta": -0.9}, "theta.*negative"),
        ({"reference_asset_values": [1, -1]}, "reference_asset_values.*negative"),
        ({"case": "middle"}, "case"),
    ],
)
def test_bad_organisations_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        elliott_golub_jackson(**{**EGJ, **change})


def test_more_organisations_than_a_full_matrix_can_hold_are_refused_at_once(monkeypatch):
    monkeypatch.setattr(failures, "LARGEST", 1)
    with pytest.raises(TooLargeError, match="full"):
        elliott_golub_jackson(**EGJ)
