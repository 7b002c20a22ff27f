"""How are links spread? Degrees, density, reciprocity, assortativity and clustering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from contagion.arrays import FloatArray
from contagion.balance_sheets import ByNode
from contagion.claims import IntArray
from contagion.network.topology.kernels import count_triangles
from contagion.network.topology.sources import Debts, debts_of, undirected

__all__ = ["Links", "links"]


@dataclass(frozen=True)
class Links(ByNode):
    """Who has how many links, and how they are arranged; 0 where a share has no base.

    Parameters
    ----------
    creditors, debtors : numpy.ndarray of int64, shape (n,)
        How many nodes each owes, and is owed by (out- and in-degree).
    clustering : numpy.ndarray, shape (n,)
        Share of pairs of neighbours that are linked, whichever way links point.
    count : int
        Number of links.
    density : float
        Links over all ordered pairs of nodes.
    reciprocity : float
        Share of links with one the other way.
    assortativity : float
        Correlation over links of the debtor's creditors and the creditor's debtors; 0 where one does not vary.
    mean_clustering : float
        Mean over all nodes.
    names : pandas.Index or None
        Names of the nodes.
    """

    creditors: IntArray
    debtors: IntArray
    clustering: FloatArray
    count: int
    density: float
    reciprocity: float
    assortativity: float
    mean_clustering: float
    names: pd.Index | None = None


def links(source: Any) -> Links:
    """Return degrees and how links are arranged.

    Parameters
    ----------
    source : Network, Claims, array_like, sparse or DataFrame, shape (n, n)
        Who (row) owes whom (column) how much, money; only who, not how much, counts here.

    Notes
    -----
    Memory is linear in links.

    Examples
    --------
    >>> found = links([[0, 1, 0], [1, 0, 2], [5, 0, 0]])
    >>> found.creditors, found.reciprocity, found.clustering
    (array([1, 2, 1]), 0.5, array([1., 1., 1.]))

    References
    ----------
    Watts, Strogatz (1998), Nature 393, for clustering. Newman (2003), Physical Review E 67, for assortativity.
    """
    debts = debts_of(source)
    claims, n = debts.claims, debts.n
    creditors = np.diff(claims.indptr)
    debtors = np.bincount(claims.creditor, minlength=n)
    count = len(claims.amount)
    clustered = _clustering(debts)
    pairs = np.sort(claims.debtor * n + claims.creditor)
    back = np.isin(claims.creditor.astype(np.int64) * n + claims.debtor, pairs, assume_unique=True)
    return Links(
        creditors=debts.back(creditors),
        debtors=debts.back(debtors),
        clustering=debts.back(clustered),
        count=count,
        density=count / (n * (n - 1)) if n > 1 else 0.0,
        reciprocity=float(back.mean()) if count else 0.0,
        assortativity=_correlation(creditors[claims.debtor], debtors[claims.creditor]),
        mean_clustering=float(clustered.mean()),
        names=debts.names,
    )


def _clustering(debts: Debts) -> FloatArray:
    """Triangles over pairs of neighbours, links counted from the end of smaller degree."""
    indptr, neighbour = undirected(debts)
    degree = np.diff(indptr)
    rank = np.empty(debts.n, dtype=np.int64)
    rank[np.argsort(degree, kind="stable")] = np.arange(debts.n)
    node = np.repeat(np.arange(debts.n), degree)
    upwards = rank[node] < rank[neighbour]
    start = np.concatenate([[0], np.cumsum(np.bincount(node[upwards], minlength=debts.n))]).astype(np.int64)
    pairs = degree * (degree - 1) / 2.0
    triangles = count_triangles(start, neighbour[upwards])
    return np.asarray(np.divide(triangles, pairs, out=np.zeros(debts.n), where=pairs > 0))


def _correlation(one: IntArray, other: IntArray) -> float:
    if len(one) == 0 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    a, b = one - one.mean(), other - other.mean()
    return float((a @ b) / np.sqrt((a @ a) * (b @ b)))
