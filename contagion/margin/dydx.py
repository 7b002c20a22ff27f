"""What does dYdX v4 allow a liquidation order to cost? Bankruptcy quote, fillable price, insurance delta.

An account holds `quote_balance`, cash after its entries were paid, and signed quantities. Positions are
mappings with `symbol` and `quantity`; every number may be an array over accounts, one position then being one
leg of all of them. T is the total net collateral, R the total maintenance requirement.

References
----------
dYdX v4 chain, documentation and tests of the liquidations module.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, fitted, reals
from contagion.errors import InputError, SchemaError, ValueRangeError, nearest

EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class _Account:
    quantity: dict[str, FloatArray]
    price: dict[str, FloatArray]
    rate: dict[str, FloatArray]
    collateral: FloatArray  # T
    requirement: FloatArray  # R
    turnover: FloatArray  # sum of the sizes of what T adds up, for its rounding error


def dydx_bankruptcy_quote(
    quote_balance: Any,
    positions: Sequence[Mapping[str, Any]],
    *,
    oracle_prices: Mapping[str, Any],
    close: Mapping[str, Any],
    maintenance_rate: Any,
    quote_step: Any,
) -> Any:
    """Money that the account must receive for a closing trade to leave it no worse than bankrupt.

    Parameters
    ----------
    quote_balance
        Cash, any sign and shape.
    positions
        Mappings with symbol and quantity (signed), each symbol once.
    oracle_prices
        Price of every symbol, > 0.
    close
        The closing trade: symbol and signed quantity d (negative sells).
    maintenance_rate
        Fraction of the notional in [0, 1]: one number, or one of every symbol.
    quote_step
        Smallest unit of money, > 0.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``-d price - T |D| / R`` with D the change of the symbol's own requirement, rounded up to a multiple of
        `quote_step`; negative is paid. The last term is 0 where the requirement does not change, the result nan
        where it changes from a requirement of 0.

    Raises
    ------
    InputError
        If a key, price or rate is missing, a symbol repeated, or a number out of range.

    Examples
    --------
    >>> held = [{"symbol": "BTC", "quantity": 0.1}]
    >>> sale = {"symbol": "BTC", "quantity": -0.05}
    >>> float(dydx_bankruptcy_quote(-5_000, held, oracle_prices={"BTC": 50_000}, close=sale,
    ...                             maintenance_rate=0.1, quote_step=1e-6))
    2500.0
    """
    symbol, traded = _named(close, "close")
    step = reals(quote_step, "quote_step", above=0.0)
    account = _account(quote_balance, positions, oracle_prices, maintenance_rate, symbol)
    price, before = account.price[symbol], account.quantity.get(symbol, np.zeros(()))
    change = (np.abs(before + traded) - np.abs(before)) * price * account.rate[symbol]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(
            change == 0, 0.0, np.abs(change) / np.where(account.requirement > 0, account.requirement, np.nan)
        )
        owed = -traded * price - account.collateral * share
        noise = 4.0 * EPSILON * (np.abs(traded * price) + account.turnover * share)
    return _rounded_up(owed, step, noise)


def dydx_fillable_price(
    quote_balance: Any,
    positions: Sequence[Mapping[str, Any]],
    *,
    oracle_prices: Mapping[str, Any],
    symbol: str,
    maintenance_rate: Any,
    bankruptcy_adjustment: Any,
    spread_to_maintenance: Any,
) -> Any:
    """Price of a liquidation order: worse for the account the closer it is to bankruptcy.

    Parameters
    ----------
    quote_balance, positions, oracle_prices, maintenance_rate
        As in `dydx_bankruptcy_quote`.
    symbol
        The position that is closed.
    bankruptcy_adjustment
        b, >= 0; 1 on the chain.
    spread_to_maintenance
        k, >= 0: the spread at bankruptcy as a share of the maintenance rate; 0.1 on the chain.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``(n - A k R_symbol) / quantity`` with n the signed notional and ``A = clamp(b (1 - T / R), 0, 1)``,
        floored at 0; nan for a quantity of 0.

    Raises
    ------
    InputError
        As in `dydx_bankruptcy_quote`; if `symbol` is not among the positions.

    Examples
    --------
    >>> held = [{"symbol": "BTC", "quantity": 0.1}]
    >>> float(dydx_fillable_price(-4_501, held, oracle_prices={"BTC": 50_000}, symbol="BTC",
    ...       maintenance_rate=0.1, bankruptcy_adjustment=1, spread_to_maintenance=0.1).round(6))
    49999.0
    """
    adjustment = reals(bankruptcy_adjustment, "bankruptcy_adjustment", low=0.0)
    spread = reals(spread_to_maintenance, "spread_to_maintenance", low=0.0)
    account = _account(quote_balance, positions, oracle_prices, maintenance_rate, symbol)
    if symbol not in account.quantity:
        raise InputError(
            "is no symbol of the positions", where="symbol", value=symbol, allowed=", ".join(account.quantity)
        )
    held, price = account.quantity[symbol], account.price[symbol]
    own = np.abs(held * price) * account.rate[symbol]
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(account.requirement > 0, account.requirement, 1.0)
        urgency = np.clip(adjustment * (1.0 - account.collateral / scale), 0.0, 1.0)
        found = (held * price - urgency * spread * own) / held
    return np.where(held != 0, np.maximum(found, 0.0), np.nan)[()]


def insurance_delta(
    quote_balance: Any, quantity: Any, close_quantity: Any, fill_price: Any, *, max_fee: Any
) -> Any:
    """What closing part of an account's only position brings to the insurance fund, or takes from it.

    Parameters
    ----------
    quote_balance
        Cash, any sign and shape.
    quantity
        Signed size of the position.
    close_quantity
        Signed size d of the closing trade; 0 where there is no position.
    fill_price
        Money per unit, > 0.
    max_fee
        Largest fee as a fraction of what is received or paid, >= 0; 0.005 on the chain.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``delta = -d fill - quote_balance d / quantity``: received less due at bankruptcy; a gain is at most
        ``max_fee |d fill|``.

    Raises
    ------
    InputError
        If a number is out of range, or a position of 0 is closed.

    Examples
    --------
    >>> float(insurance_delta(4_900, -0.1, 0.1, 44_100, max_fee=0.005))
    22.05
    """
    cash, held, traded, fill, fee = fitted(
        quote_balance=reals(quote_balance, "quote_balance"),
        quantity=reals(quantity, "quantity"),
        close_quantity=reals(close_quantity, "close_quantity"),
        fill_price=reals(fill_price, "fill_price", above=0.0),
        max_fee=reals(max_fee, "max_fee", low=0.0),
    )
    if ((held == 0) & (traded != 0)).any():
        raise ValueRangeError("closes a position of quantity 0", where="close_quantity", value=close_quantity)
    received = -traded * fill
    delta = received - cash * traded / np.where(held == 0, 1.0, held)
    return np.where(delta > 0, np.minimum(delta, fee * np.abs(received)), delta)[()]


def _rounded_up(money: FloatArray, step: FloatArray, noise: FloatArray) -> Any:
    """Money rounded up to a multiple of `step`; what exceeds a multiple only by rounding error stays on it."""
    steps = money / step
    below = np.floor(steps)
    return (np.where((steps - below) * step <= noise, below, np.ceil(steps)) * step)[()]


def _named(position: object, where: str) -> tuple[str, FloatArray]:
    """Symbol and signed quantity of one position or trade."""
    if not isinstance(position, Mapping):
        raise SchemaError("is not a position", where=where, value=position, allowed="symbol and quantity")
    for key in ("symbol", "quantity"):
        if key not in position:
            raise SchemaError(f"has no key {key!r}", where=where, value=dict(position))
    if not isinstance(position["symbol"], str):
        raise SchemaError("is no text", where=f"{where}.symbol", value=position["symbol"])
    return position["symbol"], reals(position["quantity"], f"{where}.quantity")


def _account(
    quote_balance: Any,
    positions: Sequence[Mapping[str, Any]],
    prices: Mapping[str, Any],
    rate: Any,
    also: object,
) -> _Account:
    """Checked positions with prices and rates, those of the symbol `also` included; T and R."""
    if isinstance(positions, (str, bytes, Mapping)) or not isinstance(positions, Sequence):
        raise SchemaError("is not a list of positions", where="positions", value=positions)
    held: dict[str, FloatArray] = {}
    for k, position in enumerate(positions):
        symbol, quantity = _named(position, f"positions[{k}]")
        if symbol in held:
            raise InputError(
                "comes twice", where=f"positions[{k}].symbol", value=symbol, remedy="add them up"
            )
        held[symbol] = quantity
    names = list(held) if also in held or not isinstance(also, str) else [*held, also]
    price = {name: _of(prices, name, "oracle_prices", above=0.0) for name in names}
    rates = rate if isinstance(rate, Mapping) else dict.fromkeys(names, rate)
    share = {name: _of(rates, name, "maintenance_rate", low=0.0, high=1.0) for name in names}
    cash = reals(quote_balance, "quote_balance")
    worths = [held[name] * price[name] for name in held]
    collateral = cash + sum(worths, np.zeros(()))
    turnover = np.abs(cash) + sum((np.abs(worth) for worth in worths), np.zeros(()))
    required = sum((np.abs(held[name] * price[name]) * share[name] for name in held), np.zeros(()))
    return _Account(held, price, share, collateral, np.asarray(required), turnover)


def _of(
    values: object,
    symbol: str,
    where: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
) -> FloatArray:
    """Number or array of one symbol."""
    if not isinstance(values, Mapping):
        raise SchemaError("is not a mapping of symbols to numbers", where=where, value=values)
    if symbol not in values:
        raise InputError(
            "has no number here",
            where=where,
            value=symbol,
            allowed="every symbol held" + nearest(symbol, list(values)),
        )
    return reals(values[symbol], f"{where}[{symbol!r}]", low=low, high=high, above=above)
