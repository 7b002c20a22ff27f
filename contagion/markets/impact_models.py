"""How far does a sale move the price, by the published models and their calibrations?

These are the formulas that calibrations are stated in; the cascade trades against the books of `impact`.
Every number may be an array over trades; results have the broadcast shape.

References
----------
Cifuentes, Ferrucci, Shin (2005) and Gai, Kapadia (2010): exponential impact. Almgren, Thum, Hauptmann, Li
(2005): permanent and temporary cost. Donier, Bonart (2015): the square root on Bitcoin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import fitted, reals
from contagion.errors import ValueRangeError


@dataclass(frozen=True)
class AlmgrenCost:
    """Permanent, temporary and realised cost, basis points."""

    permanent_bp: Any
    temporary_bp: Any
    realised_bp: Any


def impact_exponential(fraction_sold: Any, alpha: Any) -> Any:
    """Price after over price before a sale: ``exp(-alpha x)``.

    Parameters
    ----------
    fraction_sold
        x, share of all holdings, in [0, 1], any shape.
    alpha
        >= 0.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> float(impact_exponential(0.5, 0))
    1.0
    """
    sold = reals(fraction_sold, "fraction_sold", low=0.0, high=1.0)
    strength = reals(alpha, "alpha", low=0.0)
    sold, strength = fitted(fraction_sold=sold, alpha=strength)
    return np.exp(-strength * sold)[()]


def impact_exponential_alpha(fraction_sold: Any, price_drop: Any) -> Any:
    """Strength of the exponential impact from one sale: ``alpha = -ln(1 - drop) / x``.

    Parameters
    ----------
    fraction_sold
        x, in (0, 1], any shape.
    price_drop
        Share by which the price fell, in [0, 1).

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> round(float(impact_exponential_alpha(0.1, 0.1)), 4)
    1.0536
    """
    sold = reals(fraction_sold, "fraction_sold", above=0.0, high=1.0)
    drop = reals(price_drop, "price_drop", low=0.0, below=1.0)
    sold, drop = fitted(fraction_sold=sold, price_drop=drop)
    return (-np.log1p(-drop) / sold)[()]


def impact_linear_slice(order_side: Any, size: Any, mark_price: Any, *, slope: Any) -> Any:
    """Average price of an order against a book of constant density: ``mark + side slope size / 2``.

    Parameters
    ----------
    order_side
        1 to buy, -1 to sell, any shape.
    size
        Units, >= 0.
    mark_price
        Money per unit, > 0.
    slope
        Money per unit and unit, >= 0.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        Money per unit, not below 0.

    Raises
    ------
    InputError
        If a number is out of range or a side is not 1 or -1.

    Examples
    --------
    >>> float(impact_linear_slice(-1, 0.5, 1.5, slope=1))
    1.25
    """
    side = reals(order_side, "order_side")
    if (np.abs(side) != 1.0).any():
        raise ValueRangeError(
            "is no side", where="order_side", value=order_side, allowed="1 (buy) or -1 (sell)"
        )
    units, price = reals(size, "size", low=0.0), reals(mark_price, "mark_price", above=0.0)
    rise = reals(slope, "slope", low=0.0)
    side, units, price, rise = fitted(order_side=side, size=units, mark_price=price, slope=rise)
    return np.maximum(0.0, price + side * rise * units / 2.0)[()]


def impact_square_root(quantity_over_volume: Any, *, sigma_daily: Any, Y: Any) -> Any:
    """Impact as a share of the price: ``Y sigma sqrt(Q / V)``.

    Parameters
    ----------
    quantity_over_volume
        Quantity over daily volume, >= 0, any shape.
    sigma_daily
        Daily volatility as a fraction, >= 0.
    Y
        Dimensionless, >= 0; about 1.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> float(impact_square_root(0.25, sigma_daily=0.5, Y=1))
    0.25
    """
    share = reals(quantity_over_volume, "quantity_over_volume", low=0.0)
    sigma, strength = reals(sigma_daily, "sigma_daily", low=0.0), reals(Y, "Y", low=0.0)
    share, sigma, strength = fitted(quantity_over_volume=share, sigma_daily=sigma, Y=strength)
    return (strength * sigma * np.sqrt(share))[()]


def almgren_cost(
    x_over_v: Any,
    theta_over_v: Any,
    sigma_bp: Any,
    duration_days: Any,
    *,
    gamma: Any = 0.314,
    eta: Any = 0.142,
    beta: Any = 0.6,
    delta: Any = 0.25,
) -> AlmgrenCost:
    """Cost of an order worked evenly over a time.

    Parameters
    ----------
    x_over_v
        X/V, order over daily volume, negative for a sale, any shape.
    theta_over_v
        Theta/V, shares outstanding over daily volume, >= 0.
    sigma_bp
        Daily volatility, basis points, >= 0.
    duration_days
        T, > 0.
    gamma, eta, beta, delta
        Coefficients and exponents, >= 0; the defaults are those estimated for US equities.

    Returns
    -------
    AlmgrenCost
        ``I = gamma sigma X/V (Theta/V)^delta``, ``K = sign(X) eta sigma |X/(V T)|^beta``, ``I/2 + K``.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> float(almgren_cost(0.1, 263, 157, 0.5).permanent_bp.round())
    20.0
    """
    order, outstanding = reals(x_over_v, "x_over_v"), reals(theta_over_v, "theta_over_v", low=0.0)
    sigma, days = reals(sigma_bp, "sigma_bp", low=0.0), reals(duration_days, "duration_days", above=0.0)
    lasting, passing = reals(gamma, "gamma", low=0.0), reals(eta, "eta", low=0.0)
    speed, size = reals(beta, "beta", low=0.0), reals(delta, "delta", low=0.0)
    order, outstanding, sigma, days, lasting, passing, speed, size = fitted(
        x_over_v=order, theta_over_v=outstanding, sigma_bp=sigma, duration_days=days, gamma=lasting,
        eta=passing, beta=speed, delta=size,
    )  # fmt: skip
    permanent = lasting * sigma * order * outstanding**size
    temporary = np.sign(order) * passing * sigma * np.abs(order / days) ** speed
    return AlmgrenCost(permanent[()], temporary[()], (permanent / 2.0 + temporary)[()])
