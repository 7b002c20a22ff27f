"""At which price does a crvUSD loan turn into stable coins? Bands of the liquidating market maker.

A band converts its collateral as the oracle price falls through it. Every number may be an array over bands
or loans; results have the broadcast shape.

References
----------
Egorov (2022), Curve stablecoin design: equations of the bands and of the invariant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import fitted, reals
from contagion.errors import ValueRangeError


@dataclass(frozen=True)
class LlammaBand:
    """Upper and lower oracle price of a band, money."""

    price_up: Any
    price_down: Any


@dataclass(frozen=True)
class LlammaBandState:
    """State of a band: `y0` in units of collateral, prices in money.

    `price` is the one at which the band trades now, nan if it is empty; `price_current_down` and
    `price_current_up` those at which it holds collateral only and stable coins only.
    """

    y0: Any
    price: Any
    price_current_down: Any
    price_current_up: Any


def llamma_bands(band: Any, *, A: Any, base_price: Any) -> LlammaBand:
    """Price limits of a band: ``base ((A - 1) / A)^n`` and the same for the next one.

    Parameters
    ----------
    band
        Whole number n, may be negative, any shape.
    A
        Amplification, > 1; bands are ``1 / A`` wide. Live: 100, with 4 to 50 bands in a loan.
    base_price
        Upper price of band 0, money, > 0.

    Raises
    ------
    InputError
        If a number is out of range or a band is no whole number.

    Examples
    --------
    >>> found = llamma_bands(0, A=100, base_price=2000)
    >>> float(found.price_up), float(found.price_down)
    (2000.0, 1980.0)
    """
    places = reals(band, "band")
    if (places != np.rint(places)).any():
        raise ValueRangeError("is no whole number", where="band", value=band, allowed="whole numbers")
    width, base = reals(A, "A", above=1.0), reals(base_price, "base_price", above=0.0)
    places, width, base = fitted(band=places, A=width, base_price=base)
    ratio = (width - 1.0) / width
    return LlammaBand((base * ratio**places)[()], (base * ratio ** (places + 1.0))[()])


def llamma_band_state(oracle_price: Any, price_up: Any, x: Any, y: Any, *, A: Any) -> LlammaBandState:
    """Invariant and prices of a band with `x` stable coins and `y` collateral at an oracle price.

    Parameters
    ----------
    oracle_price
        p, money per unit of collateral, > 0, any shape.
    price_up
        u, upper price of the band, > 0.
    x, y
        Stable coins and units of collateral, >= 0.
    A
        Amplification, > 1.

    Returns
    -------
    LlammaBandState
        ``y0`` is the larger root of ``p A y0^2 - y0 (u/p (A-1) x + p^2/u A y) - x y = 0``. With
        ``f = A y0 p^2/u`` and ``g = (A-1) y0 u/p`` trades keep ``(f + x)(g + y) = p A^2 y0^2``, and the price
        is ``(f + x) / (g + y)``.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> state = llamma_band_state(1950, 2000, 0, 1, A=100)
    >>> round(float(state.y0), 9), round(float(state.price), 5)
    (0.975, 1853.71875)
    """
    oracle, upper = reals(oracle_price, "oracle_price", above=0.0), reals(price_up, "price_up", above=0.0)
    coins, units = reals(x, "x", low=0.0), reals(y, "y", low=0.0)
    width = reals(A, "A", above=1.0)
    oracle, upper, coins, units, width = fitted(
        oracle_price=oracle, price_up=upper, x=coins, y=units, A=width
    )
    quadratic = oracle * width
    linear = upper / oracle * (width - 1.0) * coins + oracle**2 / upper * width * units
    y0 = (linear + np.sqrt(linear**2 + 4.0 * quadratic * coins * units)) / (2.0 * quadratic)
    f, g = width * y0 * oracle**2 / upper, (width - 1.0) * y0 * upper / oracle
    lower = upper * (width - 1.0) / width
    with np.errstate(divide="ignore", invalid="ignore"):
        price = np.where(y0 > 0.0, (f + coins) / (g + units), np.nan)
    return LlammaBandState(y0[()], price[()], (oracle**3 / upper**2)[()], (oracle**3 / lower**2)[()])
