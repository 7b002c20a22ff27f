"""Reads numbers: strictly, so that no cell is silently turned into another number."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import InputError, PolicyError, SchemaError, ValueRangeError
from contagion.network.column import Column
from contagion.network.faults import Faults

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float64]

EXACT: Final = float(2**53)
SMALLEST: Final = float(np.finfo(np.float64).tiny)
_STRANGE: Final = re.compile(r"[^0-9eE+\-.\n]")
_DECIMAL: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_WHOLE: Final = re.compile(r"[+-]?\d+", re.ASCII)
_SPECIAL: Final = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


def read_numbers(
    table: str, column: Column, values: Sequence[Any] | Array, faults: Faults, written: bool = False
) -> Floats:
    """Return float64; note cells that are no number, not finite, subnormal, inexact or out of range.

    Parameters
    ----------
    table, column
        What is read.
    values
        Numbers, or text when `written`.
    faults
        Receives one fault for every bad cell, which becomes NaN.
    written
        Whether cells are text of a file.

    Examples
    --------
    >>> from contagion.network.schema import TABLES
    >>> faults = Faults()
    >>> read_numbers("nodes", TABLES["nodes"].column("cash"), ["1,000"], faults)
    array([nan])
    >>> faults.found[0].error.__name__
    'SchemaError'
    """
    noted = np.zeros(len(values), dtype=np.bool_)
    if written:
        array = _parse(table, column, list(values), faults, noted)
    else:
        array = _convert(table, column, values, faults, noted)
    array += 0.0  # negative zero is zero
    _check_range(table, column, array, faults, noted)
    return array


def read_counts(
    table: str, column: Column, values: Sequence[Any] | Array, faults: Faults, written: bool = False
) -> npt.NDArray[np.int64]:
    """Return int64; note cells that are no whole number in the column's range (they become 1)."""
    before = len(faults.found)
    array = read_numbers(table, column, values, faults, written)
    broken = np.isnan(array) | (array != np.floor(array))
    if len(faults.found) == before:
        for row in np.flatnonzero(broken):
            _refuse(table, column, faults, int(row), ValueRangeError, "not-whole", "is not whole", array[row])
    return np.where(broken, 1.0, np.clip(array, -EXACT, EXACT)).astype(np.int64)


def _convert(
    table: str, column: Column, values: Sequence[Any] | Array, faults: Faults, noted: npt.NDArray[np.bool_]
) -> Floats:
    if isinstance(values, np.ma.MaskedArray):
        cells = np.array(values.data, dtype=object)
        cells[np.ma.getmaskarray(values)] = None
        return _convert_objects(table, column, cells, faults, noted)
    if isinstance(values, pd.Series | pd.Index):
        if isinstance(values.dtype, np.dtype) and values.dtype != object:
            values = values.to_numpy()
        else:
            values = np.array(values.astype(object), dtype=object)
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind == "f":
        return np.array(values, dtype=np.float64)
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "iu":
        array = values.astype(np.float64)
        for row in np.flatnonzero(np.abs(array) >= EXACT):
            _check_exact(table, column, faults, noted, int(row), int(values[row]))
        return array
    cells = np.empty(len(values), dtype=object)
    cells[:] = list(values)
    return _convert_objects(table, column, cells, faults, noted)


def _convert_objects(
    table: str, column: Column, cells: Array, faults: Faults, noted: npt.NDArray[np.bool_]
) -> Floats:
    kinds = set(map(type, cells))
    if kinds <= {float} or (kinds <= {float, int} and _all_small(cells)):
        return cells.astype(np.float64)
    array = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        if type(cell) is float or isinstance(cell, np.floating):
            array[row] = cell
        elif isinstance(cell, int | np.integer) and not isinstance(cell, bool):
            array[row] = _check_exact(table, column, faults, noted, row, int(cell))
        else:
            array[row] = _convert_strange(table, column, faults, noted, row, cell)
    return array


def _all_small(cells: Array) -> bool:
    """Whether every whole number is so small that its float is exact."""
    return all(-EXACT < cell < EXACT for cell in cells)


