"""The numbered bad inputs that single files can hold: JSON, XML, YAML, pickles, archives."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import contagion as ct
from contagion.errors import (
    InputError,
    NetworkError,
    SchemaError,
    TooLargeError,
    UnsafeInputError,
    ValueRangeError,
)

GRAPH = {
    "directed": True,
    "multigraph": True,
    "graph": {"unit": "USD", "version": 1},
    "nodes": [
        {"id": "A", "kind": "institution", "cash": 1},
        {"id": "B", "kind": "institution", "cash": 2},
    ],
    "edges": [{"source": "A", "target": "B", "channel": "obligation", "amount": 3.0}],
}


def graph(**changes: Any) -> bytes:
    return json.dumps({**GRAPH, **changes}).encode()


NODE = GRAPH["nodes"]
JSON: list[tuple[str, bytes, type[InputError], str]] = [
    (
        "082-nan",
        graph(edges=[{"source": "A", "target": "B", "amount": float("nan")}]),
        SchemaError,
        "NaN is no JSON",
    ),
    ("082-infinity", b'{"nodes": [], "edges": [Infinity]}', SchemaError, "Infinity is no JSON number"),
    ("083-duplicate-key", b'{"nodes": [], "nodes": []}', SchemaError, "key 'nodes' appears twice"),
    ("084-deep", b"[" * 100_000, TooLargeError, "nested too deeply"),
    ("084-deep-object", b'{"a":' * 100_000, TooLargeError, "nested too deeply"),
    ("084-rather-deep", b"[" * 50 + b"]" * 50, TooLargeError, "nested too deeply; 20 levels"),
    ("085-long-integer", b"[" + b"1" * 5000 + b"]", TooLargeError, "an integer has 5,000 digits"),
    ("005-1e400", b"[1e400]", ValueRangeError, "'1e400' is not finite"),
    ("086-missing-nodes", b'{"edges": []}', SchemaError, "key 'nodes' is missing"),
    (
        "086-missing-id",
        graph(nodes=[{"kind": "trader"}], edges=[]),
        SchemaError,
        "nodes row 1: key 'id' is missing",
    ),
    (
        "086-missing-target",
        graph(edges=[{"source": "A"}]),
        SchemaError,
        "edges row 1: key 'target' is missing",
    ),
    ("086-missing-amount", graph(edges=[{"source": "A", "target": "B"}]), SchemaError, "'amount' is missing"),
    ("087-unknown-key", graph(nodse=[]), SchemaError, "key 'nodse' is unknown .did you mean 'nodes'"),
    (
        "087-unknown-attribute",
        graph(graph={"marktes": {}}),
        SchemaError,
        "'marktes' is unknown .did you mean 'markets'",
    ),
    (
        "087-unknown-channel",
        graph(edges=[{"source": "A", "target": "B", "channel": "oblgation"}]),
        SchemaError,
        "'oblgation' is no channel .did you mean 'obligation'",
    ),
    ("088-version", graph(graph={"version": 7}), SchemaError, "7 is no known version"),
    (
        "089-edge-makes-node",
        graph(edges=[{"source": "A", "target": "C", "amount": 1.0}]),
        SchemaError,
        "edges row 1, column target: 'C' is no listed node",
    ),
    ("032-duplicate-id", graph(nodes=NODE * 2), NetworkError, "'A' repeats row 1"),
    ("040-undirected", graph(directed=False), SchemaError, "is undirected"),
    (
        "090-billion-laughs",
        b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">]>',
        UnsafeInputError,
        "XML",
    ),
    ("097-utf-8", b'{"nodes": "\xff"}', SchemaError, "line 1: byte 0xff is not UTF-8"),
    (
        "098-python-tag",
        b"!!python/object/apply:os.system ['true']",
        UnsafeInputError,
        "YAML, which is never read",
    ),
    ("098-yaml", b"---\na: 1\n", UnsafeInputError, "YAML, which is never read"),
    ("100-garbage", graph() + b"x", SchemaError, "is no JSON: Extra data"),
    ("100-cut", graph()[:-5], SchemaError, "is no JSON"),
    ("107-ten-megabytes", graph(nodes=[{"id": "x" * 10_000_000}], edges=[]), TooLargeError, "is too long"),
    (
        "096-huge-attribute",
        graph(nodes=[{"id": "A", "owner": "x" * 10_000_000}], edges=[]),
        TooLargeError,
        "too long",
    ),
    ("139-pickle", pickle.dumps({}), UnsafeInputError, "pickle"),
    ("095-zip", b"PK\x03\x04", TooLargeError, "is compressed"),
    ("list", b"[]", SchemaError, "is no object"),
]


@pytest.mark.parametrize(
    ("data", "error", "pattern"), [case[1:] for case in JSON], ids=[case[0] for case in JSON]
)
def test_bad_json_is_refused(tmp_path: Path, data: bytes, error: type[InputError], pattern: str) -> None:
    path = tmp_path / "net.json"
    path.write_bytes(data)
    with pytest.raises(InputError, match=pattern) as caught:
        ct.Network.read(path)
    assert type(caught.value) is error


def test_the_small_graph_itself_is_fine(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_bytes(graph())
    net = ct.Network.read(tmp_path / "net.json")
    assert net.obligations["amount"].tolist() == [3.0]
    assert net.nodes["cash"].to_dict() == {"A": 1.0, "B": 2.0}


LAUGHS = (
    b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]><g>&lol2;</g>"""
)
NEVER_READ: list[tuple[str, str, bytes]] = [
    ("090-billion-laughs", "net.graphml", LAUGHS),
    (
        "091-quadratic-blow-up",
        "net.xml",
        b'<!DOCTYPE a [<!ENTITY a "' + b"x" * 10_000 + b'">]><a>' + b"&a;" * 1000,
    ),
    ("092-external-entity", "net.gexf", b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'),
    ("093-any-dtd", "net.graphml", b"<!DOCTYPE graphml><graphml/>"),
    ("094-deep", "net.xml", b"<a>" * 200_000),
    ("098-python-tag", "net.yaml", b"!!python/object/apply:os.system ['true']"),
    ("098-yml", "net.yml", b"a: 1"),
    ("139-npy", "net.npy", b"\x93NUMPY"),
    ("139-pickle", "net.pkl", pickle.dumps({})),
]


@pytest.mark.parametrize(
    ("name", "data"), [case[1:] for case in NEVER_READ], ids=[case[0] for case in NEVER_READ]
)
def test_xml_yaml_and_pickles_are_never_read(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UnsafeInputError, match=f"{path.stem}.*never read"):
        ct.Network.read(path)


def test_an_export_is_not_read_back(net: ct.Network, tmp_path: Path) -> None:
    with pytest.raises(UnsafeInputError, match=r"read it with networkx and pass the graph"):
        ct.Network.read(net.export(tmp_path / "net.graphml"))


def test_095_archives_are_refused_before_they_are_opened(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "net.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("nodes.csv", b"0" * 10_000_000)
    with pytest.raises(TooLargeError, match=r"net\.zip: is compressed"):
        ct.Network.read(tmp_path / "net.zip")


@pytest.mark.parametrize("name", ["net.txt", "nodes.csv", "net"])
def test_other_files_are_no_networks(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"name\nA\n")
    with pytest.raises(SchemaError, match=r"has no known extension; a folder with network\.toml"):
        ct.Network.read(tmp_path / name)


def test_an_absent_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.json: cannot be read: No such file"):
        ct.Network.read(tmp_path / "absent.json")


def test_random_bytes_raise_nothing_but_input_errors(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    for _ in range(200):
        data = generator.integers(256, size=20).astype(np.uint8).tobytes()
        (tmp_path / "net.json").write_bytes(graph()[: generator.integers(1, 200)] + data)
        with pytest.raises(InputError):
            ct.Network.read(tmp_path / "net.json")
