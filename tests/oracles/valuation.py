"""Values of claims by other ways: exact default sets, and integrals of what a claim pays."""

from fractions import Fraction
from itertools import pairwise
from math import erfc, exp, log, pi, sqrt

from scipy.integrate import quad


def solve(rows):
    """Solution of a linear system given as rows with the right side last, in rationals."""
    n = len(rows)
    rows = [list(row) for row in rows]
    for column in range(n):
        pivot = next(r for r in range(column, n) if rows[r][column] != 0)
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for r in range(n):
            if r != column and rows[r][column] != 0:
                factor = rows[r][column] / rows[column][column]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[column], strict=True)]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def rogers_veraart_equity(liabilities, assets, debts, alpha, beta):
    """Equity in the greatest clearing vector (pari passu), by fictitious default in rationals."""
    n = len(assets)
    owed = [[Fraction(x) for x in row] for row in liabilities]
    e = [Fraction(x) for x in assets]
    due = [sum(owed[i]) + Fraction(debts[i]) for i in range(n)]
    alpha, beta = Fraction(alpha), Fraction(beta)

    def share(i, j):
        return owed[i][j] / due[i] if due[i] else Fraction(0)

    failed, paid = set(), list(due)
    while True:
        equity = [e[i] + sum(paid[j] * share(j, i) for j in range(n)) - due[i] for i in range(n)]
        new = {i for i in range(n) if equity[i] < 0} - failed
        if not new:
            return equity
        failed |= new
        rows = []
        for i in range(n):
            row = [Fraction(int(i == j)) for j in range(n)]
            if i in failed:
                row = [row[j] - beta * share(j, i) for j in range(n)]
            rows.append([*row, alpha * e[i] if i in failed else due[i]])
        paid = solve(rows)


def furfine_equity(liabilities, equity, recovery):
    """Equity when a claim on every failed node keeps a share, in rationals."""
    n = len(equity)
    worth, failed = [Fraction(x) for x in equity], set()
    while True:
        now = [
            worth[i] - sum((1 - Fraction(recovery)) * Fraction(liabilities[j][i]) for j in failed)
            for i in range(n)
        ]
        new = {i for i in range(n) if now[i] < 0} - failed
        if not new:
            return now
        failed |= new


def merton_value(equity, assets, due, sigma, recovery):
    """Mean of what a claim pays at maturity, by integration over the outcome of external assets."""

    def pays(z):
        left = equity - assets + assets * exp(sigma * z - 0.5 * sigma**2)
        return 1.0 if left >= 0.0 else recovery * max(0.0, 1.0 + left / due)

    return _mean(
        pays, [_outcome(assets - equity, assets, sigma), _outcome(assets - equity - due, assets, sigma)]
    )


def furfine_merton_value(equity, assets, sigma, recovery):
    """The same where a claim on a defaulter pays a given share."""

    def pays(z):
        return 1.0 if equity - assets + assets * exp(sigma * z - 0.5 * sigma**2) >= 0.0 else recovery

    return _mean(pays, [_outcome(assets - equity, assets, sigma)])


def black_cox_probability(equity, assets, sigma):
    """Chance that external assets touch assets - equity: first passage density integrated over time."""
    distance = -log(1.0 - equity / assets) / sigma
    drift = -0.5 * sigma

    def density(t):
        return distance / sqrt(2.0 * pi * t**3) * exp(-((distance + drift * t) ** 2) / (2.0 * t))

    peak = min(0.5, distance**2 / 3.0)
    return quad(density, 0.0, 1.0, points=[peak], epsabs=1e-13, limit=400)[0]


def normal(z):
    """The normal distribution function."""
    return 0.5 * erfc(-z / sqrt(2.0))


def _outcome(level, assets, sigma):
    """Standard normal outcome at which external assets end at a level."""
    return (log(level / assets) + 0.5 * sigma**2) / sigma if level > 0.0 else -40.0


def _mean(pays, kinks):
    ends = sorted({-40.0, 40.0, *(min(max(k, -40.0), 40.0) for k in kinks), -6.0, 0.0, 6.0})
    total = 0.0
    for low, high in pairwise(ends):
        inner = 1e-15 * max(1.0, abs(low), abs(high))
        total += quad(
            lambda z: pays(z) * exp(-0.5 * z * z) / sqrt(2.0 * pi),
            low + inner,
            high - inner,
            epsabs=1e-14,
            limit=200,
        )[0]
    return total
