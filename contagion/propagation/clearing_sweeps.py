"""What share of its debts can each node pay? Compiled fictitious default on sparse debts, of any size.

Who cannot pay is put in a set that only grows. What the set pays solves a linear system: by elimination for few
defaulters, else by sweeps in place from above with a bound on what is left, else (sweeps that hardly move) by
elimination again. Payments are kept as shares of debts, so that who pays in full pays every claim to the last bit.

References
----------
Eisenberg, Noe (2001), section 3.2. Rogers, Veraart (2013), section 3.
"""

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.balance_sheets import TOLERANCE
from contagion.compiled import inner, kernel
from contagion.propagation.clearing_kernels import _reduce

__all__ = [
    "FAR",
    "LARGEST_ELIMINATION",
    "LARGEST_SWEEPS",
    "receipts",
    "settle",
    "turned",
]

FEW = 100  # defaulters that are solved for at once
LARGEST_ELIMINATION = 2_000  # defaulters where sweeps hardly move: 32 MB
LARGEST_SWEEPS = 20_000
FAR = 200  # sweeps after which a ratio above SLOW calls for an elimination
SLOW = 0.999
COARSE = 1e-3  # largest change at which the set of defaulters is looked at again; falls by this factor

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


@kernel
def turned(indptr: IntArray, creditor: IntArray, amount: FloatArray) -> tuple[IntArray, Places, FloatArray]:
    """Debts by creditor, then debtor: where those of a creditor start, debtors, amounts; counted, not sorted."""
    n = len(indptr) - 1
    start = np.zeros(n + 1, dtype=np.int64)
    for k in range(len(creditor)):
        start[creditor[k] + 1] += 1
    for i in range(n):
        start[i + 1] += start[i]
    following = start[:n].copy()
    debtor, claim = np.empty(len(creditor), dtype=np.uint32), np.empty(len(creditor))
    for i in range(n):
        for k in range(indptr[i], indptr[i + 1]):
            at = following[creditor[k]]
            debtor[at], claim[at] = i, amount[k]
            following[creditor[k]] = at + 1
    return start, debtor, claim


@kernel
def receipts(start: IntArray, debtor: Places, claim: FloatArray, share: FloatArray) -> FloatArray:
    """What every node is paid inside the network when each debtor pays this share, shape ``(n,)``."""
    n = len(share)
    found = np.empty(n)
    for i in range(n):
        total = 0.0
        for k in range(
            np.uint64(start[i]), np.uint64(start[i + 1])
        ):  # unsigned, and written out: 3 times as fast
            total += claim[k] * share[debtor[k]]
        found[i] = total
    return found


@kernel
def settle(
    indptr: IntArray,
    creditor: IntArray,
    amount: FloatArray,
    start: IntArray,
    debtor: Places,
    claim: FloatArray,
    outside: FloatArray,
    due: FloatArray,
    size: FloatArray,
    test: FloatArray,
    tested: float,
    wealth: FloatArray,
    kept: float,
    fixed: BoolArray,
    by_rounds: bool,
    share: FloatArray,
    failed: BoolArray,
    wave: IntArray,
    report: FloatArray,
) -> int:
    """Greatest shares that nodes pay: 1 if ``test + tested * receipts >= due``, else what wealth and receipts cover.

    A node that fails the test pays ``max(0, wealth + kept * receipts)``, never more than it owes.

    Parameters
    ----------
    indptr, creditor, amount
        Debts by debtor, then creditor.
    start, debtor, claim
        The same debts by creditor, then debtor.
    outside, due
        Debts of the same rank outside the network, and all debts of this rank, shape ``(n,)``.
    size
        Sum of the absolute amounts of a node without its receipts: the scale of its comparisons.
    test, tested, wealth, kept
        The two rules above; ``wealth <= test`` and ``kept <= tested``.
    fixed
        Nodes whose share is given and stays.
    by_rounds
        Solve each round before looking who fails next, so that `wave` is the round of fictitious default.
    share, failed, wave
        Start (from above) and result; a wave is -1 where nobody fails.
    report
        Filled with the last residual, the worst node and the number of sweeps, if these do not settle.

    Returns
    -------
    int
        Rounds (sweeps among them) until the set of defaulters stood still; -1: the sweeps did not settle.
    """
    looked = ~fixed
    rounds, sweeps, count = 0, 0, 0
    goal = TOLERANCE if by_rounds else COARSE
    settled = True
    while True:
        grown = _grow(start, debtor, claim, due, size, test, tested, looked, share, failed, wave, rounds)
        count += grown
        if grown == 0 and settled:
            return rounds + sweeps
        if grown > 0:
            rounds += 1
        else:
            goal = max(TOLERANCE, goal * COARSE)
        done = -1
        if count > FEW:
            done = _sweep(start, debtor, claim, due, wealth, kept, goal, count, failed, share, report)
            sweeps += abs(done)
            if done < 0 and count > LARGEST_ELIMINATION:
                return -1
        settled = done < 0 or goal == TOLERANCE
        if done < 0:
            _solve(
                indptr,
                creditor,
                amount,
                start,
                debtor,
                claim,
                outside,
                size,
                wealth,
                kept,
                due,
                failed,
                share,
            )
        _look(indptr, creditor, fixed, failed, count, looked)


