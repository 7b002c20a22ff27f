"""How does money move in the posterior of Gandy and Veraart? Compiled moves along cycles of debts.

A move adds x and -x in turn along a cycle of debtors and creditors and so keeps both sums; x is drawn from its law
given all else. Half of the cycles are drawn without a look at the amounts: they reach every network. The others are
found by a walk on links, since a random cycle of a sparse network rarely has room. Both kinds leave the posterior as
it is, and so does their mixture.
"""

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.compiled import kernel

IntArray = NDArray[np.int64]

TIE = 1e-12  # share of the total: amounts that differ by less become 0 together
ATTEMPTS = 64
LONGEST_WALK = 8

State = tuple[FloatArray, IntArray, IntArray, IntArray, IntArray, IntArray, IntArray]
"""Matrix, links of rows and columns, debtors and creditors, and room for the rows and columns of a cycle."""


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
    row_links, column_links = (matrix > 0.0).sum(1), (matrix > 0.0).sum(0)
    rows, columns = np.zeros(LONGEST_WALK, dtype=np.int64), np.zeros(LONGEST_WALK, dtype=np.int64)
    state = (matrix, row_links, column_links, debtors, creditors, rows, columns)
    moves, cycles = 0, 0
    for draw in range(-burn_in, len(traces)):
        for _ in range(thin):
            blind = row_links.sum() == 0 or random.random() < 0.5
            moved = (
                _blind_move(state, random, atom, none) if blind else _guided_move(state, random, atom, none)
            )
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
def _blind_move(state: State, random: np.random.Generator, atom: float, none: float) -> int:
    """Move money along a cycle drawn without a look at the amounts; 1 if the cycle has room."""
    matrix, row_links, column_links, debtors, creditors = state[0], state[1], state[2], state[3], state[4]
    size = _cycle(debtors, creditors, random)
    if size == 0:
        return 0
    return _shifted(matrix, row_links, column_links, debtors, creditors, size, random, atom, none)


@kernel
def _guided_move(state: State, random: np.random.Generator, atom: float, none: float) -> int:
    """Move money along a cycle of which all entries but one are links, found by a random walk on links.

    How often the walk finds the cycle depends on the links, so that the step is accepted with the ratio of this
    probability after and before it (Metropolis and Hastings).
    """
    matrix, row_links, column_links, rows, columns = state[0], state[1], state[2], state[5], state[6]
    size = _walk(matrix, row_links, column_links, len(state[3]), len(state[4]), rows, columns, random)
    if size == 0:
        return 0
    before = _chance(matrix, row_links, column_links, rows, columns, size)
    kept = np.empty((size, 2))
    for m in range(size):
        kept[m, 0] = matrix[rows[m], columns[m]]
        kept[m, 1] = matrix[rows[(m + 1) % size], columns[m]]
    if _shifted(matrix, row_links, column_links, rows, columns, size, random, atom, none) == 0:
        return 0
    after = _chance(matrix, row_links, column_links, rows, columns, size)
    if random.random() * before < after:
        return 1
    for m in range(size):
        _put(matrix, row_links, column_links, rows[m], columns[m], kept[m, 0])
        _put(matrix, row_links, column_links, rows[(m + 1) % size], columns[m], kept[m, 1])
    return 0


