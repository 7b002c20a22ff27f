"""What do defaulters pay one another? Compiled fictitious default on debts sorted by debtor, then creditor.

The payments of a default set solve a linear system whose shares and leaks are never negative. It is reduced
node by node with sums and products alone, as a chain of payments with fewer and fewer stops: no
subtraction, so the smallest leak keeps all its digits. Above 200 defaulters, sweeps in place from above
with a bound on what is left.

References
----------
Grassmann, Taksar, Heyman (1985), Operations Research 33, for the reduction. Eisenberg, Noe (2001), section
3.2.
"""

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.balance_sheets import TOLERANCE
from contagion.compiled import kernel

LARGEST_DENSE = 200
LARGEST_SWEEPS = 20_000
LARGEST_REDUCTION = 4_000  # defaulters, where sweeps do not settle: 128 MB

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@kernel
def clear(
    indptr: IntArray,
    creditor: IntArray,
    amount: FloatArray,
    external_assets: FloatArray,
    external_liabilities: FloatArray,
    payments: FloatArray,
) -> int:
    """Greatest clearing payments to all creditors, pari passu, written into `payments`.

    Parameters
    ----------
    indptr, creditor, amount
        Node i owes ``amount[k]`` to ``creditor[k]`` for ``indptr[i] <= k < indptr[i + 1]``; amounts >= 0.
    external_assets, external_liabilities
        Money owned and owed outside the network, >= 0, shape ``(n,)``.
    payments
        Filled with what each node pays, shape ``(n,)``; exactly what it owes where it does not default.

    Returns
    -------
    int
        Rounds in which the default set grew; negative: the sweeps did not settle.
    """
    n = len(external_assets)
    due = total_due(indptr, amount, external_liabilities)
    payments[:] = due
    failed = np.zeros(n, dtype=np.bool_)
    for rounds in range(n + 1):
        income = _income(indptr, creditor, amount, external_assets, due, payments)
        grown = False
        for i in range(n):
            if not failed[i] and income[i] < due[i] - TOLERANCE * (due[i] + income[i]):
                failed[i] = True
                grown = True
        if not grown:
            return rounds
        if not _pay(indptr, creditor, amount, external_assets, external_liabilities, due, failed, payments):
            return -LARGEST_SWEEPS
    return n


@kernel
def total_due(indptr: IntArray, amount: FloatArray, external_liabilities: FloatArray) -> FloatArray:
    """All that each node owes, outside first: what a solvent node pays, to the last bit."""
    due = external_liabilities.copy()
    for i in range(len(due)):
        for k in range(indptr[i], indptr[i + 1]):
            due[i] += amount[k]
    return due


@kernel
def _income(
    indptr: IntArray,
    creditor: IntArray,
    amount: FloatArray,
    assets: FloatArray,
    due: FloatArray,
    payments: FloatArray,
) -> FloatArray:
    """Assets and receipts of every node, in the order of debts; who pays in full pays each claim exactly."""
    income = assets.copy()
    for i in range(len(assets)):
        for k in range(indptr[i], indptr[i + 1]):
            if payments[i] == due[i]:
                income[creditor[k]] += amount[k]
            else:
                income[creditor[k]] += payments[i] * (amount[k] / due[i])
    return income


@kernel
def _pay(
    indptr: IntArray,
    creditor: IntArray,
    amount: FloatArray,
    assets: FloatArray,
    debts: FloatArray,
    due: FloatArray,
    failed: BoolArray,
    payments: FloatArray,
) -> bool:
    """Replace the payments of the failed by all they have; False if that does not settle."""
    n = len(assets)
    income = assets.copy()
    for i in range(n):
        if not failed[i]:
            for k in range(indptr[i], indptr[i + 1]):
                income[creditor[k]] += amount[k]
    many = failed.sum() > LARGEST_DENSE
    if many and _sweep(indptr, creditor, amount, income, due, failed, payments):
        return True
    if failed.sum() > LARGEST_REDUCTION:
        return False
    solution = solve_set(indptr, creditor, amount, debts, failed, income)
    for i in range(n):
        if failed[i]:
            payments[i] = min(due[i], solution[i])
    return True


