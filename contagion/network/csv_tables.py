"""Tables as CSV text: strict reading, exact writing, and cells that no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
import re
from typing import Any, Final

import numpy as np
import pandas as pd

from contagion.errors import InputError, SchemaError, TooLargeError, nearest, shown
from contagion.network.cells import Written
from contagion.network.faults import Faults
from contagion.network.schema import REQUIRED, ROW_LIMIT, Table

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_PROTECTED: Final = re.compile(r"'+[=+\-@\t\r]")
_DELIMITERS: Final = {";": "semicolons", "\t": "tabs", "|": "bars"}


def protect(text: str) -> str:
    """Return a text with an apostrophe before it where a spreadsheet would take it for a formula.

    Examples
    --------
    >>> protect("=1+1"), protect("A")
    ("'=1+1", 'A')
    """
    return "'" + text if _FORMULA.match(text) else text


def unprotect(text: str) -> str:
    """Undo `protect`, exactly.

    Examples
    --------
    >>> unprotect(protect("'=1")), unprotect("'A")
    ("'=1", "'A")
    """
    return text[1:] if _PROTECTED.match(text) else text


def write_table(table: Table, frame: pd.DataFrame) -> str:
    """Return a table as CSV; numbers as the shortest text that reads back exactly, empty for no limit.

    Columns that hold nothing but their default are left out.

    Examples
    --------
    >>> from contagion.network.schema import TABLES
    >>> write_table(TABLES["holdings"], pd.DataFrame({"node": ["A"], "asset": ["BTC"], "quantity": [0.1]}))
    'node,asset,quantity\\nA,BTC,0.1\\n'
    """
    if frame.index.name is not None:
        frame = frame.reset_index()
    columns: dict[str, list[Any]] = {}
    for column in table.columns:
        cells = frame[column.name].to_numpy()
        if column.default is REQUIRED or not _all_default(cells, column.default):
            columns[column.name] = _written(column.kind, cells.tolist())
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")  # so that cells with either character are quoted
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return "\n".join([*lines, ""])


class _Lines(list[str]):
    """Rows as they are written, without their line ends."""

    def write(self, line: str) -> None:
        self.append(line.removesuffix("\r\n"))


def _all_default(cells: Any, default: object) -> bool:
    if default != default:
        return bool(np.isnan(cells).all())
    return bool((cells == default).all())


def _written(kind: str, cells: list[Any]) -> list[Any]:
    if kind == "number":
        return ["" if cell != cell else repr(cell) for cell in cells]
    if kind == "bool":
        return ["true" if cell else "false" for cell in cells]
    if kind == "count":
        return cells
    starts = {cell[:1] for cell in cells}
    return list(map(protect, cells)) if starts & set("'=+-@\t\r") else cells


def decode(data: bytes, source: str) -> str:
    """Return the text of a file, UTF-8 without exceptions; a byte-order mark is dropped.

    Raises
    ------
    SchemaError
        If the bytes are no UTF-8 text, hold a NUL, or are another format.

    Examples
    --------
    >>> decode("é".encode(), "nodes.csv")
    'é'
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise SchemaError("is UTF-16", where=source, allowed="UTF-8", code="encoding")
    for magic, name in ((b"PAR1", "Parquet"), (b"PK\x03\x04", "a zip archive"), (b"\x1f\x8b", "gzip")):
        if data.startswith(magic):
            raise SchemaError(f"holds {name}, not text", where=source, allowed="UTF-8 text", code="content")
    if b"\x00" in data:
        line = data[: data.index(b"\x00")].count(b"\n") + 1
        raise SchemaError("holds a NUL byte", where=f"{source} line {line}", code="nul-byte")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SchemaError(
            f"byte {data[error.start]:#04x} is not UTF-8",
            where=f"{source} line {line}",
            allowed="UTF-8",
            remedy="save the file as UTF-8",
            code="encoding",
        ) from None


