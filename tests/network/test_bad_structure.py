"""Numbered inputs that need more than one cell: accepted and noted, repaired on request, or refused."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import (
    InputError,
    NetworkError,
)

Tables = dict[str, list[dict[str, Any]]]


def test_017_negative_zero_is_zero() -> None:
    net = ct.Network(nodes=[{"name": "A", "cash": -0.0}])
    assert not np.signbit(net.nodes["cash"].to_numpy()).any()


def test_030_conflicting_duplicates_are_refused_even_under_repair(tables: Tables) -> None:
    tables["positions"].append({"account": "a2", "market": "ex:BTC", "quantity": -1.0, "entry_price": 90.0})
    with pytest.raises(NetworkError, match="repeats row 2 with other attributes") as caught:
        ct.Network(**tables, repair="sum-duplicates")
    assert caught.value.issues[["code", "row"]].to_numpy().tolist() == [["conflicting-duplicate", 3]]


def test_029_duplicates_are_summed_only_on_request_and_on_record() -> None:
    edge = {"debtor": "A", "creditor": "B", "amount": 0.1}
    net = ct.Network([{"name": "A"}, {"name": "B"}], obligations=[edge] * 3, repair="sum-duplicates")
    assert net.obligations["amount"].tolist() == [0.30000000000000004]
    assert net.repairs == ("sum-duplicates: 2 rows of obligations added up",)
    assert "repaired" in net.check()["code"].tolist()


def test_026_a_model_needs_rows_in_the_tables_it_reads(net: ct.Network) -> None:
    from contagion.network.checks import require_rows

    require_rows(net, ["obligations", "positions"], "Cascade")
    with pytest.raises(
        NetworkError, match="obligations and positions: no rows; Cascade reads them"
    ) as caught:
        require_rows(ct.Network(nodes=[{"name": "A"}]), ["obligations", "positions"], "Cascade")
    assert caught.value.issues["table"].tolist() == ["obligations"]


def test_027_one_node_is_accepted_and_noted() -> None:
    assert ct.Network(nodes=[{"name": "A"}]).issues["code"].tolist() == ["one-node"]


def test_036_disconnected_is_accepted_and_noted() -> None:
    issues = ct.Network(nodes=[{"name": "A"}, {"name": "B"}]).issues
    assert issues[["severity", "code"]].to_numpy().tolist() == [["note", "disconnected"]]


def test_041_a_multigraph_with_channels_is_accepted_and_noted(tables: Tables) -> None:
    tables["obligations"].append({"debtor": "t1", "creditor": "ex", "amount": 1.0})
    net = ct.Network.from_networkx(ct.Network(**tables).to_networkx())
    assert "parallel-channels" in net.issues["code"].tolist()


def test_041_parallel_edges_without_channel_are_refused() -> None:
    graph = nx.MultiDiGraph()
    graph.add_edges_from([("A", "B", {"amount": 1.0}), ("A", "B", {"amount": 2.0})])
    with pytest.raises(NetworkError, match="repeats row 1"):
        ct.Network.from_networkx(graph)


@pytest.mark.parametrize(("kind", "severity"), [("institution", "warning"), ("trader", "note")])
def test_043_insolvent_before_the_shock_is_accepted_and_noted(kind: str, severity: str) -> None:
    nodes = [{"name": "A", "kind": kind, "cash": 1.0, "external_liabilities": 2.0}]
    issues = ct.Network(nodes=nodes).issues
    assert ["negative-equity", severity] in issues[["code", "severity"]].to_numpy().tolist()


def test_044_the_rest_of_the_market_takes_the_other_side(tables: Tables) -> None:
    tables["positions"].pop()
    net = ct.Network(**tables, rest_of_market="add")
    name = "rest_of_market:ex"
    rest = net.positions.set_index("account").loc[name]
    assert (rest["quantity"], rest["entry_price"]) == (-2.0, 100.0)
    assert net.balances.set_index("account").loc[name, "quantity"] == 200.0
    assert net.accounts.loc[name, ["owner", "venue", "mode", "reaction"]].tolist() == [
        name,
        "ex",
        "cross",
        "none",
    ]
    assert net.nodes.loc[name, "kind"] == "trader"
    assert ct.Network(**net.tables) == net
    assert ct.Network(**net.tables, rest_of_market="add") == net


def test_047_a_venue_with_negative_equity_is_named(tables: Tables) -> None:
    from contagion.network.checks import negative_equity, refuse_negative_equity

    refuse_negative_equity(ct.Network(**tables))
    tables["nodes"][0]["external_liabilities"] = 1000.0
    net = ct.Network(**tables)
    assert negative_equity(net).to_dict() == {"ex": 100.0 + 10.0 - 20.0 - 1000.0}
    with pytest.raises(NetworkError, match="'ex' has negative equity -910 before the shock"):
        refuse_negative_equity(net)


def test_037_a_matrix_must_be_square() -> None:
    with pytest.raises(NetworkError, match=r"liabilities: has shape \(1, 2\); rows are debtors"):
        ct.Network.from_matrix([[1.0, 2.0]], ["A", "B"])


def test_038_labels_and_matrix_must_agree() -> None:
    matrix = pd.DataFrame([[0.0, 1.0], [0.0, 0.0]], index=["A", "B"], columns=["A", "C"])
    with pytest.raises(NetworkError, match="rows and columns name different nodes"):
        ct.Network.from_matrix(matrix)
    with pytest.raises(NetworkError, match="has 2 rows and 3 names"):
        ct.Network.from_matrix(matrix.to_numpy(), ["A", "B", "C"])


def test_038_labelled_columns_are_joined_by_name() -> None:
    matrix = pd.DataFrame([[1.0, 0.0], [0.0, 2.0]], index=["A", "B"], columns=["B", "A"])
    net = ct.Network.from_matrix(matrix, cash=pd.Series({"B": 3.0, "A": 4.0}))
    assert net.obligations["amount"].tolist() == [1.0, 2.0]
    assert net.nodes["cash"].to_dict() == {"A": 4.0, "B": 3.0}


def test_038_unlabelled_vectors_are_a_positional_join() -> None:
    with pytest.raises(NetworkError, match="cash: has no names"):
        ct.Network.from_matrix([[0.0]], ["A"], cash=np.array([1.0]))  # type: ignore[arg-type]


def test_039_both_sides_of_a_claim_must_report_the_same() -> None:
    with pytest.raises(NetworkError, match="'A' owes 2, 'B' claims 3"):
        ct.Network.from_matrix([[0, 2], [0, 0]], ["A", "B"], claims=[[0, 0], [3, 0]])


def test_040_an_undirected_graph_is_refused() -> None:
    with pytest.raises(NetworkError, match="has no directions"):
        ct.Network.from_networkx(nx.path_graph(2))


def test_042_a_balance_sheet_must_add_up() -> None:
    with pytest.raises(NetworkError, match="'A' reports 5; assets 4 - liabilities 2 = 2"):
        ct.Network.from_matrix([[0, 2], [0, 0]], ["A", "B"], cash={"A": 4.0}, equity={"A": 5.0, "B": 2.0})


def test_048_a_hypergraph_is_refused() -> None:
    with pytest.raises(NetworkError, match="is dict, not a graph of pairs"):
        ct.Network.from_networkx({"e1": {"A", "B", "C"}})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["NA", "None", "nan", "001", "1e5"])
def test_071_to_073_names_that_look_like_something_else_are_names(name: str) -> None:
    assert ct.Network(nodes=pd.DataFrame({"name": [name]})).nodes.index.tolist() == [name]


def test_077_unused_categories_do_not_matter() -> None:
    kinds = pd.Categorical(["trader"], categories=["exchange", "trader"])
    names = pd.Categorical(["A"], categories=["Z", "A"])
    net = ct.Network(nodes=pd.DataFrame({"name": names, "kind": kinds}))
    assert net == ct.Network(nodes=[{"name": "A", "kind": "trader"}])


def test_every_fault_is_listed_in_one_error(tables: Tables) -> None:
    tables["obligations"] = [{"debtor": f"x{i}", "creditor": "bank", "amount": -1.0} for i in range(30)]
    tables["nodes"][0]["cash"] = "much"
    with pytest.raises(InputError) as caught:
        ct.Network(**tables)
    message = str(caught.value)
    assert message.startswith("61 faults:")
    assert "20. " in message and "21. " not in message and "... and 41 more in .issues" in message
    assert len(caught.value.issues) == 61


MECHANICS: list[tuple[str, str, Any]] = [
    ("markets", "contract", "inverse"),
    ("markets", "settle", "BTC"),
]


@pytest.mark.parametrize(("table", "column", "value"), MECHANICS)
def test_what_is_not_modelled_yet_is_refused_and_never_ignored(
    tables: Tables, table: str, column: str, value: Any
) -> None:
    tables[table][0][column] = value
    with pytest.raises(NetworkError, match="is not modelled") as caught:
        ct.Network(**tables)
    assert caught.value.issues[["code", "table", "row"]].to_numpy().tolist()[0] == ["not-modelled", table, 1]


def test_the_defaults_of_unbuilt_mechanics_are_accepted(net: ct.Network) -> None:
    assert net.replace(venues=net.venues, markets=net.markets) == net


STRANGE: list[Any] = [
    None,
    [],
    {},
    object(),
    1j,
    b"x",
    10**400,
    pd.NA,
    pd.NaT,
    np.array([1, 2]),
    np.ma.masked,
    np.datetime64("2025-10-10"),
    "\ud800",
    "\x01refused\x01",
    type,
]


@pytest.mark.parametrize("value", STRANGE, ids=[str(place) for place in range(len(STRANGE))])
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("nodes", "name"),
        ("nodes", "cash"),
        ("positions", "account"),
        ("accounts", "mode"),
        ("accounts", "count"),
    ],
)
def test_only_errors_of_the_family_escape(tables: Tables, table: str, column: str, value: Any) -> None:
    tables[table][0][column] = value
    with pytest.raises(InputError) as caught:
        ct.Network(**tables)
    assert len(caught.value.issues)
    assert all(line.isprintable() for line in str(caught.value).split("\n"))


@pytest.mark.parametrize(
    "place", [place for place in range(3, len(STRANGE)) if not isinstance(STRANGE[place], str)]
)
def test_arguments_of_the_wrong_kind_are_refused(place: int) -> None:
    value = STRANGE[place]
    nodes = [{"name": "A"}]
    for argument in ("unit", "payers", "repair", "rest_of_market"):
        with pytest.raises(InputError):
            ct.Network(nodes, **{argument: value})
    for reader in (ct.Network.from_networkx, ct.Network.from_matrix, ct.Network.read):
        with pytest.raises(InputError):
            reader(value)


def test_nodes_are_joined_by_an_asset_that_both_hold_and_by_a_market_that_trades_it() -> None:
    tables: Tables = {
        "nodes": [
            {"name": "A"},
            {"name": "B"},
            {"name": "C", "cash": 1.0},
            {"name": "V", "kind": "exchange"},
        ],
        "assets": [
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "X", "price": 2.0},
            {"name": "Y", "price": 2.0},
        ],
        "holdings": [
            {"node": "A", "asset": "X", "quantity": 1.0},
            {"node": "B", "asset": "X", "quantity": 3.0},
            {"node": "C", "asset": "USD", "quantity": 1.0},
            {"node": "A", "asset": "USD", "quantity": 1.0},
        ],
    }
    assert "3 parts" in ct.Network(**tables).issues["remedy"].iloc[0]
    tables["holdings"].append({"node": "C", "asset": "Y", "quantity": 1.0})
    assert "3 parts" in ct.Network(**tables).issues["remedy"].iloc[0]
    tables["holdings"].append({"node": "B", "asset": "Y", "quantity": 1.0})
    assert "2 parts" in ct.Network(**tables).issues["remedy"].iloc[0]
    tables["venues"] = [{"name": "V"}]
    tables["markets"] = [{"name": "M", "venue": "V", "asset": "X", "kind": "spot", "volume": 1.0}]
    issues = ct.Network(**tables).issues
    assert "disconnected" not in issues["code"].tolist()
