"""How much does selling because prices fell make them fall? Two loops of one trader and one market.

A basis trade at a repo haircut sells until the haircut holds again at the price its own sales leave. Hedgers of
short calls buy when the price rises and sell when it falls, and so push it on.

References
----------
Frey, Stremme (1997), Mathematical Finance 7(4), for prices that depend on hedging; the denominator 1 - loop gain as in
models of that type. The examples are built for this project.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from contagion.arrays import real
from contagion.errors import ConvergenceError, ValueRangeError

__all__ = ["BasisUnwind", "GammaFeedback", "basis_unwind", "gamma_feedback"]

ROUNDING = 1e-15  # relative to the amounts compared
MOST_STEPS = 10_000
NARROWEST = 1e-9  # below, delta is a step

Curve = Callable[[float], float]


@dataclass(frozen=True)
class BasisUnwind:
    """What a levered basis trade must sell (money at the start price) and the equity left; None if nothing helps."""

    feasible: bool
    forced_sales: float | None
    equity_after: float | None


@dataclass(frozen=True)
class GammaFeedback:
    """Price after hedging of short calls.

    `gamma` is that of one call at the start price; `loop_gain` is what hedging adds to a small move per unit of it;
    `linear_multiplier` is 1 / (1 - loop_gain), None from a loop gain of 1 on. `distance_to_divergence` is
    1 - loop_gain.
    """

    gamma: float
    loop_gain: float
    linear_multiplier: float | None
    final_price: float
    move: float
    distance_to_divergence: float


def basis_unwind(
    equity: Any, leverage: Any, *, haircut: Any, impact_per_unit: Any, basis_move: Any
) -> BasisUnwind:
    """Smallest sale after which the equity of a levered position covers the haircut on what is left.

    Parameters
    ----------
    equity
        Own money, > 0.
    leverage
        Position over equity, >= 0.
    haircut
        Share of the position's value that equity must cover, in [0, 1].
    impact_per_unit
        Fall of the price, as a share of the start price, per unit of money sold, >= 0.
    basis_move
        Fall of the price from outside, as a share of the start price; negative for a gain.

    Returns
    -------
    BasisUnwind
        With position P: the smallest s in [0, P] with ``E - P (d + k s) >= h (P - s) (1 - d - k s)``.

    Raises
    ------
    InputError
        If a number is not finite or out of range.

    Examples
    --------
    >>> found = basis_unwind(1.0, 40.0, haircut=0.02, impact_per_unit=2e-5, basis_move=0.006)
    >>> round(found.forced_sales, 4), round(found.equity_after, 4)
    (1.8434, 0.7585)
    """
    own = real(equity, "equity", above=0.0)
    position = own * real(leverage, "leverage", low=0.0)
    if not math.isfinite(position):
        raise ValueRangeError("is not finite", where="equity * leverage", value=position)
    share = real(haircut, "haircut", low=0.0, high=1.0)
    impact = real(impact_per_unit, "impact_per_unit", low=0.0)
    move = real(basis_move, "basis_move")
    sold = _smallest_sale(own, position, share, impact, move)
    if sold is None:
        return BasisUnwind(False, None, None)
    return BasisUnwind(True, sold, own - position * (move + impact * sold))


def _smallest_sale(own: float, position: float, share: float, impact: float, move: float) -> float | None:
    """Smallest root of a concave parabola: ``slack + slope s - share impact s^2``."""
    slack = own - position * move - share * position * (1.0 - move)
    if slack >= -ROUNDING * (own + position):
        return 0.0
    slope = share * (1.0 - move) - position * impact * (1.0 - share)
    square = slope * slope + 4.0 * share * impact * slack
    if slope <= 0.0 or square < -ROUNDING * slope * slope:
        return None
    sold = -2.0 * slack / (slope + math.sqrt(max(square, 0.0)))
    return min(sold, position) if sold <= position * (1.0 + 1e-12) else None


def gamma_feedback(
    spot: Any,
    strike: Any,
    volatility: Any,
    maturity: Any,
    exogenous_move: Any,
    *,
    short_calls: Any,
    impact: Any,
) -> GammaFeedback:
    """Price at which hedgers of short calls have nothing left to trade after a move from outside.

    Parameters
    ----------
    spot, strike
        Price before the move and strike, money, > 0.
    volatility
        Per square root of a year, > 0.
    maturity
        Years, > 0; interest is 0.
    exogenous_move
        Move of the price from outside, money, signed.
    short_calls
        Number of calls whose writers hedge, >= 0.
    impact
        Move of the price per unit bought, money, >= 0.

    Returns
    -------
    GammaFeedback
        The nearest solution of ``S = S0 + move + impact calls (delta(S) - delta(S0))`` on the side of the move: the
        limit of iterating it from S0. At a price of 0 or below delta is 0.

    Raises
    ------
    InputError
        If a number is not finite or out of range.
    ConvergenceError
        If the iteration does not settle.

    Examples
    --------
    >>> found = gamma_feedback(100, 102, 0.6, 20 / 365, 1.5, short_calls=500, impact=0.01)
    >>> round(found.loop_gain, 4), round(found.move, 4)
    (0.1417, 1.7456)
    """
    start, struck = real(spot, "spot", above=0.0), real(strike, "strike", above=0.0)
    width = real(volatility, "volatility", above=0.0) * math.sqrt(real(maturity, "maturity", above=0.0))
    if width < NARROWEST:
        raise ValueRangeError(
            "is too small",
            where="volatility * sqrt(maturity)",
            value=width,
            allowed=f"at least {NARROWEST:g}",
        )
    move = real(exogenous_move, "exogenous_move")
    push = real(impact, "impact", low=0.0) * real(short_calls, "short_calls", low=0.0)
    delta, gamma = _delta(struck, width), _gamma(struck, width)
    before = delta(start)
    final = _nearest(
        lambda price: start + move + push * (delta(price) - before), lambda price: push * gamma(price), start
    )
    gain = push * gamma(start)
    multiplier = 1.0 / (1.0 - gain) if gain < 1.0 else None
    return GammaFeedback(gamma(start), gain, multiplier, final, final - start, 1.0 - gain)


def _delta(strike: float, width: float) -> Curve:
    """Sensitivity of a call to the price, by Black and Scholes without interest."""

    def at(price: float) -> float:
        if price <= 0.0:
            return 0.0
        return 0.5 * math.erfc(-(math.log(price / strike) / width + 0.5 * width) / math.sqrt(2.0))

    return at


def _gamma(strike: float, width: float) -> Curve:
    """Slope of delta: one hump over the price."""

    def at(price: float) -> float:
        if price <= 0.0:
            return 0.0
        middle = math.log(price / strike) / width + 0.5 * width
        return math.exp(-0.5 * middle * middle) / (math.sqrt(2.0 * math.pi) * price * width)

    return at


def _nearest(image: Curve, slope: Curve, start: float) -> float:
    """Fixed point nearest to `start` on the side of its image, for a rising map whose slope has one hump.

    Steps are at least those of plain iteration and never pass the fixed point: over a step the slope is at least the
    smaller one of both ends, so a gap g is at least g / (1 - that slope) wide.
    """
    price = start
    first = image(start) - start
    for _ in range(MOST_STEPS):
        gap = image(price) - price
        if gap * first <= 0.0:
            return price
        step = gap
        if (here := slope(price)) < 1.0:
            far = gap / (1.0 - here)
            step = gap / (1.0 - min(here, slope(price + far)))
        else:
            while slope(price + 2.0 * step) >= 1.0:  # the gap widens all the way
                step *= 2.0
        if price + step == price or abs(step) <= ROUNDING * (abs(price) + abs(start)):
            return price + step
        price += step
    raise ConvergenceError(
        "did not settle", round=MOST_STEPS, gap=image(price) - price, worst="price", where="gamma_feedback"
    )
