"""Balance sheets in every form, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_array, csc_array, csr_array

from contagion.balance_sheets import balance_sheets
from contagion.claims import Claims
from contagion.errors import InputError

DENSE = [[0.0, 4.0, 0.0], [0.0, 0.0, 3.0], [2.0, 0.0, 0.0]]
NAMES = ["c", "a", "b"]


def frame():
    return pd.DataFrame(DENSE, index=NAMES, columns=NAMES)


@pytest.mark.parametrize(
    "liabilities",
    [
        DENSE,
        np.array(DENSE),
        coo_array(np.array(DENSE)),
        csr_array(np.array(DENSE)),
        csc_array(np.array(DENSE)),
        csr_array(([4, 3, 2], [1, 2, 0], [0, 1, 2, 3]), shape=(3, 3)),
        csr_array(([0.0, 1, 3, 3, 2, 0], [2, 1, 1, 2, 0, 1], [0, 3, 4, 6]), shape=(3, 3)),
        Claims.from_edges([[0, 1, 1.0], [2, 0, 2], [1, 2, 3], [0, 1, 3.0], [1, 0, 0.0]], n=3),
        pd.DataFrame(DENSE),
    ],
)
def test_every_form_of_debts_is_the_same_sheet(liabilities):
    sheets = balance_sheets(liabilities, [5, 2, 1], [1, 3, 0])
    assert sheets.claims.dense().tolist() == DENSE
    assert sheets.claims.owed.tolist() == [4.0, 3.0, 2.0]
    assert sheets.claims.claimed.tolist() == [2.0, 4.0, 3.0]
    assert sheets.equity.tolist() == [2.0, 0.0, 2.0]
    assert sheets.weights.tolist() == [0.5, 0.0, 0.5]
    assert sheets.claims.exposures.dense().tolist() == np.array(DENSE).T.tolist()


def test_claims_keep_their_amounts_when_the_matrix_they_came_from_is_changed():
    matrix = csr_array(np.array(DENSE))
    claims = Claims.from_matrix(matrix)
    matrix.data[:], matrix.indices[:] = 9.0, 0
    assert claims.dense().tolist() == DENSE


@pytest.mark.parametrize(
    ("place", "value", "word"), [(0, 5.0, "self"), (1, -1.0, "negative"), (1, np.nan, "finite")]
)
def test_compressed_rows_are_checked_like_any_other_form(place, value, word):
    rows = csr_array(([value], [place], [0, 1, 1]), shape=(2, 2))
    with pytest.raises(InputError, match=word):
        balance_sheets(rows, [1, 1])


def test_names_join_vectors_and_are_sorted_inside():
    assets = pd.Series({"a": 2.0, "b": 1.0, "c": 5.0})
    sheets = balance_sheets(frame(), assets, {"c": 1.0, "a": 3.0, "b": 0.0})
    assert sheets.external_assets.tolist() == [2.0, 1.0, 5.0]
    assert sheets.back(sheets.external_assets).tolist() == [5.0, 2.0, 1.0]
    assert sheets.claims.dense()[2].tolist() == [4.0, 0.0, 0.0]
    assert sheets.nodes(["b", "c"]).tolist() == [1, 2]
    assert sheets.nodes([0]).tolist() == [2]
    assert sheets.places_back([0, 2]) == [0, 1]
    assert [sheets.name(place) for place in range(3)] == ["a", "b", "c"]


def test_columns_of_a_frame_are_joined_by_name():
    turned = frame()[["a", "b", "c"]]
    sheets = balance_sheets(turned, pd.Series(1.0, index=NAMES))
    assert sheets.claims.dense()[2].tolist() == [4.0, 0.0, 0.0]


def test_given_equity_replaces_the_sheet_and_weights_are_shares():
    sheets = balance_sheets(DENSE, equity=[1, -2, 3], weights=[1, 1, 2])
    assert sheets.equity.tolist() == [1.0, -2.0, 3.0]
    assert sheets.weights.tolist() == [0.25, 0.25, 0.5]


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: balance_sheets([[0, -1], [0, 0]], [1, 1]), "negative"),
        (lambda: balance_sheets([[0, np.nan], [0, 0]], [1, 1]), "finite"),
        (lambda: balance_sheets([[1, 0], [0, 0]], [1, 1]), "self"),
        (lambda: balance_sheets([[0, 1, 2], [0, 0, 1]], [1, 1]), "square"),
        (lambda: balance_sheets([], []), "empty"),
        (lambda: balance_sheets(DENSE, [1, 1]), "length"),
        (lambda: balance_sheets(DENSE, [1, 1, -1]), "external_assets.*negative|negative.*external_assets"),
        (lambda: balance_sheets(DENSE, [1, 1, np.inf]), "finite"),
        (lambda: balance_sheets(DENSE), "external_assets"),
        (lambda: balance_sheets(frame(), [1, 1, 1]), "labels"),
        (lambda: balance_sheets(DENSE, pd.Series({"a": 1.0, "b": 1.0, "c": 1.0})), "labelled"),
        (lambda: balance_sheets(frame(), pd.Series({"a": 1.0, "b": 1.0, "x": 1.0})), "missing.*'c'.*'x'"),
        (lambda: balance_sheets(frame().rename(columns={"a": "z"}), {}), "missing.*'a'.*'z'"),
        (lambda: balance_sheets(DENSE, [1, 1, 1], weights=[0, 0, 0]), "weights"),
        (lambda: balance_sheets(DENSE, [1, 1, 1]).nodes([3]), "initial_defaults"),
        (lambda: balance_sheets(DENSE, [1, 1, 1]).nodes([-1]), "initial_defaults"),
        (lambda: balance_sheets(DENSE, [1, 1, 1]).nodes(["a"]), "initial_defaults"),
        (lambda: balance_sheets(DENSE, [1, 1, 1]).nodes([True]), "initial_defaults"),
        (lambda: Claims.from_edges([[0, 5, 1.0]], n=3), "edges"),
        (lambda: Claims.from_edges([[0, 0, 1.0]], n=3), "self"),
        (lambda: Claims.from_edges([[0, 1]], n=3), "debtor, creditor, amount"),
    ],
)
def test_what_is_wrong_is_named(call, word):
    with pytest.raises(InputError, match=f"(?s){word}"):
        call()


def test_one_node_and_no_links_are_legal():
    assert balance_sheets([[0.0]], [1.0]).equity.tolist() == [1.0]
    assert balance_sheets(Claims.from_edges([], n=2), [1.0, 2.0]).claims.dense().tolist() == [[0, 0], [0, 0]]


def test_debts_of_a_matrix_lie_in_a_row_in_memory_as_graph_routines_ask():
    claims = Claims.from_matrix(np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0], [0.0, 4.0, 0.0]]))
    assert claims.creditor.flags.c_contiguous and claims.amount.flags.c_contiguous


def test_the_order_in_which_named_nodes_are_given_moves_no_last_bit():
    random = np.random.default_rng(5)
    n = 30
    owed = random.exponential(1.0, (n, n)) * (random.random((n, n)) < 0.3)
    np.fill_diagonal(owed, 0.0)
    names = [f"bank-{k:02d}" for k in random.permutation(n)]
    debts, assets = pd.DataFrame(owed, names, names), pd.Series(random.uniform(1, 9, n), names)
    one = balance_sheets(debts, assets)
    for _ in range(5):
        order = random.permutation(n)
        other = balance_sheets(debts.iloc[order, order], assets.iloc[order])
        assert other.equity.tobytes() == one.equity.tobytes()
        assert other.weights.tobytes() == one.weights.tobytes()
