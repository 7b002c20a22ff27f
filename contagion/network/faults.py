"""Collects every fault of a network's tables in one pass, each with its place in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, SupportsIndex

from contagion.errors import NOTHING, Fault, InputError, compose, raise_faults, shown

Row = int


def _cell(column: Any, row: Row) -> object:
    return column.iloc[row] if hasattr(column, "iloc") else column[row]


@dataclass
class Faults:
    """Faults found so far, and what is needed to name their places.

    Parameters
    ----------
    sources
        How a table is called in messages, such as ``obligations.csv``; by default its own name.
    context
        Where all of it was read, such as a folder.
    """

    sources: Mapping[str, str] = field(default_factory=dict)
    context: str = ""
    found: list[Fault] = field(default_factory=list)
    labels: dict[str, list[Any]] = field(default_factory=dict)

    def source(self, table: str) -> str:
        """Return what a table is called in messages."""
        return self.sources.get(table, table)

    def label(self, table: str, row: Row) -> str:
        """Return the key of a row as text, such as ``'A' -> 'B'``; the row counts from 0."""
        columns = self.labels.get(table, [])
        cells = (_cell(column, row) for column in columns if 0 <= row < len(column))
        return " -> ".join(shown(cell) for cell in cells)

    def texts(self, table: str) -> set[str]:
        """Return the texts in the first key column of a table, as they were given."""
        columns = self.labels.get(table, [])
        return {cell for cell in columns[0] if isinstance(cell, str)} if columns else set()

    def place(self, table: str, row: Row | None, column: str) -> str:
        """Return ``table row 3, column amount, 'A' -> 'B'``; `row` counts from 0, None is all rows."""
        parts = [self.source(table) if row is None else f"{self.source(table)} row {row + 1}"]
        if column:
            parts.append(f"column {column}")
        label = "" if row is None else self.label(table, row)
        if label:
            parts.append(label)
        return ", ".join(parts)

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
        """Note one fault; `row` counts from 0 here, and from 1 in what is shown."""
        where = self.place(table, None if row is None else int(row), column)
        message = compose(what, where=where, value=value, allowed=allowed, remedy=remedy)
        self.found.append(Fault(error, code, table, 0 if row is None else int(row) + 1, message))

    def tables(self) -> set[str]:
        """Return the tables that have faults."""
        return {fault.table for fault in self.found}

    def stop(self) -> None:
        """Raise one error for all faults, if there are any."""
        raise_faults(self.found, self.context)