@kernel
def solve_set(
    indptr: IntArray,
    creditor: IntArray,
    amount: FloatArray,
    debts: FloatArray,
    unknown: BoolArray,
    income: FloatArray,
) -> FloatArray:
    """Payments x of the unknown nodes with ``x = income + receipts from unknown nodes``; 0 elsewhere.

    Each pays in proportion to its debts inside (`amount`) and outside (`debts`) the network. `income` is
    what it has from elsewhere.
    """
    n = len(income)
    place = np.full(n, -1, dtype=np.int64)
    nodes = np.flatnonzero(unknown)
    size = len(nodes)
    for j in range(size):
        place[nodes[j]] = j
    flow = np.zeros((size, size))  # flow[i, j]: money from j to i per unit that j owes
    leak, wealth = np.zeros(size), np.zeros(size)
    for j in range(size):
        node = nodes[j]
        wealth[j], leak[j] = income[node], debts[node]
        for k in range(indptr[node], indptr[node + 1]):
            if place[creditor[k]] >= 0:
                flow[place[creditor[k]], j] += amount[k]
            else:
                leak[j] += amount[k]
    reduced = _reduce(flow, leak, wealth)
    solution = np.zeros(n)
    for j in range(size):
        node = nodes[j]
        owed = debts[node]
        for k in range(indptr[node], indptr[node + 1]):
            owed += amount[k]
        solution[node] = reduced[j] * owed
    return solution


@kernel
def _reduce(flow: FloatArray, leak: FloatArray, wealth: FloatArray) -> FloatArray:
    """Share r of its debts that each pays: ``(leak_j + sum_i flow_ij) r_j = wealth_j + sum_i flow_ji r_i``.

    Nodes are taken out from the last to the first, their payments passed on in proportion, then put back. A
    group that leaks nothing and from which nothing is taken pays in full.
    """
    size = len(leak)
    total = np.zeros(size)
    for last in range(size - 1, -1, -1):
        total[last] = leak[last]
        for i in range(last):
            total[last] += flow[i, last]
        if total[last] <= 0.0:
            continue
        for i in range(last):
            if flow[i, last] > 0.0:
                share = flow[i, last] / total[last]
                wealth[i] += share * wealth[last]
                for j in range(last):
                    if j != i:
                        flow[i, j] += share * flow[last, j]
        for j in range(last):
            leak[j] += flow[last, j] * (leak[last] / total[last])
    share_paid = np.ones(size)
    for node in range(size):
        if total[node] > 0.0:
            have = wealth[node]
            for j in range(node):
                have += flow[node, j] * share_paid[j]
            share_paid[node] = have / total[node]
    return share_paid


@kernel
def _sweep(
    indptr: IntArray,
    creditor: IntArray,
    amount: FloatArray,
    income: FloatArray,
    due: FloatArray,
    failed: BoolArray,
    payments: FloatArray,
) -> bool:
    """Gauss-Seidel from above on the failed; True once what is left is below the tolerance.

    The residual r falls by at most the largest q of the last five ratios: the rest is at most ``r q / (1 -
    q)``.
    """
    n = len(income)
    start, debtor, share = _transpose(indptr, creditor, amount, due, failed)
    scale = due.max()
    ratios = np.full(5, np.inf)
    before = np.inf
    for sweep in range(LARGEST_SWEEPS):
        residual = 0.0
        for i in range(n):
            if failed[i]:
                have = income[i]
                for k in range(start[i], start[i + 1]):
                    have += payments[debtor[k]] * share[k]
                have = min(have, due[i])
                residual = max(residual, abs(have - payments[i]))
                payments[i] = have
        ratios[sweep % 5] = residual / before if before > 0.0 else 0.0
        before = residual
        worst = ratios.max()
        if residual == 0.0 or (worst < 1.0 and residual * worst / (1.0 - worst) <= TOLERANCE * scale):
            return True
    return False


@kernel
def _transpose(
    indptr: IntArray, creditor: IntArray, amount: FloatArray, due: FloatArray, failed: BoolArray
) -> tuple[IntArray, IntArray, FloatArray]:
    """Claims on failed debtors by creditor, then debtor: starts, debtors, shares of the debtor's payment."""
    n = len(due)
    start = np.zeros(n + 1, dtype=np.int64)
    for i in range(n):
        if failed[i]:
            for k in range(indptr[i], indptr[i + 1]):
                start[creditor[k] + 1] += 1
    for i in range(n):
        start[i + 1] += start[i]
    following = start.copy()
    debtor, share = np.zeros(start[n], dtype=np.int64), np.zeros(start[n])
    for i in range(n):
        if failed[i]:
            for k in range(indptr[i], indptr[i + 1]):
                at = following[creditor[k]]
                debtor[at], share[at] = i, amount[k] / due[i]
                following[creditor[k]] += 1
    return start, debtor, share
