"""What does an on-chain pool pay for a trade? Constant-product and concentrated liquidity.

Every number may be an array over pools or trades; results have the broadcast shape. Amounts are units of
two tokens; prices are units of the second per unit of the first.

References
----------
Uniswap: white papers of version 2 (constant product, fee kept in the pool) and version 3 (concentrated
liquidity, square-root prices).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import fitted, reals
from contagion.errors import SchemaError, ValueRangeError


@dataclass(frozen=True)
class ConstantProductSwap:
    """Units paid out, units out per unit in (nan for a trade of 0), price of the pool afterwards."""

    amount_out: Any
    execution_price: Any
    spot_price_after: Any


@dataclass(frozen=True)
class ConcentratedSwap:
    """Square root of the price and price afterwards; units paid out of the other token."""

    sqrt_price_after: Any
    price_after: Any
    amount_out: Any


@dataclass(frozen=True)
class ConcentratedAmounts:
    """Units of both tokens."""

    amount0: Any
    amount1: Any


def constant_product_swap(
    reserve_in: Any, reserve_out: Any, amount_in: Any, *, fee: Any
) -> ConstantProductSwap:
    """Swap in a pool that keeps the product of its reserves, after a fee that stays in the pool.

    Parameters
    ----------
    reserve_in, reserve_out
        X and Y, units, > 0, any shape.
    amount_in
        d, units, >= 0.
    fee
        Fraction f of the amount in, in [0, 1].

    Returns
    -------
    ConstantProductSwap
        ``out = d (1-f) Y / (X + d (1-f))``; the price afterwards is ``(Y - out) / (X + d)``.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> float(constant_product_swap(100, 100, 100, fee=0).amount_out)
    50.0
    """
    base, quote = reals(reserve_in, "reserve_in", above=0.0), reals(reserve_out, "reserve_out", above=0.0)
    traded = reals(amount_in, "amount_in", low=0.0)
    share = reals(fee, "fee", low=0.0, high=1.0)
    base, quote, traded, share = fitted(reserve_in=base, reserve_out=quote, amount_in=traded, fee=share)
    counted = traded * (1.0 - share)
    out = counted * quote / (base + counted)
    with np.errstate(divide="ignore", invalid="ignore"):
        price = np.where(traded > 0.0, out / traded, np.nan)
    return ConstantProductSwap(out[()], price[()], ((quote - out) / (base + traded))[()])


def constant_product_move(reserve_in: Any, price_drop: Any) -> Any:
    """Units to sell into a constant-product pool, without fee, until its price has fallen by a share.

    Parameters
    ----------
    reserve_in
        X, units of the token that is sold, > 0, any shape.
    price_drop
        Share in [0, 1).

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``X (1 / sqrt(1 - drop) - 1)``.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> float(constant_product_move(1000, 0.75))
    1000.0
    """
    base = reals(reserve_in, "reserve_in", above=0.0)
    drop = reals(price_drop, "price_drop", low=0.0, below=1.0)
    base, drop = fitted(reserve_in=base, price_drop=drop)
    return (base * np.expm1(-0.5 * np.log1p(-drop)))[()]


def concentrated_liquidity_swap(
    price: Any, liquidity: Any, *, amount0_in: Any = None, amount1_in: Any = None
) -> ConcentratedSwap:
    """Swap inside one range of constant liquidity, without fee.

    Parameters
    ----------
    price
        P, > 0, any shape.
    liquidity
        L, > 0.
    amount0_in, amount1_in
        Units d of the first or of the second token, >= 0; exactly one of the two.

    Returns
    -------
    ConcentratedSwap
        First token in: ``sqrt P' = L sqrt P / (L + d sqrt P)``, out ``L (sqrt P - sqrt P')``. Second token
        in: ``sqrt P' = sqrt P + d / L``, out ``L (1 / sqrt P - 1 / sqrt P')``.

    Raises
    ------
    InputError
        If a number is out of range or not exactly one amount is given.

    Examples
    --------
    >>> float(concentrated_liquidity_swap(1, 1, amount0_in=1).sqrt_price_after)
    0.5
    """
    root = np.sqrt(reals(price, "price", above=0.0))
    depth = reals(liquidity, "liquidity", above=0.0)
    if (amount0_in is None) == (amount1_in is None):
        what = "are missing" if amount0_in is None else "are both given"
        raise SchemaError(what, where="amount0_in and amount1_in", allowed="exactly one of the two")
    name = "amount0_in" if amount1_in is None else "amount1_in"
    traded = reals(amount0_in if amount1_in is None else amount1_in, name, low=0.0)
    root, depth, traded = fitted(price=root, liquidity=depth, **{name: traded})
    if amount1_in is None:
        after = depth * root / (depth + traded * root)
        out = traded * root * after  # L (sqrt P - sqrt P') without the difference of near numbers
    else:
        after = root + traded / depth
        out = traded / (root * after)
    return ConcentratedSwap(after[()], (after * after)[()], out[()])


def concentrated_liquidity_amounts(price_a: Any, price_b: Any, liquidity: Any) -> ConcentratedAmounts:
    """Units of both tokens between two prices of one range.

    Parameters
    ----------
    price_a, price_b
        Lower and upper price, > 0, any shape.
    liquidity
        L, >= 0.

    Returns
    -------
    ConcentratedAmounts
        ``L (1 / sqrt a - 1 / sqrt b)`` of the first token, ``L (sqrt b - sqrt a)`` of the second.

    Raises
    ------
    InputError
        If a number is out of range or `price_b` is below `price_a`.

    Examples
    --------
    >>> float(concentrated_liquidity_amounts(1, 4, 10).amount0)
    5.0
    """
    lower, upper = reals(price_a, "price_a", above=0.0), reals(price_b, "price_b", above=0.0)
    depth = reals(liquidity, "liquidity", low=0.0)
    lower, upper, depth = fitted(price_a=lower, price_b=upper, liquidity=depth)
    if (upper < lower).any():
        raise ValueRangeError(
            "is below price_a", where="price_b", value=price_b, allowed="a price of at least price_a"
        )
    low, high = np.sqrt(lower), np.sqrt(upper)
    second = depth * ((upper - lower) / (high + low))
    return ConcentratedAmounts((second / (low * high))[()], second[()])
