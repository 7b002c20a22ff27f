"""Cascades of triggers in exact arithmetic, one position at a time."""

from fractions import Fraction


def least_closed_set(triggers, sizes, start, impact, order):
    """Close one position after another in the given order of looking, linear impact, until nobody is hit."""
    triggers, sizes = [Fraction(t) for t in triggers], [Fraction(s) for s in sizes]
    start, impact = Fraction(start), Fraction(impact)
    closed, price = set(), start
    moved = True
    while moved:
        moved = False
        for position in order:
            if position not in closed and price <= triggers[position]:
                closed.add(position)
                price = start - impact * sum(sizes[p] for p in closed)
                moved = True
    return sorted(closed), price


def breaker_path(triggers, sizes, start, impact, recovery, drop, length, top_up, steps):
    """The stepwise cascade with halts; every price, who closed, number of halts."""
    triggers = [Fraction(t) for t in triggers]
    start, impact, recovery, top_up = map(Fraction, (start, impact, recovery, top_up))
    displaced, reference, halts, halted_until = Fraction(0), start, 0, 0
    closed, prices = set(), []
    for step in range(1, steps + 1):
        price = start - displaced
        prices.append(price)
        sold = Fraction(0)
        if step > halted_until and drop is not None and price <= reference * (1 - Fraction(drop)):
            halted_until, reference, halts = step + length - 1, price, halts + 1
        if step <= halted_until:
            triggers = [t - top_up for t in triggers]
        else:
            for position, trigger in enumerate(triggers):
                if position not in closed and price <= trigger:
                    closed.add(position)
                    sold += Fraction(sizes[position])
        displaced = displaced * (1 - recovery) + impact * sold
    return prices, sorted(closed), halts
