"""Distress and rounds of default in exact rational arithmetic, in plain Python."""

from fractions import Fraction
from itertools import combinations


def rounds_of_default(liabilities, equity, lgd, first, fails):
    """Waves and money lost: who fails by ``fails(i, loss)`` joins, round by round."""
    n = len(equity)
    failed, waves, newly = set(), [], set(first)
    while True:
        if newly:
            waves.append(sorted(newly))
        failed |= newly
        lost = [lgd * sum(Fraction(liabilities[i][j]) for i in failed) for j in range(n)]
        newly = {j for j in range(n) if j not in failed and fails(j, lost[j])}
        if not newly:
            return waves, lost


def furfine(liabilities, equity, lgd, chosen=None):
    """Waves and signed equity."""
    first = [i for i, w in enumerate(equity) if w < 0] if chosen is None else chosen
    waves, lost = rounds_of_default(liabilities, equity, lgd, first, lambda j, loss: equity[j] - loss < 0)
    return waves, [w - loss for w, loss in zip(equity, lost, strict=True)]


def threshold_cascade(liabilities, equity, threshold, lgd, shock, forced=()):
    """Waves and stress."""
    shock = [Fraction(1) if i in forced else s for i, s in enumerate(shock)]
    first = {i for i, s in enumerate(shock) if s >= threshold} | set(forced)

    def fails(j, loss):
        return shock[j] + loss / equity[j] >= threshold

    waves, lost = rounds_of_default(liabilities, equity, lgd, first, fails)
    return waves, [s + loss / w for s, loss, w in zip(shock, lost, equity, strict=True)]


def debtrank(liabilities, equity, shock):
    """h of the linear rule: on the nodes reached, the one set of capped nodes that fits; 1 without equity."""
    n = len(equity)
    shock = [s if w > 0 else Fraction(1) for s, w in zip(shock, equity, strict=True)]
    share = [
        [Fraction(liabilities[j][i]) / equity[i] if equity[i] > 0 else Fraction(0) for j in range(n)]
        for i in range(n)
    ]
    reached = {i for i in range(n) if shock[i] > 0}
    while True:
        more = {i for i in range(n) if any(share[i][j] > 0 for j in reached)} | reached
        if more == reached:
            break
        reached = more
    for size in range(len(reached) + 1):
        for capped in combinations(sorted(reached), size):
            h = _with_capped(share, shock, reached, set(capped))
            if h is not None:
                return h
    raise AssertionError("no set of capped nodes fits")


def _with_capped(share, shock, reached, capped):
    n = len(shock)
    free = sorted(reached - capped)
    rows = []
    for i in free:
        have = shock[i] + sum(share[i][j] for j in capped)
        rows.append([Fraction(int(i == j)) - share[i][j] for j in free] + [have])
    found = solve(rows)
    if found is None:
        return None
    h = [Fraction(int(i in capped)) for i in range(n)]
    for i, value in zip(free, found, strict=True):
        h[i] = value
    moved = [shock[i] + sum(share[i][j] * h[j] for j in range(n)) for i in range(n)]
    fits = all(shock[i] <= h[i] < 1 for i in free) and all(moved[i] >= 1 for i in capped)
    return h if fits else None


def solve(rows):
    """Solution of a square system, None if it is singular."""
    size = len(rows)
    rows = [list(row) for row in rows]
    for column in range(size):
        pivot = next((r for r in range(column, size) if rows[r][column] != 0), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for r in range(size):
            if r != column and rows[r][column] != 0:
                factor = rows[r][column] / rows[column][column]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[column], strict=True)]
    return [rows[k][size] / rows[k][k] for k in range(size)]
