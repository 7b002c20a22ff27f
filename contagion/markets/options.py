"""What is an option worth, and how does that change with price, volatility and time? Black-Scholes and Black-76.

European calls and puts. Numbers may be arrays of one shape over contracts; `kind` is a word or an array of words.
Times are years, rates are per year with continuous compounding, volatilities per square root of a year. Networks state
volatilities per square root of a day: `volatility_per_root_year` converts.

References
----------
Black, Scholes (1973), "The pricing of options and corporate liabilities", Journal of Political Economy 81(3); Merton
(1973), "Theory of rational option pricing", Bell Journal of Economics 4(1), for income; Black (1976), "The pricing of
commodity contracts", Journal of Financial Economics 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.special import ndtr

from contagion.arrays import FloatArray, fitted, reals
from contagion.errors import SchemaError, ValueRangeError, nearest

KINDS: Final = ("call", "put")
DAYS_PER_YEAR: Final = 365.0  # crypto markets are open every day
LEAST_VALUE: Final = 1e-18  # of the price of the underlying: a worthless option still has a price to trade at
MOST_GROWTH: Final = 500.0  # its exponential and one over it are numbers
SETTLE: Final = "settle the option at its payout and take the row out"


@dataclass(frozen=True)
class OptionValue:
    """Value of one option and its sensitivities, each of the contracts' shape.

    `price` is money, `delta` units of the underlying, `gamma` units per money of its price, `vega` money per 1.00 of
    volatility, `theta` money per year that passes.
    """

    price: Any
    delta: Any
    gamma: Any
    vega: Any
    theta: Any


def volatility_per_root_year(volatility_per_root_day: Any, *, days_per_year: Any = DAYS_PER_YEAR) -> Any:
    """Volatility per square root of a year, from one per square root of a day.

    Parameters
    ----------
    volatility_per_root_day
        >= 0, any shape.
    days_per_year
        Days on which the price moves, > 0.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``volatility sqrt(days)``.

    Raises
    ------
    ValueRangeError
        If a volatility is negative; the message names its row.

    Examples
    --------
    >>> float(volatility_per_root_year(0.03).round(4))
    0.5731
    """
    volatility = volatilities(volatility_per_root_day, "volatility_per_root_day")
    days = reals(days_per_year, "days_per_year", above=0.0)
    volatility, days = fitted(volatility_per_root_day=volatility, days_per_year=days)
    return (volatility * np.sqrt(days))[()]


def black_scholes(
    kind: Any, spot: Any, strike: Any, years: Any, volatility: Any, *, rate: Any = 0.0, income: Any = 0.0
) -> OptionValue:
    """Price and sensitivities of options on an asset.

    Parameters
    ----------
    kind
        ``"call"`` or ``"put"``, or an array of them.
    spot, strike
        Money per unit, > 0.
    years
        Time to expiry, >= 0.
    volatility
        Per square root of a year, >= 0.
    rate, income
        Interest, and what the asset yields to its holder, per year, any sign.

    Returns
    -------
    OptionValue
        Without time or volatility left: the discounted payout on the forward price, and delta its slope (half of it
        where forward and strike are equal, with infinite gamma). Call less put is ``spot exp(-income years) - strike
        exp(-rate years)`` to rounding, since only the option out of the money is computed.

    Raises
    ------
    ValueRangeError
        If an option is past expiry, a volatility is negative or a price is not positive; the message names the row.
    SchemaError
        If a kind is unknown or the shapes do not fit together.

    Examples
    --------
    >>> value = black_scholes(["call", "put"], 42.0, 40.0, 0.5, 0.2, rate=0.1)
    >>> value.price.round(2), value.delta.round(2)
    (array([4.76, 0.81]), array([ 0.78, -0.22]))
    """
    sign, price, struck, left, sigma, interest, paid = checked(
        kind, spot, strike, years, volatility, rate, income
    )
    forward = price * growth((interest - paid) * left)
    discount = growth(-interest * left)
    width = sigma * np.sqrt(left)
    upper = moneyness(forward, struck, width)
    held = np.exp(-paid * left) * sign * ndtr(sign * upper)
    owed = discount * struck * sign * ndtr(sign * (upper - width))
    with np.errstate(over="ignore"):
        density = np.exp(-paid * left - 0.5 * upper * upper) / math.sqrt(2.0 * math.pi)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        decay = np.where(sigma > 0.0, price * density * sigma / (2.0 * np.sqrt(left)), 0.0)
        decay = np.where(density > 0.0, decay, 0.0)
        gamma = np.where(density > 0.0, density / (price * width), 0.0)
    return OptionValue(
        price=(discount * undiscounted(sign, forward, struck, width, upper))[()],
        delta=held[()],
        gamma=gamma[()],
        vega=(price * density * np.sqrt(left))[()],
        theta=(paid * price * held - interest * owed - decay)[()],
    )


def black_76(
    kind: Any, future: Any, strike: Any, years: Any, volatility: Any, *, rate: Any = 0.0
) -> OptionValue:
    """Price and sensitivities of options on a future that expires no earlier.

    Parameters
    ----------
    future
        Price of the future, money per unit, > 0; delta and gamma refer to it.
    kind, strike, years, volatility, rate
        As in `black_scholes`.

    Returns
    -------
    OptionValue
        That of an asset whose income is the rate: call less put is ``exp(-rate years) (future - strike)``.

    Raises
    ------
    InputError
        As in `black_scholes`.

    Examples
    --------
    >>> float(black_76("put", 20.0, 20.0, 4 / 12, 0.25, rate=0.09).price.round(4))
    1.1166
    """
    return black_scholes(kind, future, strike, years, volatility, rate=rate, income=rate)


def checked(
    kind: Any, spot: Any, strike: Any, years: Any, volatility: Any, rate: Any, income: Any
) -> tuple[FloatArray, ...]:
    """Arguments of `black_scholes` as arrays of one shape, `kind` as 1 (call) or -1 (put)."""
    return fitted(
        kind=signs(kind),
        spot=reals(spot, "spot", above=0.0),
        strike=reals(strike, "strike", above=0.0),
        years=times(years),
        volatility=volatilities(volatility, "volatility"),
        rate=reals(rate, "rate"),
        income=reals(income, "income"),
    )


def signs(kind: Any) -> FloatArray:
    """1 for each call, -1 for each put; another word is refused with its row."""
    words = np.asarray(kind)
    known = np.isin(words, KINDS) if words.dtype.kind in "UO" else np.zeros(words.shape, dtype=bool)
    if not known.all():
        place = tuple(int(index) for index in np.argwhere(~known)[0])
        value = words[place].item() if words.dtype.kind != "O" else words[place]
        listed = "call or put" + (nearest(value, KINDS) if isinstance(value, str) else "")
        raise SchemaError("is no kind of option", where="kind" + _index(place), value=value, allowed=listed)
    return np.where(words == "call", 1.0, -1.0)


def times(years: Any, where: str = "years") -> FloatArray:
    """Times to expiry; an option past expiry is refused with its row."""
    left = reals(years, where)
    _refuse(left, where, "is past expiry", SETTLE)
    return left


def volatilities(volatility: Any, where: str) -> FloatArray:
    """Volatilities; a negative one is refused with its row."""
    sigma = reals(volatility, where)
    _refuse(sigma, where, "is negative", "give the annual standard deviation of log returns, or 0 for none")
    return sigma


def growth(exponent: FloatArray) -> FloatArray:
    """``exp(rate years)``; refused where it is no longer a number."""
    wrong = ~(np.abs(exponent) <= MOST_GROWTH)
    if wrong.any():
        place = tuple(int(index) for index in np.argwhere(wrong)[0])
        raise ValueRangeError(
            "is too much growth",
            where="rate times years" + _index(place),
            value=float(exponent[place]),
            allowed=f"at most {MOST_GROWTH:g} either way",
            remedy="give rates per year as fractions",
        )
    return np.asarray(np.exp(exponent))


def moneyness(forward: FloatArray, strike: FloatArray, width: FloatArray) -> FloatArray:
    """Black's d1 for the total volatility `width`; its limit where the width is 0."""
    distance = np.log(forward / strike)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scaled = np.where(distance == 0.0, 0.0, distance / width)
    return np.asarray(scaled + 0.5 * width)


def undiscounted(
    sign: FloatArray, forward: FloatArray, strike: FloatArray, width: FloatArray, upper: FloatArray
) -> FloatArray:
    """Value at expiry: payout on the forward, plus the option that is out of the money."""
    out = np.where(forward > strike, -1.0, 1.0)
    away = out * (forward * ndtr(out * upper) - strike * ndtr(out * (upper - width)))
    return np.maximum(sign * (forward - strike), 0.0) + np.maximum(away, 0.0)


def _refuse(values: FloatArray, where: str, what: str, remedy: str) -> None:
    """Refuse the first negative value by its row."""
    if (values < 0.0).any():
        place = tuple(int(index) for index in np.argwhere(values < 0.0)[0])
        raise ValueRangeError(
            what, where=where + _index(place), value=float(values[place]), allowed=">= 0", remedy=remedy
        )


def _index(place: tuple[int, ...]) -> str:
    """``[2]`` for the third row; nothing for a single number."""
    return "".join(f"[{index}]" for index in place)