@kernel
def _shifted(
    matrix: FloatArray,
    row_links: IntArray,
    column_links: IntArray,
    rows: IntArray,
    columns: IntArray,
    size: int,
    random: np.random.Generator,
    atom: float,
    none: float,
) -> int:
    """Draw what moves along a cycle given all else, and move it; 1 if the cycle has room."""
    low, high = np.inf, np.inf
    for m in range(size):
        low = min(low, matrix[rows[m], columns[m]])
        high = min(high, matrix[rows[(m + 1) % size], columns[m]])
    if low + high <= none:
        return 0
    zeros_low, zeros_high = 0, 0
    for m in range(size):
        zeros_low += int(matrix[rows[m], columns[m]] <= low + none)
        zeros_high += int(matrix[rows[(m + 1) % size], columns[m]] <= high + none)
    shift = _shift(low, high, zeros_low, zeros_high, atom, random.random(), random.random())
    for m in range(size):
        i, j, following = rows[m], columns[m], rows[(m + 1) % size]
        tied_low = shift == -low and matrix[i, j] <= low + none
        tied_high = shift == high and matrix[following, j] <= high + none
        up = 0.0 if tied_low else max(0.0, matrix[i, j] + shift)
        down = 0.0 if tied_high else max(0.0, matrix[following, j] - shift)
        _put(matrix, row_links, column_links, i, j, up)
        _put(matrix, row_links, column_links, following, j, down)
    return 1


@kernel
def _put(
    matrix: FloatArray, row_links: IntArray, column_links: IntArray, i: int, j: int, amount: float
) -> None:
    """Set one debt and count links."""
    change = int(amount > 0.0) - int(matrix[i, j] > 0.0)
    row_links[i] += change
    column_links[j] += change
    matrix[i, j] = amount


@kernel
def _walk(
    matrix: FloatArray,
    row_links: IntArray,
    column_links: IntArray,
    n_debtors: int,
    n_creditors: int,
    rows: IntArray,
    columns: IntArray,
    random: np.random.Generator,
) -> int:
    """Walk from a random link along its row, then along a column, and so on; the last entry closes the cycle.

    Written as rows and columns: row m meets columns m and m - 1. The length of the cycle, 0 for none.
    """
    n, most = len(matrix), min(n_debtors, n_creditors, len(rows))
    if most < 2:
        return 0
    size = 2
    while size < most and random.random() < 0.5:
        size += 1
    place = int(random.random() * row_links.sum())
    i = 0
    while place >= row_links[i]:
        place -= row_links[i]
        i += 1
    j = _nth(matrix[i], place, -1)
    rows[0], columns[size - 1] = i, j
    for m in range(size - 1):
        if row_links[i] < 2:
            return 0
        j = _nth(matrix[i], int(random.random() * (row_links[i] - 1)), j)
        if column_links[j] < 2 or _seen(columns, m, j) or j == columns[size - 1]:
            return 0
        columns[m] = j
        i = _nth(matrix[:, j], int(random.random() * (column_links[j] - 1)), i)
        if _seen(rows, m + 1, i):
            return 0
        rows[m + 1] = i
    return 0 if i == columns[size - 1] or n < 3 else size


@kernel
def _nth(amounts: FloatArray, place: int, without: int) -> int:
    """Where the link with a number stands, one link left out."""
    at = -1
    while place >= 0:
        at += 1
        if amounts[at] > 0.0 and at != without:
            place -= 1
    return at


@kernel
def _seen(values: IntArray, count: int, wanted: int) -> bool:
    k = 0
    while k < count and values[k] != wanted:
        k += 1
    return k < count


@kernel
def _chance(
    matrix: FloatArray,
    row_links: IntArray,
    column_links: IntArray,
    rows: IntArray,
    columns: IntArray,
    size: int,
) -> float:
    """Probability that the walk finds this cycle: the sum over the entries that may close it."""
    missing = 0
    for m in range(size):
        missing += int(matrix[rows[m], columns[m]] <= 0.0)
        missing += int(matrix[rows[(m + 1) % size], columns[m]] <= 0.0)
    if missing > 1:
        return 0.0
    total = 0.0
    for m in range(size):
        for step in range(2):
            closing = (m + step) % size
            if missing == 0 or matrix[rows[closing], columns[m]] <= 0.0:
                ways = 1.0
                for k in range(size):
                    if k != closing:
                        ways /= row_links[rows[k]] - 1
                    if k != m:
                        ways /= column_links[columns[k]] - 1
                total += ways
    return float(total / row_links.sum())


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
