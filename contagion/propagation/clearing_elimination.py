"""What do those who failed pay when each pays out all it has? Their linear system, by elimination of nodes.

References
----------
Eisenberg, Noe (2001), section 3.2. Elsinger (2009), for senior debts.
"""

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.balance_sheets import TOLERANCE
from contagion.compiled import inner
from contagion.propagation.clearing_kernels import _reduce

__all__ = ["pay_out"]

IntArray = NDArray[np.int64]
Places = NDArray[np.uint32]
BoolArray = NDArray[np.bool_]


@inner
def _received(i: int, start: IntArray, debtor: Places, claim: FloatArray, share: FloatArray) -> float:
    """What node i is paid inside the network, in the order of its debtors."""
    total = 0.0
    for k in range(np.uint64(start[i]), np.uint64(start[i + 1])):
        total += claim[k] * share[debtor[k]]
    return total


@inner
def pay_out(
    indptr: IntArray,
    creditor: IntArray,
    amount: FloatArray,
    start: IntArray,
    debtor: Places,
    claim: FloatArray,
    outside: FloatArray,
    size: FloatArray,
    wealth: FloatArray,
    kept: float,
    due: FloatArray,
    failed: BoolArray,
    share: FloatArray,
) -> None:
    """Shares of those who failed, the others' given: all they have, or nothing where senior debts take it all.

    Where wealth is negative those who pay anything are found from nobody upwards; each time their system is solved.
    """
    n = len(due)
    place = np.full(n, -1, dtype=np.int64)
    nodes = np.empty(n, dtype=np.int64)
    negative = False
    for i in range(n):
        if failed[i] and due[i] > 0.0:
            share[i] = 0.0
            negative = negative or wealth[i] < 0.0
    last = 0
    while True:
        more = 0
        for i in range(n):
            if failed[i] and due[i] > 0.0 and place[i] < 0:
                if negative:
                    income = kept * _received(i, start, debtor, claim, share)
                    if not wealth[i] + income > TOLERANCE * (size[i] + income):
                        continue
                nodes[last + more] = i
                more += 1
        if more == 0:
            return
        for j in range(last, last + more):
            place[nodes[j]] = j
        last += more
        _eliminate(
            indptr,
            creditor,
            amount,
            start,
            debtor,
            claim,
            outside,
            wealth,
            kept,
            nodes[:last],
            place,
            share,
        )


@inner
def _eliminate(
    indptr: IntArray,
    creditor: IntArray,
    amount: FloatArray,
    start: IntArray,
    debtor: Places,
    claim: FloatArray,
    outside: FloatArray,
    wealth: FloatArray,
    kept: float,
    nodes: IntArray,
    place: IntArray,
    share: FloatArray,
) -> None:
    """Shares of these nodes when each pays out all it has, written into `share`."""
    count = len(nodes)
    flow = np.zeros((count, count))  # flow[i, j]: what i keeps of the money that j owes it
    leak, have = np.zeros(count), np.zeros(count)
    for j in range(count):
        node = nodes[j]
        leak[j] = outside[node]
        for k in range(indptr[node], indptr[node + 1]):
            at = place[creditor[k]]
            if at >= 0:
                flow[at, j] += kept * amount[k]
                leak[j] += (1.0 - kept) * amount[k]
            else:
                leak[j] += amount[k]
        income = 0.0
        for k in range(start[node], start[node + 1]):
            if place[debtor[k]] < 0:
                income += claim[k] * share[debtor[k]]
        have[j] = wealth[node] + kept * income
    found = _reduce(flow, leak, have)
    for j in range(count):
        share[nodes[j]] = min(1.0, max(0.0, found[j]))
