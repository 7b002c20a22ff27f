"""What is repaid, seized and written off when an Aave position is liquidated: versions 2, 3 and 3.3.

Every number may be an array over positions; results have the broadcast shape. A position is one collateral
and one debt that the liquidator picks, beside whatever else its owner has.

References
----------
Aave: protocol documentation of liquidations; release notes of version 3.3 (dust, deficit accounting).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray, fitted, reals, word
from contagion.lending.aave_limits import (
    FIXED_CLOSE_FACTOR,
    FIXED_FULL_CLOSE_HEALTH_FACTOR,
    VERSIONS,
    Closing,
    closing,
    factor_at,
)
from contagion.lending.checks import check_bonus
from contagion.lending.health import health_factor


@dataclass(frozen=True)
class AaveLiquidation:
    """Outcome of a liquidation call: debt in units of the debt asset, collateral in units of the collateral.

    `reason` is empty where the call is allowed, else ``healthy`` or ``dust``. `deficit` is written off the
    debt; `deficit_other_value` (money) off the owner's other debts.
    """

    health_factor: Any
    allowed: Any
    reason: Any
    close_factor: Any
    debt_repaid: Any
    collateral_seized: Any
    protocol_fee_collateral: Any
    liquidator_collateral: Any
    collateral_left: Any
    debt_left: Any
    deficit: Any
    deficit_other_value: Any


@dataclass(frozen=True)
class _Position:
    collateral: FloatArray
    collateral_price: FloatArray
    debt: FloatArray
    debt_price: FloatArray
    request: FloatArray
    other_collateral: FloatArray
    other_threshold: FloatArray
    other_debt: FloatArray


def aave_liquidation(
    collateral_amount: Any,
    collateral_price: Any,
    debt_amount: Any,
    debt_price: Any,
    requested_repay: Any = None,
    *,
    version: str,
    liquidation_threshold: Any,
    liquidation_bonus: Any,
    protocol_fee: Any,
    close_factor: Any = None,
    full_close_health_factor: Any = None,
    small_position: Any = None,
    min_leftover: Any = None,
    other_collateral_value: Any = 0.0,
    other_collateral_threshold: Any = 0.0,
    other_debt_value: Any = 0.0,
) -> AaveLiquidation:
    """One liquidation call: how much is repaid, seized, kept as fee, left, and written off.

    Parameters
    ----------
    collateral_amount, debt_amount
        Units of the two assets, >= 0, any shape.
    collateral_price, debt_price
        Money per unit, > 0.
    requested_repay
        Units of the debt asset, >= 0; None or infinite for the most that is allowed.
    version
        ``v2``, ``v3`` (3.1, 3.2) or ``v3.3``.
    liquidation_threshold, liquidation_bonus, protocol_fee
        Fractions: of the collateral; on top of the debt repaid; of the bonus, to the protocol.
    close_factor, full_close_health_factor, small_position, min_leftover
        Read by ``v3.3``, which needs them; before it the factor is 0.5 and all is closed from 0.95 (v3).
    other_collateral_value, other_collateral_threshold, other_debt_value
        What else the owner has: money, its average threshold, money.

    Raises
    ------
    InputError
        If a number is out of range, the version unknown, or a parameter of ``v3.3`` missing.
    PolicyError
        If the close factor is not in (0, 1] or ``(1 + bonus) threshold >= 1``.

    Examples
    --------
    >>> done = aave_liquidation(10, 1000, 11_000, 1, version="v2", liquidation_threshold=0.82,
    ...                         liquidation_bonus=0.05, protocol_fee=0)
    >>> float(done.debt_repaid), float(done.collateral_seized)
    (5500.0, 5.775)
    """
    known = word(version, "version", VERSIONS)
    held = _Position(
        reals(collateral_amount, "collateral_amount", low=0.0),
        reals(collateral_price, "collateral_price", above=0.0),
        reals(debt_amount, "debt_amount", low=0.0),
        reals(debt_price, "debt_price", above=0.0),
        reals(
            np.inf if requested_repay is None else requested_repay, "requested_repay", low=0.0, infinite=True
        ),
        reals(other_collateral_value, "other_collateral_value", low=0.0),
        reals(other_collateral_threshold, "other_collateral_threshold", low=0.0, high=1.0),
        reals(other_debt_value, "other_debt_value", low=0.0),
    )
    threshold = reals(liquidation_threshold, "liquidation_threshold", low=0.0, high=1.0)
    gross = 1.0 + reals(liquidation_bonus, "liquidation_bonus", low=0.0)
    fee = reals(protocol_fee, "protocol_fee", low=0.0, high=1.0)
    if known == "v3.3":
        rule = closing(close_factor, full_close_health_factor, small_position, min_leftover)
    else:
        rule = closing(FIXED_CLOSE_FACTOR, FIXED_FULL_CLOSE_HEALTH_FACTOR, 0.0, 0.0)
    threshold, gross, fee, *same = fitted(
        liquidation_threshold=threshold, liquidation_bonus=gross, protocol_fee=fee, **vars(held), **vars(rule)
    )
    held, rule = _Position(*same[:8]), Closing(*same[8:])
    check_bonus(gross, threshold, "liquidation_bonus and liquidation_threshold")
    return _liquidated(known, held, rule, threshold, gross, fee)


def _liquidated(
    version: str, held: _Position, rule: Closing, threshold: FloatArray, gross: FloatArray, fee: FloatArray
) -> AaveLiquidation:
    """The call on checked numbers."""
    collateral_value, debt_value = held.collateral * held.collateral_price, held.debt * held.debt_price
    total_debt = debt_value + held.other_debt
    health = health_factor(
        collateral_value * threshold + held.other_collateral * held.other_threshold, total_debt
    )
    share = factor_at(version, health, collateral_value, debt_value, rule)
    limit = _limit(version, held, share, rule, total_debt)
    repaid, seized, emptied = _seizure(held, np.minimum(held.request, limit), gross)
    debt_left = held.debt - repaid
    collateral_left = np.where(emptied, 0.0, held.collateral - seized)
    healthy = health >= 1.0
    dust = np.zeros(healthy.shape, dtype=bool)
    lost = dust
    if version == "v3.3":
        small = (debt_left * held.debt_price < rule.min_leftover) | (
            collateral_left * held.collateral_price < rule.min_leftover
        )
        dust = ~healthy & (debt_left > 0.0) & (collateral_left > 0.0) & small
        lost = ~healthy & emptied & (held.other_collateral == 0.0)
    allowed = ~healthy & ~dust
    charged = fee * (seized - seized / gross)
    return AaveLiquidation(
        health_factor=health[()],
        allowed=allowed[()],
        reason=np.where(healthy, "healthy", np.where(dust, "dust", ""))[()],
        close_factor=share[()],
        debt_repaid=np.where(allowed, repaid, 0.0)[()],
        collateral_seized=np.where(allowed, seized, 0.0)[()],
        protocol_fee_collateral=np.where(allowed, charged, 0.0)[()],
        liquidator_collateral=np.where(allowed, seized - charged, 0.0)[()],
        collateral_left=np.where(allowed, collateral_left, held.collateral)[()],
        debt_left=np.where(lost, 0.0, np.where(allowed, debt_left, held.debt))[()],
        deficit=np.where(lost, debt_left, 0.0)[()],
        deficit_other_value=np.where(lost, held.other_debt, 0.0)[()],
    )


def _limit(
    version: str, held: _Position, share: FloatArray, rule: Closing, total_debt: FloatArray
) -> FloatArray:
    """Most units of the debt that may be repaid."""
    if version != "v3.3":
        return np.asarray(share * held.debt)
    part = np.minimum(held.debt, rule.close_factor * total_debt / held.debt_price)
    return np.where(share == 1.0, held.debt, part)


def _seizure(
    held: _Position, repay: FloatArray, gross: FloatArray
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Units repaid and seized, cut to the collateral, and where that took all of it."""
    seize = repay * held.debt_price * gross / held.collateral_price
    emptied = seize >= held.collateral
    most = held.collateral * held.collateral_price / (gross * held.debt_price)
    return (
        np.where(emptied, np.minimum(repay, most), repay),
        np.where(emptied, held.collateral, seize),
        emptied,
    )
