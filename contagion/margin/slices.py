"""How much must be closed, and in how many steps? Incremental liquidation, and the smallest slice that heals.

Numbers may be arrays over accounts.

References
----------
Deribit's incremental auto-liquidation, fees to its insurance fund; the slice is the root of one linear equation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from contagion.arrays import FloatArray, fitted, reals, sides
from contagion.errors import TooLargeError

MOST_STEPS: Final = 1_000_000


@dataclass(frozen=True)
class IncrementalLiquidation:
    """Steps taken, size and equity left, fees paid; size in base units, the others money."""

    steps: Any
    size_left: Any
    equity_left: Any
    fees: Any


@dataclass(frozen=True)
class Slice:
    """Size to close (`slice`, at most the position), and the same without that bound (nan: none heals)."""

    unbounded_slice: Any
    slice: Any


def liquidation_incremental(
    side: Any,
    size: Any,
    mark_price: Any,
    equity: Any,
    *,
    maintenance_base: Any,
    maintenance_slope: Any,
    step_size: Any,
    fee_rate: Any,
) -> IncrementalLiquidation:
    """Close step by step at the mark until the account exceeds its maintenance, as Deribit does.

    Parameters
    ----------
    side
        1 (long) or -1 (short), any shape.
    size
        In base units, >= 0.
    mark_price
        Money per unit, > 0.
    equity
        At the mark, money, any sign.
    maintenance_base, maintenance_slope
        The requirement is ``(base + slope size) size M``; >= 0.
    step_size
        Closed in one step, > 0; the last step closes what is left.
    fee_rate
        Of the value closed, >= 0, to the fund.

    Returns
    -------
    IncrementalLiquidation
        Arrays of the broadcast shape.

    Raises
    ------
    InputError
        If a number is out of range, or a position is more than a million steps.

    Examples
    --------
    >>> liquidation_incremental(1, 100, 50_000, 60_000, maintenance_base=0.01, maintenance_slope=5e-5,
    ...                         step_size=5, fee_rate=0.0075).steps
    np.int64(6)
    """
    _, units, mark, worth, base, slope, step, fee = fitted(
        side=sides(side, "side"),
        size=reals(size, "size", low=0.0),
        mark_price=reals(mark_price, "mark_price", above=0.0),
        equity=reals(equity, "equity"),
        maintenance_base=reals(maintenance_base, "maintenance_base", low=0.0),
        maintenance_slope=reals(maintenance_slope, "maintenance_slope", low=0.0),
        step_size=reals(step_size, "step_size", above=0.0),
        fee_rate=reals(fee_rate, "fee_rate", low=0.0),
    )
    if (units > step * MOST_STEPS).any():
        raise TooLargeError(
            "is too small for these positions",
            where="step_size",
            value=step_size,
            allowed="at most 1,000,000 steps",
        )
    steps = np.zeros(units.shape, dtype=np.int64)
    left, paid = units, np.zeros(units.shape)
    while True:
        below = (left > 0) & ~((base + slope * left) * left * mark < worth - paid)
        if not below.any():
            return IncrementalLiquidation(steps[()], left[()], (worth - paid)[()], paid[()])
        steps = steps + below
        left = np.maximum(units - steps * step, 0.0)
        paid = fee * (units - left) * mark


def minimal_liquidation_slice(
    side: Any,
    size: Any,
    entry_price: Any,
    wallet_balance: Any,
    mark_price: Any,
    execution_price: Any,
    *,
    maintenance_rate: Any,
    fee_on_mark: Any,
) -> Slice:
    """Smallest size whose sale brings the rest of the position back to its maintenance.

    Parameters
    ----------
    side
        1 (long) or -1 (short), any shape.
    size
        In base units, >= 0.
    entry_price, mark_price, execution_price
        Money per unit, > 0.
    wallet_balance
        Money given to the position, any sign.
    maintenance_rate, fee_on_mark
        Fractions of the value at the mark, in [0, 1].

    Returns
    -------
    Slice
        need / gain with ``need = r M q - equity`` and, per unit, ``gain = s (p - M) - f M + r M``: 0 without
        need, the whole size where selling gains nothing.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> found = minimal_liquidation_slice(1, 10, 100, 80, 95, 94.6, maintenance_rate=0.05, fee_on_mark=0.002)
    >>> float(found.slice.round(3))
    4.207
    """
    sign, units, entry, balance, mark, price, rate, fee = fitted(
        side=sides(side, "side"),
        size=reals(size, "size", low=0.0),
        entry_price=reals(entry_price, "entry_price", above=0.0),
        wallet_balance=reals(wallet_balance, "wallet_balance"),
        mark_price=reals(mark_price, "mark_price", above=0.0),
        execution_price=reals(execution_price, "execution_price", above=0.0),
        maintenance_rate=reals(maintenance_rate, "maintenance_rate", low=0.0, high=1.0),
        fee_on_mark=reals(fee_on_mark, "fee_on_mark", low=0.0, high=1.0),
    )
    need = rate * mark * units - (balance + sign * units * (mark - entry))
    gain = sign * (price - mark) - fee * mark + rate * mark
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        unbounded: FloatArray = np.where(need <= 0, 0.0, np.where(gain <= 0, np.nan, need / gain))
    return Slice(unbounded[()], np.fmin(units, unbounded)[()])
