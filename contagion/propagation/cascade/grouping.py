"""Names as positions, and rows grouped by a key: how the tables become flat arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints = npt.NDArray[np.int64]


def codes(values: pd.Series | pd.Index, names: pd.Index) -> Ints:
    """Position of every value in `names`; empty text gives -1."""
    return np.asarray(names.get_indexer(pd.Index(values)), dtype=np.int64)


def grouped(keys: Ints, n: int) -> tuple[Ints, Ints]:
    """Index pointer and members of each group 0..n-1, members in their original order."""
    order = np.argsort(keys, kind="stable")
    counts = np.bincount(keys, minlength=n) if keys.size else np.zeros(n, dtype=np.int64)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), order.astype(np.int64)
