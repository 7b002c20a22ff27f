"""Cross-holdings in exact rational arithmetic, by brute force over who defaults or fails."""

from fractions import Fraction
from itertools import product


def suzuki_greatest(equity_holdings, debt_holdings, debt, assets):
    """Total assets: the largest of all vectors that solve the system of some default set and confirm it."""
    n = len(debt)
    best = None
    for failed in product([False, True], repeat=n):
        total = _valued(equity_holdings, debt_holdings, debt, assets, failed)
        if total is not None and all((total[i] < debt[i]) == failed[i] for i in range(n)):
            best = total if best is None else [max(a, b) for a, b in zip(best, total, strict=True)]
    return best


def suzuki_least(equity_holdings, debt_holdings, debt, assets):
    """Total assets of the least solution: the greatest without the assets of those that no value reaches."""
    n = len(debt)
    total = suzuki_greatest(equity_holdings, debt_holdings, debt, assets)
    found = {i for i in range(n) if assets[i] > 0}
    for _ in range(n):
        found |= {
            i
            for i in range(n)
            for j in found
            if debt_holdings[i][j] * debt[j] > 0 or equity_holdings[i][j] * max(0, total[j] - debt[j]) > 0
        }
    return [total[i] if i in found else Fraction(0) for i in range(n)]


def suzuki_map(equity_holdings, debt_holdings, debt, assets, total):
    """One round of valuation."""
    n = len(debt)
    return [
        assets[i]
        + sum(
            equity_holdings[i][j] * max(Fraction(0), total[j] - debt[j])
            + debt_holdings[i][j] * min(debt[j], total[j])
            for j in range(n)
        )
        for i in range(n)
    ]


def _valued(equity_holdings, debt_holdings, debt, assets, failed):
    n = len(debt)
    rows = []
    for i in range(n):
        row = [Fraction(int(i == j)) for j in range(n)]
        own = Fraction(assets[i])
        for j in range(n):
            if failed[j]:
                row[j] -= debt_holdings[i][j]
            else:
                row[j] -= equity_holdings[i][j]
                own += (debt_holdings[i][j] - equity_holdings[i][j]) * debt[j]
        rows.append([*row, own])
    return solved(rows)


def failures(cross_holdings, assets, thresholds, costs):
    """All failure sets that confirm themselves, with values; the best is the first, the worst the last by size."""
    n = len(assets)
    dependency = exact_dependency(cross_holdings)
    found = []
    for failed in product([False, True], repeat=n):
        left = [assets[j] - (costs[j] if failed[j] else 0) for j in range(n)]
        values = [sum(dependency[i][j] * left[j] for j in range(n)) for i in range(n)]
        if all((values[i] < thresholds[i]) == failed[i] for i in range(n)):
            found.append((sum(failed), failed, values))
    found.sort(key=lambda outcome: outcome[0])
    return found


def exact_dependency(cross_holdings):
    """diag(1 - column sums) (I - C)^-1, column by column."""
    n = len(cross_holdings)
    outside = [1 - sum(cross_holdings[i][j] for i in range(n)) for j in range(n)]
    columns = []
    for j in range(n):
        rows = [
            [*(Fraction(int(i == k)) - cross_holdings[i][k] for k in range(n)), Fraction(int(i == j))]
            for i in range(n)
        ]
        columns.append(solved(rows))
    return [[outside[i] * columns[j][i] for j in range(n)] for i in range(n)]


def solved(rows):
    """Solution of a system with the right side as last column, by elimination; None if it is singular."""
    n = len(rows)
    for column in range(n):
        pivot = next((r for r in range(column, n) if rows[r][column] != 0), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for r in range(n):
            if r != column and rows[r][column] != 0:
                factor = rows[r][column] / rows[column][column]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[column], strict=True)]
    return [rows[i][n] / rows[i][i] for i in range(n)]
