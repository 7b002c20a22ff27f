"""Who defaults when defaults are losses of others? Compiled rounds of default over sorted debts.

A queue holds each round's defaulters; every debt is passed on once. Losses are added as they come, which is enough to
decide clear cases; where the order of addition could matter, the sum is taken again in the order of debtors.
"""

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.compiled import inner, kernel

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
ShortArray = NDArray[np.uint32]
MANY = 64  # of n nodes more than n / MANY in a round are charged at once
ROUNDING = 8.9e-16  # four units in the last place


@inner
def fails(loss: float, limit: float, scale: float, tolerance: float) -> bool:
    """Whether a loss is above a limit; tolerance > 0: beyond it by so much, < 0: not below it by so much."""
    if tolerance > 0.0:
        return loss > limit + tolerance * (scale + loss)
    return loss >= limit + tolerance * (scale + loss)


@kernel
def lost_by_all(indptr: IntArray, creditor: ShortArray, amount: FloatArray, failed: IntArray) -> FloatArray:
    """What each node has lent to the failed (``failed[i] >= 0``), added in the order of debtors."""
    lent = np.zeros(len(failed))
    for i in range(len(failed)):
        if failed[i] >= 0:
            for k in range(indptr[i], indptr[i + 1]):
                lent[creditor[k]] += amount[k]
    return lent


@kernel
def spread(
    indptr: IntArray,
    creditor: ShortArray,
    amount: FloatArray,
    start: IntArray,
    debtor: ShortArray,
    claim: FloatArray,
    limit: FloatArray,
    scale: FloatArray,
    lgd: float,
    tolerance: float,
    forced: BoolArray,
    only_forced: bool,
    when: IntArray,
) -> int:
    """Rounds in which each node defaults, -1 for never, written into `when`; returns how many default.

    Parameters
    ----------
    indptr, creditor, amount
        Debts by debtor.
    start, debtor, claim
        The same debts by creditor.
    limit, scale
        A node fails when ``lgd`` times what it lent to the failed exceeds its limit; scale of the tolerance.
    lgd, tolerance
        Share lost of every claim; see `fails`.
    forced
        Who defaults in round 0 in any case.
    only_forced
        Whether nobody else can default in round 0.
    """
    n = len(limit)
    slack = np.empty(n)  # what may still be lost before a node could fail; infinite once it has failed
    doubt = np.empty(n)
    queue = np.empty(n, dtype=np.int64)
    doubtful, doubted = np.empty(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    tail = 0
    for i in range(n):
        slack[i], doubt[i] = _band(limit[i], scale[i], start[i + 1] - start[i], lgd, tolerance)
        when[i] = -1
        if forced[i] or (not only_forced and fails(0.0, limit[i], scale[i], tolerance)):
            tail = _fail(i, 0, when, slack, queue, tail)
    head, rounds = 0, 0
    while True:
        end, doubts = tail, 0
        rounds += 1
        if only_forced and rounds == 1:
            for i in range(n):
                if when[i] < 0 and fails(0.0, limit[i], scale[i], tolerance):
                    tail = _fail(i, 1, when, slack, queue, tail)
        if (end - head) * MANY > n:
            _charge(indptr, creditor, amount, rounds - 1, when, slack)
            for j in range(n):
                if slack[j] <= 0.0:
                    if slack[j] < -doubt[j]:
                        tail = _fail(j, rounds, when, slack, queue, tail)
                    else:
                        doubtful[doubts] = j
                        doubts += 1
        else:
            for at in range(head, end):
                i = queue[at]
                for k in range(indptr[i], indptr[i + 1]):
                    j = creditor[k]
                    left = slack[j] - amount[k]
                    slack[j] = left
                    if left <= 0.0:
                        if left < -doubt[j]:
                            tail = _fail(j, rounds, when, slack, queue, tail)
                        elif doubted[j] < rounds:
                            doubted[j] = rounds
                            doubtful[doubts] = j
                            doubts += 1
        for at in range(doubts):
            j = doubtful[at]
            if when[j] < 0:
                sure = 0.0
                for k in range(start[j], start[j + 1]):
                    if 0 <= when[debtor[k]] < rounds:
                        sure += claim[k]
                if fails(lgd * sure, limit[j], scale[j], tolerance):
                    tail = _fail(j, rounds, when, slack, queue, tail)
        if end == tail:
            return tail
        head = end


@inner
def _charge(
    indptr: IntArray, creditor: ShortArray, amount: FloatArray, rounds: int, when: IntArray, slack: FloatArray
) -> None:
    """Pass on the debts of one round's defaulters, by position: no branch, and debts lie side by side."""
    for i in range(len(when)):
        if when[i] == rounds:
            for k in range(indptr[i], indptr[i + 1]):
                slack[creditor[k]] -= amount[k]


@inner
def _band(limit: float, scale: float, terms: int, lgd: float, tolerance: float) -> tuple[float, float]:
    """Sum lent below which a node surely stands, in any order of addition; how much above it it surely fails."""
    if lgd == 0.0:
        return np.inf, 0.0
    cut = (limit + tolerance * scale) / (1.0 - tolerance)
    band = ROUNDING * (terms + 8) * (abs(cut) + abs(limit) + scale * 1e-12)
    return (cut - band) / lgd, 2.0 * band / lgd


@inner
def _fail(node: int, rounds: int, when: IntArray, slack: FloatArray, queue: IntArray, tail: int) -> int:
    """Note a default and queue it."""
    when[node] = rounds
    slack[node] = np.inf
    queue[tail] = node
    return tail + 1
