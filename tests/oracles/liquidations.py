"""Liquidation prices by bisection, water filling and waterfalls by hand, all in exact fractions."""

from fractions import Fraction

from tests.oracles.margins import margin_by_slices


def health(side, size, entry, balance, floors, rates, price):
    """Equity less maintenance of one linear position at a price."""
    size, price = Fraction(size), Fraction(price)
    equity = Fraction(balance) + side * size * (price - Fraction(entry))
    return equity - margin_by_slices(size * price, floors, rates)


def liquidation_price(side, size, entry, balance, floors, rates):
    """Where health changes sign, by bisection; 0 if no price above zero liquidates or keeps healthy."""

    def healthy(price):
        return health(side, size, entry, balance, floors, rates, price) >= 0

    if side > 0 and healthy(0):
        return Fraction(0)
    if side < 0 and not healthy(0):
        return Fraction(0)
    low, high = Fraction(0), Fraction(1)
    while healthy(high) == (side < 0):
        high *= 2
    for _ in range(160):
        middle = (low + high) / 2
        if healthy(middle) == (side < 0):
            low = middle
        else:
            high = middle
    return high


def seized_along(profits, order, budget):
    """Profits taken one account after another until nothing is left to raise."""
    rest, taken = Fraction(budget), [Fraction(0)] * len(profits)
    for place in order:
        taken[place] = min(max(Fraction(profits[place]), Fraction(0)), rest)
        rest -= taken[place]
    return taken, rest
