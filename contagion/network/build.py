"""Builds the canonical content of a network: reads cells, resolves names, sorts rows, applies every rule.

All faults of one pass are raised in one error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, SupportsIndex, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import NOTHING, InputError
from contagion.network.faults import Faults
from contagion.network.frames import Columns, TableInput, raw_table, read_table
from contagion.network.links import (
    check_names,
    key_codes,
    order_of_names,
    places_of,
    references,
    refuse_repeats,
    resolve,
    sort_rows,
    sum_repeats,
)
from contagion.network.schema import TABLES, Table

Integers: TypeAlias = npt.NDArray[np.int64]
Codes: TypeAlias = dict[tuple[str, str], Integers]


CALL_LEVELS = {"call_ratio": (2.0, 1.1), "call_target": (3.0, 1.25)}
"""Column -> its default at exchanges and at protocols (assumed; cascade chapter, section 4)."""


@dataclass
class Draft:
    """A network being built: sorted columns by table, and for each reference the row it points to.

    Parameters
    ----------
    unit
        The unit of money.
    faults
        Everything found wrong so far.
    tables
        Columns by table, sorted.
    codes
        (table, column) to the row in the table the column refers to; -1 where empty.
    indices
        The index of each table with a one-column key.
    origins
        Row of the input for each sorted row, where they differ.
    repairs
        What was mended on request.
    """

    unit: str
    faults: Faults
    tables: dict[str, Columns] = field(default_factory=dict)
    codes: Codes = field(default_factory=dict)
    indices: dict[str, pd.Index[Any]] = field(default_factory=dict)
    origins: dict[str, Integers] = field(default_factory=dict)
    repairs: list[str] = field(default_factory=list)

    def rows(self, table: str) -> int:
        """Return the number of rows of a table."""
        return len(self.tables[table][TABLES[table].key[0]])

    def add(
        self,
        error: type[InputError],
        code: str,
        table: str,
        what: str,
        *,
        row: SupportsIndex | None = None,
        column: str = "",
        value: object = NOTHING,
        allowed: str = "",
        remedy: str = "",
    ) -> None:
        """Note a fault at a *sorted* row; what is shown is the row of the input."""
        given = None if row is None else int(row)
        if given is not None and table in self.origins:
            given = int(self.origins[table][given])
        self.faults.add(
            error, code, table, what, row=given, column=column, value=value, allowed=allowed, remedy=remedy
        )

    def clean(self, *tables: str) -> bool:
        """Whether none of the tables has a fault so far."""
        return not self.faults.tables() & set(tables)


def build(
    given: Mapping[str, TableInput],
    unit: str,
    faults: Faults,
    *,
    repair: bool = False,
    before: Draft | None = None,
) -> Draft:
    """Return the draft of a network from the tables given, taking all others from `before`.

    Parameters
    ----------
    given
        New tables by name.
    unit
        The unit of money.
    faults
        Receives every fault; nothing is raised here.
    repair
        Whether rows that repeat a key are added up where that is possible.
    before
        The draft whose other tables are kept as they are.
    """
    draft = Draft(unit, faults)
    fresh = [name for name in TABLES if name in given or before is None]
    raw = {name: raw_table(TABLES[name], given.get(name, []), faults) for name in fresh}
    for name, table in TABLES.items():
        if name in raw:
            kept = before.tables[name] if before is not None else None
            draft.tables[name] = read_table(table, raw[name], unit, faults, kept)
        elif before is not None:
            draft.tables[name] = before.tables[name]
            faults.labels[name] = [before.tables[name][key] for key in table.key]
    places: dict[str, dict[str, int]] = {}
    orders = _index_names(draft, fresh, before, places)
    for table in TABLES.values():
        _link(draft, table, set(fresh), before, places)
    for name in fresh:
        _sort(draft, TABLES[name], orders.get(name), repair)
    _fill_call_levels(draft)
    return draft


def _fill_call_levels(draft: Draft) -> None:
    """Give empty call levels the default of their venue's kind: exchanges count margin, protocols health factors."""
    columns = draft.tables["venues"]
    node = draft.codes["venues", "name"]
    kinds = np.append(draft.tables["nodes"]["kind"], "")[node]
    for name, (exchange, protocol) in CALL_LEVELS.items():
        levels = np.where(kinds == "protocol", protocol, exchange)
        columns[name] = np.where(np.isnan(columns[name]), levels, columns[name])


def _index_names(
    draft: Draft, fresh: list[str], before: Draft | None, places: dict[str, dict[str, int]]
) -> dict[str, Integers]:
    """Index the names of every table that has them; return the order that sorts each new one."""
    orders: dict[str, Integers] = {}
    for name, table in TABLES.items():
        if table.index is None:
            continue
        if before is not None and name not in fresh:
            draft.indices[name] = before.indices[name]
            continue
        names = draft.tables[name][table.index]
        orders[name] = order_of_names(names)
        ordered = names[orders[name]]
        places[name] = places_of(names, orders[name])
        unique = len(places[name]) == len(names)
        check_names(table, names, unique, draft.faults)
        if not unique:
            ordered = np.array(list(dict.fromkeys(ordered)), dtype=object)
            places[name] = places_of(ordered)
        draft.indices[name] = pd.Index(ordered, dtype=object, name=table.index)
    return orders


def _link(
    draft: Draft, table: Table, fresh: set[str], before: Draft | None, places: dict[str, dict[str, int]]
) -> None:
    """Resolve the references of one table, or keep them where neither end is new."""
    for column in references(table):
        key = (table.name, column.name)
        if before is not None and not fresh & {table.name, column.refers}:
            draft.codes[key] = before.codes[key]
            continue
        if column.refers not in places:
            places[column.refers] = places_of(draft.indices[column.refers].to_numpy())
        values = draft.tables[table.name][column.name]
        codes = resolve(table, column, values, places[column.refers], draft.unit, draft.faults)
        draft.codes[key] = codes
        names = draft.indices[column.refers].to_numpy()
        if len(codes) and codes.min() >= 0 and values[-1] is not names[codes[-1]]:  # share the text of names
            draft.tables[table.name][column.name] = names[codes]


def _sort(draft: Draft, table: Table, order: Integers | None, repair: bool) -> None:
    """Sort the rows of one table; refuse rows that repeat a key, or add them up under repair."""
    columns = draft.tables[table.name]
    own = {column.name: draft.codes[table.name, column.name] for column in references(table)}
    if order is not None:
        repeats = np.zeros(len(order), dtype=np.bool_)
    else:
        order, repeats = sort_rows(key_codes(table, columns, own))
        if repeats.any():
            unresolved = np.zeros(len(order), dtype=np.bool_)
            for column in table.key:
                unresolved |= own[column] < 0 if column in own else False
            repeats &= ~unresolved[order]
            refuse_repeats(table, columns, order, repeats, repair, draft.faults)
    if np.any(order != np.arange(len(order))):
        columns = {name: array[order] for name, array in columns.items()}
        own = {name: array[order] for name, array in own.items()}
        draft.origins[table.name] = order
    if repair and repeats.any() and draft.clean(table.name):
        columns = sum_repeats(table, columns, repeats)
        own = {name: array[~repeats] for name, array in own.items()}
        draft.origins[table.name] = order[~repeats]
        draft.repairs.append(f"sum-duplicates: {int(repeats.sum()):,} rows of {table.name} added up")
    draft.tables[table.name] = columns
    draft.codes.update({(table.name, name): array for name, array in own.items()})
