"""Joins tables by name: names are unique, references resolve, keys are unique, rows are sorted.

Rows have no order. Tables with a one-column key are sorted by name; tables with a composite key by the places
of the names they refer to, hence by name as well.
"""

from __future__ import annotations

import math
import operator
import unicodedata
from collections.abc import Mapping
from itertools import repeat
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError, PolicyError, nearest, shown
from contagion.network.cells import PLACEHOLDER
from contagion.network.faults import Faults
from contagion.network.frames import Columns
from contagion.network.schema import Column, Table

Array: TypeAlias = npt.NDArray[Any]
Integers: TypeAlias = npt.NDArray[np.int64]

SUMMED: Final = {
    "obligations": "amount",
    "holdings": "quantity",
    "balances": "quantity",
    "positions": "quantity",
}
"""The column that ``repair="sum-duplicates"`` adds up, by table."""


def order_of_names(names: Array) -> Integers:
    """Return the order that sorts names as text, by code point.

    Examples
    --------
    >>> order_of_names(np.array(["b", "a10", "a2"], dtype=object))
    array([1, 2, 0])
    """
    listed = names.tolist()
    if all(map(operator.le, listed, listed[1:])):
        return np.arange(len(listed))
    return np.array(sorted(range(len(listed)), key=listed.__getitem__), dtype=np.int64)


def check_names(table: Table, names: Array, unique: bool, faults: Faults) -> None:
    """Note repeated names, and names that differ only in case, spaces at the ends or Unicode form."""
    first: dict[str, int] = {}
    for row, name in enumerate(() if unique else names):
        if first.setdefault(name, row) == row or name in ("", PLACEHOLDER):
            continue
        faults.add(
            NetworkError,
            "duplicate-id",
            table.name,
            f"repeats row {first[name] + 1}",
            row=row,
            value=name,
            allowed="names are unique",
        )
    _refuse_null_names(table, names, faults)
    folded = _folded(names)
    if folded is None or len(set(folded)) == len(names):
        return
    seen: dict[str, int] = {}
    for place, fold in enumerate(folded):
        other = seen.setdefault(fold, place)
        if names[other] != names[place]:
            faults.add(
                NetworkError,
                "similar-ids",
                table.name,
                f"differs from {shown(names[other])} (row {other + 1}) only in case, spaces or Unicode form",
                row=place,
                value=names[place],
                remedy="use one spelling, or names that differ to the eye",
            )


def _refuse_null_names(table: Table, names: Array, faults: Faults) -> None:
    if not names.tolist().count(""):
        return
    for row in np.flatnonzero(names == ""):
        faults.add(
            NetworkError,
            "null-id",
            table.name,
            "is empty",
            row=row,
            column=table.key[0],
            value="",
            allowed="every name is a text of at least one character",
        )


def _folded(names: Array) -> list[str] | None:
    """Return names stripped, case-folded and in NFC; None when that changes no name."""
    joined = "\n".join(names)
    if joined.isascii() and "\t" not in joined and "\r" not in joined and " \n" not in joined:
        lowered = joined.lower()
        return None if lowered == joined else lowered.split("\n")
    return [unicodedata.normalize("NFC", name).strip().casefold() for name in names]


def places_of(names: Array, order: Integers | None = None) -> dict[str, int]:
    """Return the place of each name when sorted; the names stay in the order given, near one another in memory.

    Examples
    --------
    >>> places_of(np.array(["B", "A"], dtype=object), np.array([1, 0]))
    {'B': 1, 'A': 0}
    """
    ranks = np.arange(len(names))
    if order is not None:
        ranks[order] = np.arange(len(names))
    return dict(zip(names.tolist(), ranks.tolist(), strict=True))


