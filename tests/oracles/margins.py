"""Tiered margin and account equity in exact arithmetic, by slices and sums."""

from fractions import Fraction


def margin_by_slices(notional, floors, rates):
    """Marginal rates over the slices of the notional."""
    notional = Fraction(notional)
    total = Fraction(0)
    for place, (floor, rate) in enumerate(zip(floors, rates, strict=True)):
        upper = Fraction(floors[place + 1]) if place + 1 < len(floors) else notional
        part = min(notional, upper) - Fraction(floor)
        if part > 0:
            total += part * Fraction(rate)
    return total


def tier_by_search(notional, floors):
    """Tier k holds floor < notional <= next floor; 0 is in tier 1; counted from 1."""
    tier = 1
    for place, floor in enumerate(floors):
        if notional > floor:
            tier = place + 1
    return tier


def equity(balance, funding, positions, inverse):
    """Unrealised profit, equity and value of positions given as (side, size, entry, mark)."""
    profit, value = Fraction(0), Fraction(0)
    for side, size, entry, mark in positions:
        size, entry, mark = Fraction(size), Fraction(entry), Fraction(mark)
        profit += side * size * (1 / entry - 1 / mark) if inverse else side * size * (mark - entry)
        value += size / mark if inverse else size * mark
    return profit, Fraction(balance) + profit + Fraction(funding), value
