"""Clearing in exact rational arithmetic, by brute force over default sets."""

from fractions import Fraction
from itertools import product


def brute_force(liabilities, assets, debts):
    """Greatest payments: the largest of all vectors that pay in full outside a set and all they have inside it."""
    n = len(assets)
    due = [Fraction(sum(liabilities[i])) + Fraction(debts[i]) for i in range(n)]
    best = None
    for failed in product([False, True], repeat=n):
        paid = _paid(liabilities, assets, due, failed)
        if (
            paid is not None
            and all(0 <= paid[i] <= due[i] for i in range(n))
            and _clears(liabilities, assets, due, paid)
        ):
            best = paid if best is None else [max(a, b) for a, b in zip(best, paid, strict=True)]
    return best


def _share(liabilities, due, debtor, creditor):
    return Fraction(liabilities[debtor][creditor]) / due[debtor] if due[debtor] else Fraction(0)


def _clears(liabilities, assets, due, paid):
    n = len(assets)
    return all(
        paid[i]
        == min(due[i], Fraction(assets[i]) + sum(paid[j] * _share(liabilities, due, j, i) for j in range(n)))
        for i in range(n)
    )


def _paid(liabilities, assets, due, failed):
    """Payments if exactly these fail, by elimination; None if the system is singular."""
    n = len(assets)
    rows = []
    for i in range(n):
        row = [Fraction(int(i == j)) for j in range(n)]
        if failed[i]:
            for j in range(n):
                row[j] -= _share(liabilities, due, j, i)
        rows.append([*row, Fraction(assets[i]) if failed[i] else due[i]])
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


def from_below(liabilities, assets, debts, senior=False, rounds=4000):
    """Payments inside the network by plain iteration from nothing: approaches the least vector."""
    return _iterate(liabilities, assets, debts, senior, rounds, 0.0)


def from_above(liabilities, assets, debts, senior=False, rounds=4000):
    """Payments inside the network by plain iteration from full payment: approaches the greatest vector."""
    return _iterate(liabilities, assets, debts, senior, rounds, 1.0)


def _iterate(liabilities, assets, debts, senior, rounds, start):
    n = len(assets)
    owed = [float(sum(row)) for row in liabilities]
    due = owed if senior else [owed[i] + debts[i] for i in range(n)]
    net = [assets[i] - debts[i] if senior else assets[i] for i in range(n)]
    paid = [start * d for d in due]
    for _ in range(rounds):
        income = [sum(paid[j] * liabilities[j][i] / due[j] for j in range(n) if due[j]) for i in range(n)]
        following = [min(due[i], max(0.0, net[i] + income[i])) for i in range(n)]
        if following == paid:
            break
        paid = following
    return [paid[i] * owed[i] / due[i] if due[i] else 0.0 for i in range(n)]
