"""At which price must a linear position be closed? Closed formulas of OKX, Bybit and Hyperliquid, one position.

All numbers may be arrays over accounts and are broadcast together. A price that does not exist is nan: of a
position of size 0, or where the requirement grows as fast as the position. A price of 0 says that no price
above zero liquidates.

References
----------
Help pages of OKX, Gate, Bybit and Hyperliquid on liquidation prices; tests of freqtrade.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.arrays import FloatArray, fitted, reals, sides
from contagion.margin.brackets import floored, margin_line
from contagion.margin.tiers import Tiers, TierTable, maintenance_margin, tier_of


def liquidation_price_okx(
    side: Any, size: Any, entry_price: Any, wallet_balance: Any, *, maintenance_rate: Any, taker_fee: Any
) -> Any:
    """Liquidation price with the fee of closing added to the maintenance, as on OKX and Gate.

    Parameters
    ----------
    side, size, entry_price, wallet_balance
        As in `liquidation_price_binance_isolated`.
    maintenance_rate, taker_fee
        Fractions of the notional, in [0, 1].

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``(entry - s W / q) / (1 - s (r + f))``, floored at 0.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> price = liquidation_price_okx(-1, 1, 8, 1.6, maintenance_rate=0.01, taker_fee=0.0006)
    >>> float(price.round(4))
    9.4993
    """
    sign, units, entry, balance, rate, fee = fitted(
        side=sides(side, "side"),
        size=reals(size, "size", low=0.0),
        entry_price=reals(entry_price, "entry_price", above=0.0),
        wallet_balance=reals(wallet_balance, "wallet_balance"),
        maintenance_rate=reals(maintenance_rate, "maintenance_rate", low=0.0, high=1.0),
        taker_fee=reals(taker_fee, "taker_fee", low=0.0, high=1.0),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        price = (entry - sign * balance / units) / (1.0 - sign * (rate + fee))
    return floored(price, (units > 0) & (sign * (rate + fee) < 1.0))


def liquidation_price_bybit_linear(
    side: Any,
    size: Any,
    entry_price: Any,
    leverage: Any,
    *,
    extra_margin: Any = 0.0,
    tiers: Tiers | None = None,
    maintenance_rate: Any = None,
    maintenance_amount: Any = None,
) -> Any:
    """Liquidation price with margin, maintenance and tier at the entry value, as on Bybit.

    Parameters
    ----------
    side, size, entry_price
        As in `liquidation_price_binance_isolated`.
    leverage
        At entry, > 0: the initial margin is ``q entry / leverage``.
    extra_margin
        Money added to the position, >= 0.
    tiers
        Tier table, read at ``q entry``; or one line by `maintenance_rate` and
        `maintenance_amount` (money, 0 by default).

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``entry (1 - s (1 / leverage - r)) - s (extra + a) / q``, floored at 0.

    Raises
    ------
    InputError
        If a number is out of range, the tiers do not fit together, or neither or both rules are given.

    Examples
    --------
    >>> float(liquidation_price_bybit_linear(1, 1, 10, 5, maintenance_rate=0.01).round(9))
    8.1
    """
    sign, units, entry, lever, extra = fitted(
        side=sides(side, "side"),
        size=reals(size, "size", low=0.0),
        entry_price=reals(entry_price, "entry_price", above=0.0),
        leverage=reals(leverage, "leverage", above=0.0),
        extra_margin=reals(extra_margin, "extra_margin", low=0.0),
    )
    amount = 0.0 if tiers is None and maintenance_amount is None else maintenance_amount
    table = margin_line(tiers, maintenance_rate, amount)
    rate, deduction = _line_of(tier_of(units * entry, table) - 1, table)
    with np.errstate(divide="ignore", invalid="ignore"):
        price = entry * (1.0 - sign * (1.0 / lever - rate)) - sign * (extra + deduction) / units
    return floored(price, units > 0)


def liquidation_price_hyperliquid(side: Any, size: Any, mark_price: Any, equity: Any, *, tiers: Tiers) -> Any:
    """Liquidation price with the tier of the current mark, as on Hyperliquid.

    Parameters
    ----------
    side, size
        As in `liquidation_price_binance_isolated`.
    mark_price
        Money per unit, > 0.
    equity
        Of the position at the mark (isolated) or of the account (cross), money, any sign.
    tiers
        Tier table.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``M - s (equity - maintenance) / q / (1 - s r)``, floored at 0.

    Raises
    ------
    InputError
        If a number is out of range or the tiers do not fit together.

    Examples
    --------
    >>> tiers = [{"floor": 0, "cap": None, "maintenance_rate": 0.0125}]
    >>> float(liquidation_price_hyperliquid(1, 1, 100_000, 5_000, tiers=tiers).round(2))
    96202.53
    """
    sign, units, mark, worth = fitted(
        side=sides(side, "side"),
        size=reals(size, "size", low=0.0),
        mark_price=reals(mark_price, "mark_price", above=0.0),
        equity=reals(equity, "equity"),
    )
    required = maintenance_margin(units * mark, tiers)
    rate = np.asarray(required.maintenance_rate)
    with np.errstate(divide="ignore", invalid="ignore"):
        price = mark - sign * (worth - required.maintenance_margin) / units / (1.0 - sign * rate)
    return floored(price, (units > 0) & (sign * rate < 1.0))


def liquidation_price_buffer(side: Any, entry_price: Any, liquidation_price: Any, *, buffer: Any) -> Any:
    """Price at which a careful owner closes, before the venue does.

    Parameters
    ----------
    side
        1 (long) or -1 (short), any shape.
    entry_price, liquidation_price
        Money per unit; the liquidation price may be 0.
    buffer
        Share of the way from the liquidation price back to the entry, >= 0.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``price + s buffer |entry - price|``, floored at 0.

    Examples
    --------
    >>> float(liquidation_price_buffer(1, 18.884, 17.47, buffer=0.05).round(4))
    17.5407
    """
    sign, entry, price, share = fitted(
        side=sides(side, "side"),
        entry_price=reals(entry_price, "entry_price", above=0.0),
        liquidation_price=reals(liquidation_price, "liquidation_price", low=0.0),
        buffer=reals(buffer, "buffer", low=0.0),
    )
    return floored(price + sign * share * np.abs(entry - price), np.array(True))


def _line_of(place: Any, table: TierTable) -> tuple[FloatArray, FloatArray]:
    """Rate and amount of the line in force; of the only line, which may be one per account, without a look."""
    if len(table.rates) == 1:
        return table.rates[0], table.amounts[0]
    return table.rates[place], table.amounts[place]
