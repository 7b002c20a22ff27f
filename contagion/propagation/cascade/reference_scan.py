"""Margin by scenario scan once more, in plain NumPy: the reference of `scans`, bit for bit.

Written apart from the kernels, from the definition: losses are summed over contracts on one asset by `numpy.bincount`,
which adds from left to right, the worst scenario counts, and assets add up.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contagion.propagation.cascade.codes import OPTION
from contagion.propagation.cascade.layout import Book, State

Floats = npt.NDArray[np.float64]


def scans(book: Book, state: State) -> Floats:
    """Margin of every account at the marks, in quanta, shape (N,); 0 where it is not scanned."""
    n, legs = len(book.count), np.flatnonzero(book.scanned[book.leg_account])
    found = np.zeros(n)
    if not len(legs):
        return found
    account, market = book.leg_account[legs], book.leg_market[legs]
    rows, lots = state.markets[market], state.quantity[legs]
    keys = account * (1 + int(state.markets["asset"].max())) + rows["asset"]
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    groups = len(first)
    venue = state.venues[book.venue[account[first]]]
    worst = np.zeros(groups)
    for c in range(state.risk.shape[1]):
        gain = np.bincount(place, lots * state.risk[market, c], groups)
        mine = (venue["scan_first"] <= c) & (c < venue["scan_last"])
        worst = np.where(mine & (gain < worst), gain, worst)
    sold = np.where(rows["kind"] == OPTION, np.maximum(0.0, -lots), 0.0)
    least = venue["short_minimum"][place] * sold * (rows["index"] * rows["lot_scale"])
    floor = np.bincount(place, least, groups)
    largest = np.zeros(groups)
    np.maximum.at(largest, place, np.where(lots != 0.0, rows["multiplier"], 0.0))
    asked = largest * np.maximum(-worst, floor)
    order = np.argsort(first, kind="stable")
    return np.asarray(np.bincount(account[first[order]], asked[order], n), np.float64)
