"""Networks and graphs: a MultiDiGraph with `kind` on nodes and `channel` on edges, exact in both directions.

Edges: ``obligation`` from debtor to creditor, ``account`` from owner to venue, ``holding`` from a node to the
asset it holds, which is a graph node of kind ``asset`` named ``asset:<name>``, ``issuer`` from a token to the node that
owes it, so that paths lead from holders to issuers. All other tables are in ``G.graph``, as columns of plain values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from contagion.errors import NetworkError, SchemaError, nearest, shown
from contagion.network.faults import Faults
from contagion.network.network import Network
from contagion.network.schema import TABLES, VERSION

if TYPE_CHECKING:
    import networkx as nx

ASSET: Final = "asset"
CHANNELS: Final = {"obligation": "obligations", "account": "accounts", "holding": "holdings"}
"""Which table the edges of a channel are."""
ISSUER: Final = "issuer"
"""Channel of the edges that repeat the column `issuer` of assets."""
_OWN_KEYS: Final = ("unit", "version", "payers", "repairs")
_FOREIGN_KEYS: Final = ("name", "node_default", "edge_default", "mode")


def plain_columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Return a table as columns of plain values, with None for an empty number.

    Examples
    --------
    >>> plain_columns(pd.DataFrame({"cap": [1.5, float("nan")]}))
    {'cap': [1.5, None]}
    """
    if frame.index.name is not None:
        frame = frame.reset_index()
    return {
        str(name): [None if value != value else value for value in frame[name].tolist()] for name in frame
    }


def graph_attributes(net: Network) -> dict[str, Any]:
    """Return everything of a network that is neither node nor edge, as plain values.

    Examples
    --------
    >>> graph_attributes(Network(nodes=[{"name": "A"}]))
    {'unit': 'USD', 'version': 1, 'payers': {}, 'repairs': []}
    """
    attributes: dict[str, Any] = {
        "unit": net.unit,
        "version": VERSION,
        "payers": dict(net.payers),
        "repairs": list(net.repairs),
    }
    inside = {"nodes", *CHANNELS.values()}
    for name, frame in net.tables.items():
        if name not in inside and len(frame):
            attributes[name] = plain_columns(frame)
    return attributes


def to_networkx(net: Network) -> nx.MultiDiGraph[Any]:
    """Return the network as a MultiDiGraph; isolated nodes are kept.

    Parameters
    ----------
    net
        The network.

    Examples
    --------
    >>> net = Network(nodes=[{"name": "A"}, {"name": "B"}],
    ...               obligations=[{"debtor": "A", "creditor": "B", "amount": 3}])
    >>> G = to_networkx(net)
    >>> [(u, v, data["channel"], data["amount"]) for u, v, data in G.edges(data=True)]
    [('A', 'B', 'obligation', 3.0)]
    """
    import networkx as nx

    graph: nx.MultiDiGraph[Any] = nx.MultiDiGraph(**graph_attributes(net))
    for record in _records(net.nodes):
        graph.add_node(record.pop("name"), **record)
    for record in _records(net.obligations):
        ends = record.pop("debtor"), record.pop("creditor")
        key = f"obligation:{record['seniority']}"
        graph.add_edge(*ends, key=key, channel="obligation", **record)
    for record in _records(net.accounts):
        name, ends = record.pop("name"), (record.pop("owner"), record.pop("venue"))
        graph.add_edge(*ends, key=f"account:{name}", channel="account", account=name, **record)
    prefix = f"{ASSET}:"
    while any(name.startswith(prefix) for name in net.nodes.index):
        prefix += ":"
    for record in _records(net.holdings):
        target = prefix + record["asset"]
        graph.add_node(target, kind=ASSET, asset=record["asset"])
        graph.add_edge(record.pop("node"), target, key="holding", channel="holding", **record)
    for asset, issuer in net.assets["issuer"].items():
        if issuer:
            graph.add_node(f"{prefix}{asset}", kind=ASSET, asset=asset)
            graph.add_edge(f"{prefix}{asset}", issuer, key=ISSUER, channel=ISSUER, asset=asset)
    return graph


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    columns = plain_columns(frame)
    names = list(columns)
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def from_networkx(graph: nx.DiGraph[Any], *, unit: str | None = None) -> Network:
    """Return the network that a directed graph describes.

    Parameters
    ----------
    graph
        DiGraph or MultiDiGraph. Nodes carry columns of `nodes`; edges carry `channel` (obligation where absent)
        and columns of its table; ``G.graph`` carries the other tables.
    unit
        The unit of money; by default ``G.graph["unit"]``, or USD.

    Raises
    ------
    NetworkError
        If the graph is undirected or no graph of pairs at all.
    SchemaError
        If an attribute is unknown.

    Examples
    --------
    >>> import networkx as nx
    >>> G = nx.DiGraph()
    >>> G.add_edge("A", "B", amount=3)
    >>> from_networkx(G).obligations["amount"].tolist()
    [3.0]
    """
    import networkx as nx

    if not isinstance(graph, nx.Graph):
        raise NetworkError(
            f"is {type(graph).__name__}, not a graph of pairs",
            where="graph",
            allowed="a networkx DiGraph or MultiDiGraph",
            remedy="write each group as pairs: one edge for each debtor and creditor",
            code="hypergraph",
        )
    if not graph.is_directed():
        raise NetworkError(
            "has no directions",
            where="graph",
            allowed="a DiGraph or MultiDiGraph, edges from debtor to creditor",
            remedy="build it directed: G.to_directed() would double every claim",
            code="undirected",
        )
    edges = ((u, v, data) for u, v, data in graph.edges(data=True))
    return from_parts(graph.graph, list(graph.nodes(data=True)), edges, Faults(), unit)


