"""When does a venue start to deleverage? Rules on the balance of its insurance pool.

References
----------
Help pages of Bybit (pools per group of contracts, December 2025) and OKX (drawdown of the fund).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import fitted, real, reals
from contagion.errors import SchemaError, ValueRangeError


@dataclass(frozen=True)
class PoolTrigger:
    """Fall of the symbol's result since its maximum as a fraction of the pool's (nan: no pool); whether ADL starts."""

    pnl_ratio: Any
    adl: Any


@dataclass(frozen=True)
class DrawdownTrigger:
    """Highest balance in the window, fall from it as a fraction, whether ADL starts."""

    peak: float
    drawdown: float
    adl: bool


def adl_trigger_pool(
    pool_balance: Any, pool_max: Any, symbol_pnl: Any, symbol_pnl_max: Any, *, trigger_ratio: Any
) -> PoolTrigger:
    """Deleverage when the pool is empty, or one symbol has cost too much of it, as on Bybit.

    Parameters
    ----------
    pool_balance, symbol_pnl
        Balance of the pool, and result of the symbol in it, now; money, any sign and shape.
    pool_max, symbol_pnl_max
        Their maxima over eight hours.
    trigger_ratio
        -0.3 on Bybit.

    Returns
    -------
    PoolTrigger
        ``adl = pool_balance <= 0 or (pnl - pnl_max) / pool_max < trigger_ratio``.

    Raises
    ------
    InputError
        If something is no finite number or shapes do not fit.

    Examples
    --------
    >>> adl_trigger_pool(7.5e6, 1e7, -2.2e6, 1e6, trigger_ratio=-0.3)
    PoolTrigger(pnl_ratio=np.float64(-0.32), adl=np.True_)
    """
    balance, most, result, best, limit = fitted(
        pool_balance=reals(pool_balance, "pool_balance"),
        pool_max=reals(pool_max, "pool_max"),
        symbol_pnl=reals(symbol_pnl, "symbol_pnl"),
        symbol_pnl_max=reals(symbol_pnl_max, "symbol_pnl_max"),
        trigger_ratio=reals(trigger_ratio, "trigger_ratio"),
    )
    ratio = np.where(most > 0, (result - best) / np.where(most > 0, most, 1.0), np.nan)
    return PoolTrigger(ratio[()], ((balance <= 0) | (ratio < limit))[()])


def adl_trigger_fund_drawdown(
    time_s: Any, balance: Any, *, window_s: Any, drawdown_limit: Any
) -> DrawdownTrigger:
    """Deleverage when the fund has fallen too far from its peak, as on OKX.

    Parameters
    ----------
    time_s
        Times in seconds, >= 0, ascending, shape ``(n,)`` with n >= 1; the last is now.
    balance
        Balance of the fund at these times, money.
    window_s
        How old an entry may be to count, >= 0; 28,800 on OKX.
    drawdown_limit
        Fraction; 0.3 on OKX, and reached exactly it already triggers.

    Returns
    -------
    DrawdownTrigger
        ``drawdown = (peak - now) / peak``, 0 without a positive peak.

    Raises
    ------
    InputError
        If there is no entry, times fall, or a number is out of range.

    Examples
    --------
    >>> adl_trigger_fund_drawdown([0, 3600, 9000], [100, 104, 52], window_s=28_800, drawdown_limit=0.3)
    DrawdownTrigger(peak=104.0, drawdown=0.5, adl=True)
    """
    times = reals(time_s, "time_s", low=0.0, dimensions=1)
    money = reals(balance, "balance", dimensions=1)
    if len(times) == 0 or times.shape != money.shape:
        raise SchemaError(
            f"have the shapes {times.shape} and {money.shape}",
            where="time_s, balance",
            allowed="at least one time, and one balance for each",
        )
    fall = np.flatnonzero(np.diff(times) < 0)
    if len(fall):
        raise ValueRangeError(
            "is before the time in front of it",
            where=f"time_s[{fall[0] + 1}]",
            value=float(times[fall[0] + 1]),
            allowed="ascending times",
        )
    recent = times[-1] - times <= real(window_s, "window_s", low=0.0)
    limit = real(drawdown_limit, "drawdown_limit")
    peak, now = float(money[recent].max()), float(money[-1])
    drawdown = (peak - now) / peak if peak > 0 else 0.0
    return DrawdownTrigger(peak, drawdown, drawdown >= limit)