@inner
def _grow(
    start: IntArray,
    debtor: Places,
    claim: FloatArray,
    due: FloatArray,
    size: FloatArray,
    test: FloatArray,
    tested: float,
    looked: BoolArray,
    share: FloatArray,
    failed: BoolArray,
    wave: IntArray,
    rounds: int,
) -> int:
    """Number of nodes that fail at these shares and did not before."""
    grown = 0
    for i in range(len(due)):
        if looked[i] and not failed[i]:
            total = 0.0
            for k in range(np.uint64(start[i]), np.uint64(start[i + 1])):
                total += claim[k] * share[debtor[k]]
            income = tested * total
            if test[i] + income < due[i] - TOLERANCE * (size[i] + income):
                failed[i] = True
                wave[i] = rounds
                grown += 1
    return grown


@inner
def _look(
    indptr: IntArray, creditor: IntArray, fixed: BoolArray, failed: BoolArray, count: int, looked: BoolArray
) -> None:
    """Mark whom a default can have hurt: creditors of those who failed, or everybody if these are many."""
    n = len(fixed)
    many = 8 * count > n
    for i in range(n):
        looked[i] = many and not fixed[i]
    if not many:
        for i in range(n):
            if failed[i]:
                for k in range(indptr[i], indptr[i + 1]):
                    looked[creditor[k]] = not fixed[creditor[k]]


@inner
def _sweep(
    start: IntArray,
    debtor: Places,
    claim: FloatArray,
    due: FloatArray,
    wealth: FloatArray,
    kept: float,
    goal: float,
    count: int,
    failed: BoolArray,
    share: FloatArray,
    report: FloatArray,
) -> int:
    """Gauss-Seidel from above on those who failed; number of sweeps, negative if they did not settle.

    With the largest q of the last five ratios of residuals r, what is left is at most ``r q / (1 - q)``. A goal
    above the tolerance is met by a small step: the set of defaulters may then grow before it is exact.
    """
    nodes = np.empty(count, dtype=np.int64)
    last = 0
    for i in range(len(due)):
        if failed[i] and due[i] > 0.0:
            nodes[last] = i
            last += 1
    ratios, before = np.full(5, np.inf), np.inf
    for sweep in range(LARGEST_SWEEPS):
        residual, worst = 0.0, 0
        for place in range(last):
            i = nodes[place]
            total = 0.0
            for k in range(np.uint64(start[i]), np.uint64(start[i + 1])):
                total += claim[k] * share[debtor[k]]
            paid = min(1.0, max(0.0, (wealth[i] + kept * total) / due[i]))
            change = abs(paid - share[i])
            if change > residual:
                residual, worst = change, i
            share[i] = paid
        ratios[sweep % 5] = residual / before if before > 0.0 else 0.0
        before = residual
        report[0], report[1], report[2] = residual, worst, sweep + 1
        q = ratios.max()
        if residual == 0.0 or (goal > TOLERANCE and residual <= goal):
            return sweep + 1
        if q < 1.0 and residual * q / (1.0 - q) <= TOLERANCE:
            return sweep + 1
        if sweep >= FAR and q > SLOW and last <= LARGEST_ELIMINATION:
            return -sweep - 1
    return -LARGEST_SWEEPS


@inner
def _solve(
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
