"""Whom does a default reach along chains of debts? Components and reach.

The default of a node hurts its creditors: distress travels along debts. A node's own risk comes from its debtors:
along exposures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from contagion.arrays import word
from contagion.balance_sheets import ByNode
from contagion.claims import IntArray
from contagion.network.topology.kernels import count_reached
from contagion.network.topology.sources import Debts, debts_of

__all__ = ["Components", "components", "reach"]


@dataclass(frozen=True)
class Components(ByNode):
    """Strongly connected components: nodes that reach one another along debts.

    Parameters
    ----------
    component : numpy.ndarray of int64, shape (n,)
        Number of each node's component, the largest first, ties by their first node.
    component_size : numpy.ndarray of int64, shape (n,)
        Nodes in it.
    count : int
        Number of components.
    names : pandas.Index or None
        Names of the nodes.
    """

    component: IntArray
    component_size: IntArray
    count: int
    names: pd.Index | None = None


def components(source: Any) -> Components:
    """Return the strongly connected components of a network of debts.

    Parameters
    ----------
    source : Network, Claims, array_like, sparse or DataFrame, shape (n, n)
        Who (row) owes whom (column) how much, money.

    Examples
    --------
    >>> components([[0, 1, 0], [1, 0, 2], [0, 0, 0]]).component
    array([0, 0, 1])

    References
    ----------
    Tarjan (1972), SIAM Journal on Computing 1(2).
    """
    debts = debts_of(source)
    label = _strong(debts)
    first, size = np.unique(label, return_index=True)[1], np.bincount(label)
    rank = np.empty(len(size), dtype=np.int64)
    rank[np.lexsort((first, -size))] = np.arange(len(size))
    return Components(
        debts.back(rank[label]), debts.back(size[label]).astype(np.int64), len(size), debts.names
    )


def reach(source: Any, along: str = "debts") -> IntArray:
    """Return how many other nodes each node reaches.

    Parameters
    ----------
    source : Network, Claims, array_like, sparse or DataFrame, shape (n, n)
        Who (row) owes whom (column) how much, money.
    along : str
        ``debts``: whom the node's default can reach; ``exposures``: whose default can reach the node.

    Returns
    -------
    numpy.ndarray of int64, shape (n,)
        In the caller's order.

    Notes
    -----
    Memory is linear in links; time is linear in links x components / 62.

    Examples
    --------
    >>> reach([[0, 1, 0], [0, 0, 2], [0, 0, 0]])
    array([2, 1, 0])
    >>> reach([[0, 1, 0], [0, 0, 2], [0, 0, 0]], along="exposures")
    array([0, 1, 2])
    """
    backwards = word(along, "along", ("debts", "exposures")) == "exposures"
    debts = debts_of(source)
    label = _strong(debts)
    size = np.bincount(label).astype(np.int64)
    ends = label[debts.claims.debtor], label[debts.claims.creditor]
    tail, head = ends[::-1] if backwards else ends
    apart = tail != head
    pairs = np.unique(tail[apart] * len(size) + head[apart])
    tail, head = np.divmod(pairs, len(size))
    place = _topological(tail, head, len(size))
    tail, head = place[tail], place[head]
    order = np.argsort(tail, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(tail, minlength=len(size)))]).astype(np.int64)
    inverse = np.argsort(place)
    total = count_reached(indptr, head[order], size[inverse])
    return np.asarray(debts.back(total[place][label] - 1))


def _strong(debts: Debts) -> IntArray:
    from scipy.sparse.csgraph import connected_components

    return np.asarray(
        connected_components(debts.claims.matrix(), directed=True, connection="strong")[1], dtype=np.int64
    )


def _topological(tail: IntArray, head: IntArray, n: int) -> IntArray:
    """Place of every node of an acyclic graph, links leading to larger places: layer by layer."""
    waiting = np.bincount(head, minlength=n)
    order = np.argsort(tail, kind="stable")
    start = np.searchsorted(tail[order], np.arange(n + 1))
    place, filled = np.empty(n, dtype=np.int64), 0
    ready = np.flatnonzero(waiting == 0)
    while len(ready):
        place[ready] = np.arange(filled, filled + len(ready))
        filled += len(ready)
        counts = start[ready + 1] - start[ready]
        offset = np.repeat(start[ready] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        reached = head[order[offset + np.arange(counts.sum())]]
        np.subtract.at(waiting, reached, 1)
        candidates = np.unique(reached)
        ready = candidates[waiting[candidates] == 0]
    return place
