"""Which few debtors and creditors settle among themselves? Pairs and triples with equal sums, taken out greedily."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray

__all__ = ["most_pairs", "settled_apart"]

IntArray = NDArray[np.int64]
Group = tuple[IntArray, IntArray]

MOST_FOR_TRIPLES: Final = 2_000
GAP: Final = 1e-12
"""Sums that differ by less, as a share of the total, are equal."""


def most_pairs(debts: FloatArray, claims: FloatArray, gap: float) -> int:
    """Return the most pairs of one debt and one claim that differ by at most `gap`.

    Examples
    --------
    >>> most_pairs(np.array([1.0, 2.0, 2.0]), np.array([2.0, 3.0]), 0.0)
    1
    """
    debts, claims = np.sort(debts), np.sort(claims)
    i = j = found = 0
    while i < len(debts) and j < len(claims):
        if abs(debts[i] - claims[j]) <= gap:
            i, j, found = i + 1, j + 1, found + 1
        elif debts[i] < claims[j]:
            i += 1
        else:
            j += 1
    return found


def settled_apart(owed: FloatArray, claimed: FloatArray) -> list[Group]:
    """Return groups of debtors and creditors that settle among themselves; the last one holds all others.

    Parameters
    ----------
    owed, claimed : numpy.ndarray, shape (n,)
        Feasible sums.

    Returns
    -------
    list of (debtors, creditors)
        What is left after each group is feasible too.
    """
    search = _Search(owed, claimed)
    search.pairs()
    if max((search.owed > 0.0).sum(), (search.claimed > 0.0).sum()) <= MOST_FOR_TRIPLES:
        search.triples(search.owed, search.claimed, two_debtors=True)
        search.triples(search.claimed, search.owed, two_debtors=False)
    rest = np.flatnonzero(search.owed > 0.0), np.flatnonzero(search.claimed > 0.0)
    return [*search.found, rest] if len(rest[0]) else search.found


class _Search:
    """What is left to settle, and the groups found so far."""

    def __init__(self, owed: FloatArray, claimed: FloatArray) -> None:
        self.owed, self.claimed = owed.copy(), claimed.copy()
        self.total = float(owed.sum())
        self.left = self.total
        self.largest = float((owed + claimed).max()) if len(owed) else 0.0
        self.found: list[Group] = []

    def take(self, debtors: list[int], creditors: list[int]) -> bool:
        """Take a group out if all others remain feasible without it."""
        money = float(sum(self.owed[i] for i in debtors))
        if self.left - money < self.largest:
            both = self.owed + self.claimed
            both[debtors] -= self.owed[debtors]
            both[creditors] -= self.claimed[creditors]
            if self.left - money < both.max() - GAP * self.total:
                return False
            self.largest = float(both.max())
        self.left -= money
        self.owed[debtors] = 0.0
        self.claimed[creditors] = 0.0
        self.found.append((np.array(debtors, dtype=np.int64), np.array(creditors, dtype=np.int64)))
        return True

    def pairs(self) -> None:
        """One debtor and one creditor with equal sums, not one bank."""
        debtors, creditors = _rising(self.owed), _rising(self.claimed)
        gap = GAP * self.total
        start = 0
        for i in debtors.tolist():
            while start < len(creditors) and self.claimed[creditors[start]] < self.owed[i] - gap:
                start += 1
            for k in range(start, min(start + 3, len(creditors))):
                j = int(creditors[k])
                same = i != j and self.claimed[j] > 0.0 and abs(self.claimed[j] - self.owed[i]) <= gap
                if same and self.take([i], [j]):
                    break

    def triples(self, two: FloatArray, one: FloatArray, *, two_debtors: bool) -> None:
        """Two banks on one side whose sums add up to that of a bank on the other."""
        gap = GAP * self.total
        for j in _rising(one).tolist():
            many = _rising(two)
            if len(many) < 3:
                return
            want = one[j] - two[many]
            at = np.clip(np.searchsorted(two[many], want - gap), 0, len(many) - 1)
            fits = (np.abs(two[many[at]] - want) <= gap) & (at > np.arange(len(many)))
            fits &= (many != j) & (many[at] != j)
            for k in np.flatnonzero(fits)[:3]:
                couple = [int(many[k]), int(many[at[k]])]
                if self.take(couple, [j]) if two_debtors else self.take([j], couple):
                    break


def _rising(amounts: FloatArray) -> IntArray:
    """Places of the amounts above 0, smallest first."""
    order = np.argsort(amounts, kind="stable")
    return np.asarray(order[amounts[order] > 0.0])
