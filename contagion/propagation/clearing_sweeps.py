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
from contagion.propagation.clearing_elimination import pay_out

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
ONE, TWO = (
    np.uint64(1),
    np.uint64(2),
)  # places are unsigned in long loops, which then run 1.5 to 3 times as fast

IntArray = NDArray[np.int64]
Places = NDArray[np.uint32]
BoolArray = NDArray[np.bool_]


@kernel
def turned(indptr: IntArray, creditor: IntArray, amount: FloatArray) -> tuple[IntArray, Places, FloatArray]:
    """Debts by creditor, then debtor: where those of a creditor start, debtors, amounts; counted, not sorted."""
    n = len(indptr) - 1
    start = np.zeros(n + 2, dtype=np.int64)
    for k in range(len(creditor)):
        start[np.uint64(creditor[k]) + TWO] += 1
    for i in range(n):
        start[i + 2] += start[i + 1]
    debtor, claim = np.empty(len(creditor), dtype=np.uint32), np.empty(len(creditor))
    for i in range(n):
        for k in range(np.uint64(indptr[i]), np.uint64(indptr[i + 1])):
            following = np.uint64(creditor[k]) + ONE
            at = np.uint64(start[following])
            debtor[at], claim[at] = i, amount[k]
            start[following] = at + ONE
    return start[: n + 1], debtor, claim


@kernel
def receipts(start: IntArray, debtor: Places, claim: FloatArray, share: FloatArray) -> FloatArray:
    """What every node is paid inside the network when each debtor pays this share, shape ``(n,)``."""
    n = len(share)
    found = np.empty(n)
    for i in range(n):
        row, total = np.uint64(i), 0.0
        for k in range(np.uint64(start[row]), np.uint64(start[row + ONE])):
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
    n = len(due)
    nodes, others = np.empty(n, dtype=np.int64), np.flatnonzero(~fixed)
    rounds, sweeps, count, last, rest = 0, 0, 0, 0, len(others)
    goal = TOLERANCE if by_rounds else COARSE
    settled = True
    ratios, state = np.full(5, np.inf), np.array([np.inf, 0.0])
    while True:
        grown = _grow(
            others[:rest], start, debtor, claim, due, size, test, tested, share, failed, wave, rounds
        )
        count += grown
        if grown == 0 and settled:
            return rounds + sweeps
        if grown > 0:
            rounds += 1
            ratios[:] = np.inf
            state[0], state[1] = np.inf, 0.0
            last, rest = _divide(indptr, creditor, due, fixed, failed, count, nodes, others)
        else:
            goal = TOLERANCE if goal * COARSE < 2.0 * TOLERANCE else goal * COARSE
        once = grown > 0 and 2 * count > n and not by_rounds  # a look at the few others is cheap
        done = -1
        if count > FEW:
            aim = 1.0 if once else goal
            done = _sweep(
                nodes[:last], start, debtor, claim, due, wealth, kept, aim, share, ratios, state, report
            )
            sweeps += abs(done)
            if done < 0 and count > LARGEST_ELIMINATION:
                return -1
        settled = done < 0 or (goal == TOLERANCE and not once)
        if done < 0:
            pay_out(
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


@inner
def _grow(
    others: IntArray,
    start: IntArray,
    debtor: Places,
    claim: FloatArray,
    due: FloatArray,
    size: FloatArray,
    test: FloatArray,
    tested: float,
    share: FloatArray,
    failed: BoolArray,
    wave: IntArray,
    rounds: int,
) -> int:
    """Number of these nodes that fail at these shares and did not before."""
    grown = 0
    for place in range(len(others)):
        i, total = np.uint64(others[place]), 0.0
        for k in range(np.uint64(start[i]), np.uint64(start[i + ONE])):
            total += claim[k] * share[debtor[k]]
        income = tested * total
        if test[i] + income < due[i] - TOLERANCE * (size[i] + income):
            failed[i] = True
            wave[i] = rounds
            grown += 1
    return grown


@inner
def _divide(
    indptr: IntArray,
    creditor: IntArray,
    due: FloatArray,
    fixed: BoolArray,
    failed: BoolArray,
    count: int,
    nodes: IntArray,
    others: IntArray,
) -> tuple[int, int]:
    """Fill in who failed and owes something, and whom a default can have hurt; how many these are.

    Hurt are creditors of those who failed; if these are many, everybody.
    """
    n = len(fixed)
    hurt = np.full(n, 8 * count > n)
    if 8 * count <= n:
        for i in range(n):
            if failed[i]:
                for k in range(indptr[i], indptr[i + 1]):
                    hurt[creditor[k]] = True
    last, rest = 0, 0
    for i in range(n):
        if failed[i]:
            if due[i] > 0.0:
                nodes[last] = i
                last += 1
        elif hurt[i] and not fixed[i]:
            others[rest] = i
            rest += 1
    return last, rest


@inner
def _sweep(
    nodes: IntArray,
    start: IntArray,
    debtor: Places,
    claim: FloatArray,
    due: FloatArray,
    wealth: FloatArray,
    kept: float,
    goal: float,
    share: FloatArray,
    ratios: FloatArray,
    state: FloatArray,
    report: FloatArray,
) -> int:
    """Gauss-Seidel from above on those who failed; number of sweeps, negative if they did not settle.

    With the largest q of the last five ratios of residuals r, what is left is at most ``r q / (1 - q)``. A goal
    above the tolerance is met by a small step: the set of defaulters may then grow before it is exact. `ratios` and
    `state` (last residual, sweeps) go on from one call to the next while the set is the same.
    """
    begun = int(state[1])
    for sweep in range(begun, LARGEST_SWEEPS):
        residual, worst = _once(nodes, start, debtor, claim, due, wealth, kept, share)
        ratios[sweep % 5] = residual / state[0] if state[0] > 0.0 else 0.0
        state[0], state[1] = residual, sweep + 1
        report[0], report[1], report[2] = residual, nodes[worst], sweep + 1
        q = ratios.max()
        if residual == 0.0 or (goal > TOLERANCE and residual <= goal):
            return sweep + 1 - begun
        if q < 1.0 and residual * q / (1.0 - q) <= TOLERANCE:
            return sweep + 1 - begun
        if sweep >= FAR and q > SLOW and len(nodes) <= LARGEST_ELIMINATION:
            return begun - sweep - 1
    return begun - LARGEST_SWEEPS - 1


@inner
def _once(
    nodes: IntArray,
    start: IntArray,
    debtor: Places,
    claim: FloatArray,
    due: FloatArray,
    wealth: FloatArray,
    kept: float,
    share: FloatArray,
) -> tuple[float, int]:
    """One sweep in place; the largest change of a share, and the place of its node in `nodes`."""
    residual, worst = 0.0, 0
    for place in range(len(nodes)):
        i, total = np.uint64(nodes[place]), 0.0
        for k in range(np.uint64(start[i]), np.uint64(start[i + ONE])):
            total += claim[k] * share[debtor[k]]
        paid = min(1.0, max(0.0, (wealth[i] + kept * total) / due[i]))
        change = abs(paid - share[i])
        if change > residual:
            residual, worst = change, place
        share[i] = paid
    return residual, worst
