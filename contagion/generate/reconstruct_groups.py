"""Into how many groups that settle among themselves can debtors and creditors be split? Compiled, over all subsets.

A network with the fewest links is a forest: links = debtors + creditors - trees. A tree is a group of debtors and
creditors with equal totals that can settle without self-debt, so the fewest links belong to the most groups.
"""

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.compiled import kernel

IntArray = NDArray[np.int64]

TIE = 1e-12


@kernel
def most_groups(
    balanced: IntArray, amount: FloatArray, partner: IntArray, n_debtors: int, size: int
) -> tuple[NDArray[np.int8], IntArray]:
    """The most groups in every balanced set, and the first group of each.

    Parameters
    ----------
    balanced
        Sets whose debtors owe what their creditors are owed, as bits, rising.
    amount
        What each debtor owes and each creditor is owed, debtors first, shape (size,).
    partner
        Place of the creditor that is the same bank as a debtor, -1 for none, shape (n_debtors,).
    n_debtors, size
        Debtors, and debtors and creditors together.

    Returns
    -------
    best
        Shape (len(balanced),): groups, 0 for sets that cannot settle.
    first
        The group with the lowest bit of the set, as bits.
    """
    best = np.zeros(len(balanced), dtype=np.int8)
    first = np.zeros(len(balanced), dtype=np.int64)
    whole = np.zeros(len(balanced), dtype=np.int64)  # sets that do not split, by lowest bit
    before = np.full(len(balanced), -1, dtype=np.int64)
    last = np.full(size, -1, dtype=np.int64)
    found = 0
    for place in range(len(balanced)):
        chosen = balanced[place]
        low = 0
        while (chosen >> low) & 1 == 0:
            low += 1
        k = last[low]
        while k >= 0:
            group = whole[k]
            if group & ~chosen == 0 and group != chosen:
                rest = np.searchsorted(balanced, chosen ^ group)
                known = rest < len(balanced) and balanced[rest] == chosen ^ group
                if known and best[rest] >= max(1, best[place]):
                    best[place], first[place] = best[rest] + 1, group
            k = before[k]
        if best[place] == 0 and _settles(chosen, amount, partner, n_debtors):
            best[place], first[place] = 1, chosen
            whole[found], before[found] = chosen, last[low]
            last[low] = found
            found += 1
    return best, first


@kernel
def _settles(chosen: int, amount: FloatArray, partner: IntArray, n_debtors: int) -> bool:
    """Whether no bank of a balanced set owes and is owed more than the set's total."""
    total = 0.0
    for i in range(n_debtors):
        if (chosen >> i) & 1 == 1:
            total += amount[i]
    for i in range(n_debtors):
        j = partner[i]
        inside = j >= 0 and (chosen >> i) & 1 == 1 and (chosen >> j) & 1 == 1
        if inside and amount[i] + amount[j] > total + TIE * (amount[i] + amount[j] + total):
            return False
    return True