def read_table_text(table: Table, data: bytes, faults: Faults) -> dict[str, Any]:
    """Return the columns of a CSV file as text cells; note every row whose width is wrong.

    Parameters
    ----------
    table
        Which table it is.
    data
        The bytes of the file.
    faults
        Receives the faults; `faults.source` names the file.

    Examples
    --------
    >>> from contagion.network.schema import TABLES
    >>> read_table_text(TABLES["nodes"], b"name,cash\\n001,5\\n", Faults())
    {'name': ['001'], 'cash': ['5']}
    """
    source = faults.source(table.name)
    try:
        text = decode(data, source)
        header, columns = _plain_columns(text) or _quoted_columns(table, text, faults)
    except InputError as error:
        message, fault = str(error), error.faults[0]
        faults.add(fault.error, fault.code, table.name, message.removeprefix(f"{source}: "))
        return {}
    if not _header_is_known(table, header, columns, faults):
        return {}
    textual = {column.name for column in table.columns if column.textual}
    protected = "'" in text
    return {
        name: (list(map(unprotect, cells)) if protected else cells) if name in textual else Written(cells)
        for name, cells in zip(header, columns, strict=True)
    }


def _plain_columns(text: str) -> tuple[list[str], list[list[str]]] | None:
    """Return header and columns of a text without quotes whose rows are all as wide as the header, or None."""
    if '"' in text or "\r" in text or not text.strip():
        return None
    text = text if text.endswith("\n") else text + "\n"
    width = text[: text.index("\n")].count(",") + 1
    marks = np.frombuffer(text.encode("utf-8"), dtype=np.uint8)
    places = np.flatnonzero((marks == ord(",")) | (marks == ord("\n")))
    if len(places) % width or np.diff(places, prepend=-1).max() > csv.field_size_limit():
        return None
    marks = marks[places]
    marks = marks.reshape(-1, width)
    if np.any(marks[:, :-1] != ord(",")) or np.any(marks[:, -1] != ord("\n")):
        return None
    cells = text[:-1].replace("\n", ",").split(",")
    return cells[:width], [cells[width + place :: width] for place in range(width)]


def _quoted_columns(table: Table, text: str, faults: Faults) -> tuple[list[str], list[list[str]]]:
    """Return header and columns of any CSV text; note rows whose width is wrong."""
    rows = _parse(text, faults.source(table.name))
    header, body = rows[0], rows[1:]
    names = ", ".join(header)
    for row, cells in enumerate(body):
        if len(cells) != len(header):
            what = f"expected {len(header)} fields ({names}), found {len(cells)}"
            faults.add(SchemaError, "row-width", table.name, what, row=row)
    body = [cells for cells in body if len(cells) == len(header)]
    return header, [list(cells) for cells in zip(*body, strict=True)] if body else [[] for _ in header]


def _parse(text: str, source: str) -> list[list[str]]:
    if not text.strip():
        raise SchemaError("is empty", where=source, code="empty-file")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return list(reader)
    except csv.Error as error:
        where = f"{source} line {reader.line_num}"
        if "field limit" in str(error):
            raise TooLargeError("a cell is too long", where=where, code="long-text") from None
        raise SchemaError(f"is no CSV: {error}", where=where, code="quotes") from None


def _header_is_known(table: Table, header: list[str], columns: list[list[str]], faults: Faults) -> bool:
    """Note columns that are repeated or unknown, and tables without rows; say whether all is well."""
    before = len([fault for fault in faults.found if fault.code != "row-width" or fault.table != table.name])
    rows = max(len(columns[0]), sum(fault.table == table.name for fault in faults.found))
    repeated = sorted({name for name in header if header.count(name) > 1})
    for name in repeated:
        what = f"column {shown(name)} appears more than once"
        faults.add(SchemaError, "duplicate-column", table.name, what)
    delimiter = next((mark for mark in _DELIMITERS if len(header) == 1 and mark in header[0]), None)
    if delimiter:
        what = f"cells are separated by {_DELIMITERS[delimiter]}"
        faults.add(SchemaError, "delimiter", table.name, what, allowed="commas")
        return False
    for name in header:
        if name not in table.names:
            what = f"column {shown(name)} is unknown{nearest(name, table.names)}"
            allowed = "columns: " + ", ".join(table.names)
            faults.add(SchemaError, "unknown-column", table.name, what, allowed=allowed)
    if rows == 0:
        remedy = "delete the file, an absent table is empty"
        faults.add(SchemaError, "header-only", table.name, "has a header but no rows", remedy=remedy)
    if rows > ROW_LIMIT:
        what, allowed = f"{rows:,} rows", f"limit {ROW_LIMIT:,}"
        faults.add(TooLargeError, "too-many-rows", table.name, what, allowed=allowed)
    return len(faults.found) == before
