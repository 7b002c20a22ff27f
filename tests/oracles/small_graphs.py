"""Contagion on all graphs of a few banks, in exact fractions where a rule allows; written apart from the package."""

import math
from fractions import Fraction
from itertools import combinations, product


def overlap_extents(n_banks, n_assets, link, elasticity, leverage):
    """Probability of each number of failures where every bank holds every asset with probability `link`."""
    found = {}
    for bits in product((0, 1), repeat=n_banks * n_assets):
        chance = math.prod((link if bit else 1 - link for bit in bits), start=Fraction(1))
        held = [bits[b * n_assets : (b + 1) * n_assets] for b in range(n_banks)]
        for first in range(n_banks):
            failed = _sales(held, first, elasticity, leverage)
            found[failed] = found.get(failed, Fraction(0)) + chance / n_banks
    return found


def regular_extents(n_banks, n_assets, degree, elasticity, leverage):
    """The same where all banks hold `degree` assets and all assets have equally many holders, all graphs alike."""
    portfolios = [
        tuple(int(a in chosen) for a in range(n_assets)) for chosen in combinations(range(n_assets), degree)
    ]
    even = [
        held
        for held in product(portfolios, repeat=n_banks)
        if {sum(column) for column in zip(*held, strict=True)} == {n_banks * degree // n_assets}
    ]
    found = {}
    for held in even:
        for first in range(n_banks):
            failed = _sales(held, first, elasticity, leverage)
            found[failed] = found.get(failed, Fraction(0)) + Fraction(1, len(even) * n_banks)
    return found


def claims_extents(n_banks, link, capital, claims):
    """The same where every bank owes every other with probability `link` and claims on defaulters are lost."""
    pairs = [(i, j) for i in range(n_banks) for j in range(n_banks) if i != j]
    found = {}
    for bits in product((0, 1), repeat=len(pairs)):
        chance = math.prod((link if bit else 1 - link for bit in bits), start=Fraction(1))
        debtors = {
            j: [i for (i, k), bit in zip(pairs, bits, strict=True) if bit and k == j] for j in range(n_banks)
        }
        for first in range(n_banks):
            failed = {first}
            while True:
                more = {
                    j
                    for j, owing in debtors.items()
                    if owing and claims * len(failed & set(owing)) / len(owing) > capital
                }
                if more <= failed:
                    break
                failed |= more
            found[len(failed)] = found.get(len(failed), Fraction(0)) + chance / n_banks
    return found


def pairs_sharing_two(held):
    """Pairs of banks and pairs of assets that both hold."""
    return sum(
        math.comb(sum(a * b for a, b in zip(one, other, strict=True)), 2)
        for one, other in combinations(held, 2)
    )


def _sales(held, first, elasticity, leverage):
    """Banks that fail in the end if `first` does and failed banks sell everything."""
    n_assets = len(held[0])
    amounts = [[Fraction(bit, sum(row) or 1) for bit in row] for row in held]
    failed = {first}
    while True:
        fall = []
        for a in range(n_assets):
            total = sum(row[a] for row in amounts)
            sold = sum(amounts[b][a] for b in failed)
            fall.append(1.0 - math.exp(-elasticity * sold / total) if total else 0.0)
        more = {
            b
            for b, row in enumerate(amounts)
            if sum(float(part) * down for part, down in zip(row, fall, strict=True)) > 1.0 / leverage + 1e-9
        }
        if more <= failed:
            return len(failed)
        failed |= more
