"""Names as positions, and rows grouped by a key: what is used to make flat arrays of tables."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contagion.network import Network

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def coins_among(net: Network, table: str) -> Flags:
    """Which rows of a table with assets are of something else than money of the unit."""
    return np.asarray(net.column("assets", "name") != net.unit, dtype=np.bool_)[net.codes(table, "asset")]


def or_never(values: Floats) -> Floats:
    """The values, with infinity where nothing is stated."""
    return np.where(np.isnan(values), np.inf, values)


def of_money(net: Network, column: str, instead: float) -> Floats:
    """A column of `collateral` for money of the unit, by venue; `instead` where nothing is stated."""
    found = np.full(len(net.index("venues")), instead)
    money = ~coins_among(net, "collateral")
    stated = net.column("collateral", column)[money]
    found[net.codes("collateral", "venue")[money]] = np.where(np.isnan(stated), instead, stated)
    return found


def grouped(keys: Ints, n: int) -> tuple[Ints, Ints]:
    """Index pointer and members of each group 0..n-1, members in their original order."""
    order = np.argsort(keys, kind="stable")
    counts = np.bincount(keys, minlength=n) if keys.size else np.zeros(n, dtype=np.int64)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), order.astype(np.int64)
