"""Whose position is deleveraged first? The rankings of the venues, by profit and leverage.

Accounts are arrays of shape ``(n_accounts,)``. `order` holds their places (from 0), highest score first;
equal scores keep the order of the input.

References
----------
Help pages of BitMEX, Bybit, OKX and Binance; documentation of Hyperliquid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray, fitted, reals, sides, word
from contagion.errors import SchemaError, ValueRangeError

Order = NDArray[np.int64]


@dataclass(frozen=True)
class BitmexRank:
    """Profit as a fraction of the entry, leverage to bankruptcy (infinite at it), score, order."""

    pnl_fraction: FloatArray
    effective_leverage: FloatArray
    score: FloatArray
    order: Order


@dataclass(frozen=True)
class BinanceRank:
    """Score, order, and the lamps (5: first to go) that the owner of each account sees."""

    score: FloatArray
    order: Order
    lamps: NDArray[np.int64]


@dataclass(frozen=True)
class HyperliquidRank:
    """Index of every account; places of those in profit, in input order and by index."""

    index: FloatArray
    in_profit: Order
    order: Order


def adl_rank_bitmex(mark_price: Any, side: Any, entry_price: Any, bankruptcy_price: Any) -> BitmexRank:
    """Rank by profit times leverage: BitMEX, Bybit, OKX, older Binance.

    Parameters
    ----------
    mark_price
        Money per unit, > 0: one number, or one per account.
    side
        1 (long) or -1 (short), shape ``(n_accounts,)``.
    entry_price
        Money per unit, > 0.
    bankruptcy_price
        Money per unit; may be 0.

    Returns
    -------
    BitmexRank
        ``pnl = s (M - entry) / entry``, ``leverage = M / |M - bankruptcy|``; score: their product for a profit,
        ``pnl / leverage`` for a loss.

    Raises
    ------
    InputError
        If a number is out of range or shapes do not fit.

    Examples
    --------
    >>> adl_rank_bitmex(110, [1, 1, 1], [100, 105, 120], [90, 100, 60]).order
    array([0, 1, 2])
    """
    mark, sign, entry, bankrupt = _columns(
        mark_price=reals(mark_price, "mark_price", above=0.0),
        side=sides(side, "side"),
        entry_price=reals(entry_price, "entry_price", above=0.0),
        bankruptcy_price=reals(bankruptcy_price, "bankruptcy_price", low=0.0),
    )
    profit = sign * (mark - entry) / entry
    with np.errstate(divide="ignore", invalid="ignore"):
        leverage = mark / np.abs(mark - bankrupt)
        score = np.where(profit > 0, profit * leverage, profit / leverage)
    return BitmexRank(profit, leverage, score, _by_score(score))


def adl_rank_binance(unrealized_pnl: Any, collateral: Any, margin_ratio: Any) -> BinanceRank:
    """Rank by profit on collateral times margin ratio.

    Parameters
    ----------
    unrealized_pnl
        Money per account, any sign, shape ``(n_accounts,)``.
    collateral
        Money, > 0.
    margin_ratio
        Maintenance over equity, >= 0.

    Returns
    -------
    BinanceRank
        ``score = pnl / collateral * margin_ratio``, ``lamps = 5 - floor(5 (rank - 1) / n)``.

    Raises
    ------
    InputError
        If a number is out of range or shapes do not fit.

    Examples
    --------
    >>> adl_rank_binance([500, 300, -50], [1000, 300, 500], [0.2, 0.15, 0.4]).lamps
    array([4, 5, 2])
    """
    profit, money, ratio = _columns(
        unrealized_pnl=reals(unrealized_pnl, "unrealized_pnl"),
        collateral=reals(collateral, "collateral", above=0.0),
        margin_ratio=reals(margin_ratio, "margin_ratio", low=0.0),
    )
    score = profit / money * ratio
    order = _by_score(score)
    lamps = np.zeros(len(order), dtype=np.int64)
    lamps[order] = 5 - 5 * np.arange(len(order)) // max(len(order), 1)
    return BinanceRank(score, order, lamps)


def adl_rank_hyperliquid(
    mark_price: Any, side: Any, size: Any, entry_price: Any, account_value: Any, *, form: str
) -> HyperliquidRank:
    """Rank the accounts in profit by price move times leverage.

    Parameters
    ----------
    mark_price
        Money per unit, > 0: one number, or one per account.
    side
        1 (long) or -1 (short), shape ``(n_accounts,)``.
    size
        In base units, >= 0.
    entry_price
        Money per unit, > 0.
    account_value
        Equity of the account, not 0.
    form
        ``literal``: ``M / entry * (q M / value)`` as printed, in which a short in profit counts less than 1;
        ``side_aware``: ``(M / entry)^s`` in its place.

    Raises
    ------
    InputError
        If a number is out of range, shapes do not fit, or the form is unknown.

    Examples
    --------
    >>> found = adl_rank_hyperliquid(
    ...     100, [-1, -1, 1], [10, 50, 1], [120, 101, 110], [200, 300, 50], form="literal")
    >>> found.in_profit, found.order
    (array([0, 1]), array([1, 0]))
    """
    shape = word(form, "form", ("literal", "side_aware"))
    value = reals(account_value, "account_value")
    if (value == 0).any():
        raise ValueRangeError("is zero", where="account_value", value=account_value, allowed="another number")
    mark, sign, units, entry, worth = _columns(
        mark_price=reals(mark_price, "mark_price", above=0.0),
        side=sides(side, "side"),
        size=reals(size, "size", low=0.0),
        entry_price=reals(entry_price, "entry_price", above=0.0),
        account_value=value,
    )
    move = np.where(sign < 0, entry / mark, mark / entry) if shape == "side_aware" else mark / entry
    index = move * (units * mark / worth)
    winners = np.flatnonzero(sign * (mark - entry) > 0)
    return HyperliquidRank(index, winners, winners[_by_score(index[winners])])


def _columns(**arrays: FloatArray) -> tuple[FloatArray, ...]:
    """The arrays as columns of one length."""
    columns = fitted(**arrays)
    if columns[0].ndim != 1:
        raise SchemaError(
            f"have {columns[0].ndim} dimensions", where=", ".join(arrays), allowed="one number per account"
        )
    return columns


def _by_score(score: FloatArray) -> Order:
    """Places by falling score, equal scores in input order."""
    return np.argsort(-score, kind="stable")
