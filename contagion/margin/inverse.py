"""Liquidation and bankruptcy of inverse contracts: sizes in dollars, balances and margin in coin.

A position of `contracts` (each of 1 USD) is worth ``contracts / price`` coin. Numbers may be arrays over
accounts. A price that does not exist is nan, as for a short that holds more coin than it owes.

References
----------
Help pages of Bybit and BitMEX on inverse contracts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import fitted, reals, sides
from contagion.margin.brackets import floored


@dataclass(frozen=True)
class InversePrices:
    """Bankruptcy and liquidation price, USD per coin; nan where there is none."""

    bankruptcy_price: Any
    liquidation_price: Any


def bankruptcy_price_inverse(side: Any, entry_price: Any, leverage: Any) -> Any:
    """Price at which an inverse position has lost its initial margin.

    Parameters
    ----------
    side
        1 (long) or -1 (short), any shape.
    entry_price
        USD per coin, > 0.
    leverage
        At entry, > 0.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``entry L / (L + s)``; nan where ``L + s <= 0``: a short at leverage 1 or less owes no more coin than it
        holds.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> float(bankruptcy_price_inverse(-1, 60_000, 10).round(2))
    66666.67
    """
    sign, entry, lever = fitted(
        side=sides(side, "side"),
        entry_price=reals(entry_price, "entry_price", above=0.0),
        leverage=reals(leverage, "leverage", above=0.0),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        price = entry * lever / (lever + sign)
    return floored(price, lever + sign > 0)


def liquidation_price_bybit_inverse_isolated(
    side: Any,
    contracts: Any,
    entry_price: Any,
    leverage: Any,
    *,
    maintenance_rate: Any,
    taker_fee: Any,
    maintenance_amount: Any = 0.0,
    extra_margin: Any = 0.0,
) -> Any:
    """Liquidation price of an isolated inverse position, as on Bybit.

    Parameters
    ----------
    side, entry_price, leverage
        As in `bankruptcy_price_inverse`.
    contracts
        C, in USD, >= 0.
    maintenance_rate, taker_fee
        Fractions, in [0, 1].
    maintenance_amount, extra_margin
        In coin, >= 0.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``C (1 + s r) / (C / entry + s C / (entry L) + s (extra / (1 + s f) + a))``; nan where the denominator
        is not positive.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> price = liquidation_price_bybit_inverse_isolated(
    ...     1, 100_000, 50_000, 10, maintenance_rate=0.005, taker_fee=0.00055)
    >>> float(price.round(2))
    45681.82
    """
    sign, dollars, entry, lever, rate, fee, amount, extra = fitted(
        side=sides(side, "side"),
        contracts=reals(contracts, "contracts", low=0.0),
        entry_price=reals(entry_price, "entry_price", above=0.0),
        leverage=reals(leverage, "leverage", above=0.0),
        maintenance_rate=reals(maintenance_rate, "maintenance_rate", low=0.0, high=1.0),
        taker_fee=reals(taker_fee, "taker_fee", low=0.0, high=1.0),
        maintenance_amount=reals(maintenance_amount, "maintenance_amount", low=0.0),
        extra_margin=reals(extra_margin, "extra_margin", low=0.0),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        added = np.where(extra > 0, extra / (1.0 + sign * fee), 0.0)
        coins = dollars / entry + sign * dollars / (entry * lever) + sign * (added + amount)
        price = dollars * (1.0 + sign * rate) / coins
    return floored(price, (dollars > 0) & (coins > 0))


def liquidation_price_bybit_inverse_cross(
    side: Any, contracts: Any, entry_price: Any, wallet_balance: Any, *, maintenance_rate: Any, taker_fee: Any
) -> InversePrices:
    """Bankruptcy and liquidation price of an inverse position that the whole wallet backs, as on Bybit.

    Parameters
    ----------
    side, contracts, entry_price, maintenance_rate, taker_fee
        As in `liquidation_price_bybit_inverse_isolated`.
    wallet_balance
        W, in coin, any sign.

    Returns
    -------
    InversePrices
        Bankruptcy ``B = C (s + f) / (s C / entry + W)``, liquidation
        ``s C / (s C / entry + W - r C / entry - C f / B)``; nan where s times the denominator is not positive,
        the liquidation price also where there is no B.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> found = liquidation_price_bybit_inverse_cross(
    ...     1, 10_000, 8_000, 0.5, maintenance_rate=0.005, taker_fee=0.00075)
    >>> float(found.bankruptcy_price.round(2)), float(found.liquidation_price.round(2))
    (5718.57, 5739.08)
    """
    sign, dollars, entry, coins, rate, fee = fitted(
        side=sides(side, "side"),
        contracts=reals(contracts, "contracts", low=0.0),
        entry_price=reals(entry_price, "entry_price", above=0.0),
        wallet_balance=reals(wallet_balance, "wallet_balance"),
        maintenance_rate=reals(maintenance_rate, "maintenance_rate", low=0.0, high=1.0),
        taker_fee=reals(taker_fee, "taker_fee", low=0.0, high=1.0),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        held = sign * dollars / entry + coins
        bankrupt = np.asarray(floored(dollars * (sign + fee) / held, (dollars > 0) & (sign * held > 0)))
        left = held - rate * dollars / entry - dollars * fee / bankrupt
        price = floored(sign * dollars / left, np.isfinite(bankrupt) & (sign * left > 0))
    return InversePrices(bankrupt[()], price)
