"""Hostile strings are accepted as names and are harmless in whatever a network writes."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import contagion as ct
from contagion.network.csv_tables import protect, unprotect
from contagion.network.export import visible
from contagion.network.files import toml_text
from tests.strategies import HOSTILE_NAMES

NUMBERS = {
    "101-script": "<script>alert(1)</script>",
    "101-onerror": '"><img src=x onerror=alert(1)>',
    "102-equals": "=cmd|' /C calc'!A0",
    "102-plus": "+1",
    "102-minus": "-1",
    "102-at": "@SUM(1)",
    "102-tab": "\t=1",
    "102-return": "\r=1",
    "103-parent": "../../x",
    "104-absolute": "/etc/passwd",
    "106-right-to-left": "\u202egnp.exe",
    "106-zero-width": "a\u200bb",
    "108-math": "$\\frac$",
    "109-template": "{{7*7}}",
    "110-link": "javascript:alert(1)",
    "111-escape": "\x1b[31mred\x07",
    "112-reserved": "CON",
    "113-percent": "%s%n",
    "113-format": "{0.__class__}",
    "114-quote": "Robert'); DROP TABLE nodes;--",
}


def _net(name: str) -> ct.Network:
    nodes = [{"name": name, "kind": "exchange", "owner": name}, {"name": "other"}]
    debt = {"debtor": name, "creditor": "other", "amount": 1.0}
    return ct.Network(
        nodes,
        obligations=[debt],
        venues=[{"name": name}],
        assets=[{"name": name, "kind": "currency", "price": 1.0}],
        unit=name.strip(),
    )


@pytest.mark.parametrize("name", NUMBERS.values(), ids=NUMBERS.keys())
def test_the_card_escapes_every_name(name: str) -> None:
    net = _net(name)
    page = net._repr_html_()
    tags = set(re.findall(r"<(/?\w+)", page))
    assert tags <= {
        "table",
        "/table",
        "caption",
        "/caption",
        "tbody",
        "/tbody",
        "tr",
        "/tr",
        "th",
        "/th",
        "td",
        "/td",
    }
    assert "\x1b" not in page + repr(net) and "\u202e" not in page + repr(net)
    assert all(line.isprintable() for line in repr(net).split("\n"))


@pytest.mark.parametrize("name", NUMBERS.values(), ids=NUMBERS.keys())
def test_no_saved_cell_is_a_formula_and_all_read_back(name: str, tmp_path: Path) -> None:
    net = _net(name)
    folder = net.save(tmp_path / "net")
    with (folder / "nodes.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.reader(file):
            assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\x00")) for cell in row)
    assert ct.Network.read(folder) == net
    assert {path.parent for path in tmp_path.rglob("*.csv")} == {folder}


@pytest.mark.parametrize("name", NUMBERS.values(), ids=NUMBERS.keys())
def test_exports_hold_no_markup_and_are_well_formed(name: str, tmp_path: Path) -> None:
    net = _net(name)
    assert nx.read_graphml(net.export(tmp_path / "net.graphml")).nodes[visible(name)]["owner"] == visible(
        name
    )
    assert visible(name) in nx.read_gexf(net.export(tmp_path / "net.gexf"))
    text = net.export(tmp_path / "net.json").read_text(encoding="utf-8")
    assert text.isascii() and not set(text) & set("<>&\x1b")
    assert name in [node["id"] for node in json.loads(text)["nodes"]]
    assert ct.Network.read(tmp_path / "net.json") == net


def test_names_that_spell_each_other_s_escapes_stay_apart(tmp_path: Path) -> None:
    net = ct.Network(nodes=[{"name": "a\x1b"}, {"name": "a\\u001b"}])
    assert len(nx.read_graphml(net.export(tmp_path / "net.graphml"))) == 2


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00\n")))
def test_protecting_a_cell_is_undone_exactly(text: str) -> None:
    assert unprotect(protect(text)) == text
    assert not protect(text).startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_toml_texts_read_back_exactly(text: str) -> None:
    import tomllib

    assert tomllib.loads(f"a = {toml_text(text)}") == {"a": text}


def test_the_list_used_by_other_tests_is_all_accepted() -> None:
    assert len(ct.Network(nodes=[{"name": name} for name in HOSTILE_NAMES]).nodes) == len(HOSTILE_NAMES)
