"""Freezes the content of a network: read-only frames, and the hash of what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.network.build import Draft
from contagion.network.frames import Columns
from contagion.network.schema import TABLES


def freeze(draft: Draft) -> None:
    """Make every array of a draft read-only."""
    for columns in draft.tables.values():
        for array in columns.values():
            array.flags.writeable = False
    for codes in draft.codes.values():
        codes.flags.writeable = False


def frame_of(draft: Draft, name: str) -> pd.DataFrame:
    """Return a frame that shows the arrays of one table without copying them.

    A one-column key is the frame's index, a composite key stays columns. Text columns have dtype object.
    """
    table, columns = TABLES[name], draft.tables[name]
    index = draft.indices[name] if table.index else pd.RangeIndex(draft.rows(name))
    cells = {
        column: pd.Series(columns[column], index=index, dtype=columns[column].dtype, copy=False)
        for column in table.names
        if column != table.index
    }
    return pd.DataFrame(cells, index=index, copy=False)


def fingerprint(draft: Draft, payers: Mapping[str, float]) -> str:
    """Return the SHA-256 of unit, outside payers and every column that is not wholly at its default."""
    head = repr(("network", draft.unit, sorted(payers.items())))
    digest = hashlib.sha256(head.encode())
    for name, key, cells in _content(draft.tables):
        data = cells.tobytes() if cells.dtype != object else "\x00".join(cells).encode()
        digest.update(f"\n{name}.{key}:{len(cells)}:{len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()


def _content(tables: Mapping[str, Columns]) -> Iterator[tuple[str, str, npt.NDArray[Any]]]:
    for name, table in TABLES.items():
        for column in table.columns:
            cells = tables[name][column.name]
            if column.kind == "number":
                cells = np.where(np.isnan(cells), np.nan, cells)
            if len(cells) and (column.required or not _all_default(cells, column.default)):
                yield name, column.name, cells


def _all_default(cells: npt.NDArray[Any], default: object) -> bool:
    if default != default:
        return bool(np.isnan(cells).all())
    return bool((cells == default).all())
