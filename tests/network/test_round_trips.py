"""What goes out comes back: files, graphs, JSON, pickles; and the order of rows means nothing."""

from __future__ import annotations

import pickle
import random
import tempfile
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import contagion as ct
from contagion.errors import InputError, NetworkError
from tests.strategies import HOSTILE_NAMES, PLAIN_NAMES, network_tables, networks

few = settings(max_examples=max(8, settings().max_examples // 3))
"""Networks of many shapes cost more to draw than to read back."""


def _same(one: ct.Network, other: ct.Network) -> None:
    assert one.fingerprint == other.fingerprint
    assert one.unit == other.unit
    assert dict(one.payers) == dict(other.payers)
    for name, frame in one.tables.items():
        pd.testing.assert_frame_equal(frame, other.tables[name])


@few
@given(networks())
def test_a_saved_network_reads_back_exactly(net: ct.Network) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _same(net, ct.Network.read(net.save(Path(folder) / "net")))


@few
@given(networks())
def test_a_graph_gives_the_network_back_exactly(net: ct.Network) -> None:
    graph = net.to_networkx()
    assert isinstance(graph, nx.MultiDiGraph)
    _same(net, ct.Network.from_networkx(graph))


@few
@given(networks())
def test_node_link_json_reads_back_exactly(net: ct.Network) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _same(net, ct.Network.read(net.export(Path(folder) / "net.json")))


@few
@given(networks())
def test_a_pickled_network_is_the_same_and_still_frozen(net: ct.Network) -> None:
    copy = pickle.loads(pickle.dumps(net))
    _same(net, copy)
    assert not copy.nodes["cash"].to_numpy().flags.writeable


@few
@given(network_tables(), st.integers(0, 2**32))
def test_the_order_of_rows_means_nothing(tables: dict[str, Any], seed: int) -> None:
    shuffled = {name: random.Random(seed).sample(rows, len(rows)) for name, rows in tables.items()}
    _same(ct.Network(**tables), ct.Network(**shuffled))


@few
@given(network_tables())
def test_records_columns_and_frames_give_the_same_network(tables: dict[str, Any]) -> None:
    frames = {name: pd.DataFrame(rows) for name, rows in tables.items() if rows}
    columns = {name: frame.to_dict("list") for name, frame in frames.items()}
    expected = ct.Network(**tables)
    _same(expected, ct.Network(**frames))
    _same(expected, ct.Network(**columns))


@few
@given(networks())
def test_the_tables_of_a_network_give_the_same_network(net: ct.Network) -> None:
    _same(net, ct.Network(**net.tables, unit=net.unit))


@pytest.mark.parametrize("name", [*PLAIN_NAMES, *HOSTILE_NAMES])
def test_a_name_is_never_reinterpreted(name: str, tmp_path: Path) -> None:
    nodes = [{"name": name, "owner": name}, {"name": "other"}]
    net = ct.Network(nodes=nodes, obligations=[{"debtor": name, "creditor": "other", "amount": 1.0}])
    _same(net, ct.Network.read(net.save(tmp_path / "net")))
    assert ct.Network.read(tmp_path / "net").obligations["debtor"].tolist() == [name]


def test_payers_and_repairs_survive_every_format(tmp_path: Path) -> None:
    edge = {"debtor": "A", "creditor": "B", "amount": 0.1}
    nodes = [{"name": "A"}, {"name": "B"}]
    net = ct.Network(
        nodes, obligations=[edge, edge], repair="sum-duplicates", payers={'the "state"\t': 0.1}, unit="EUR"
    )
    copies = [
        ct.Network.read(net.save(tmp_path / "net")),
        ct.Network.read(net.export(tmp_path / "net.json")),
        ct.Network.from_networkx(net.to_networkx()),
    ]
    for copy in copies:
        _same(net, copy)
        assert copy.repairs == net.repairs != ()


def test_a_saved_folder_holds_one_file_for_each_table_with_rows(net: ct.Network, tmp_path: Path) -> None:
    folder = net.save(tmp_path / "net")
    filled = {f"{name}.csv" for name, frame in net.tables.items() if len(frame)}
    assert {path.name for path in folder.iterdir()} == filled | {"network.toml"}


def test_saving_twice_writes_the_same_bytes(net: ct.Network, tmp_path: Path) -> None:
    one, other = net.save(tmp_path / "one"), net.save(tmp_path / "other")
    for path in one.iterdir():
        assert path.read_bytes() == (other / path.name).read_bytes()


def test_a_folder_is_overwritten_only_when_told(net: ct.Network, tmp_path: Path) -> None:
    net.save(tmp_path / "net")
    with pytest.raises(InputError, match="net: is not empty"):
        net.save(tmp_path / "net")
    small = ct.Network(nodes=[{"name": "A"}])
    _same(small, ct.Network.read(small.save(tmp_path / "net", overwrite=True)))


def test_a_graph_has_a_kind_on_nodes_and_a_channel_on_edges(net: ct.Network) -> None:
    graph = net.to_networkx()
    assert {data["kind"] for _, data in graph.nodes(data=True)} >= {"trader", "exchange", "institution"}
    channels = {(u, v, data["channel"]) for u, v, data in graph.edges(data=True)}
    assert channels == {
        ("ex", "bank", "obligation"),
        ("t1", "ex", "account"),
        ("t2", "ex", "account"),
        ("bank", "asset:BTC", "holding"),
    }
    assert graph.graph["markets"]["name"] == ["ex:BTC"]


def test_isolated_nodes_survive() -> None:
    net = ct.Network(nodes=[{"name": "A"}, {"name": "B"}])
    assert sorted(net.to_networkx().nodes) == ["A", "B"]


def test_a_node_named_like_an_asset_node_keeps_its_place(tables: dict[str, Any]) -> None:
    tables["nodes"].append({"name": "asset:BTC", "kind": "institution"})
    net = ct.Network(**tables)
    _same(net, ct.Network.from_networkx(net.to_networkx()))


def test_a_plain_digraph_is_read_as_obligations() -> None:
    graph = nx.DiGraph()
    graph.add_edge("A", "B", amount=3)
    net = ct.Network.from_networkx(graph, unit="EUR")
    assert net.obligations["amount"].tolist() == [3.0]
    assert net.unit == "EUR"


@pytest.mark.parametrize("extension", ["graphml", "gexf"])
def test_exports_open_in_networkx(net: ct.Network, tmp_path: Path, extension: str) -> None:
    path = net.export(tmp_path / f"net.{extension}")
    graph = {"graphml": nx.read_graphml, "gexf": nx.read_gexf}[extension](path)
    assert set(net.nodes.index) <= set(graph.nodes)
    assert graph.nodes["ex"]["kind"] == "exchange"
    assert net.export(path, overwrite=True).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("extension", ["graphml", "gexf"])
def test_exports_keep_parallel_edges_apart(tables: dict[str, Any], tmp_path: Path, extension: str) -> None:
    tables["accounts"].append({"name": "a3", "owner": "t1", "venue": "ex"})
    net = ct.Network(**tables)
    path = net.export(tmp_path / f"net.{extension}")
    graph = {"graphml": nx.read_graphml, "gexf": nx.read_gexf}[extension](path)
    assert graph.number_of_edges() == net.to_networkx().number_of_edges()


def _with_token() -> ct.Network:
    return ct.Network(
        nodes=[{"name": "staker", "kind": "protocol"}, {"name": "fund", "kind": "institution"}],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "stETH", "price": 1_500.0, "issuer": "staker"},
        ],
        holdings=[{"node": "fund", "asset": "stETH", "quantity": 10.0}],
    )


def test_paths_lead_from_who_holds_a_token_to_its_issuer() -> None:
    net = _with_token()
    graph = net.to_networkx()
    assert nx.shortest_path(graph, "fund", "staker") == ["fund", "asset:stETH", "staker"]
    _same(net, ct.Network.from_networkx(graph))


def test_an_edge_to_another_issuer_than_the_table_says_is_refused() -> None:
    graph = _with_token().to_networkx()
    graph.graph["assets"]["issuer"] = ["" for _ in graph.graph["assets"]["issuer"]]
    with pytest.raises(NetworkError, match=r"'staker' issued 'stETH'.*G\.graph\[\"assets\"\]"):
        ct.Network.from_networkx(graph)