def from_parts(
    attributes: Mapping[str, Any],
    nodes: Iterable[tuple[Any, Mapping[str, Any]]],
    edges: Iterable[tuple[Any, Any, Mapping[str, Any]]],
    faults: Faults,
    unit: str | None = None,
) -> Network:
    """Return the network made of graph attributes, nodes and edges.

    Parameters
    ----------
    attributes
        What ``G.graph`` holds.
    nodes
        (name, attributes) of each node.
    edges
        (source, target, attributes) of each edge.
    faults
        Receives faults of the graph; all are raised together.
    unit
        The unit of money, overriding the attribute.
    """
    tables = _graph_tables(attributes, faults)
    tables["nodes"] = _node_records(list(nodes), faults)
    issued = []
    for row, (source, target, data) in enumerate(edges):
        if data.get("channel") == ISSUER:
            issued.append((row, data.get("asset"), target))
        else:
            _add_edge(tables, row, source, target, data, faults)
    faults.stop()
    net = Network(
        tables.pop("nodes"),
        unit=unit if unit is not None else attributes.get("unit", "USD"),
        payers=attributes.get("payers") or {},
        **tables,
    )._with_repairs(attributes.get("repairs") or ())
    _check_issuers(net, issued, faults)
    return net


def _check_issuers(net: Network, issued: list[tuple[int, Any, Any]], faults: Faults) -> None:
    """Refuse edges from tokens to issuers that say something else than the column of assets."""
    told = net.assets["issuer"].to_dict()
    for row, asset, target in issued:
        if not isinstance(asset, str) or told.get(asset) != target:
            what = f"says that {shown(target)} issued {shown(asset)}, the table of assets does not"
            remedy = 'state issuers in G.graph["assets"]; their edges only repeat them'
            faults.add(NetworkError, "other-issuer", "edges", what, row=row, remedy=remedy)
    faults.stop()


def _graph_tables(attributes: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    inside = {"nodes", *CHANNELS.values()}
    for name, value in attributes.items():
        if name in TABLES and name not in inside:
            tables[name] = value
        elif name not in _OWN_KEYS + _FOREIGN_KEYS:
            what = f"attribute {shown(name)} is unknown{nearest(name, TABLES)}"
            faults.add(SchemaError, "unknown-key", "graph", what, remedy="tables of edges belong on edges")
    version = attributes.get("version", VERSION)
    if not isinstance(version, int) or isinstance(version, bool) or version != VERSION:
        faults.add(
            SchemaError,
            "version",
            "graph",
            "is no known version",
            value=version,
            allowed=f"version {VERSION}",
        )
    kinds: tuple[tuple[str, tuple[type, ...]], ...] = (("payers", (Mapping,)), ("repairs", (list, tuple)))
    for name, kind in kinds:
        if name in attributes and not isinstance(attributes[name], kind):
            faults.add(SchemaError, "wrong-type", "graph", f"attribute {name!r} has a wrong type")
    return tables


def _node_records(nodes: list[tuple[Any, Mapping[str, Any]]], faults: Faults) -> list[dict[str, Any]]:
    """Return records of `nodes`; when some nodes have a kind, all must, so that no edge invents a node."""
    records = []
    told = any("kind" in data for _, data in nodes)
    for name, data in nodes:
        kind = data.get("kind")
        if isinstance(kind, str) and kind == ASSET:
            continue
        if told and "kind" not in data:
            what = f"node {shown(name)} has no kind"
            faults.add(SchemaError, "missing-key", "nodes", what, remedy="was it made by an edge?")
        if "name" in data and not (isinstance(data["name"], str) and data["name"] == name):
            what = f"node {shown(name)} has another name as attribute"
            faults.add(SchemaError, "two-names", "nodes", what, value=data["name"])
        records.append({**data, "name": name})
    return records


def _add_edge(
    tables: dict[str, Any], row: int, source: Any, target: Any, data: Mapping[str, Any], faults: Faults
) -> None:
    channel = data.get("channel", "obligation")
    if not isinstance(channel, str) or channel not in CHANNELS:
        what = f"is no channel{nearest(channel, CHANNELS)}"
        allowed = "channels: " + ", ".join([*CHANNELS, ISSUER])
        faults.add(SchemaError, "unknown-channel", "edges", what, row=row, value=channel, allowed=allowed)
        return
    record = {name: value for name, value in data.items() if name != "channel"}
    if channel == "obligation":
        record |= {"debtor": source, "creditor": target}
    elif channel == "account":
        record |= {"owner": source, "venue": target}
        if "account" in record:
            record["name"] = record.pop("account")
    else:
        record = {"asset": target, **record, "node": source}
    tables.setdefault(CHANNELS[channel], []).append(record)
