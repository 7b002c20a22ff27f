"""Reads the cells of one column: from whatever was given to one array of the kind the schema asks for.

The good path is vectorised; only cells that are at fault are looked at one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import NetworkError, PolicyError, SchemaError, TooLargeError, nearest
from contagion.network.faults import Faults
from contagion.network.numbers import read_counts, read_numbers
from contagion.network.schema import NAME_LIMIT, Column

Array: TypeAlias = npt.NDArray[Any]

FORBIDDEN: Final = re.compile("[\x00\n\ud800-\udfff]")
_FORBIDDEN_JOINED: Final = re.compile("[\x00\ud800-\udfff]")
_EDGE_SPACE: Final = re.compile(r"(?:^|\n)[^\S\n\t\r]|[^\S\n\t\r](?:\n|$)")


PLACEHOLDER: Final = "\x01refused\x01"
"""Stands for a text that was refused."""
_SPACES: Final = " \x0b\x0c\x1c\x1d\x1e\x1f"


class Written(list[str]):
    """Cells as a file holds them: text, whatever the column's kind."""


def read_cells(table: str, column: Column, values: Sequence[Any] | Array, faults: Faults) -> Array:
    """Return a fresh array for one column; cells at fault are noted and filled with a neutral value.

    Parameters
    ----------
    table
        Name of the table, for messages.
    column
        What the cells may hold.
    values
        The cells, as given.
    faults
        Receives one fault for every bad cell.

    Returns
    -------
    ndarray of shape ``(n_rows,)``
        float64, int64, bool or object (text) by the column's kind.

    Examples
    --------
    >>> from contagion.network.schema import TABLES
    >>> read_cells("nodes", TABLES["nodes"].column("cash"), [1, 2.5, -0.0], Faults())
    array([1. , 2.5, 0. ])
    """
    if isinstance(values, pd.Series | pd.Index) and isinstance(values.dtype, pd.CategoricalDtype):
        values = np.asarray(values)
    if column.kind == "bool":
        array = _read_bools(table, column, values, faults)
    elif column.kind == "count":
        array = read_counts(table, column, values, faults, isinstance(values, Written))
    elif column.kind == "number":
        array = read_numbers(table, column, values, faults, isinstance(values, Written))
    else:
        array = _read_texts(table, column, values, faults)
    _refuse_unmodelled(table, column, array, faults)
    return array


def as_objects(values: Sequence[Any] | Array) -> Array:
    """Return values as an object array, never interpreting nested sequences."""
    if isinstance(values, pd.Series | pd.Index):
        if isinstance(values.dtype, pd.StringDtype) and values[:1000].nunique() < 500 < len(values):
            codes, texts = pd.factorize(values)
            if not np.any(codes < 0):
                return np.asarray(texts, dtype=object)[codes]
        return np.array(values.astype(object), dtype=object)
    if isinstance(values, np.ndarray) and values.ndim == 1:
        return values.astype(object)
    array = np.empty(len(values), dtype=object)
    array[:] = list(values)
    return array


def is_missing(value: object) -> bool:
    """Whether a cell is None, NaN, NaT or NA."""
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def _read_bools(table: str, column: Column, values: Sequence[Any] | Array, faults: Faults) -> Array:
    if isinstance(values, Written):
        words = {"true": True, "false": False}
        values = [words.get(cell.lower(), cell) for cell in values]
    if isinstance(values, np.ndarray | pd.Series) and values.dtype == np.bool_:
        return np.array(values, dtype=np.bool_)
    cells = as_objects(values)
    array = np.zeros(len(cells), dtype=np.bool_)
    for row, cell in enumerate(cells):
        if isinstance(cell, bool | np.bool_):
            array[row] = cell
        else:
            faults.add(
                SchemaError,
                "not-bool",
                table,
                "is not a truth value",
                row=row,
                column=column.name,
                value=cell,
                allowed=column.allowed(),
            )
    return array


def _read_texts(table: str, column: Column, values: Sequence[Any] | Array, faults: Faults) -> Array:
    cells = as_objects(values)
    mixed = bool(set(map(type, cells)) - {str})
    texts = [cell for cell in cells if isinstance(cell, str)] if mixed else cells.tolist()
    if texts.count(PLACEHOLDER):
        _note(
            table, column, cells, faults, lambda cell: isinstance(cell, str) and cell == PLACEHOLDER, _CONTROL
        )
    if mixed:
        for row in np.flatnonzero(np.fromiter((type(cell) is not str for cell in cells), bool, len(cells))):
            cells[row] = _mend_text(table, column, cells[row], int(row), faults)
    if column.kind == "word":
        _check_words(table, column, cells, faults)
    elif column.kind in ("name", "text"):
        check_texts(table, column, cells, faults)
    return cells


