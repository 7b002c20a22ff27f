"""Who is connected to somebody by a chain of links?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from contagion.claims import IntArray
from contagion.compiled import kernel

__all__ = ["reach"]

BoolArray = NDArray[np.bool_]


@kernel
def reach(indptr: IntArray, neighbour: IntArray, sources: BoolArray, allowed: BoolArray) -> BoolArray:
    """Nodes that a chain of links connects to a source, through allowed nodes only; sources are among them.

    Parameters
    ----------
    indptr, neighbour : numpy.ndarray of int64, shapes (n + 1,) and (n_links,)
        Links of node i: ``neighbour[indptr[i] : indptr[i + 1]]``.
    sources, allowed : numpy.ndarray of bool, shape (n,)
        Where chains begin, and where they may lead.
    """
    n = len(sources)
    found = sources.copy()
    queue = np.empty(n, dtype=np.int64)
    last = 0
    for i in range(n):
        if sources[i]:
            queue[last] = i
            last += 1
    first = 0
    while first < last:
        node = queue[first]
        first += 1
        for k in range(indptr[node], indptr[node + 1]):
            other = neighbour[k]
            if allowed[other] and not found[other]:
                found[other] = True
                queue[last] = other
                last += 1
    return found
