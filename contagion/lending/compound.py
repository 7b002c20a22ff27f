"""How does Compound liquidate? Version 2 by repayment, version 3 (Comet) by absorbing all collateral.

Every number may be an array over borrowers; results have the broadcast shape. Values are money.

References
----------
Compound: Comptroller of version 2 (close factor, liquidation incentive); documentation of version 3
(absorption, store-front price of absorbed collateral).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, fitted, reals
from contagion.errors import PolicyError
from contagion.lending.checks import Row, check_bonus, close_factors, factor_of, rows, symbol_of


@dataclass(frozen=True)
class CompoundLiquidation:
    """Shortfall (money), debt repaid (units of debt), collateral seized (units of collateral)."""

    liquidatable: Any
    shortfall: Any
    debt_repaid: Any
    collateral_seized: Any


@dataclass(frozen=True)
class CometAbsorption:
    """Outcome of an absorption, money.

    `new_balance` is what the borrower keeps in the base asset, nan where nothing is absorbed; `reserve_loss`
    assumes the collateral is sold at the store-front price, negative for a gain.
    """

    liquidatable: Any
    credited: Any
    new_balance: Any
    reserves_paid: Any
    reserve_loss: Any


@dataclass(frozen=True)
class CometQuote:
    """Discount (fraction) and units of collateral."""

    discount: Any
    collateral_amount: Any


def compound_v2_liquidation(
    collateral_amount: Any,
    collateral_price: Any,
    debt_amount: Any,
    debt_price: Any,
    requested_repay: Any = None,
    *,
    collateral_factor: Any,
    close_factor: Any,
    liquidation_incentive: Any,
) -> CompoundLiquidation:
    """Liquidation of a Compound v2 borrower with one collateral and one debt.

    Parameters
    ----------
    collateral_amount, debt_amount
        Units, >= 0, any shape.
    collateral_price, debt_price
        Money per unit, > 0.
    requested_repay
        Units of debt, >= 0; None or infinite for the most that is allowed.
    collateral_factor, close_factor
        Fractions in [0, 1] and (0, 1].
    liquidation_incentive
        Collateral seized per debt repaid, >= 1: 1.08 is a bonus of 8 %.

    Returns
    -------
    CompoundLiquidation
        Liquidatable where the debt exceeds the collateral times its factor.

    Raises
    ------
    InputError
        If a number is out of range.
    PolicyError
        If the close factor is not in (0, 1] or ``incentive factor >= 1``.

    Examples
    --------
    >>> done = compound_v2_liquidation(10, 2000, 17_000, 1, collateral_factor=0.825, close_factor=0.5,
    ...                                liquidation_incentive=1.08)
    >>> float(done.shortfall), float(done.debt_repaid)
    (500.0, 8500.0)
    """
    collateral = reals(collateral_amount, "collateral_amount", low=0.0)
    price = reals(collateral_price, "collateral_price", above=0.0)
    debt = reals(debt_amount, "debt_amount", low=0.0)
    unit = reals(debt_price, "debt_price", above=0.0)
    asked = np.inf if requested_repay is None else requested_repay
    request = reals(asked, "requested_repay", low=0.0, infinite=True)
    factor = reals(collateral_factor, "collateral_factor", low=0.0, high=1.0)
    share = close_factors(close_factor)
    incentive = reals(liquidation_incentive, "liquidation_incentive", low=1.0)
    collateral, price, debt, unit, request, factor, share, incentive = fitted(
        collateral_amount=collateral,
        collateral_price=price,
        debt_amount=debt,
        debt_price=unit,
        requested_repay=request,
        collateral_factor=factor,
        close_factor=share,
        liquidation_incentive=incentive,
    )
    check_bonus(incentive, factor, "liquidation_incentive and collateral_factor")
    gap = debt * unit - collateral * price * factor
    hit = gap > 0.0
    repay = np.where(hit, np.minimum(request, share * debt), 0.0)
    seize = repay * incentive * unit / price
    emptied = hit & (seize >= collateral)
    repaid = np.where(emptied, np.minimum(repay, collateral * price / (incentive * unit)), repay)
    seized = np.where(emptied, collateral, seize)
    return CompoundLiquidation(hit[()], np.maximum(gap, 0.0)[()], repaid[()], seized[()])


def comet_absorb(
    debt: Any,
    collaterals: Sequence[Row],
    *,
    liquidate_factors: Mapping[str, Any],
    liquidation_factors: Mapping[str, Any],
    store_front_price_factor: Any,
) -> CometAbsorption:
    """Absorption of a Comet borrower: all collateral is taken at its liquidation factor, the debt is paid.

    Parameters
    ----------
    debt
        Money, >= 0, any shape.
    collaterals
        List of mappings with `symbol` and `value` (money, >= 0; may be arrays over borrowers).
    liquidate_factors, liquidation_factors
        Fractions in [0, 1] of every symbol: of the test, and of the credit.
    store_front_price_factor
        Share of ``1 - liquidation_factor`` that buyers of absorbed collateral get as discount, in [0, 1].

    Returns
    -------
    CometAbsorption
        Absorbed where the collateral times its liquidate factors is below the debt.

    Raises
    ------
    InputError
        If a key or a factor is missing or a number is out of range.

    Examples
    --------
    >>> done = comet_absorb(9200, [{"symbol": "WETH", "value": 9000}], liquidate_factors={"WETH": 0.875},
    ...                     liquidation_factors={"WETH": 0.9375}, store_front_price_factor=0.5)
    >>> float(done.reserve_loss)
    481.25
    """
    owed = reals(debt, "debt", low=0.0)
    front = reals(store_front_price_factor, "store_front_price_factor", low=0.0, high=1.0)
    owed, front = fitted(debt=owed, store_front_price_factor=front)
    tested, credit, proceeds = np.zeros(()), np.zeros(()), np.zeros(())
    for place, row in enumerate(rows(collaterals, "collaterals", ("symbol", "value"))):
        where = f"collaterals[{place}]"
        symbol, value = symbol_of(row, where), reals(row["value"], f"{where}.value", low=0.0)
        test = factor_of(liquidate_factors, "liquidate_factors", symbol, where)
        kept = factor_of(liquidation_factors, "liquidation_factors", symbol, where)
        owed, front, tested, value, test, kept = fitted(
            debt=owed,
            store_front_price_factor=front,
            collaterals=tested,
            **{f"{where}.value": value, "liquidate_factor": test, "liquidation_factor": kept},
        )
        tested = tested + value * test
        credit = credit + value * kept
        proceeds = proceeds + value * (1.0 - front * (1.0 - kept))
    return _absorbed(owed, tested, credit, proceeds)


def _absorbed(
    owed: FloatArray, tested: FloatArray, credit: FloatArray, proceeds: FloatArray
) -> CometAbsorption:
    """The absorption on checked sums."""
    hit = tested < owed
    paid = np.where(hit, np.maximum(owed, credit), 0.0)
    return CometAbsorption(
        liquidatable=hit[()],
        credited=np.where(hit, credit, 0.0)[()],
        new_balance=np.where(hit, np.maximum(credit - owed, 0.0), np.nan)[()],
        reserves_paid=paid[()],
        reserve_loss=np.where(hit, paid - proceeds, 0.0)[()],
    )


def comet_quote_collateral(
    base_amount: Any,
    asset_price: Any,
    base_price: Any,
    *,
    store_front_price_factor: Any,
    liquidation_factor: Any,
) -> CometQuote:
    """Absorbed collateral that an amount of the base asset buys.

    Parameters
    ----------
    base_amount
        Units of the base asset, >= 0, any shape.
    asset_price, base_price
        Money per unit, > 0.
    store_front_price_factor, liquidation_factor
        Fractions in [0, 1]; the discount ``factor (1 - liquidation_factor)`` is below 1.

    Raises
    ------
    InputError
        If a number is out of range.
    PolicyError
        If the discount is all of the price.

    Examples
    --------
    >>> quote = comet_quote_collateral(150, 200, 1, store_front_price_factor=0.5, liquidation_factor=0.5)
    >>> float(quote.discount), float(quote.collateral_amount)
    (0.25, 1.0)
    """
    base = reals(base_amount, "base_amount", low=0.0)
    price = reals(asset_price, "asset_price", above=0.0)
    unit = reals(base_price, "base_price", above=0.0)
    front = reals(store_front_price_factor, "store_front_price_factor", low=0.0, high=1.0)
    kept = reals(liquidation_factor, "liquidation_factor", low=0.0, high=1.0)
    base, price, unit, front, kept = fitted(
        base_amount=base,
        asset_price=price,
        base_price=unit,
        store_front_price_factor=front,
        liquidation_factor=kept,
    )
    discount = np.asarray(front * (1.0 - kept))
    if (discount >= 1.0).any():
        raise PolicyError(
            "make the discount the whole price",
            where="store_front_price_factor and liquidation_factor",
            allowed="store_front_price_factor * (1 - liquidation_factor) < 1",
        )
    return CometQuote(discount[()], (base * unit / (price * (1.0 - discount)))[()])
