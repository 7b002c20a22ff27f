"""Names of the rest of the market are reserved for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import contagion as ct
from contagion.errors import NetworkError
from contagion.network.reserved import PREFIX, rest_of_market

Tables = dict[str, list[dict[str, Any]]]


def test_the_prefix_is_written_in_one_place() -> None:
    package = Path(ct.__file__).parent
    literal = f'"{PREFIX}"'
    found = [
        path.name for path in sorted(package.rglob("*.py")) if literal in path.read_text(encoding="utf-8")
    ]
    assert found == ["reserved.py"]


def test_names_are_told_by_their_prefix() -> None:
    assert rest_of_market([]).tolist() == []
    assert rest_of_market(["rest_of_market:V", "rest_of_market", "a"]).tolist() == [True, False, False]


@pytest.mark.parametrize(
    "node",
    [
        {"name": "rest_of_market:ex", "kind": "institution"},
        {"name": "rest_of_market:ex", "kind": "trader"},
        {"name": "rest_of_market:nowhere", "kind": "trader"},
        {"name": "rest_of_market:", "kind": "trader"},
    ],
)
def test_a_node_that_only_takes_the_name_is_refused(node: dict[str, str], tables: Tables) -> None:
    tables["nodes"].append(node)
    message = f"nodes row 5, '{node['name']}'.*is not the rest of the market.*the prefix is reserved"
    with pytest.raises(NetworkError, match=message):
        ct.Network(**tables)


@pytest.mark.parametrize(
    "change",
    [
        {"owner": "t1"},
        {"mode": "isolated"},
        {"reaction": "top_up"},
        {"count": 2},
        {"name": "other"},
    ],
)
def test_an_account_of_that_name_or_owner_must_be_the_rest_of_the_market(
    change: dict[str, Any], tables: Tables
) -> None:
    tables["positions"].pop()
    whole = ct.Network(**tables, rest_of_market="add").tables
    name = "rest_of_market:ex"
    accounts = whole["accounts"].reset_index().to_dict("records")
    place = next(number for number, row in enumerate(accounts) if row["name"] == name)
    if "name" in change:
        accounts.append({**accounts[place], **change})
    else:
        accounts[place].update(change)
    with pytest.raises(NetworkError, match="is not the rest of the market"):
        ct.Network(**{**whole, "accounts": accounts})


def test_what_the_package_made_is_accepted_again(tables: Tables) -> None:
    tables["positions"].pop()
    net = ct.Network(**tables, rest_of_market="add")
    assert ct.Network(**net.tables) == net
    assert (
        ct.MarginMultiplier(factor=1.5).opening(net).replace(payers={}).accounts.index.tolist()[-1]
        == "rest_of_market:ex"
    )
