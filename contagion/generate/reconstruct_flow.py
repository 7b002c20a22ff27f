"""Is there a matrix with these sums and these free cells, and which cells can be positive? Compiled flows.

Money flows from debtors through free cells to creditors. `plan` builds a matrix with a zero diagonal directly, bank
by bank; `fill` is the general case, a maximum flow by shortest augmenting paths.

References
----------
Edmonds, Karp (1972), Journal of the ACM 19(2), for shortest augmenting paths.
"""

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.compiled import kernel

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

TIE = 1e-13  # share of the total below which an amount is rounding


@kernel
def plan(
    owed: FloatArray, claimed: FloatArray, by_owed: IntArray, by_claimed: IntArray
) -> tuple[IntArray, IntArray, FloatArray]:
    """Debts with given sums and without self-debt: about as many as there are sums above 0.

    Banks are served in the given orders. As soon as some bank's two sums are all that is left to place, it takes part
    in every further debt: this keeps what is left feasible.

    Parameters
    ----------
    owed, claimed
        Feasible sums, shape (n,).
    by_owed, by_claimed
        Orders in which debtors and creditors are served, permutations of 0, ..., n - 1.

    Returns
    -------
    debtor, creditor, amount
        Equal pairs occur at most a few times.
    """
    n = len(owed)
    rest_owed, rest_claimed = owed.copy(), claimed.copy()
    most = 2 * n + 8
    debtor, creditor = np.zeros(most, dtype=np.int64), np.zeros(most, dtype=np.int64)
    amount = np.zeros(most)
    left = owed.sum()
    none = TIE * left
    found, row, column = 0, 0, 0
    bound = (owed + claimed).max() if n > 0 else 0.0  # both sums of no bank are above this
    critical = -1
    while found < most:
        while row < n and rest_owed[by_owed[row]] <= none:
            row += 1
        while column < n and rest_claimed[by_claimed[column]] <= none:
            column += 1
        if row == n or column == n:
            break
        i, j = by_owed[row], by_claimed[column]
        if critical >= 0:
            i, j = _with(critical, rest_owed, rest_claimed, by_owed, by_claimed, row, column, none)
        elif i == j:
            i, j = _apart(rest_owed, rest_claimed, by_owed, by_claimed, row, column, none)
        if i < 0 or j < 0:
            break
        x = min(rest_owed[i], rest_claimed[j])
        if critical < 0 and left - x < bound:
            bound, other = 0.0, -1
            for k in range(n):
                if k != i and k != j and rest_owed[k] + rest_claimed[k] > bound:
                    bound, other = rest_owed[k] + rest_claimed[k], k
            if other >= 0 and left - x <= bound:
                x, critical = max(0.0, min(x, left - bound)), other
            bound = max(bound, rest_owed[i] + rest_claimed[i], rest_owed[j] + rest_claimed[j])
        if x > 0.0:
            debtor[found], creditor[found], amount[found] = i, j, x
            found += 1
            rest_owed[i] -= x
            rest_claimed[j] -= x
            left -= x
    return debtor[:found], creditor[:found], amount[:found]


@kernel
def _apart(
    owed: FloatArray,
    claimed: FloatArray,
    by_owed: IntArray,
    by_claimed: IntArray,
    row: int,
    column: int,
    none: float,
) -> tuple[int, int]:
    """The next debtor and creditor that are not one bank."""
    i, j = by_owed[row], by_claimed[column]
    for k in range(column + 1, len(claimed)):
        if claimed[by_claimed[k]] > none:
            return i, by_claimed[k]
    for k in range(row + 1, len(owed)):
        if owed[by_owed[k]] > none:
            return by_owed[k], j
    return -1, -1


@kernel
def _with(
    bank: int,
    owed: FloatArray,
    claimed: FloatArray,
    by_owed: IntArray,
    by_claimed: IntArray,
    row: int,
    column: int,
    none: float,
) -> tuple[int, int]:
    """The next pair that one bank belongs to; it owes first."""
    if owed[bank] > none:
        for k in range(column, len(claimed)):
            j = by_claimed[k]
            if j != bank and claimed[j] > none:
                return bank, j
    if claimed[bank] > none:
        for k in range(row, len(owed)):
            i = by_owed[k]
            if i != bank and owed[i] > none:
                return i, bank
    return -1, -1


@kernel
def fill(owed: FloatArray, claimed: FloatArray, free: BoolArray) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Maximum flow through the free cells.

    Parameters
    ----------
    owed, claimed
        Sums, shape (n,).
    free
        Cells that may be positive, shape (n, n).

    Returns
    -------
    flow
        Shape (n, n); its sums are at most the given ones.
    rest
        What each debtor could not place, shape (n,).
    reached
        Shape (2 n,): debtors and creditors that what is left can still reach; a cut that proves infeasibility.
    """
    n = len(owed)
    flow, rest, gap = np.zeros((n, n)), owed.copy(), claimed.copy()
    none = TIE * owed.sum()
    for i in range(n):
        for j in range(n):
            if free[i, j] and rest[i] > 0.0 and gap[j] > 0.0:
                x = min(rest[i], gap[j])
                flow[i, j] = x
                rest[i] -= x
                gap[j] -= x
    queue, parent = np.zeros(2 * n, dtype=np.int64), np.zeros(2 * n, dtype=np.int64)
    reached = np.zeros(2 * n, dtype=np.bool_)
    while True:
        last = _search(flow, rest, gap, free, none, queue, parent, reached)
        if last < 0:
            return flow, rest, reached
        x, node = gap[last - n], last
        while parent[node] >= 0:
            if node < n:
                x = min(x, flow[node, parent[node] - n])
            node = parent[node]
        x = min(x, rest[node])
        rest[node] -= x
        gap[last - n] -= x
        node = last
        while parent[node] >= 0:
            before = parent[node]
            if node >= n:
                flow[before, node - n] += x
            else:
                flow[node, before - n] -= x
            node = before


@kernel
def _search(
    flow: FloatArray,
    rest: FloatArray,
    gap: FloatArray,
    free: BoolArray,
    none: float,
    queue: IntArray,
    parent: IntArray,
    reached: BoolArray,
) -> int:
    """Nearest creditor with a gap that a debtor with a rest can reach, as n + its place; -1 for none."""
    n = len(rest)
    reached[:] = False
    head, tail = 0, 0
    for i in range(n):
        if rest[i] > none:
            queue[tail], parent[i], reached[i] = i, -1, True
            tail += 1
    while head < tail:
        node = queue[head]
        head += 1
        for other in range(n):
            if node < n:
                following, open_ = n + other, free[node, other]
            else:
                following, open_ = other, flow[other, node - n] > none
            if open_ and not reached[following]:
                reached[following], parent[following], queue[tail] = True, node, following
                tail += 1
                if node < n and gap[other] > none:
                    return following
    return -1
