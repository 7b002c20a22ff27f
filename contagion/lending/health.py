"""Is a loan against collateral healthy, at which price is it liquidated, how far can it be looped?

Every number may be an array over borrowers: a collateral or a debt is then one leg of all of them, and
results have the broadcast shape. Values are money of one unit of account; factors are fractions.

References
----------
Aave: protocol documentation, health factor and loan-to-value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, fitted, reals
from contagion.lending.checks import Row, check_threshold, factor_of, rows, symbol_of


@dataclass(frozen=True)
class AaveHealth:
    """Health of borrowers.

    `health_factor` is infinite without debt; `borrow_limit` (money) is None where no loan-to-value is given.
    """

    health_factor: Any
    liquidatable: Any
    borrow_limit: Any


@dataclass(frozen=True)
class LeverageLoop:
    """Largest leverage of a loop, and the price of collateral over debt at which it is liquidated (start: 1)."""

    max_leverage: Any
    ratio_at_liquidation: Any


def aave_health_factor(
    collaterals: Sequence[Row],
    debts: Sequence[Row],
    *,
    liquidation_thresholds: Mapping[str, Any],
    loan_to_values: Mapping[str, Any] | None = None,
) -> AaveHealth:
    """Health factor: collateral values, each times its liquidation threshold, over debt values.

    Parameters
    ----------
    collaterals, debts
        Lists of mappings with `symbol`, `amount` (units, >= 0) and `price` (money, > 0); amounts and prices
        may be arrays over borrowers.
    liquidation_thresholds, loan_to_values
        Fraction in [0, 1] of every collateral's symbol; a threshold is at least the loan-to-value. In e-mode
        pass those of the category.

    Returns
    -------
    AaveHealth
        Liquidatable where there is debt and the health factor is below 1, not at 1.

    Raises
    ------
    InputError
        If a key or the threshold of a symbol is missing, an amount is negative, or a price not positive.
    PolicyError
        If a threshold is below its loan-to-value.

    Examples
    --------
    >>> held = [{"symbol": "ETH", "amount": 10, "price": 1000}]
    >>> owed = [{"symbol": "DAI", "amount": 6400, "price": 1}]
    >>> float(aave_health_factor(held, owed, liquidation_thresholds={"ETH": 0.8}).health_factor)
    1.25
    """
    weighted, limit = np.zeros(()), np.zeros(())
    for place, row in enumerate(rows(collaterals, "collaterals", ("symbol", "amount", "price"))):
        where = f"collaterals[{place}]"
        symbol, value = symbol_of(row, where), _value(row, where)
        threshold = factor_of(liquidation_thresholds, "liquidation_thresholds", symbol, where)
        loan = np.zeros(())
        if loan_to_values is not None:
            loan = factor_of(loan_to_values, "loan_to_values", symbol, where)
        weighted, limit, value, threshold, loan = fitted(
            collaterals=weighted, limit=limit, **{where: value, "threshold": threshold, "loan_to_value": loan}
        )
        check_threshold(loan, threshold, f"liquidation_thresholds[{symbol!r}]")
        weighted, limit = weighted + value * threshold, limit + value * loan
    debt = _sum_of_debts(debts)
    weighted, limit, debt = fitted(collaterals=weighted, borrow_limit=limit, debts=debt)
    factor = health_factor(weighted, debt)
    return AaveHealth(factor[()], (factor < 1.0)[()], None if loan_to_values is None else limit[()])


def health_factor(weighted: FloatArray, debt: FloatArray) -> FloatArray:
    """``weighted / debt`` of checked values, infinite without debt."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(debt > 0.0, weighted / debt, np.inf)


def aave_liquidation_price(collateral_amount: Any, debt_value: Any, *, liquidation_threshold: Any) -> Any:
    """Price of the only collateral at which the health factor is 1.

    Parameters
    ----------
    collateral_amount
        Units, >= 0, any shape.
    debt_value
        Money, >= 0.
    liquidation_threshold
        Fraction in [0, 1].

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``debt / (amount threshold)``; nan without collateral that counts, 0 without debt.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> float(aave_liquidation_price(100, 160_000, liquidation_threshold=0.8))
    2000.0
    """
    amount = reals(collateral_amount, "collateral_amount", low=0.0)
    debt = reals(debt_value, "debt_value", low=0.0)
    threshold = reals(liquidation_threshold, "liquidation_threshold", low=0.0, high=1.0)
    amount, debt, threshold = fitted(
        collateral_amount=amount, debt_value=debt, liquidation_threshold=threshold
    )
    counted = amount * threshold
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(counted > 0.0, debt / counted, np.nan)[()]


def leverage_loop(loan_to_value: Any, liquidation_threshold: Any) -> LeverageLoop:
    """Leverage of collateral that is lent, borrowed against and bought again without end.

    Parameters
    ----------
    loan_to_value
        Share lent against the collateral, in [0, 1), any shape.
    liquidation_threshold
        Fraction in (0, 1], at least the loan-to-value.

    Returns
    -------
    LeverageLoop
        ``1 / (1 - loan_to_value)`` and ``loan_to_value / liquidation_threshold``.

    Raises
    ------
    InputError
        If a number is out of range.
    PolicyError
        If the threshold is below the loan-to-value.

    Examples
    --------
    >>> float(leverage_loop(0.75, 0.8).max_leverage)
    4.0
    """
    loan = reals(loan_to_value, "loan_to_value", low=0.0, below=1.0)
    threshold = reals(liquidation_threshold, "liquidation_threshold", above=0.0, high=1.0)
    loan, threshold = fitted(loan_to_value=loan, liquidation_threshold=threshold)
    check_threshold(loan, threshold, "liquidation_threshold")
    return LeverageLoop((1.0 / (1.0 - loan))[()], (loan / threshold)[()])


def _value(row: Row, where: str) -> FloatArray:
    """Amount times price of a leg."""
    amount = reals(row["amount"], f"{where}.amount", low=0.0)
    price = reals(row["price"], f"{where}.price", above=0.0)
    amount, price = fitted(**{f"{where}.amount": amount, f"{where}.price": price})
    return np.asarray(amount * price)


def _sum_of_debts(debts: Sequence[Row]) -> FloatArray:
    """Value of all debts."""
    total = np.zeros(())
    for place, row in enumerate(rows(debts, "debts", ("symbol", "amount", "price"))):
        symbol_of(row, f"debts[{place}]")
        value = _value(row, f"debts[{place}]")
        total, value = fitted(debts=total, **{f"debts[{place}]": value})
        total = np.asarray(total + value)
    return total
