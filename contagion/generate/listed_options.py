"""Rows of options for a network, from a surface of volatilities: flat, with a term structure, or with a skew."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from contagion.arrays import real, reals
from contagion.errors import ValueRangeError
from contagion.markets.options import DAYS_PER_YEAR
from contagion.markets.surfaces import VolatilitySurface, surface_arbitrage

__all__ = ["option_markets"]

SECONDS_PER_YEAR: Final = 86_400.0 * DAYS_PER_YEAR


def option_markets(
    surface: VolatilitySurface,
    *,
    venue: str,
    asset: str,
    price: float,
    moneyness: Any,
    expiries: Any,
    carry: float = 0.0,
) -> pd.DataFrame:
    """Return a call and a put of every strike and expiry, as rows of the table `markets`.

    Parameters
    ----------
    surface : VolatilitySurface
        Where the volatility of each option is read.
    venue, asset : str
        Where they are listed, and on what.
    price : float
        Of the asset, money per unit, > 0.
    moneyness : array_like
        Strikes over the forward price of their expiry, > 0, rising.
    expiries : array_like
        Seconds from the opening, > 0, rising.
    carry : float
        Rate per year by which forward prices exceed spot.

    Returns
    -------
    pandas.DataFrame
        Columns name, venue, asset, kind, option_side, expiry, strike, carry, implied_volatility.

    Raises
    ------
    ValueRangeError
        If the surface lets somebody gain without risk at these strikes and expiries, or a number is out of range.

    Examples
    --------
    >>> rows = option_markets(VolatilitySurface(0.6, skew=-0.1), venue="V", asset="BTC", price=100.0,
    ...                       moneyness=[0.9, 1.0], expiries=[86_400.0 * 73])
    >>> rows["name"].tolist()[:2], rows["implied_volatility"].round(3).tolist()
    (['V:BTC-73d-90-call', 'V:BTC-73d-90-put'], [0.624, 0.624, 0.6, 0.6])
    """
    spot, rate = real(price, "price", above=0.0), real(carry, "carry")
    shares = reals(moneyness, "moneyness", above=0.0, dimensions=1)
    seconds = reals(expiries, "expiries", above=0.0, dimensions=1)
    years = seconds / SECONDS_PER_YEAR
    forward = spot * np.exp(rate * years)
    strikes = shares * forward[:, None]
    sigma = np.array([surface.volatility(k, f, t) for k, f, t in zip(strikes, forward, years, strict=True)])
    found = surface_arbitrage(sigma, np.log(shares), years)
    if len(found):
        first = found.iloc[0]
        raise ValueRangeError(
            f"lets somebody gain without risk at {len(found):,} places, first a {first['kind']} at "
            f"{first['years']:g} years and log-moneyness {first['log_moneyness']:g}",
            where="surface",
            value=float(first["amount"]),
            remedy="take less skew or smile, or total variance that rises with expiry",
        )
    rows = [
        {
            "name": f"{venue}:{asset}-{at / 86_400.0:g}d-{strike:g}-{side}",
            "venue": venue,
            "asset": asset,
            "kind": "option",
            "option_side": side,
            "expiry": float(at),
            "strike": float(strike),
            "carry": rate,
            "implied_volatility": float(width),
        }
        for at, row, widths in zip(seconds, strikes, sigma, strict=True)
        for strike, width in zip(row, widths, strict=True)
        for side in ("call", "put")
    ]
    return pd.DataFrame(rows)
