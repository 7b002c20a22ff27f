"""What do longs pay shorts to hold a perpetual contract? Funding rates of venues, and one of theory.

Numbers may be arrays over markets or accounts. A positive rate is paid by longs, except in
`funding_rate_open_interest`.

References
----------
Rules of Binance (since 18 September 2025) and Hyperliquid; a rate on open interest from the theory of perpetuals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, fitted, reals, sides


@dataclass(frozen=True)
class OpenInterestFunding:
    """Rate (a fraction), and what each position receives (money)."""

    funding_rate: Any
    payments: Any


def funding_rate_binance(average_premium: Any, *, interest_rate: Any, interval_hours: Any, clamp: Any) -> Any:
    """Funding rate of one interval on Binance.

    Parameters
    ----------
    average_premium
        P, a fraction of the index, any sign and shape.
    interest_rate
        I per 8 hours, any sign; 0.0001 on Binance.
    interval_hours
        h, > 0; 8, 4 or 1.
    clamp
        c, >= 0; 0.0005 on Binance.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``(P + clamp(I - P, -c, c)) h / 8``.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> rate = funding_rate_binance(0.002, interest_rate=0.0001, interval_hours=4, clamp=0.0005)
    >>> float(rate.round(6))
    0.00075
    """
    premium, interest, hours, width = fitted(
        average_premium=reals(average_premium, "average_premium"),
        interest_rate=reals(interest_rate, "interest_rate"),
        interval_hours=reals(interval_hours, "interval_hours", above=0.0),
        clamp=reals(clamp, "clamp", low=0.0),
    )
    return (_with_interest(premium, interest, width) * hours / 8.0)[()]


def funding_rate_hyperliquid(
    average_premium: Any, *, interest_rate: Any, clamp: Any, cap_per_hour: Any
) -> Any:
    """Hourly funding rate on Hyperliquid.

    Parameters
    ----------
    average_premium, interest_rate, clamp
        As in `funding_rate_binance`.
    cap_per_hour
        Largest rate either way, >= 0; 0.04 on Hyperliquid.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``clamp((P + clamp(I - P, -c, c)) / 8, -cap, cap)``.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> rate = funding_rate_hyperliquid(-0.5, interest_rate=0.0001, clamp=0.0005, cap_per_hour=0.04)
    >>> float(rate)
    -0.04
    """
    premium, interest, width, cap = fitted(
        average_premium=reals(average_premium, "average_premium"),
        interest_rate=reals(interest_rate, "interest_rate"),
        clamp=reals(clamp, "clamp", low=0.0),
        cap_per_hour=reals(cap_per_hour, "cap_per_hour", low=0.0),
    )
    return np.clip(_with_interest(premium, interest, width) / 8.0, -cap, cap)[()]


def funding_payment(side: Any, size: Any, mark_price: Any, funding_rate: Any) -> Any:
    """Money that a position receives (negative: pays): ``-s q M rate``.

    Parameters
    ----------
    side
        1 (long) or -1 (short), any shape.
    size
        In base units, >= 0.
    mark_price
        Money per unit, > 0.
    funding_rate
        Fraction of the notional, any sign.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> float(funding_payment(-1, 1000, 200, 0.0004))
    80.0
    """
    sign, units, mark, rate = fitted(
        side=sides(side, "side"),
        size=reals(size, "size", low=0.0),
        mark_price=reals(mark_price, "mark_price", above=0.0),
        funding_rate=reals(funding_rate, "funding_rate"),
    )
    return (-sign * units * mark * rate)[()]


def funding_rate_open_interest(
    long_open_interest: Any,
    short_open_interest: Any,
    index_price: Any,
    mark_price: Any,
    quantity: Any,
    *,
    kappa: Any,
) -> OpenInterestFunding:
    """Funding that pulls the ratio of long to short interest to that of mark to index.

    Parameters
    ----------
    long_open_interest
        L, >= 0.
    short_open_interest
        S, > 0.
    index_price, mark_price
        Money per unit, > 0.
    quantity
        Signed size of each position, shape ``(n_positions,)``.
    kappa
        Strength, >= 0.

    Returns
    -------
    OpenInterestFunding
        ``rate = kappa (L / S - mark / index)``; payments ``rate mark quantity``: a positive rate pays longs.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> found = funding_rate_open_interest(3, 5, 1.25, 1.3, [1, -4], kappa=1)
    >>> found.payments.round(3)
    array([-0.572,  2.288])
    """
    bought, sold, index, mark, strength = fitted(
        long_open_interest=reals(long_open_interest, "long_open_interest", low=0.0),
        short_open_interest=reals(short_open_interest, "short_open_interest", above=0.0),
        index_price=reals(index_price, "index_price", above=0.0),
        mark_price=reals(mark_price, "mark_price", above=0.0),
        kappa=reals(kappa, "kappa", low=0.0),
    )
    rate = strength * (bought / sold - mark / index)
    rates, marks, held = fitted(funding_rate=rate, mark_price=mark, quantity=reals(quantity, "quantity"))
    return OpenInterestFunding(rate[()], (rates * marks * held)[()])


def _with_interest(premium: FloatArray, interest: FloatArray, width: FloatArray) -> FloatArray:
    """Premium plus its distance to the interest rate, clamped."""
    return np.asarray(premium + np.clip(interest - premium, -width, width))
