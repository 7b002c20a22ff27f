"""What is the sparsest network with given sums? Exact for small networks, a heuristic with a bound for larger ones.

The fewest links are debtors + creditors - groups with the most groups that settle among themselves
(`reconstruct_groups`). Up to 24 debtors and creditors together all sets are
tried. Beyond, pairs and triples that settle are taken
out greedily and the rest is served as one tree: at most debtors + creditors - 1 links, never called minimal.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.claims import Claims
from contagion.errors import SchemaError, TooLargeError
from contagion.generate.reconstruct_flow import TIE, plan
from contagion.generate.reconstruct_groups import most_groups
from contagion.generate.reconstruct_pairs import most_pairs, settled_apart
from contagion.generate.reconstruct_sums import LEAST_LINK, Sums, read_sums

__all__ = ["MinDensity", "min_density"]

IntArray = NDArray[np.int64]

LARGEST_EXACT: Final = 24
MOST_CELLS: Final = 100_000_000


@dataclass(frozen=True)
class MinDensity:
    """A network with few links.

    Parameters
    ----------
    claims : Claims
        The debts, sparse.
    n_links : int
        Debts above 1e-9 of the total.
    lower_bound : int
        No network with these sums has fewer links.
    exact : bool
        Whether `n_links` is the minimum.
    method : str
        ``groups`` (every set of debtors and creditors tried) or ``heuristic``.
    """

    claims: Claims
    n_links: int
    lower_bound: int
    exact: bool
    method: str

    @property
    def liabilities(self) -> Any:
        """The debts as a matrix, row debtor; a frame where banks have names.

        Raises
        ------
        TooLargeError
            Above 10,000 banks: use `claims`.
        """
        if self.claims.n**2 > MOST_CELLS:
            raise TooLargeError(
                "banks are too many for a dense matrix",
                where="liabilities",
                value=self.claims.n,
                remedy="claims",
            )
        full = self.claims.dense()
        return Sums(full.sum(1), full.sum(0), self.claims.names).labelled(full)


def min_density(
    interbank_liabilities: Any, interbank_assets: Any, *, exact: bool | None = None
) -> MinDensity:
    """Find a network with the given sums and as few links as possible.

    Parameters
    ----------
    interbank_liabilities, interbank_assets : array_like, Series or mapping, shape (n,)
        Row and column sums of the matrix of debts, money >= 0. Both labelled, joined by name, or neither.
    exact : bool, optional
        True: the minimum, False: the heuristic; by default the minimum where debtors and creditors together are at
        most 24.

    Returns
    -------
    MinDensity
        Sums are met to 1e-9 of the total. The network is one of several with as few links.

    Raises
    ------
    InputError
        If a number is not finite or negative, lengths, labels or totals differ, or the sums are infeasible.
    TooLargeError
        If the minimum is asked for and debtors and creditors are too many.

    Examples
    --------
    >>> found = min_density([4, 5, 5, 0, 0, 2, 4], [7, 5, 3, 1, 3, 0, 1])
    >>> found.n_links, found.exact
    (7, True)

    References
    ----------
    Anand, Craig, von Peter (2015), Quantitative Finance 15(4).
    """
    sums = read_sums(interbank_liabilities, interbank_assets)
    if exact is not None and not isinstance(exact, bool):
        raise SchemaError("is no truth value", where="exact", value=exact, allowed="True, False or None")
    owed, claimed = (
        np.where(side > LEAST_LINK * sums.total, side, 0.0) for side in (sums.owed, sums.claimed)
    )
    size = int((owed > 0.0).sum() + (claimed > 0.0).sum())
    if exact and size > LARGEST_EXACT:
        raise TooLargeError(
            "debtors and creditors are too many to try all sets",
            where="min_density, exact",
            value=size,
            allowed=f"at most {LARGEST_EXACT}",
            remedy="exact=False",
        )
    small = size <= LARGEST_EXACT if exact is None else exact
    groups = _best_groups(owed, claimed) if small else settled_apart(owed, claimed)
    debtor, creditor, amount = _served(owed, claimed, groups)
    kept = amount > LEAST_LINK * sums.total
    claims = Claims.from_arrays(debtor[kept], creditor[kept], amount[kept], sums.n, sums.names)
    links = len(claims.amount)
    bound = links if small else _bound(owed, claimed, LEAST_LINK * sums.total)
    return MinDensity(claims, links, bound, links == bound, "groups" if small else "heuristic")


def _best_groups(owed: FloatArray, claimed: FloatArray) -> list[tuple[IntArray, IntArray]]:
    """Debtors and creditors of the most groups that settle among themselves."""
    debtors, creditors = np.flatnonzero(owed > 0.0), np.flatnonzero(claimed > 0.0)
    size = len(debtors) + len(creditors)
    if size == 0:
        return []
    signed = np.zeros(2**size)
    for k, one in enumerate([*owed[debtors], *-claimed[creditors]]):
        np.add(signed[: 2**k], one, out=signed[2**k : 2 ** (k + 1)])
    np.abs(signed, out=signed)
    balanced = np.flatnonzero(signed <= LEAST_LINK * owed.sum())[1:]
    place = {int(bank): len(debtors) + k for k, bank in enumerate(creditors)}
    partner = np.array([place.get(int(bank), -1) for bank in debtors], dtype=np.int64)
    amount = np.concatenate([owed[debtors], claimed[creditors]])
    best, first = most_groups(balanced, amount, partner, len(debtors), size)
    found: list[tuple[IntArray, IntArray]] = []
    left = 2**size - 1
    while left:
        at = int(np.searchsorted(balanced, left))
        if at >= len(balanced) or balanced[at] != left or best[at] == 0:
            return [*found, _members(left, debtors, creditors)]
        group = int(first[at])
        found.append(_members(group, debtors, creditors))
        left ^= group
    return found


def _members(group: int, debtors: IntArray, creditors: IntArray) -> tuple[IntArray, IntArray]:
    bits = np.array([group >> k & 1 for k in range(len(debtors) + len(creditors))], dtype=bool)
    return debtors[bits[: len(debtors)]], creditors[bits[len(debtors) :]]


def _served(
    owed: FloatArray, claimed: FloatArray, groups: list[tuple[IntArray, IntArray]]
) -> tuple[IntArray, IntArray, FloatArray]:
    """Debts of every group, each a tree."""
    parts: list[tuple[IntArray, IntArray, FloatArray]] = []
    for debtors, creditors in groups:
        if len(debtors) == 1 or len(creditors) == 1:
            many = claimed[creditors] if len(debtors) == 1 else owed[debtors]
            ends = np.broadcast_arrays(debtors, creditors)
            parts.append((ends[0], ends[1], many))
            continue
        banks = np.union1d(debtors, creditors)
        rows, columns = np.zeros(len(banks)), np.zeros(len(banks))
        rows[np.searchsorted(banks, debtors)] = owed[debtors]
        columns[np.searchsorted(banks, creditors)] = claimed[creditors]
        found = plan(rows, columns, np.argsort(-rows, kind="stable"), np.argsort(-columns, kind="stable"))
        tree = _as_forest(*found, TIE * float(rows.sum()))
        parts.append((banks[tree[0]], banks[tree[1]], tree[2]))
    if not parts:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0)
    return (
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
    )


def _as_forest(
    debtor: IntArray, creditor: IntArray, amount: FloatArray, none: float
) -> tuple[IntArray, IntArray, FloatArray]:
    """The same sums with debts that form no cycle: money goes round every cycle until one debt of it is gone."""
    paid: dict[tuple[int, int], float] = {}
    near: dict[int, set[int]] = defaultdict(set)  # debtor i is i, creditor j is -1 - j
    root: dict[int, int] = {}
    for i, j, x in zip(debtor.tolist(), creditor.tolist(), amount.tolist(), strict=True):
        way = [] if (i, j) in paid or _joined(root, i, -1 - j) else _way(near, i, -1 - j)
        paid[i, j] = paid.get((i, j), 0.0) + x
        near[i].add(-1 - j)
        near[-1 - j].add(i)
        if not way:
            continue
        steps = [(a, -1 - b) if a >= 0 else (b, -1 - a) for a, b in pairwise(way)]
        up, down = [(i, j), *steps[1::2]], steps[0::2]
        if min(paid[cell] for cell in up) < min(paid[cell] for cell in down):
            up, down = down, up
        shift = min(paid[cell] for cell in down)
        for cell in up:
            paid[cell] += shift
        for cell in down:
            paid[cell] -= shift
            if paid[cell] <= none:
                del paid[cell]
                near[cell[0]].discard(-1 - cell[1])
                near[-1 - cell[1]].discard(cell[0])
    cells = np.array(list(paid), dtype=np.int64).reshape(-1, 2)
    return cells[:, 0], cells[:, 1], np.array(list(paid.values()))


def _joined(root: dict[int, int], a: int, b: int) -> bool:
    """Join the trees of two nodes; False if they were one already."""
    ends = []
    for node in (a, b):
        while root.setdefault(node, node) != node:
            root[node] = node = root[root[node]]
        ends.append(node)
    root[ends[0]] = ends[1]
    return ends[0] != ends[1]


def _way(near: dict[int, set[int]], start: int, end: int) -> list[int]:
    """The way between two nodes of a forest, empty for none."""
    before = {start: start}
    queue = [start]
    for node in queue:
        if node == end:
            way = [end]
            while way[-1] != start:
                way.append(before[way[-1]])
            return way[::-1]
        for other in near[node]:
            if other not in before:
                before[other] = node
                queue.append(other)
    return []


def _bound(owed: FloatArray, claimed: FloatArray, gap: float) -> int:
    """Links that every network with these sums has: groups of two need equal sums, all others three members."""
    debtors, creditors = owed[owed > 0.0], claimed[claimed > 0.0]
    size, pairs = len(debtors) + len(creditors), most_pairs(debtors, creditors, gap)
    groups = min(len(debtors), len(creditors), pairs + (size - 2 * pairs) // 3)
    return int(size - groups)
