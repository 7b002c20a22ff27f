"""How does money move in the posterior of Gandy and Veraart? Compiled moves along cycles of debts.

A move adds x and -x in turn along a cycle of debtors and creditors and so keeps both sums. The cycle is drawn without
a look at the amounts; x is drawn from its law given all else. Every such step, and so any mixture of them, leaves the
posterior as it is.
"""

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.compiled import kernel

IntArray = NDArray[np.int64]

TIE = 1e-12  # share of the total: amounts that differ by less become 0 together
ATTEMPTS = 64


@kernel
def sample(
    matrix: FloatArray,
    debtors: IntArray,
    creditors: IntArray,
    random: np.random.Generator,
    atom: float,
    burn_in: int,
    thin: int,
    keep: bool,
    draws: FloatArray,
    mean: FloatArray,
    positive: FloatArray,
    traces: FloatArray,
) -> tuple[int, int]:
    """Run one chain.

    Parameters
    ----------
    matrix
        A feasible matrix, shape (n, n); changed in place.
    debtors, creditors
        Banks with a row and with a column sum above 0.
    random
        The chain's stream.
    atom
        Weight of a zero: (1 - link_probability) / (link_probability rate).
    burn_in, thin
        Draws left out first, and cycles from a draw to the next.
    keep, draws
        Whether draws are written, shape (n_draws, n, n).
    mean, positive
        To which every draw and its links are added, shape (n, n).
    traces
        Filled with links and sum of squares of every draw, shape (n_draws, 2).

    Returns
    -------
    cycles, moves
        Cycles tried after burn-in, and those that could move money.
    """
    n = len(matrix)
    none = TIE * matrix.sum()
    moves, cycles = 0, 0
    for draw in range(-burn_in, len(traces)):
        for _ in range(thin):
            moved = _move(matrix, debtors, creditors, random, atom, none)
            if draw >= 0:
                cycles += 1
                moves += moved
        if draw < 0:
            continue
        for i in range(n):
            for j in range(n):
                x = matrix[i, j]
                if keep:
                    draws[draw, i, j] = x
                if x > 0.0:
                    mean[i, j] += x
                    positive[i, j] += 1.0
                    traces[draw, 0] += 1.0
                    traces[draw, 1] += x * x
    return cycles, moves


@kernel
def _move(
    matrix: FloatArray,
    debtors: IntArray,
    creditors: IntArray,
    random: np.random.Generator,
    atom: float,
    none: float,
) -> int:
    """Move money along one random cycle; 1 if the cycle has room."""
    size = _cycle(debtors, creditors, random)
    if size == 0:
        return 0
    low, high = np.inf, np.inf
    for m in range(size):
        low = min(low, matrix[debtors[m], creditors[m]])
        high = min(high, matrix[debtors[(m + 1) % size], creditors[m]])
    if low + high <= none:
        return 0
    zeros_low, zeros_high = 0, 0
    for m in range(size):
        zeros_low += int(matrix[debtors[m], creditors[m]] <= low + none)
        zeros_high += int(matrix[debtors[(m + 1) % size], creditors[m]] <= high + none)
    shift = _shift(low, high, zeros_low, zeros_high, atom, random.random(), random.random())
    for m in range(size):
        i, j, following = debtors[m], creditors[m], debtors[(m + 1) % size]
        tied_low = shift == -low and matrix[i, j] <= low + none
        tied_high = shift == high and matrix[following, j] <= high + none
        matrix[i, j] = 0.0 if tied_low else max(0.0, matrix[i, j] + shift)
        matrix[following, j] = 0.0 if tied_high else max(0.0, matrix[following, j] - shift)
    return 1


@kernel
def _shift(
    low: float, high: float, zeros_low: int, zeros_high: int, atom: float, which: float, where: float
) -> float:
    """Draw x on [-low, high]: uniform inside, with atoms at the ends, where amounts become 0."""
    if atom > 0.0 and max(zeros_low, zeros_high) > 1:
        if zeros_low != zeros_high:
            return -low if zeros_low > zeros_high else high
        return -low if which < 0.5 else high
    place = which * (low + high + 2.0 * atom)
    if place < atom:
        return -low
    if place < 2.0 * atom:
        return high
    return -low + where * (low + high)


@kernel
def _cycle(debtors: IntArray, creditors: IntArray, random: np.random.Generator) -> int:
    """Put a cycle in front: debtor m owes creditor m and creditor m - 1, never itself; its length, 0 for none.

    Lengths 2, 3, ... have weights 1/2, 1/4, ...: long cycles rarely have room, but some matrices need them.
    """
    n_debtors, n_creditors = len(debtors), len(creditors)
    most = min(n_debtors, n_creditors)
    if most < 2:
        return 0
    for _ in range(ATTEMPTS):
        size = 2
        while size < most and random.random() < 0.5:
            size += 1
        for m in range(size):
            k = m + int(random.random() * (n_debtors - m))
            debtors[m], debtors[k] = debtors[k], debtors[m]
        whole = True
        for m in range(size):
            left = n_creditors - m
            start = int(random.random() * left)
            found = -1
            for step in range(left):
                k = m + (start + step) % left
                if creditors[k] != debtors[m] and creditors[k] != debtors[(m + 1) % size]:
                    found = k
                    break
            if found < 0:
                whole = False
                break
            creditors[m], creditors[found] = creditors[found], creditors[m]
        if whole:
            return size
    return 0
