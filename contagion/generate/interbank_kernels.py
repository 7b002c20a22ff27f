"""Who owes whom in a made interbank network? Compiled draws of links, one bank at a time, without dense matrices."""

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.compiled import kernel

IntArray = NDArray[np.int64]

TRIES = 200


@kernel
def subsets(counts: IntArray, size: int, random: np.random.Generator) -> IntArray:
    """For each count k, k different places out of 0, ..., size - 1, every subset equally likely; one after another."""
    pool = np.arange(size)
    found = np.zeros(counts.sum(), dtype=np.int64)
    at = 0
    for count in counts:
        for m in range(count):
            k = m + int(random.random() * (size - m))
            pool[m], pool[k] = pool[k], pool[m]
            found[at] = pool[m]
            at += 1
    return found


@kernel
def rewired_ring(n: int, degree: int, rewiring: float, random: np.random.Generator) -> IntArray:
    """Creditors of each bank: the next `degree` ones on a ring, each replaced by another bank with a probability."""
    found = np.zeros(n * degree, dtype=np.int64)
    for i in range(n):
        start = i * degree
        for m in range(degree):
            found[start + m] = (i + 1 + m) % n
        for m in range(degree):
            if random.random() < rewiring and degree < n - 1:
                while True:
                    j = int(random.random() * n)
                    if j != i and not _in(found, start, start + degree, j):
                        break
                found[start + m] = j
    return found


@kernel
def attached(n: int, degree: int, exponent: float, random: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Each newcomer links to `degree` different earlier banks, by what they have attracted, and owes half of them.

    A bank that has attracted q links is chosen with weight q + degree (exponent - 2): degrees have a tail with that
    exponent. The first banks are those of any larger network with the same stream.
    """
    most = n * degree
    debtor, creditor = np.zeros(most, dtype=np.int64), np.zeros(most, dtype=np.int64)
    attracted = np.zeros(most, dtype=np.int64)
    base = degree * (exponent - 2.0)
    links = 0
    for t in range(1, n):
        first = links
        for m in range(min(t, degree)):
            j = m
            if t > degree:
                while True:
                    which = random.random() * (first + base * t)
                    j = attracted[int(which)] if which < first else int(random.random() * t)
                    if not _in(attracted, first, first + m, j):
                        break
            attracted[links] = j
            if random.random() < 0.5:
                debtor[links], creditor[links] = t, j
            else:
                debtor[links], creditor[links] = j, t
            links += 1
    return debtor[:links], creditor[:links]


@kernel
def untangled(debtor: IntArray, creditor: IntArray, starts: IntArray, random: np.random.Generator) -> bool:
    """Swap creditors between links until nobody owes itself or one bank twice; degrees stay. In place.

    `debtor` rises and the links of bank i are those from starts[i] to starts[i + 1]. False if some link finds no
    partner.
    """
    n, links = len(starts) - 1, len(debtor)
    seen = np.full(n, -1, dtype=np.int64)
    while True:
        bad = 0
        for i in range(n):
            for e in range(starts[i], starts[i + 1]):
                j = creditor[e]
                if j == i or seen[j] == i:
                    bad += 1
                    if not _swapped(debtor, creditor, starts, e, random, TRIES * 10):
                        return False
                seen[creditor[e]] = i
            for e in range(starts[i], starts[i + 1]):
                seen[creditor[e]] = -1
        if bad == 0:
            return True
        if links < 2:
            return False


@kernel
def shuffled(
    debtor: IntArray, creditor: IntArray, starts: IntArray, random: np.random.Generator, swaps: int
) -> None:
    """Swap creditors of random pairs of links of a network without double links, keeping degrees."""
    for _ in range(swaps):
        _swapped(debtor, creditor, starts, int(random.random() * len(debtor)), random, 1)


@kernel
def filled(
    debtor: IntArray, creditor: IntArray, weight: FloatArray, budget: FloatArray, rounds: int
) -> FloatArray:
    """Amounts in proportion to weights, raised until budgets of one of both sides are used up, never beyond.

    Parameters
    ----------
    debtor, creditor, weight
        Links, shape (n_links,); weights above 0.
    budget
        The most that each bank may owe, and the most that it may be owed, shape (n,).
    rounds
        Fillings; the first serves every link, later ones use up what is left.
    """
    n, links = len(budget), len(debtor)
    amount, to_owe, to_lend = np.zeros(links), budget.copy(), budget.copy()
    by_debtor, by_creditor = np.zeros(n), np.zeros(n)
    owes, lends = np.ones(n, dtype=np.bool_), np.ones(n, dtype=np.bool_)
    for _ in range(rounds):
        for i in range(n):
            owes[i], lends[i] = to_owe[i] > 1e-9 * budget[i], to_lend[i] > 1e-9 * budget[i]
        by_debtor[:] = 0.0
        by_creditor[:] = 0.0
        for e in range(links):
            i, j = debtor[e], creditor[e]
            if owes[i] and lends[j]:
                by_debtor[i] += weight[e]
                by_creditor[j] += weight[e]
        for i in range(n):
            by_debtor[i] = (1.0 - 1e-12) * to_owe[i] / by_debtor[i] if by_debtor[i] > 0.0 else 0.0
            by_creditor[i] = (1.0 - 1e-12) * to_lend[i] / by_creditor[i] if by_creditor[i] > 0.0 else 0.0
        for e in range(links):
            i, j = debtor[e], creditor[e]
            more = weight[e] * min(by_debtor[i], by_creditor[j])
            if more > 0.0:
                amount[e] += more
                to_owe[i] = max(0.0, to_owe[i] - more)
                to_lend[j] = max(0.0, to_lend[j] - more)
    return amount


@kernel
def _swapped(
    debtor: IntArray, creditor: IntArray, starts: IntArray, e: int, random: np.random.Generator, tries: int
) -> bool:
    """Swap creditors with a random link so that both new links are allowed."""
    i, j = debtor[e], creditor[e]
    for _ in range(tries):
        f = int(random.random() * len(debtor))
        k, other = debtor[f], creditor[f]
        if i == other or i == k or k == j:  # noqa: SIM109 (compiled)
            continue
        if _in(creditor, starts[i], starts[i + 1], other) or _in(creditor, starts[k], starts[k + 1], j):
            continue
        creditor[e], creditor[f] = other, j
        return True
    return False


@kernel
def _in(values: IntArray, start: int, end: int, wanted: int) -> bool:
    """Whether a value is among some."""
    k = start
    while k < end and values[k] != wanted:
        k += 1
    return k < end
