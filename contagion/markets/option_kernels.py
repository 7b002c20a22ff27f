"""One option at a time, compiled: the value and delta that the rounds of a cascade ask for.

The same formulas as `options.black_scholes`, for plain numbers that are known to be good.

References
----------
Black, Scholes (1973), "The pricing of options and corporate liabilities", Journal of Political Economy 81(3); Merton
(1973), "Theory of rational option pricing", Bell Journal of Economics 4(1).
"""

import math

from contagion.compiled import kernel
from contagion.markets.options import LEAST_VALUE


@kernel
def normal(x: float) -> float:
    """Distribution function of the standard normal."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


@kernel
def option_value(
    side: float, spot: float, strike: float, years: float, volatility: float, rate: float
) -> float:
    """Value of a European call (`side` 1) or put (-1); the payout where no time or no volatility is left."""
    paid = strike * math.exp(-rate * years)
    width = volatility * math.sqrt(max(0.0, years))
    if width <= 0.0:
        return max(LEAST_VALUE * spot, side * (spot - paid))
    near = math.log(spot / paid) / width + 0.5 * width
    value = side * (spot * normal(side * near) - paid * normal(side * (near - width)))
    return max(LEAST_VALUE * spot, value)


@kernel
def option_delta(
    side: float, spot: float, strike: float, years: float, volatility: float, rate: float
) -> float:
    """Change of the value per unit of the price of the underlying; at the strike without time left, half."""
    paid = strike * math.exp(-rate * years)
    width = volatility * math.sqrt(max(0.0, years))
    if width <= 0.0:
        if spot == paid:
            return 0.5 * side
        return side if side * (spot - paid) > 0.0 else 0.0
    near = math.log(spot / paid) / width + 0.5 * width
    return side * normal(side * near)
