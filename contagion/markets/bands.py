"""Which prices are let through? Bands around a reference: limit up and limit down, largest step, order bands.

Numbers may be arrays over markets or orders.

References
----------
Limit-up/limit-down plan of the US exchanges (15 seconds at the band, then a pause of 5 minutes); oracle steps of
Hyperliquid's builder markets; price ranges of Binance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import fitted, reals, sides
from contagion.errors import InputError, SchemaError


@dataclass(frozen=True)
class Band:
    """Lowest and highest price, money per unit."""

    lower: Any
    upper: Any


@dataclass(frozen=True)
class Step:
    """Price let through, and whether it was changed."""

    price: Any
    clamped: Any


@dataclass(frozen=True)
class OrderBand:
    """Lowest and highest price, and whether the order is accepted."""

    lower: Any
    upper: Any
    accepted: Any


def price_band_luld(reference_price: Any, doubled: Any, *, tier: int) -> Band:
    """Limit-up/limit-down band of a US stock.

    Parameters
    ----------
    reference_price
        Mean of the last five minutes, USD, > 0, any shape.
    doubled
        Whether the band is twice as wide, at the open and the close.
    tier
        1 (large indices) or 2.

    Returns
    -------
    Band
        Half width: 5 % (tier 1) or 10 % above 3 USD, 20 % from 0.75 to 3 USD, below the smaller of 75 % and 0.15
        USD; `lower` is at least 0.

    Raises
    ------
    InputError
        If a number is out of range, `doubled` is no truth value, or the tier unknown.

    Examples
    --------
    >>> price_band_luld(100, False, tier=1)
    Band(lower=np.float64(95.0), upper=np.float64(105.0))
    """
    if isinstance(tier, (bool, np.bool_)) or tier not in (1, 2):
        raise InputError("is not known", where="tier", value=tier, allowed="1 or 2")
    flags = np.asarray(doubled)
    if flags.dtype.kind != "b":
        raise SchemaError("is no truth value", where="doubled", value=doubled)
    price, twice = fitted(
        reference_price=reals(reference_price, "reference_price", above=0.0),
        doubled=np.where(flags, 2.0, 1.0),
    )
    large = 0.05 if tier == 1 else 0.10
    small = np.where(price >= 0.75, 0.20 * price, np.minimum(0.75 * price, 0.15))
    width = twice * np.where(price > 3.0, large * price, small)
    return Band(np.maximum(price - width, 0.0)[()], (price + width)[()])


def price_band_max_step(previous_price: Any, proposed_price: Any, *, max_change: Any) -> Step:
    """Let a price move by at most a fraction of the one before.

    Parameters
    ----------
    previous_price, proposed_price
        Money per unit, > 0, any shape.
    max_change
        Largest change as a fraction, >= 0; 0.01 per update of Hyperliquid's builder markets.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> price_band_max_step(100, 93, max_change=0.01)
    Step(price=np.float64(99.0), clamped=np.True_)
    """
    before, wanted, change = fitted(
        previous_price=reals(previous_price, "previous_price", above=0.0),
        proposed_price=reals(proposed_price, "proposed_price", above=0.0),
        max_change=reals(max_change, "max_change", low=0.0),
    )
    price = np.clip(wanted, np.maximum(before * (1.0 - change), 0.0), before * (1.0 + change))
    return Step(price[()], (price != wanted)[()])


def price_band_order(order_side: Any, order_price: Any, reference_price: Any, *, percent: Any) -> OrderBand:
    """Refuse orders that would trade too far from the reference.

    Parameters
    ----------
    order_side
        1 (buy) or -1 (sell), any shape.
    order_price, reference_price
        Money per unit, > 0.
    percent
        Half width as a fraction, >= 0.

    Returns
    -------
    OrderBand
        A buy is accepted up to `upper`, a sale from `lower` on; `lower` is at least 0.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> bool(price_band_order(-1, 130, 100, percent=0.05).accepted)
    True
    """
    sign, price, reference, width = fitted(
        order_side=sides(order_side, "order_side"),
        order_price=reals(order_price, "order_price", above=0.0),
        reference_price=reals(reference_price, "reference_price", above=0.0),
        percent=reals(percent, "percent", low=0.0),
    )
    lower, upper = np.maximum(reference * (1.0 - width), 0.0), reference * (1.0 + width)
    accepted = np.where(sign > 0, price <= upper, price >= lower)
    return OrderBand(lower[()], upper[()], accepted[()])
