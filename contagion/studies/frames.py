"""Which numbers does a table beside the study hold? Read exactly: each cell becomes the float nearest to its text.

The first column is the index: whole numbers, decimals, or texts such as dates where it holds anything else. Every other
cell is a plain decimal; nothing is guessed, nothing is left out.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from contagion.errors import InputError, SchemaError, UnsafeInputError, ValueRangeError
from contagion.network.csv_tables import decode

__all__ = ["read_frame"]

_DECIMAL: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_WHOLE: Final = re.compile(r"[+-]?\d{1,18}", re.ASCII)


def read_frame(name: str, where: str, folder: Path) -> pd.DataFrame:
    """Read a table of numbers that lies in the study's folder: first column the index, header names.

    Parameters
    ----------
    name : str
        The file, relative to the folder.
    where : str
        What messages call the parameter that names it.
    folder : Path
        The study's folder.

    Raises
    ------
    UnsafeInputError
        A file outside the folder, or one that is no .csv.
    SchemaError, ValueRangeError
        A file that cannot be read, or a cell that is no finite number.
    """
    home = folder.resolve()
    file = (home / name).resolve()
    if not file.is_relative_to(home):
        raise UnsafeInputError(
            "lies outside the study's folder", where=where, value=name, remedy="put the file beside the study"
        )
    if file.suffix.lower() != ".csv":
        raise UnsafeInputError("is no table of numbers", where=where, value=name, allowed="a .csv file")
    try:
        rows = list(csv.reader(io.StringIO(decode(file.read_bytes(), file.name), newline=""), strict=True))
    except InputError:
        raise
    except (OSError, csv.Error) as error:
        remedy = getattr(error, "strerror", None) or str(error)[:120]
        raise SchemaError("cannot be read", where=where, value=name, remedy=remedy) from error
    return _frame([row for row in rows if row], file.name)


def _frame(rows: list[list[str]], source: str) -> pd.DataFrame:
    """The table behind the rows of a file, whose header comes first."""
    if len(rows) < 2 or len(rows[0]) < 2:
        raise SchemaError(
            "holds no numbers",
            where=source,
            allowed="a header, a first column of times or names, and numbers",
        )
    header, *body = rows
    for number, row in enumerate(body, start=1):
        if len(row) != len(header):
            raise SchemaError(
                f"expected {len(header)} fields, found {len(row)}", where=f"{source} row {number}"
            )
    repeated = sorted({column for column in header if header.count(column) > 1})
    if repeated:
        raise SchemaError("appears more than once", where=f"{source} header", value=repeated[0])
    cells = [
        [
            _number(row[place], f"{source} row {number}, column {header[place]}")
            for place in range(1, len(row))
        ]
        for number, row in enumerate(body, start=1)
    ]
    index = _index([row[0] for row in body], header[0] or None)
    return pd.DataFrame(np.array(cells, dtype=np.float64), index=index, columns=header[1:])


def _index(cells: list[str], name: str | None) -> pd.Index:
    """The first column: whole numbers or decimals if all its cells are, else texts."""
    if all(map(_WHOLE.fullmatch, cells)):
        return pd.Index(list(map(int, cells)), dtype=np.int64, name=name)
    if all(map(_DECIMAL.fullmatch, cells)):
        return pd.Index(list(map(float, cells)), dtype=np.float64, name=name)
    return pd.Index(cells, dtype=object, name=name)


def _number(cell: str, where: str) -> float:
    """The float nearest to a plain decimal."""
    if not _DECIMAL.fullmatch(cell):
        what = "is not a number" if cell else "is empty"
        raise SchemaError(what, where=where, value=cell, allowed="a plain decimal such as 0.05")
    value = float(cell)
    if not np.isfinite(value):
        raise ValueRangeError("is not finite", where=where, value=cell, allowed="a finite number")
    return value