def _mend_text(table: str, column: Column, cell: Any, row: int, faults: Faults) -> str:
    """Return the text of a cell that is no plain str: empty if allowed, else note the fault."""
    if isinstance(cell, str):
        return str(cell)
    if is_missing(cell):
        if not column.nullable and column.kind == "word":
            faults.add(
                SchemaError,
                "empty-cell",
                table,
                "is empty",
                row=row,
                column=column.name,
                value=cell,
                allowed=column.allowed(),
            )
            return str(column.default) if not column.required else column.words[0]
        return ""
    if isinstance(cell, list | tuple | set | frozenset) and column.kind == "reference":
        faults.add(
            NetworkError,
            "hypergraph",
            table,
            "joins more than two names",
            row=row,
            column=column.name,
            value=cell,
            allowed="an edge joins exactly two",
            remedy="write one row for each pair",
        )
    else:
        clash = column.kind in ("name", "reference") and str(cell) in faults.texts(column.refers or table)
        faults.add(
            NetworkError if clash else SchemaError,
            "mixed-ids" if clash else "not-text",
            table,
            f"is {type(cell).__name__}, not text" + (" (the same id exists as text)" if clash else ""),
            row=row,
            column=column.name,
            value=cell,
            allowed="names are text and never reinterpreted: 1 and '1' differ",
            remedy="convert with str",
        )
    return PLACEHOLDER


def _check_words(table: str, column: Column, cells: Array, faults: Faults) -> None:
    for word in sorted(set(cells) - set(column.words)):
        if word == PLACEHOLDER:
            continue
        for row in np.flatnonzero(cells == word):
            code = "unknown-kind" if column.name == "kind" else "unknown-word"
            faults.add(
                PolicyError if column.rule else NetworkError,
                code,
                table,
                f"is not a known {column.name}{nearest(word, column.words)}",
                row=row,
                column=column.name,
                value=word,
                allowed=column.allowed(),
            )


def check_texts(table: str, column: Column, cells: Array, faults: Faults) -> None:
    """Note texts with NUL, line breaks or lone surrogates, texts too long and names with spaces at an end."""
    if len(cells) == 0:
        return
    joined = "\n".join(cells)
    plain = joined.isascii()
    broken = "\x00" in joined if plain else _FORBIDDEN_JOINED.search(joined) is not None
    if broken or joined.count("\n") != len(cells) - 1:
        _note(table, column, cells, faults, lambda text: FORBIDDEN.search(text) is not None, _CONTROL)
    if max(map(len, cells)) > NAME_LIMIT:
        _note(table, column, cells, faults, lambda text: len(text) > NAME_LIMIT, _LONG)
    spaced = not plain or any(space in joined for space in _SPACES)
    if column.kind == "name" and spaced and _EDGE_SPACE.search(joined):
        _note(table, column, cells, faults, lambda text: _EDGE_SPACE.search(text) is not None, _SPACE)


_CONTROL: Final = (SchemaError, "control-character", "holds a NUL, a line break or half a character", "")
_LONG: Final = (TooLargeError, "long-text", "is too long", f"at most {NAME_LIMIT:,} characters")
_SPACE: Final = (NetworkError, "space-in-id", "starts or ends with a space", "names have no space at an end")


def _note(
    table: str,
    column: Column,
    cells: Array,
    faults: Faults,
    bad: Callable[[str], bool],
    kind: tuple[Any, ...],
) -> None:
    error, code, what, allowed = kind
    for row, cell in enumerate(cells):
        if bad(cell):
            faults.add(error, code, table, what, row=row, column=column.name, value=cell, allowed=allowed)


def _refuse_unmodelled(table: str, column: Column, array: Array, faults: Faults) -> None:
    """Refuse values of mechanics that are not built yet; never ignore them."""
    if column.modelled is None or len(array) == 0:
        return
    if column.kind == "number":
        fine = np.isnan(array) | np.isin(array, [float(value) for value in column.modelled])
    elif column.textual:
        odd = set(array) - set(column.modelled)
        odd = odd & set(column.words) if column.kind == "word" else odd - {PLACEHOLDER}
        if not odd:
            return
        fine = ~np.fromiter((cell in odd for cell in array), bool, len(array))
    else:
        fine = np.isin(array, np.array(column.modelled, dtype=array.dtype))
    for row in np.flatnonzero(~fine):
        faults.add(
            NetworkError,
            "not-modelled",
            table,
            "is not modelled yet",
            row=row,
            column=column.name,
            value=array[row].item() if isinstance(array[row], np.generic) else array[row],
            allowed="modelled: " + ", ".join(_plain(value) for value in column.modelled),
        )


def _plain(value: object) -> str:
    return "empty" if value != value or value == "" else repr(value)