def resolve(
    table: Table, column: Column, values: Array, places: Mapping[str, int], unit: str, faults: Faults
) -> Integers:
    """Return the row of each name in the table it refers to, -1 where it is empty; note unknown names.

    A unit that is no asset is noted once, by the rules, and not for each row that names it.
    """
    listed = values.tolist()
    if len(listed) == len(places) and listed == list(places):
        return np.array(list(places.values()), dtype=np.int64)
    codes = np.fromiter(map(places.get, listed, repeat(-1)), dtype=np.int64, count=len(values))
    unknown = codes < 0
    if not unknown.any():
        return codes
    for row in np.flatnonzero(unknown):
        name = values[row]
        unit_missing = name == unit and column.refers == "assets"
        if name == PLACEHOLDER or unit_missing or (name == "" and column.nullable):
            continue
        what = f"is missing from {faults.source(column.refers)}{nearest(name, list(places)[:10_000])}"
        faults.add(
            NetworkError,
            f"unknown-{column.refers.rstrip('s')}" if name else "null-id",
            table.name,
            what if name else "is empty",
            row=row,
            column=column.name,
            value=name,
            allowed="" if name else f"a name of {column.refers}",
        )
    return codes


def key_codes(table: Table, columns: Columns, codes: dict[str, Integers]) -> list[Array]:
    """Return one sortable array for each key column, the first the most significant."""
    keys: list[Array] = []
    for name in table.key:
        column = table.column(name)
        if name in codes:
            keys.append(codes[name])
        elif column.kind == "word":
            places = {word: place for place, word in enumerate(sorted(column.words))}
            keys.append(np.array([places.get(word, -1) for word in columns[name]], dtype=np.int64))
        else:
            keys.append(columns[name])
    return keys


def sort_rows(keys: list[Array]) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """Return the order that sorts rows by the keys, and which sorted rows repeat the row before."""
    if _increasing(keys):
        return np.arange(len(keys[0])), np.zeros(len(keys[0]), dtype=np.bool_)
    order = np.lexsort(keys[::-1]).astype(np.int64) if len(keys[0]) else np.zeros(0, dtype=np.int64)
    repeats = np.zeros(len(order), dtype=np.bool_)
    if len(order) > 1:
        repeats[1:] = True
        for key in keys:
            ordered = key[order]
            repeats[1:] &= ordered[1:] == ordered[:-1]
    return order, repeats


def _increasing(keys: list[Array]) -> bool:
    """Whether rows are sorted by the keys already, none equal to the one before."""
    decided = np.zeros(max(len(keys[0]) - 1, 0), dtype=np.bool_)
    for key in keys:
        if np.any(~decided & (key[1:] < key[:-1])):
            return False
        decided |= key[1:] > key[:-1]
    return bool(decided.all())


def refuse_repeats(
    table: Table,
    columns: Columns,
    order: Integers,
    repeats: npt.NDArray[np.bool_],
    repair: bool,
    faults: Faults,
) -> None:
    """Note rows whose key was there before; under repair only those that contradict each other."""
    summed = SUMMED.get(table.name, "")
    others = [name for name in table.names if name not in table.key and name != summed]
    for place in np.flatnonzero(repeats):
        row, first = sorted((int(order[place]), int(order[place - 1])))[::-1]
        conflict = any(not _same(columns[name][row], columns[name][first]) for name in others)
        if repair and summed and not conflict:
            continue
        faults.add(
            PolicyError if table.name in ("tiers", "depth") else NetworkError,
            "conflicting-duplicate" if conflict else "duplicate-edge",
            table.name,
            f"repeats row {first + 1}" + (" with other attributes" if conflict else ""),
            row=row,
            allowed="one row for each " + ", ".join(table.key),
            remedy='repair="sum-duplicates" adds equal rows up' if summed and not conflict else "",
        )


def _same(a: Any, b: Any) -> bool:
    return bool(a == b or (a != a and b != b))


def sum_repeats(table: Table, columns: Columns, repeats: npt.NDArray[np.bool_]) -> Columns:
    """Return sorted columns with the repeated rows added to the first of their key, exactly rounded."""
    starts = np.flatnonzero(~repeats)
    ends = np.append(starts[1:], len(repeats))
    summed = SUMMED[table.name]
    merged = {name: array[starts] for name, array in columns.items()}
    for place in np.flatnonzero(ends - starts > 1):
        merged[summed][place] = math.fsum(columns[summed][starts[place] : ends[place]])
    return merged


def references(table: Table) -> list[Column]:
    """Return the columns of a table that refer to another.

    Examples
    --------
    >>> from contagion.network.schema import TABLES
    >>> [column.name for column in references(TABLES["holdings"])]
    ['node', 'asset']
    """
    return [column for column in table.columns if column.kind == "reference"]
