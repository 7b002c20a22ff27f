"""Who takes over a Liquity trove? First the stability pool, pro rata, then the other troves by collateral.

References
----------
Liquity version 1: white paper and developer documentation (stability pool, redistribution, recovery mode).
The liquidator also gets 200 LUSD, which is not part of these rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray, fitted, reals, word
from contagion.errors import InputError, SchemaError


@dataclass(frozen=True)
class StabilityPool:
    """Deposits and collateral gained, shape ``(n_deposits,)``; return on the first deposits; debt left over.

    `roi` is nan without deposits.
    """

    deposits: FloatArray
    collateral_gains: FloatArray
    roi: Any
    unabsorbed_debt: Any


@dataclass(frozen=True)
class LiquityLiquidation:
    """Outcome for a trove: debts are money, collaterals units; what does not apply is 0.

    `action` is ``none``, ``liquidate``, ``redistribute`` or ``capped``; `collateral_ratio` is infinite
    without debt. `other_collaterals` and `other_debts` are those after it, shape ``(..., n_others)``.
    """

    action: Any
    collateral_ratio: Any
    gas_collateral: Any
    pool_debt: Any
    pool_collateral: Any
    redistributed_debt: Any
    redistributed_collateral: Any
    surplus_collateral: Any
    other_collaterals: FloatArray
    other_debts: FloatArray


def liquity_stability_pool(deposits: Any, debts: Any, collaterals: Any, price: Any) -> StabilityPool:
    """Liquidations absorbed by a pool, one after the other.

    Parameters
    ----------
    deposits
        Money of each depositor, >= 0, shape ``(n_deposits,)``.
    debts, collaterals
        Of the liquidations in order: money and units, >= 0, shape ``(n_liquidations,)``.
    price
        Money per unit of collateral, > 0.

    Returns
    -------
    StabilityPool
        Each liquidation takes ``min(pool, debt)`` off the deposits pro rata and pays
        ``collateral absorbed / debt`` to them; an empty pool absorbs nothing.

    Raises
    ------
    InputError
        If a number is out of range or shapes differ.

    Examples
    --------
    >>> pool = liquity_stability_pool([100, 300], [200], [2.5], 100)
    >>> pool.deposits.tolist(), float(pool.roi)
    ([50.0, 150.0], 0.125)
    """
    stakes = reals(deposits, "deposits", low=0.0, dimensions=1)
    owed = reals(debts, "debts", low=0.0, dimensions=1)
    units = reals(collaterals, "collaterals", low=0.0, dimensions=1)
    money = reals(price, "price", above=0.0)
    if owed.shape != units.shape:
        raise SchemaError(
            f"has {len(units)} entries", where="collaterals", allowed=f"one for each of the {len(owed)} debts"
        )
    first = stakes.sum()
    before = np.maximum(first - np.concatenate([np.zeros(1), np.cumsum(owed)]), 0.0)
    absorbed = np.minimum(before[:-1], owed)
    with np.errstate(divide="ignore", invalid="ignore"):
        paid = np.where(owed > 0.0, units * (absorbed / owed), 0.0).sum()
        share = stakes / first if first > 0.0 else np.zeros(stakes.shape)
        roi = (paid * money - absorbed.sum()) / first if first > 0.0 else np.full(money.shape, np.nan)
    return StabilityPool(share * before[-1], share * paid, roi[()], (owed - absorbed).sum())


def liquity_liquidation(
    pool: Any,
    collateral: Any,
    debt: Any,
    price: Any,
    other_collaterals: Any,
    other_debts: Any,
    *,
    mode: str,
    minimum_ratio: Any,
    gas_fraction: Any,
    total_ratio: Any = None,
) -> LiquityLiquidation:
    """Liquidation of one trove; numbers may be arrays over worlds that have one such trove each.

    Parameters
    ----------
    pool
        Money in the stability pool, >= 0, any shape.
    collateral, debt
        Of the trove: units and money, >= 0.
    price
        Money per unit of collateral, > 0.
    other_collaterals, other_debts
        Of the other troves: units and money, >= 0, shape ``(..., n_others)``.
    mode
        ``normal``: liquidated below `minimum_ratio`. ``recovery``: redistributed at a ratio of 1 or less,
        liquidated below the minimum, capped below the total ratio if the pool covers the debt.
    minimum_ratio, gas_fraction
        Collateral ratio >= 1; share of the collateral that the liquidator keeps, in [0, 1].
    total_ratio
        Of the system, > 0; computed from all troves if None.

    Raises
    ------
    InputError
        If a number is out of range, the mode unknown, or debt is to be shared among troves without
        collateral.

    Examples
    --------
    >>> done = liquity_liquidation(5000, 13, 2000, 200, [30], [4200], mode="recovery", minimum_ratio=1.1,
    ...                            gas_fraction=0.005)
    >>> str(done.action), round(float(done.surplus_collateral), 9)
    ('capped', 2.0)
    """
    known = word(mode, "mode", ("normal", "recovery"))
    money = reals(pool, "pool", low=0.0)
    units, owed = reals(collateral, "collateral", low=0.0), reals(debt, "debt", low=0.0)
    value = reals(price, "price", above=0.0)
    minimum = reals(minimum_ratio, "minimum_ratio", low=1.0)
    gas = reals(gas_fraction, "gas_fraction", low=0.0, high=1.0)
    backing, owing = _others(other_collaterals, other_debts)
    given = np.ones(()) if total_ratio is None else reals(total_ratio, "total_ratio", above=0.0)
    money, units, owed, value, minimum, gas, total, rest = fitted(
        pool=money, collateral=units, debt=owed, price=value, minimum_ratio=minimum, gas_fraction=gas,
        total_ratio=given, other_collaterals=backing.sum(axis=-1),
    )  # fmt: skip
    ratio = _ratio(units * value, owed)
    if total_ratio is None:
        total = _ratio((units + rest) * value, owed + owing.sum(axis=-1))
    action = _action(known, ratio, minimum, total, money >= owed)
    return _taken_over(action, ratio, (money, units, owed, minimum * owed / value, gas), backing, owing)


def _action(
    mode: str, ratio: FloatArray, minimum: FloatArray, total: FloatArray, covered: NDArray[np.bool_]
) -> NDArray[np.str_]:
    """What happens to the trove, by the first rule that fits."""
    if mode == "normal":
        return np.where(ratio < minimum, "liquidate", "none")
    capped = np.where((ratio < total) & covered, "capped", "none")
    return np.where(ratio <= 1.0, "redistribute", np.where(ratio < minimum, "liquidate", capped))


def _taken_over(
    action: NDArray[np.str_],
    ratio: FloatArray,
    trove: tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray],
    backing: FloatArray,
    owing: FloatArray,
) -> LiquityLiquidation:
    """Split the trove between gas, pool, other troves and owner."""
    pool, collateral, debt, cap, gas_fraction = trove
    capped = action == "capped"
    acting, whole = action != "none", action == "redistribute"
    given = np.where(acting, np.where(capped, np.minimum(cap, collateral), collateral), 0.0)
    gas = gas_fraction * given
    owed = np.where(acting, debt, 0.0)
    pool_debt = np.where(whole, 0.0, np.minimum(pool, owed))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(owed > 0.0, pool_debt / owed, 0.0)
    pool_collateral = (given - gas) * share
    rest_debt = owed - pool_debt
    rest = np.where(rest_debt > 0.0, given - gas - pool_collateral, 0.0)
    weights = _weights(backing, rest_debt)
    return LiquityLiquidation(
        action=action[()],
        collateral_ratio=ratio[()],
        gas_collateral=gas[()],
        pool_debt=pool_debt[()],
        pool_collateral=pool_collateral[()],
        redistributed_debt=rest_debt[()],
        redistributed_collateral=rest[()],
        surplus_collateral=np.where(capped, collateral - given, 0.0)[()],
        other_collaterals=backing + weights * rest[..., np.newaxis],
        other_debts=owing + weights * rest_debt[..., np.newaxis],
    )


def _weights(backing: FloatArray, debt: FloatArray) -> FloatArray:
    """Share of every other trove, by collateral, shape ``(..., n_others)``."""
    total = backing.sum(axis=-1)
    if ((debt > 0.0) & (total <= 0.0)).any():
        raise InputError(
            "hold no collateral",
            where="other_collaterals",
            allowed="another trove that takes over the debt which the pool does not cover",
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total[..., np.newaxis] > 0.0, backing / total[..., np.newaxis], 0.0)


def _ratio(value: FloatArray, debt: FloatArray) -> FloatArray:
    """Collateral ratio, infinite without debt."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(debt > 0.0, value / debt, np.inf)


def _others(collaterals: Any, debts: Any) -> tuple[FloatArray, FloatArray]:
    """Checked columns of the other troves."""
    backing = reals(collaterals, "other_collaterals", low=0.0)
    owing = reals(debts, "other_debts", low=0.0)
    if backing.ndim == 0 or backing.shape != owing.shape:
        raise SchemaError(
            f"has shape {owing.shape}, other_collaterals {backing.shape}",
            where="other_debts",
            allowed="two arrays of one shape with one entry for each other trove",
        )
    return backing, owing
