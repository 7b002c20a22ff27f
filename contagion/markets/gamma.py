"""How much must the hedger of a book of options trade as the price moves, and when does that trade feed on itself?

The loop itself, with the price at which hedgers of short calls have nothing left to trade, is `gamma_feedback` in
`contagion.propagation.firesales`.

References
----------
Frey, Stremme (1997), "Market volatility and feedback effects from dynamic hedging", Mathematical Finance 7(4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import fitted, real, reals
from contagion.errors import SchemaError
from contagion.markets.options import black_scholes, signs, times, volatilities


@dataclass(frozen=True)
class GammaProfile:
    """A book of options by level of the spot price, each of shape ``(n_levels,)``.

    `value` is money, `delta` units, `gamma` units per money, `dollar_gamma` the money of delta that changes when the
    price moves by 1 %. `hedge_trade` is what a hedger who is neutral at the first price must buy (below 0: sell), in
    units, when the price goes from there to the level at once. `loop_gain` is what hedging adds to a small move at
    that level per unit of it; from 1 on nothing holds the price.
    """

    spot: Any
    value: Any
    delta: Any
    gamma: Any
    dollar_gamma: Any
    hedge_trade: Any
    loop_gain: Any


def gamma_profile(
    kind: Any,
    quantity: Any,
    strike: Any,
    years: Any,
    volatility: Any,
    *,
    spot: Any,
    levels: Any,
    rate: Any = 0.0,
    impact: Any = 0.0,
) -> GammaProfile:
    """Sensitivities of a book of options on one asset over levels of its price.

    Parameters
    ----------
    kind, strike, years, volatility
        As in `black_scholes`, shape ``(n_options,)``; volatilities stay with the strikes as the price moves.
    quantity
        Units of each option that the hedger holds, negative for those it has written, shape ``(n_options,)``.
    spot
        Price at which the book is hedged, > 0.
    levels
        Prices, shape ``(n_levels,)``, > 0.
    rate
        Per year.
    impact
        Move of the price per unit bought, money, >= 0.

    Returns
    -------
    GammaProfile
        ``loop_gain = -impact gamma``: the hedger of a book short of gamma sells into falls and buys into rises.

    Raises
    ------
    InputError
        If an option is past expiry or a volatility is negative (with its row), or a number is out of range.

    Examples
    --------
    >>> profile = gamma_profile("call", -500.0, 102.0, 20 / 365, 0.6, spot=100.0, levels=[100.0], impact=0.01)
    >>> profile.loop_gain.round(4)
    array([0.1417])
    """
    sign, held, struck, left, sigma = fitted(
        kind=signs(kind),
        quantity=reals(quantity, "quantity"),
        strike=reals(strike, "strike", above=0.0),
        years=times(years),
        volatility=volatilities(volatility, "volatility"),
    )
    if held.ndim > 1:
        raise SchemaError(f"has {held.ndim} dimensions", where="quantity", allowed="one row per option")
    sign, held, struck, left, sigma = (np.atleast_1d(a) for a in (sign, held, struck, left, sigma))
    start, push = real(spot, "spot", above=0.0), real(impact, "impact", low=0.0)
    prices = np.append(reals(levels, "levels", above=0.0, dimensions=1), start)
    words = np.where(sign > 0.0, "call", "put")
    each = black_scholes(words, prices[:, None], struck, left, sigma, rate=real(rate, "rate"))
    value, delta, gamma = (
        np.where(held == 0.0, 0.0, held * part).sum(axis=1) for part in (each.price, each.delta, each.gamma)
    )
    prices, value, now, before, gamma = prices[:-1], value[:-1], delta[:-1], delta[-1], gamma[:-1]
    return GammaProfile(
        spot=prices,
        value=value,
        delta=now,
        gamma=gamma,
        dollar_gamma=gamma * prices**2 / 100.0,
        hedge_trade=before - now,
        loop_gain=-push * gamma if push > 0.0 else np.zeros_like(gamma),
    )
