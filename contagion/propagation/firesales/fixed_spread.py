"""When do liquidations at a fixed bonus make a loan worse, and how much may a liquidator take by splitting one?

A bonus hands over more collateral than the debt it repays. Above one loan-to-value, the frontier, every partial
liquidation therefore leaves the rest less covered; below it, two liquidations can take more than one.
Every number may be an array over positions; results have the broadcast shape. Collateral and debt are money.

References
----------
Warmuz, Chaudhary, Pinna (2022), arXiv:2212.07306: toxic liquidation spirals.
McFarlane (2025), arXiv:2510.10171: the frontier with slippage in a pool; penalty re-derived for this project.
Qin, Zhou, Gamito, Jovanovic, Gervais (2021), IMC: optimal strategy under a fixed spread and a close factor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, fitted, real, reals
from contagion.errors import ValueRangeError
from contagion.lending.checks import close_factors

EMPTY = 1e-12  # collateral of at most this is none


@dataclass(frozen=True)
class LiquidationStep:
    """A position after a liquidation, money; `ltv` (debt over collateral) is nan without collateral."""

    collateral: Any
    debt: Any
    ltv: Any


@dataclass(frozen=True)
class ToxicLiquidation:
    """Partial liquidations at a constant price.

    `ltv_rises`: the loan-to-value after the first is above the one before, exactly above `frontier_ltv` (None
    without a step). `bad_debt` is the debt where no collateral is left, else 0. `path` has a step for each
    liquidation; of several positions, one that ran out of collateral stays as it is until the others have.
    """

    frontier_ltv: Any
    ltv_rises: Any
    path: tuple[LiquidationStep, ...]
    bad_debt: Any


@dataclass(frozen=True)
class PoolFrontier:
    """Frontier where the collateral is sold into a constant-product pool; the penalty divides it."""

    penalty: Any
    frontier_ltv: Any


@dataclass(frozen=True)
class TwoStepLiquidation:
    """One liquidation at the close factor against two; amounts are money, all 0 where the position is healthy.

    `repay1_boundary` brings the health factor back to 1, nan where no repayment does; the first of two
    liquidations repays as much, if the close factor allows it, so that the second is still allowed.
    """

    health_factor: Any
    liquidatable: Any
    single_repay: Any
    single_profit: Any
    repay1_boundary: Any
    repay1_within_close_factor: Any
    repay1: Any
    repay2: Any
    two_step_repay: Any
    two_step_profit: Any


def toxic_liquidation(
    collateral: Any, debt: Any, *, liquidation_incentive: Any, close_factor: Any, max_steps: Any
) -> ToxicLiquidation:
    """Liquidate again and again at a constant price, until no collateral is left.

    A step repays ``min(close_factor debt, collateral / (1 + incentive))`` and takes ``1 + incentive`` of that
    in collateral.

    Parameters
    ----------
    collateral, debt
        Money, >= 0, any shape.
    liquidation_incentive
        Bonus over the debt repaid, >= 0.
    close_factor
        Share of the debt that one liquidation may repay, in (0, 1].
    max_steps
        Number of liquidations at most, one whole number >= 0.

    Raises
    ------
    InputError
        If a number is not finite or out of range, or shapes do not fit.

    Examples
    --------
    >>> spiral = toxic_liquidation(100, 96, liquidation_incentive=0.05, close_factor=0.5, max_steps=50)
    >>> bool(spiral.ltv_rises), round(float(spiral.bad_debt), 3), len(spiral.path)
    (True, 0.762, 7)
    """
    held, owed = reals(collateral, "collateral", low=0.0), reals(debt, "debt", low=0.0)
    incentive = reals(liquidation_incentive, "liquidation_incentive", low=0.0)
    share, steps = close_factors(close_factor), _whole(max_steps, "max_steps")
    held, owed, incentive, share = fitted(
        collateral=held, debt=owed, liquidation_incentive=incentive, close_factor=share
    )
    gross = 1.0 + incentive
    rises = gross * owed > held
    path: list[LiquidationStep] = []
    while len(path) < steps and (not path or bool((held > 0.0).any())):
        repaid = np.minimum(share * owed, held / gross)
        left = held - gross * repaid
        held, owed = np.where(left <= EMPTY, 0.0, left), owed - repaid
        path.append(LiquidationStep(held[()], owed[()], _ratio(owed, held)[()]))
    bad_debt = np.where(held <= EMPTY, owed, 0.0)
    return ToxicLiquidation((1.0 / gross)[()], rises[()] if path else None, tuple(path), bad_debt[()])


def toxic_liquidation_cpamm(collateral_over_debt_reserve: Any, *, liquidation_incentive: Any) -> PoolFrontier:
    """Loan-to-value above which liquidations are toxic, if the collateral is sold into a constant-product pool.

    Parameters
    ----------
    collateral_over_debt_reserve
        Collateral of the position over the pool's reserve of the debt asset, both in one money, >= 0, any
        shape; 0 is a pool without end.
    liquidation_incentive
        Bonus over the debt repaid, >= 0.

    Returns
    -------
    PoolFrontier
        ``penalty = 1 + 2 ratio``, ``frontier_ltv = 1 / ((1 + incentive) penalty)``.

    Raises
    ------
    InputError
        If a number is not finite or negative, or shapes do not fit.

    Examples
    --------
    >>> round(float(toxic_liquidation_cpamm(0.2, liquidation_incentive=0.05).frontier_ltv), 4)
    0.6803
    """
    ratio = reals(collateral_over_debt_reserve, "collateral_over_debt_reserve", low=0.0)
    incentive = reals(liquidation_incentive, "liquidation_incentive", low=0.0)
    ratio, incentive = fitted(collateral_over_debt_reserve=ratio, liquidation_incentive=incentive)
    penalty = 1.0 + 2.0 * ratio
    return PoolFrontier(penalty[()], (1.0 / ((1.0 + incentive) * penalty))[()])


def qin_two_step(
    collateral: Any, debt: Any, *, liquidation_threshold: Any, liquidation_spread: Any, close_factor: Any
) -> TwoStepLiquidation:
    """Repayment and profit of a liquidator who acts once at the close factor, or twice, just below health first.

    Parameters
    ----------
    collateral, debt
        Money, >= 0, any shape.
    liquidation_threshold
        Share of the collateral that counts against the debt, in [0, 1].
    liquidation_spread
        Bonus over the debt repaid, >= 0.
    close_factor
        Share of the debt that one liquidation may repay, in (0, 1].

    Returns
    -------
    TwoStepLiquidation
        Liquidatable where the health factor ``threshold collateral / debt`` is below 1; infinite without debt.

    Raises
    ------
    InputError
        If a number is not finite or out of range, or shapes do not fit.

    Examples
    --------
    >>> found = qin_two_step(120, 97, liquidation_threshold=0.8, liquidation_spread=0.05, close_factor=0.5)
    >>> round(float(found.single_repay), 6), round(float(found.two_step_repay), 6)
    (48.5, 51.625)
    """
    held, owed = reals(collateral, "collateral", low=0.0), reals(debt, "debt", low=0.0)
    threshold = reals(liquidation_threshold, "liquidation_threshold", low=0.0, high=1.0)
    spread = reals(liquidation_spread, "liquidation_spread", low=0.0)
    held, owed, threshold, spread, share = fitted(
        collateral=held,
        debt=owed,
        liquidation_threshold=threshold,
        liquidation_spread=spread,
        close_factor=close_factors(close_factor),
    )
    gross = 1.0 + spread
    health = _ratio(threshold * held, owed, none=math.inf)
    sick = health < 1.0
    single = np.where(sick, np.minimum(share * owed, held / gross), 0.0)
    boundary = np.where(sick, _ratio(owed - threshold * held, 1.0 - threshold * gross), 0.0)
    within = boundary <= single  # nan, no boundary, is not
    first = np.where(within, boundary, single)
    second = np.where(sick, np.minimum(share * (owed - first), (held - gross * first) / gross), 0.0)
    second = np.maximum(second, 0.0)
    both = first + second
    return TwoStepLiquidation(
        health_factor=health[()],
        liquidatable=sick[()],
        single_repay=single[()],
        single_profit=(spread * single)[()],
        repay1_boundary=boundary[()],
        repay1_within_close_factor=within[()],
        repay1=first[()],
        repay2=second[()],
        two_step_repay=both[()],
        two_step_profit=(spread * both)[()],
    )


def _ratio(above: FloatArray, below: FloatArray, none: float = math.nan) -> FloatArray:
    """``above / below``, `none` where `below` is not positive."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(below > 0.0, above / below, none)


def _whole(value: Any, where: str) -> int:
    """Check a whole number >= 0."""
    number = real(value, where, low=0.0)
    if number != math.floor(number):
        raise ValueRangeError("is not a whole number", where=where, value=value)
    return int(number)
