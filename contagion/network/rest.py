"""The rest of the market: explicit accounts that make the positions of every market net to zero."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.network.build import Draft
from contagion.network.consistency import NET_TOLERANCE, net_positions
from contagion.network.contracts import Contracts
from contagion.network.links import references
from contagion.network.reserved import PREFIX
from contagion.network.schema import TABLES

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]


def add_rest_of_market(draft: Draft) -> None:
    """Give each venue with an unbalanced market an account that takes the other side.

    The account is a cross account of a trader of the same name, ``rest_of_market:<venue>``, and never answers a
    call. It enters at what the contracts are worth, with a balance equal to its gross notional at the prices of the
    assets: it is unlevered.

    Parameters
    ----------
    draft
        Sorted tables without faults; changed in place, still sorted.
    """
    net, gross = net_positions(draft)
    markets = np.flatnonzero(np.abs(net) > NET_TOLERANCE * gross).astype(np.int64)
    venues = draft.codes["markets", "venue"][markets]
    for venue in np.unique(venues):
        name = PREFIX + str(draft.indices["venues"][int(venue)])
        _insert_name(draft, "nodes", {"name": name, "kind": "trader"})
        account = {"name": name, "owner": name, "venue": name.removeprefix(PREFIX), "reaction": "none"}
        _insert_name(draft, "accounts", account)
        _take_other_side(draft, name, markets[venues == venue], net)


def _take_other_side(draft: Draft, name: str, markets: Integers, net: Floats) -> None:
    price, inverse = draft.tables["assets"]["price"], draft.tables["markets"]["contract"] == "inverse"
    money = price[draft.codes["markets", "asset"]]
    notional = float(np.sum(np.abs(net[markets]) * np.where(inverse, 1.0, money)[markets]))
    asset, settle = draft.codes["markets", "asset"], draft.codes["markets", "settle"]
    worth = Contracts.read(draft.tables["markets"], asset, settle).prices(price)
    prices = worth / price[draft.codes["markets", "quote"]]
    _add_quantity(draft, "balances", {"account": name, "asset": draft.unit, "quantity": notional})
    for market in markets:
        row = {
            "account": name,
            "market": draft.indices["markets"][int(market)],
            "quantity": -float(net[market]),
        }
        entry = {"entry_price": float(prices[market])}
        _add_quantity(draft, "positions", {**row, **entry}, harmonic=bool(inverse[market]))


def _insert_name(draft: Draft, table: str, record: dict[str, Any]) -> None:
    """Insert a row into a table with a one-column key, unless the name is there already."""
    if record["name"] in draft.indices[table]:
        return
    place = int(draft.indices[table].searchsorted(record["name"]))
    _insert(draft, table, place, record)
    draft.indices[table] = pd.Index(draft.tables[table]["name"], dtype=object, name="name")
    for other in TABLES.values():
        for column in references(other):
            if column.refers == table:
                codes = draft.codes[other.name, column.name]
                draft.codes[other.name, column.name] = codes + (codes >= place)
    if table == "accounts":
        for key, refers in (("owner", "nodes"), ("venue", "venues")):
            draft.codes[table, key][place] = _row_of(draft, refers, record[key])


def _row_of(draft: Draft, table: str, name: str) -> int:
    return int(draft.indices[table].searchsorted(name))


def _add_quantity(draft: Draft, table: str, record: dict[str, Any], harmonic: bool = False) -> None:
    """Insert a balance or a position, or add it to the one that is there; `harmonic`: of an inverse contract."""
    keys = TABLES[table].key
    tables = [TABLES[table].column(key).refers for key in keys]
    found = [_row_of(draft, refers, record[key]) for key, refers in zip(keys, tables, strict=True)]
    first, second = (draft.codes[table, key] for key in keys)
    before = (first < found[0]) | ((first == found[0]) & (second < found[1]))
    place = int(np.count_nonzero(before))
    columns = draft.tables[table]
    if place < len(first) and (first[place], second[place]) == tuple(found):
        draft.tables[table] = {name: array.copy() for name, array in columns.items()}
        _add_to(draft.tables[table], place, record, harmonic)
        return
    _insert(draft, table, place, record)
    for key, code in zip(keys, found, strict=True):
        draft.codes[table, key][place] = code


def _add_to(columns: dict[str, Any], place: int, record: dict[str, Any], harmonic: bool) -> None:
    """Add to a quantity; a position that grows takes the average entry price."""
    old, new = float(columns["quantity"][place]), float(record["quantity"])
    columns["quantity"][place] = old + new
    if "entry_price" in columns and old * new > 0.0:
        held = columns["entry_price"][place]
        paid = old * columns["entry_price"][place] + new * record["entry_price"]
        columns["entry_price"][place] = paid / (old + new)
        if harmonic:
            coins = old / held + new / record["entry_price"]
            columns["entry_price"][place] = (old + new) / coins


def _insert(draft: Draft, table: str, place: int, record: dict[str, Any]) -> None:
    """Insert one row at a place; its references are left empty."""
    draft.origins.pop(table, None)
    columns = draft.tables[table]
    draft.tables[table] = {
        column.name: np.insert(columns[column.name], place, record.get(column.name, column.default))
        for column in TABLES[table].columns
    }
    for column in references(TABLES[table]):
        draft.codes[table, column.name] = np.insert(draft.codes[table, column.name], place, -1)
