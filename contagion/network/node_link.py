"""Node-link JSON: written so that it can stand in a page, read without trusting it."""

from __future__ import annotations

import json
from typing import Any, Final

from contagion.errors import SchemaError, TooLargeError, ValueRangeError, nearest, shown
from contagion.network.convert import from_parts, to_networkx
from contagion.network.csv_tables import decode
from contagion.network.faults import Faults
from contagion.network.network import Network

DEPTH_LIMIT: Final = 20
DIGIT_LIMIT: Final = 40
_KEYS: Final = ("directed", "multigraph", "graph", "nodes", "edges")


def write_node_link(net: Network) -> str:
    """Return a network as node-link JSON, as networkx writes it; ``<``, ``>`` and ``&`` are escaped.

    Examples
    --------
    >>> text = write_node_link(Network(nodes=[{"name": "<b>"}]))
    >>> "<" in text, read_node_link(text.encode(), "net.json").nodes.index.tolist()
    (False, ['<b>'])
    """
    graph = to_networkx(net)
    content = {
        "directed": True,
        "multigraph": True,
        "graph": graph.graph,
        "nodes": [{**data, "id": name} for name, data in graph.nodes(data=True)],
        "edges": [
            {**data, "source": source, "target": target, "key": key}
            for source, target, key, data in graph.edges(keys=True, data=True)
        ],
    }
    text = json.dumps(content, allow_nan=False, indent=1)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026") + "\n"


def read_node_link(data: bytes, source: str) -> Network:
    """Return the network that node-link JSON describes.

    Parameters
    ----------
    data
        The bytes of the file.
    source
        What the file is called in messages.

    Raises
    ------
    SchemaError
        If it is no JSON, a key is repeated, missing or unknown, or an edge names a node that is not listed.
    TooLargeError
        If it is nested too deeply, or a number has too many digits.

    Examples
    --------
    >>> read_node_link(b'{"nodes": [{"id": "A"}], "edges": []}', "net.json").nodes.index.tolist()
    ['A']
    """
    content = parse_json(decode(data, source), source)
    faults = Faults(context=source)
    if not isinstance(content, dict):
        raise SchemaError("is no object", where=source, allowed="an object with nodes and edges")
    for key in content:
        if key not in _KEYS:
            what = f"key {shown(key)} is unknown{nearest(key, _KEYS)}"
            faults.add(SchemaError, "unknown-key", "graph", what, allowed="keys: " + ", ".join(_KEYS))
    if content.get("directed", True) is not True:
        faults.add(SchemaError, "undirected", "graph", "is undirected", allowed='"directed": true')
    nodes = _entries(content, "nodes", ("id",), faults)
    edges = _entries(content, "edges", ("source", "target"), faults)
    attributes = content.get("graph", {})
    if not isinstance(attributes, dict):
        faults.add(SchemaError, "wrong-type", "graph", "is no object", value=attributes)
    _refuse_new_nodes(nodes, edges, faults)
    faults.stop()
    return from_parts(
        attributes,
        [(entry["id"], _without(entry, "id")) for entry in nodes],
        [(entry["source"], entry["target"], _without(entry, "source", "target", "key")) for entry in edges],
        faults,
    )


def _without(entry: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in keys}


def _entries(
    content: dict[str, Any], key: str, required: tuple[str, ...], faults: Faults
) -> list[dict[str, Any]]:
    if key not in content:
        faults.add(SchemaError, "missing-key", "graph", f"key {key!r} is missing")
        return []
    if not isinstance(content[key], list):
        faults.add(SchemaError, "wrong-type", key, "is no list")
        return []
    entries = []
    for row, entry in enumerate(content[key]):
        if not isinstance(entry, dict):
            faults.add(SchemaError, "wrong-type", key, "is no object", row=row, value=entry)
            continue
        missing = [name for name in required if name not in entry]
        for name in missing:
            faults.add(SchemaError, "missing-key", key, f"key {name!r} is missing", row=row)
        if not missing:
            entries.append(entry)
    return entries


def _refuse_new_nodes(nodes: list[dict[str, Any]], edges: list[dict[str, Any]], faults: Faults) -> None:
    names = {entry["id"] for entry in nodes if isinstance(entry["id"], str)}
    for row, entry in enumerate(edges):
        for end in ("source", "target"):
            if not isinstance(entry[end], str) or entry[end] not in names:
                what = f"is no listed node{nearest(entry[end], list(names)[:10_000])}"
                faults.add(SchemaError, "unknown-node", "edges", what, row=row, column=end, value=entry[end])


def parse_json(text: str, source: str) -> Any:
    """Return the content of JSON text: no repeated keys, no NaN, no endless numbers, no deep nesting.

    Raises
    ------
    SchemaError, ValueRangeError, TooLargeError

    Examples
    --------
    >>> parse_json('{"a": 1}', "a.json")
    {'a': 1}
    """

    def refuse_constant(name: str) -> float:
        raise SchemaError(f"{name} is no JSON number", where=source, allowed="null for no value", code="nan")

    def whole(digits: str) -> int:
        if len(digits) > DIGIT_LIMIT:
            raise TooLargeError(f"an integer has {len(digits):,} digits", where=source, code="digits")
        return int(digits)

    def decimal(digits: str) -> float:
        value = float(digits)
        if value in (float("inf"), float("-inf")):
            raise ValueRangeError("is not finite", where=source, value=digits, code="not-finite")
        return value

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise SchemaError(f"key {shown(twice)} appears twice", where=source, code="duplicate-key")
        return found

    try:
        content = json.loads(
            text,
            parse_constant=refuse_constant,
            parse_int=whole,
            parse_float=decimal,
            object_pairs_hook=unique,
        )
    except RecursionError:
        raise TooLargeError("is nested too deeply", where=source, code="depth") from None
    except json.JSONDecodeError as error:
        where = f"{source} line {error.lineno}"
        raise SchemaError(f"is no JSON: {error.msg}", where=where, code="json") from None
    if _depth(content) > DEPTH_LIMIT:
        raise TooLargeError(
            "is nested too deeply", where=source, allowed=f"{DEPTH_LIMIT} levels", code="depth"
        )
    return content


def _depth(content: Any) -> int:
    depth, level = 0, [content]
    while level:
        depth += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth
