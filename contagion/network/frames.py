"""Turns what a caller gives for one table (frame, dict of columns, records) into complete columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import NetworkError, SchemaError, TooLargeError, nearest, shown
from contagion.network.cells import PLACEHOLDER, Written, read_cells
from contagion.network.faults import Faults
from contagion.network.schema import ROW_LIMIT, Table

Columns: TypeAlias = dict[str, npt.NDArray[Any]]
TableInput: TypeAlias = pd.DataFrame | Mapping[str, Any] | Iterable[Mapping[str, Any]]


def raw_table(table: Table, given: TableInput, faults: Faults) -> dict[str, Any]:
    """Return the columns of one table as they were given; note unknown, repeated and ragged ones.

    Examples
    --------
    >>> from contagion.network.schema import TABLES
    >>> raw_table(TABLES["holdings"], [{"node": "A", "asset": "BTC", "quantity": 2}], Faults())
    {'node': ['A'], 'asset': ['BTC'], 'quantity': [2]}
    """
    raw, rows = _raw_columns(table, given, faults)
    if rows > ROW_LIMIT:
        allowed = f"limit {ROW_LIMIT:,}"
        faults.add(TooLargeError, "too-many-rows", table.name, f"{rows:,} rows", allowed=allowed)
        raw = {}
    for name in [name for name in raw if name not in table.names]:
        faults.add(
            SchemaError,
            "unknown-column",
            table.name,
            f"column {shown(name)} is unknown{nearest(name, table.names)}",
            allowed="columns: " + ", ".join(table.names),
        )
    faults.labels[table.name] = [raw[name] for name in table.key if name in raw]
    return raw


def read_table(
    table: Table, raw: Mapping[str, Any], unit: str, faults: Faults, kept: Columns | None = None
) -> Columns:
    """Return every column of the schema, in its kind, with defaults filled in.

    Parameters
    ----------
    table
        The table's schema.
    raw
        Columns as given, all of one length.
    unit
        The network's unit, the default of quote and settlement.
    faults
        Receives every fault.
    kept
        Columns of the table that this one replaces: those that are shown again are not read again.

    Examples
    --------
    >>> from contagion.network.schema import TABLES
    >>> read_table(TABLES["holdings"], {"node": ["A"], "asset": ["BTC"], "quantity": [2]}, "USD", Faults())
    {'node': array(['A'], dtype=object), 'asset': array(['BTC'], dtype=object), 'quantity': array([2.])}
    """
    rows = len(next(iter(raw.values()))) if raw else 0
    columns: Columns = {}
    for column in table.columns:
        if kept is not None and column.name in raw and _shows(raw[column.name], kept[column.name]):
            columns[column.name] = kept[column.name]
        elif column.name in raw:
            columns[column.name] = read_cells(table.name, column, raw[column.name], faults)
        elif column.required and raw:
            faults.add(
                SchemaError,
                "missing-column",
                table.name,
                f"column {column.name!r} is missing",
                allowed="required: " + ", ".join(c.name for c in table.columns if c.required),
                remedy=f"names may also be the frame's index, with index.name = {column.name!r}",
            )
            columns[column.name] = np.full(rows, _neutral(column.kind), dtype=_dtype(column.kind))
        else:
            default = "" if column.required else column.default
            columns[column.name] = (
                np.full(rows, default, dtype=_dtype(column.kind))
                if rows
                else np.empty(0, _dtype(column.kind))
            )
    if table.name == "markets":
        for name in ("quote", "settle"):
            columns[name] = np.where(columns[name] == "", unit, columns[name]).astype(object)
    if rows and not table.modelled:
        faults.add(NetworkError, "not-modelled", table.name, "rows of this table are not modelled yet")
    return columns


def _shows(values: object, kept: npt.NDArray[Any]) -> bool:
    """Whether a column of a frame shows an array that was read before, and that nobody can have changed since."""
    if not isinstance(values, pd.Series) or values.dtype != kept.dtype or kept.flags.writeable:
        return False
    cells = values.to_numpy()
    shape = (cells.ctypes.data, cells.shape, cells.strides)
    return shape == (kept.ctypes.data, kept.shape, kept.strides) and len(kept) > 0


def _dtype(kind: str) -> type:
    return {"number": np.float64, "count": np.int64, "bool": np.bool_}.get(kind, object)


def _neutral(kind: str) -> object:
    return {"number": np.nan, "count": 1, "bool": False}.get(kind, PLACEHOLDER)


def _raw_columns(table: Table, given: TableInput, faults: Faults) -> tuple[dict[str, Any], int]:
    """Return columns as given, and the number of rows."""
    if isinstance(given, pd.DataFrame):
        return _from_frame(table, given, faults)
    if isinstance(given, Mapping):
        return _from_mapping(table, given, faults)
    if isinstance(given, Iterable) and not isinstance(given, str | bytes | np.ndarray):
        return _from_records(table, list(given), faults)
    faults.add(
        SchemaError,
        "not-a-table",
        table.name,
        f"is {type(given).__name__}, not a table",
        allowed="a DataFrame, a dict of columns or a list of records",
        remedy="folders are read by Network.read, matrices by Network.from_matrix",
    )
    return {}, 0


def _from_frame(table: Table, frame: pd.DataFrame, faults: Faults) -> tuple[dict[str, Any], int]:
    repeated = frame.columns[frame.columns.duplicated()]
    for name in dict.fromkeys(repeated):
        faults.add(
            SchemaError, "duplicate-column", table.name, f"column {shown(name)} appears more than once"
        )
    raw: dict[str, Any] = {}
    for level, label in enumerate(frame.index.names):
        if label in table.key and label not in frame.columns:
            raw[str(label)] = frame.index.get_level_values(level)
    for name, (_, cells) in zip(frame.columns, frame.items(), strict=True):
        raw.setdefault(name, cells)
    return raw, len(frame)


def _from_mapping(table: Table, given: Mapping[str, Any], faults: Faults) -> tuple[dict[str, Any], int]:
    sized = {name: values for name, values in given.items() if _is_column(values)}
    lengths = {name: len(values) for name, values in sized.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{shown(name)} {length:,}" for name, length in lengths.items())
        faults.add(SchemaError, "ragged-columns", table.name, f"columns differ in length: {listed}")
        return {}, 0
    if given and not sized:
        faults.add(
            SchemaError, "not-a-table", table.name, "no column is a list", remedy="write ['A'] for one row"
        )
        return {}, 0
    rows = next(iter(lengths.values()), 0)
    _refuse_positional_join(table, sized, rows, faults)
    raw = {name: sized[name] if name in sized else [value] * rows for name, value in given.items()}
    return raw, rows


def _is_column(values: object) -> bool:
    if isinstance(values, np.ndarray):
        return values.ndim > 0
    return isinstance(
        values, Sequence | pd.Series | pd.Index | pd.api.extensions.ExtensionArray
    ) and not isinstance(values, str | bytes)


def _refuse_positional_join(table: Table, sized: Mapping[str, Any], rows: int, faults: Faults) -> None:
    """Series with different labels are never joined by position."""
    plain = pd.RangeIndex(rows)
    labelled = [name for name, values in sized.items() if isinstance(values, pd.Series)]
    indices = [sized[name].index for name in labelled]
    others = len(labelled) < len(sized)
    for name, index in zip(labelled, indices, strict=True):
        if index.equals(plain) if others else index.equals(indices[0]):
            continue
        faults.add(
            NetworkError,
            "positional-join",
            table.name,
            f"column {name!r} has labels of its own that the other columns do not share",
            remedy="join by name: pass one DataFrame",
        )


def _from_records(table: Table, records: list[Any], faults: Faults) -> tuple[dict[str, Any], int]:
    names: dict[str, None] = {}
    for row, record in enumerate(records):
        if isinstance(record, Mapping):
            names.update(dict.fromkeys(record))
        else:
            faults.add(
                SchemaError,
                "not-a-record",
                table.name,
                "is no record",
                row=row,
                value=record,
                allowed="a dict",
            )
    records = [record if isinstance(record, Mapping) else {} for record in records]
    known = {column.name: column for column in table.columns}
    raw: dict[str, Any] = {}
    for name in names:
        column = known.get(name)
        filler = column.default if column is not None and not column.required else None
        raw[name] = [record.get(name, filler) for record in records]
        if column is not None and column.required:
            for row in (row for row, record in enumerate(records) if name not in record):
                faults.add(SchemaError, "missing-key", table.name, f"the record has no key {name!r}", row=row)
                raw[name][row] = _neutral(column.kind)
    return raw, len(records)


__all__ = ["Columns", "TableInput", "Written", "raw_table", "read_table"]
