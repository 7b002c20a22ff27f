"""All clearing vectors of a small network in exact rational arithmetic, by trying every combination of pieces.

A node is solvent, or pays part of one layer of its debts, or nothing of it. Each combination is a linear system; what
solves it and lies in its own pieces is a fixed point. Their largest and smallest payments are the two ends.
"""

from fractions import Fraction
from itertools import product


def costs_of_default(liabilities, assets, debts, alpha, beta, senior):
    """Greatest and least (payments inside or in all, default set) with costs of default."""
    n = len(assets)
    layer = [[[Fraction(x) for x in row] for row in liabilities]]
    outside = [[Fraction(0) if senior else Fraction(b) for b in debts]]
    first = [Fraction(b) if senior else Fraction(0) for b in debts]
    wealth = [(Fraction(assets[i]) - first[i], Fraction(alpha) * assets[i] - first[i]) for i in range(n)]
    return _ends(layer, outside, wealth, Fraction(beta))


def by_seniority(layers, assets, outside):
    """Greatest and least (payments, default set) with layers of seniority."""
    exact = [[[Fraction(x) for x in row] for row in layer] for layer in layers]
    debts = [[Fraction(x) for x in vector] for vector in outside]
    return _ends(exact, debts, [(Fraction(e), Fraction(e)) for e in assets], Fraction(1))


def _ends(layers, outside, wealth, beta):
    n, ranks = len(wealth), range(len(layers))
    due = [[sum(layers[k][i]) + outside[k][i] for k in ranks] for i in range(n)]
    found = []
    choices = []
    for i in range(n):  # receipts are never negative: some pieces are out of the question
        nothing = [(0, False)] if wealth[i][1] <= 0 else []
        sure = wealth[i][0] >= sum(due[i])
        choices.append([None] if sure else [*nothing, *((k, True) for k in ranks), None])
    for pieces in product(*choices):
        inside = _receipts(layers, due, wealth, beta, pieces)
        if inside is None:
            continue
        paid = [_pays(due[i], wealth[i], beta, pieces[i], inside[i]) for i in range(n)]
        if all(p is not None for p in paid):
            found.append((paid, [wealth[i][0] + inside[i] < sum(due[i]) for i in range(n)]))
    ends = []
    for best in (max, min):
        paid = [best(fixed[0][i] for fixed in found) for i in range(n)]
        ends.append(next(fixed for fixed in found if fixed[0] == paid))
    return ends


def _pays(due, wealth, beta, piece, inside):
    """What a node pays in its piece, None if it does not lie in it."""
    solvent = wealth[0] + inside >= sum(due)
    if piece is None:
        return sum(due) if solvent else None
    layer, pays = piece
    left = wealth[1] + beta * inside - sum(due[:layer])
    inside_piece = not solvent and (0 <= left <= due[layer] if pays else left <= 0)
    if not inside_piece:
        return None
    return sum(due[:layer]) + (left if pays else 0)


def _receipts(layers, due, wealth, beta, pieces):
    """What every node gets if each pays by its piece, by elimination; None if the system is singular."""
    n = len(wealth)
    sure, shares = [Fraction(0)] * n, {}
    for i, piece in enumerate(pieces):
        for k in range(len(layers) if piece is None else piece[0]):
            sure = [got + amount for got, amount in zip(sure, layers[k][i], strict=True)]
        if piece is not None and piece[1] and due[i][piece[0]]:
            shares[i] = [amount / due[i][piece[0]] for amount in layers[piece[0]][i]]
    unknown = list(shares)
    rows = []
    for i in unknown:  # what i has left for its layer: x_i = wealth_i - senior debts + beta * receipts
        row = [Fraction(int(i == j)) - beta * shares[j][i] for j in unknown]
        rows.append([*row, wealth[i][1] - sum(due[i][: pieces[i][0]]) + beta * sure[i]])
    paid = _eliminated(rows)
    if paid is None:
        return None
    return [
        sure[j] + sum((x * shares[i][j] for i, x in zip(unknown, paid, strict=True)), Fraction(0))
        for j in range(n)
    ]


def _eliminated(rows):
    """Solution of a square system, the right side last in each row; None if it is singular."""
    size = len(rows)
    for column in range(size):
        pivot = next((r for r in range(column, size) if rows[r][column] != 0), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for r in range(size):
            if r != column and rows[r][column] != 0:
                factor = rows[r][column] / rows[column][column]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[column], strict=True)]
    return [rows[r][size] / rows[r][r] for r in range(size)]
