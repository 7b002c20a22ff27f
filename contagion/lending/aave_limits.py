"""How much of an Aave debt may one liquidation repay? Close factors, limits over several debts, leftovers.

Every number may be an array over positions; results have the broadcast shape. Versions 3.1 and 3.2 close as
version 3.

References
----------
Aave: protocol documentation of liquidations; release notes of version 3.3 (close factor on the whole
position, full close of small positions, minimum leftover).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, fitted, reals, word
from contagion.errors import SchemaError, ValueRangeError
from contagion.lending.checks import close_factors

VERSIONS = ("v2", "v3", "v3.1", "v3.2", "v3.3")
FIXED_CLOSE_FACTOR = 0.5
FIXED_FULL_CLOSE_HEALTH_FACTOR = 0.95


@dataclass(frozen=True)
class AaveMaxRepay:
    """Largest repayment, money: of the whole position (None before version 3.3) and of the debt picked."""

    max_repay_total: Any
    max_repay_one_debt: Any


@dataclass(frozen=True)
class AavePartialLimits:
    """Most that a liquidation may touch without closing a side, money."""

    max_partial_debt: Any
    max_partial_collateral: Any


@dataclass(frozen=True)
class Closing:
    """Checked parameters of closing."""

    close_factor: FloatArray
    full_close: FloatArray
    small_position: FloatArray
    min_leftover: FloatArray


def aave_close_factor(
    health_factor: Any,
    collateral_value: Any,
    debt_value: Any,
    *,
    version: str,
    close_factor: Any,
    full_close_health_factor: Any,
    small_position: Any,
) -> Any:
    """Share of a debt that one liquidation may repay.

    Parameters
    ----------
    health_factor
        Of the whole position, >= 0, infinite without debt; any shape.
    collateral_value, debt_value
        Money in the two reserves that are picked, >= 0.
    version
        ``v2``: always `close_factor`. ``v3`` (3.1, 3.2): all at or below `full_close_health_factor`.
        ``v3.3``: also all where one of the two values is below `small_position`.
    close_factor, full_close_health_factor, small_position
        Fraction in (0, 1]; number >= 0; money >= 0. Live: 0.5, 0.95, 2,000 USD.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        0 where the health factor is at least 1.

    Raises
    ------
    InputError
        If a number is out of range or the version unknown.

    Examples
    --------
    >>> float(aave_close_factor(0.97, 1500, 1400, version="v3.3", close_factor=0.5,
    ...                         full_close_health_factor=0.95, small_position=2000))
    1.0
    """
    known = word(version, "version", VERSIONS)
    health = reals(health_factor, "health_factor", low=0.0, infinite=True)
    collateral = reals(collateral_value, "collateral_value", low=0.0)
    debt = reals(debt_value, "debt_value", low=0.0)
    rule = closing(close_factor, full_close_health_factor, small_position, 0.0)
    health, collateral, debt, *same = fitted(
        health_factor=health, collateral_value=collateral, debt_value=debt, **vars(rule)
    )
    return factor_at(known, health, collateral, debt, Closing(*same))[()]


def aave_max_repay(debts: Any, debt_index: int, *, version: str, close_factor: Any) -> AaveMaxRepay:
    """Most that one liquidation may repay of a position with several debts.

    Parameters
    ----------
    debts
        Values, money, shape ``(..., n_debts)``.
    debt_index
        Which debt is picked, from 0.
    version
        Before ``v3.3`` the factor acts on the debt picked, from then on the sum of all debts.
    close_factor
        Fraction in (0, 1], of the shape of `debts` without its last dimension, or a number.

    Raises
    ------
    InputError
        If a debt is negative, there is no debt of that index, or the version is unknown.

    Examples
    --------
    >>> float(aave_max_repay([3000, 3000, 3000], 0, version="v3.3", close_factor=0.5).max_repay_one_debt)
    3000.0
    """
    known = word(version, "version", VERSIONS)
    values = reals(debts, "debts", low=0.0)
    picked = _pick(values, debt_index)
    share = close_factors(close_factor)
    picked, share = fitted(debts=picked, close_factor=share)
    if known != "v3.3":
        return AaveMaxRepay(None, (share * picked)[()])
    total = share * values.sum(axis=-1)
    return AaveMaxRepay(total[()], np.minimum(picked, total)[()])


def aave_partial_limits(collateral_value: Any, debt_value: Any, *, min_leftover: Any) -> AavePartialLimits:
    """Most that a partial liquidation may take so that both sides keep `min_leftover`; bonus left aside.

    Parameters
    ----------
    collateral_value, debt_value, min_leftover
        Money, >= 0, any shape.

    Examples
    --------
    >>> float(aave_partial_limits(1000, 900, min_leftover=500).max_partial_debt)
    400.0
    """
    collateral = reals(collateral_value, "collateral_value", low=0.0)
    debt = reals(debt_value, "debt_value", low=0.0)
    least = reals(min_leftover, "min_leftover", low=0.0)
    collateral, debt, least = fitted(collateral_value=collateral, debt_value=debt, min_leftover=least)
    return AavePartialLimits(np.maximum(debt - least, 0.0)[()], np.maximum(collateral - least, 0.0)[()])


def factor_at(
    version: str, health: FloatArray, collateral: FloatArray, debt: FloatArray, rule: Closing
) -> FloatArray:
    """Close factor at checked values."""
    part = np.ones(np.broadcast_shapes(health.shape, collateral.shape, debt.shape), dtype=bool)
    if version != "v2":
        part = part & (health > rule.full_close)
    if version == "v3.3":
        part = part & (collateral >= rule.small_position) & (debt >= rule.small_position)
    return np.where(health >= 1.0, 0.0, np.where(part, rule.close_factor, 1.0))


def closing(close_factor: Any, full_close: Any, small_position: Any, min_leftover: Any) -> Closing:
    """Checked parameters of closing; refused where one is missing."""
    given = {
        "close_factor": close_factor,
        "full_close_health_factor": full_close,
        "small_position": small_position,
        "min_leftover": min_leftover,
    }
    for name, value in given.items():
        if value is None:
            raise SchemaError("is missing", where=name, allowed="a number; version v3.3 needs it")
    return Closing(
        close_factors(close_factor),
        reals(full_close, "full_close_health_factor", low=0.0),
        reals(small_position, "small_position", low=0.0),
        reals(min_leftover, "min_leftover", low=0.0),
    )


def _pick(values: FloatArray, index: object) -> FloatArray:
    """The debt of an index along the last dimension."""
    count = values.shape[-1] if values.ndim else 0
    if isinstance(index, (bool, np.bool_)) or not isinstance(index, (int, np.integer)):
        raise SchemaError("is not a whole number", where="debt_index", value=index)
    if not 0 <= index < count:
        raise ValueRangeError("is no debt", where="debt_index", value=index, allowed=f"0 to {count - 1}")
    return np.asarray(values[..., int(index)])
