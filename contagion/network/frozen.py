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


def freeze(draft: Draft) -> dict[str, pd.DataFrame]:
    """Make every array of a draft read-only and return the frames that show them, by table.

    A one-column key is the frame's index, a composite key stays columns. Text columns have dtype object.
    """
    frames: dict[str, pd.DataFrame] = {}
    for name, table in TABLES.items():
        columns = draft.tables[name]
        for array in columns.values():
            array.flags.writeable = False
        index = draft.indices[name] if table.index else pd.RangeIndex(draft.rows(name))
        shown = [column for column in table.names if column != table.index]
        series = {c: pd.Series(columns[c], index=index, dtype=columns[c].dtype, copy=False) for c in shown}
        frames[name] = pd.DataFrame(series, index=index, copy=False)
    for codes in draft.codes.values():
        codes.flags.writeable = False
    return frames


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
