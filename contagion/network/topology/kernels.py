"""Compiled counting on sorted sparse links: cores, triangles, reach, and blocks of core and periphery."""

import numpy as np
from numpy.typing import NDArray

from contagion.compiled import inner, kernel

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
WORD = 62  # bits of a positive int64
LARGEST_PASSES = 1_000


@kernel
def count_cores(indptr: IntArray, neighbour: IntArray) -> IntArray:
    """Core number of every node of an undirected graph: Batagelj and Zaversnik, linear in links.

    Parameters
    ----------
    indptr, neighbour
        Neighbours of node i are ``neighbour[indptr[i]:indptr[i + 1]]``; every link stands on both sides.
    """
    n = len(indptr) - 1
    degree = indptr[1:] - indptr[:-1]
    largest = 0
    for v in range(n):
        largest = max(largest, degree[v])
    start = np.zeros(largest + 2, dtype=np.int64)
    for v in range(n):
        start[degree[v] + 1] += 1
    for k in range(largest + 1):
        start[k + 1] += start[k]
    place, node, filled = np.empty(n, np.int64), np.empty(n, np.int64), start.copy()
    for v in range(n):
        place[v] = filled[degree[v]]
        node[place[v]] = v
        filled[degree[v]] += 1
    for k in range(n):
        v = node[k]
        for e in range(indptr[v], indptr[v + 1]):
            u = neighbour[e]
            if degree[u] > degree[v]:
                first = start[degree[u]]
                other = node[first]
                node[first], node[place[u]] = u, other
                place[other], place[u] = place[u], first
                start[degree[u]] += 1
                degree[u] -= 1
    return degree


@kernel
def count_triangles(indptr: IntArray, neighbour: IntArray) -> IntArray:
    """Triangles through every node, each link given once, from the end of smaller rank."""
    n = len(indptr) - 1
    count, mark = np.zeros(n, np.int64), np.full(n, -1, np.int64)
    for v in range(n):
        for e in range(indptr[v], indptr[v + 1]):
            mark[neighbour[e]] = v
        for e in range(indptr[v], indptr[v + 1]):
            u = neighbour[e]
            for f in range(indptr[u], indptr[u + 1]):
                w = neighbour[f]
                if mark[w] == v:
                    count[v] += 1
                    count[u] += 1
                    count[w] += 1
    return count


@kernel
def count_reached(indptr: IntArray, successor: IntArray, size: IntArray) -> IntArray:
    """Total size of all that each node of an acyclic graph reaches, itself included.

    Parameters
    ----------
    indptr, successor
        Links of node i lead to ``successor[indptr[i]:indptr[i + 1]]``, all larger than i.
    size
        Weight of every node.
    """
    n = len(size)
    total, mask = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for first in range(0, n, WORD):
        last = min(first + WORD, n)
        for v in range(last - 1, -1, -1):
            here = 1 << (v - first) if v >= first else 0
            for e in range(indptr[v], indptr[v + 1]):
                if successor[e] < last:
                    here |= mask[successor[e]]
            mask[v] = here
            bit = first
            while here > 0:
                if here & 1:
                    total[v] += size[bit]
                here >>= 1
                bit += 1
    return total


@kernel
def split_core(
    lent_ptr: IntArray, lent: IntArray, owed_ptr: IntArray, owed: IntArray, order: IntArray
) -> BoolArray:
    """Core of a network: the best prefix of an order of nodes, then single moves while the error falls.

    Parameters
    ----------
    lent_ptr, lent
        To whom every node lends.
    owed_ptr, owed
        From whom every node borrows.
    order
        Nodes, the likeliest members of the core first.
    """
    n = len(order)
    core = np.zeros(n, np.bool_)
    lends, borrows = lent_ptr[1:] - lent_ptr[:-1], owed_ptr[1:] - owed_ptr[:-1]  # with the periphery
    error, best, prefix = 0, 0, 0
    size, idle = 0, 0
    for k in range(n):
        change, change_idle = _change(
            order[k], core, size, idle, lent_ptr, lent, owed_ptr, owed, lends, borrows
        )
        _move(order[k], core, lent_ptr, lent, owed_ptr, owed, lends, borrows)
        error, idle, size = error + change, idle + change_idle, size + 1
        if error < best:
            best, prefix = error, k + 1
    for k in range(n - 1, prefix - 1, -1):
        change, change_idle = _change(
            order[k], core, size, idle, lent_ptr, lent, owed_ptr, owed, lends, borrows
        )
        _move(order[k], core, lent_ptr, lent, owed_ptr, owed, lends, borrows)
        idle, size = idle + change_idle, size - 1
    for _ in range(LARGEST_PASSES):
        moved = False
        for k in range(n):
            v = order[k]
            change, change_idle = _change(v, core, size, idle, lent_ptr, lent, owed_ptr, owed, lends, borrows)
            if change < 0:
                size += -1 if core[v] else 1
                _move(v, core, lent_ptr, lent, owed_ptr, owed, lends, borrows)
                idle += change_idle
                moved = True
        if not moved:
            break
    return core


@inner
def _change(
    v: int,
    core: BoolArray,
    size: int,
    idle: int,
    lent_ptr: IntArray,
    lent: IntArray,
    owed_ptr: IntArray,
    owed: IntArray,
    lends: IntArray,
    borrows: IntArray,
) -> tuple[int, int]:
    """What moving a node to the other side adds to the error, and to the idle sides of the core."""
    n = len(core)
    outer = lends[v] + borrows[v]
    within = lent_ptr[v + 1] - lent_ptr[v] + owed_ptr[v + 1] - owed_ptr[v] - outer
    way = -1 if core[v] else 1
    edge = 1 if way > 0 else 0  # links with the periphery at which a neighbour starts or stops to be idle
    change_idle = 0
    if lends[v] == 0:
        change_idle += way
    if borrows[v] == 0:
        change_idle += way
    for e in range(owed_ptr[v], owed_ptr[v + 1]):
        if core[owed[e]] and lends[owed[e]] == edge:
            change_idle += way
    for e in range(lent_ptr[v], lent_ptr[v + 1]):
        if core[lent[e]] and borrows[lent[e]] == edge:
            change_idle += way
    others = size if way > 0 else size - 1
    missing = way * (2 * others - within)
    penalty = (n - size - way) * (idle + change_idle) - (n - size) * idle
    return missing - way * outer + penalty, change_idle


@inner
def _move(
    v: int,
    core: BoolArray,
    lent_ptr: IntArray,
    lent: IntArray,
    owed_ptr: IntArray,
    owed: IntArray,
    lends: IntArray,
    borrows: IntArray,
) -> None:
    """Move a node to the other side."""
    way = 1 if core[v] else -1
    core[v] = not core[v]
    for e in range(owed_ptr[v], owed_ptr[v + 1]):
        lends[owed[e]] += way
    for e in range(lent_ptr[v], lent_ptr[v + 1]):
        borrows[lent[e]] += way