def _convert_strange(
    table: str, column: Column, faults: Faults, noted: npt.NDArray[np.bool_], row: int, cell: Any
) -> float:
    """Return the number in a cell that is neither float nor int, or note why there is none."""
    if isinstance(cell, Decimal | Fraction):
        try:
            return float(cell)
        except (OverflowError, ValueError):
            return float("nan")
    missing = cell is None or cell is pd.NA or cell is pd.NaT or cell is np.ma.masked
    if missing and column.nullable:
        return float("nan")
    noted[row] = True
    if isinstance(cell, complex | np.complexfloating):
        _refuse(table, column, faults, row, ValueRangeError, "complex", "is complex", cell)
    elif missing or (isinstance(cell, str) and cell == ""):
        _refuse(table, column, faults, row, SchemaError, "empty-cell", "is empty", cell)
    elif isinstance(cell, bool | np.bool_):
        _refuse(table, column, faults, row, SchemaError, "bool-as-number", "is a truth value", cell)
    elif isinstance(cell, datetime.date | datetime.timedelta | np.datetime64 | np.timedelta64):
        _refuse(table, column, faults, row, SchemaError, "date-as-number", "is a date or a duration", cell)
    elif isinstance(cell, list | tuple | dict | set | np.ndarray):
        _refuse(table, column, faults, row, SchemaError, "nested", "holds several values", cell)
    else:
        what = f"is {type(cell).__name__}, not a number{_hint(cell)}"
        _refuse(table, column, faults, row, SchemaError, "not-a-number", what, cell)
    return float("nan")


def _check_exact(
    table: str, column: Column, faults: Faults, noted: npt.NDArray[np.bool_], row: int, cell: int
) -> float:
    if abs(cell) < 2**63 and int(float(cell)) == cell:
        return float(cell)
    noted[row] = True
    what = "does not fit in 64 bits" if abs(cell) >= 2**63 else "has no exact float (above 2^53)"
    _refuse(table, column, faults, row, ValueRangeError, "inexact-integer", what, cell)
    return float("nan")


def _parse(
    table: str, column: Column, cells: list[str], faults: Faults, noted: npt.NDArray[np.bool_]
) -> Floats:
    """Return numbers from text: plain decimals alone, no separators, units or percent signs."""
    if not _STRANGE.search("\n".join(cells)):
        try:
            array = np.array(list(map(float, cells)), dtype=np.float64)
        except ValueError:
            array = _parse_slowly(table, column, cells, faults, noted)
    else:
        array = _parse_slowly(table, column, cells, faults, noted)
    for row in np.flatnonzero((np.abs(array) >= EXACT) & np.isfinite(array)):
        if _WHOLE.fullmatch(cells[row]):
            _check_exact(table, column, faults, noted, int(row), int(cells[row]))
    return array


def _parse_slowly(
    table: str, column: Column, cells: list[str], faults: Faults, noted: npt.NDArray[np.bool_]
) -> Floats:
    array = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        if _DECIMAL.fullmatch(cell):
            array[row] = float(cell)
        elif cell == "" and column.nullable:
            continue
        elif _SPECIAL.fullmatch(cell):
            noted[row] = True
            _refuse(table, column, faults, row, ValueRangeError, "not-finite", "is not finite", cell)
        else:
            noted[row] = True
            what = "is empty" if cell == "" else f"is not a number{_hint(cell)}"
            code = "empty-cell" if cell == "" else "not-a-number"
            _refuse(table, column, faults, row, SchemaError, code, what, cell)
    return array


def _hint(cell: object) -> str:
    text = str(cell)[:40]
    if "%" in text:
        return " (a percent sign: write 0.05 for 5 %)"
    if "," in text:
        return " (a comma: write 1000.5, with a decimal point and no separators)"
    return ""


def _check_range(
    table: str, column: Column, array: Floats, faults: Faults, noted: npt.NDArray[np.bool_]
) -> None:
    """Note NaN, infinite, subnormal and out-of-range numbers, except in rows already noted."""
    absent = np.isnan(array)
    magnitude = np.abs(array)
    bad = np.isinf(array) | ((magnitude < SMALLEST) & (magnitude > 0.0))
    bad |= (array <= column.low) if column.open_low else (array < column.low)
    bad |= (array >= column.high) if column.open_high else (array > column.high)
    if not column.nullable:
        bad |= absent
    for row in np.flatnonzero(bad & ~noted):
        value = float(array[row])
        if np.isnan(value) or np.isinf(value):
            code, what = "not-finite", "is not finite"
        elif 0.0 < abs(value) < SMALLEST:
            code, what = "subnormal", "is too small to be kept exactly"
        else:
            code, what = "out-of-range", "is negative" if value < 0.0 <= column.low else "is out of range"
        error = PolicyError if column.rule and code == "out-of-range" else ValueRangeError
        _refuse(table, column, faults, int(row), error, code, what, value)


def _refuse(
    table: str,
    column: Column,
    faults: Faults,
    row: int,
    error: type[InputError],
    code: str,
    what: str,
    value: object,
) -> None:
    value = value.item() if isinstance(value, np.generic) else value
    remedy = "reverse the edge to record a claim" if table == "obligations" and what == "is negative" else ""
    faults.add(
        error,
        code,
        table,
        what,
        row=row,
        column=column.name,
        value=value,
        allowed=column.allowed(),
        remedy=remedy,
    )
