"""Which volatility does the price of an option imply, and which prices imply none?

References
----------
Merton (1973), "Theory of rational option pricing", Bell Journal of Economics 4(1), for the bounds; Brent's method for
the root, on the option of the pair that is out of the money, whose price is all time value.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from scipy.optimize import brentq

from contagion.arrays import FloatArray, fitted, reals
from contagion.errors import ValueRangeError
from contagion.markets.options import checked, growth, moneyness, undiscounted

ROUNDING: Final = 8.0 * float(np.finfo(np.float64).eps)
SATURATED: Final = 80.0  # a total volatility at which the normal distribution is 0 or 1 to rounding


def implied_volatility(
    kind: Any, price: Any, spot: Any, strike: Any, years: Any, *, rate: Any = 0.0, income: Any = 0.0
) -> Any:
    """Volatility at which `black_scholes` gives the price; for options on futures, income is the rate.

    Parameters
    ----------
    price
        Of the option, money, within its arbitrage bounds.
    kind, spot, strike, rate, income
        As in `black_scholes`.
    years
        Time to expiry, > 0.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        Per square root of a year; 0 where the price is the discounted payout on the forward, to rounding. A price says
        nothing finer about it than its own rounding divided by vega.

    Raises
    ------
    ValueRangeError
        With code ``"arbitrage"``, if a price is below the discounted payout on the forward, or at least the discounted
        forward (call) or strike (put); the message names row and bounds. Also if an option is past expiry, or has
        expired: then every volatility gives the same price.

    Examples
    --------
    >>> float(implied_volatility("call", 4.759422, 42.0, 40.0, 0.5, rate=0.1).round(6))
    0.2
    >>> implied_volatility("call", 50.0, 42.0, 40.0, 0.5)
    Traceback (most recent call last):
    contagion.errors.ValueRangeError: price: 50.0 is outside the arbitrage bounds; at least 2, below 42 ...
    """
    paid = reals(price, "price")
    terms = checked(kind, spot, strike, years, 0.0, rate, income)
    names = ("kind", "spot", "strike", "years", "volatility", "rate", "income")
    paid, sign, current, struck, left, _, interest, yielded = fitted(
        price=paid, **dict(zip(names, terms, strict=True))
    )
    if (left == 0.0).any():
        raise ValueRangeError(
            "has expired: its price says nothing of volatility",
            where=f"years{_place(left == 0.0)}",
            value=0.0,
            allowed="> 0",
            remedy="take the row out",
        )
    forward, discount = current * growth((interest - yielded) * left), growth(-interest * left)
    floor = discount * np.maximum(sign * (forward - struck), 0.0)
    ceiling = discount * np.where(sign > 0.0, forward, struck)
    slack = ROUNDING * discount * np.maximum(forward, struck)
    wrong = ~((paid >= floor - slack) & (paid < ceiling))
    if wrong.any():
        _refuse(paid, floor, ceiling, wrong)
    over = np.where(paid - floor <= slack * (floor > 0.0), 0.0, (paid - floor) / discount)
    widths = [_width(*row) for row in zip(forward.flat, struck.flat, over.flat, strict=True)]
    return (np.reshape(widths, paid.shape) / np.sqrt(left))[()]


def _width(forward: float, strike: float, value: float) -> float:
    """Total volatility at which the option out of the money is worth `value` at expiry."""
    if value <= 0.0:
        return 0.0
    sign, asset, struck = np.array(1.0 if forward <= strike else -1.0), np.array(forward), np.array(strike)

    def excess(width: float) -> float:
        total = np.array(width)
        return float(undiscounted(sign, asset, struck, total, moneyness(asset, struck, total))) - value

    most = SATURATED + 2.0 * float(np.sqrt(2.0 * abs(np.log(forward / strike))))
    if excess(most) <= 0.0:  # within rounding of the upper bound
        return most
    return float(brentq(excess, 0.0, most, xtol=1e-300, rtol=ROUNDING))


def _refuse(paid: FloatArray, floor: FloatArray, ceiling: FloatArray, wrong: Any) -> None:
    """Say which price allows a gain without risk, and between which bounds it would not."""
    place = tuple(int(index) for index in np.argwhere(wrong)[0])
    raise ValueRangeError(
        "is outside the arbitrage bounds",
        where=f"price{_place(wrong)}",
        value=float(paid[place]),
        allowed=f"at least {floor[place]:.10g}, below {ceiling[place]:.10g}",
        remedy="check kind, strike and the unit of the price",
        code="arbitrage",
    )


def _place(marked: Any) -> str:
    """Row of the first mark, in brackets; nothing for a single number."""
    return "".join(f"[{int(index)}]" for index in np.argwhere(marked)[0])
