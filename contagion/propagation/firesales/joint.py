"""Where do defaults and the price of what banks must sell settle together? Clearing and fire sales at once.

A lower price makes more banks default or breach their capital ratio, which sell and lower the price. The map from
price to price rises, so iterating from no sales gives the greatest fixed point, from selling everything the least; it
jumps where a tiny loss empties every book, and is never interpolated.

References
----------
Cifuentes, Ferrucci, Shin (2005), Journal of the European Economic Association 3(2-3).
Eisenberg, Noe (2001), Management Science 47(2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.arrays import FloatArray, real
from contagion.balance_sheets import ByNode
from contagion.claims import Claims, as_claims
from contagion.errors import ConvergenceError, SchemaError
from contagion.propagation.clearing_kernels import clear, total_due
from contagion.propagation.holdings import Organisations

__all__ = ["JointClearing", "cifuentes_ferrucci_shin"]

BoolArray = NDArray[np.bool_]

SETTLED = 1e-15
SLACK = 1e-12  # relative: a ratio short by less holds
SHORT = 1e-9  # money by which a payment is below what is owed in default
MOST_ROUNDS = 100_000
SAME = 1e-9


@dataclass(frozen=True)
class JointClearing(ByNode):
    """Both ends of the joint fixed points of payments and price; arrays have shape ``(n,)``.

    Parameters
    ----------
    price, payments, sales, net_worth, defaulted
        The greatest: price of the illiquid asset (1 at the start), payments to all creditors, units sold, worth after
        debts (0 in default), and who pays less than it owes.
    worst_price, worst_payments, worst_sales, worst_net_worth, worst_defaulted
        The least price, with the greatest payments at it.
    rounds
        Rounds of both iterations together.
    names
        Labels of the banks, if they have any.
    """

    price: float
    payments: FloatArray
    sales: FloatArray
    net_worth: FloatArray
    defaulted: BoolArray
    worst_price: float
    worst_payments: FloatArray
    worst_sales: FloatArray
    worst_net_worth: FloatArray
    worst_defaulted: BoolArray
    rounds: int
    names: pd.Index | None = None

    @property
    def defaults(self) -> list[int]:
        """Positions of the banks in default at the greatest price."""
        return [int(place) for place in np.flatnonzero(self.defaulted)]

    @property
    def unique(self) -> bool:
        """Whether both ends agree."""
        return abs(self.price - self.worst_price) <= SAME


@dataclass(frozen=True)
class _Banks:
    """Checked banks in internal order, and the market they sell in."""

    debts: Claims
    external: FloatArray
    cash: FloatArray
    units: FloatArray
    ratio: float
    elasticity: float

    def sales(self, price: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Payments, units sold and net worth at a price."""
        debts, resources = self.debts, price * self.units + self.cash
        paid = np.empty(len(resources))
        if clear(debts.indptr, debts.creditor, debts.amount, resources, self.external, paid) < 0:
            raise ConvergenceError("payments did not settle", where="cifuentes_ferrucci_shin")
        due = self.due
        share = np.divide(paid, due, out=np.ones_like(due), where=due > 0.0)
        claims = np.bincount(debts.creditor, debts.amount * share[debts.debtor], len(due))
        short = paid < due
        worth = np.where(short, 0.0, resources + claims - paid)
        if self.ratio == 0.0:
            return paid, np.where(worth <= 0.0, self.units, 0.0), worth
        allowed = worth / self.ratio
        excess = price * self.units + claims - allowed
        noise = SLACK * (price * self.units + claims + allowed)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # the price may be 0
            part = np.where(excess <= noise, 0.0, np.minimum(excess / np.float64(price), self.units))
        return paid, np.where(short | (worth <= 0.0), self.units, part), worth

    @property
    def due(self) -> FloatArray:
        """All that each bank owes, to the last bit what `clear` pays in full."""
        return np.asarray(total_due(self.debts.indptr, self.debts.amount, self.external))

    def settle(self, *, worst: bool) -> tuple[float, int]:
        """The greatest or least price, and the rounds that took."""
        price = float(np.exp(-self.elasticity * self.units.sum())) if worst else 1.0
        for rounds in range(MOST_ROUNDS):
            image = float(np.exp(-self.elasticity * self.sales(price)[1].sum()))
            moved = image - price if worst else price - image
            if moved <= SETTLED:
                return price, rounds
            price = image
        raise ConvergenceError(
            "the price did not settle", round=MOST_ROUNDS, gap=moved, where="cifuentes_ferrucci_shin"
        )


def cifuentes_ferrucci_shin(
    interbank_liabilities: Any,
    external_liabilities: Any,
    cash: Any,
    illiquid: Any,
    *,
    min_capital_ratio: Any,
    price_elasticity: Any,
) -> JointClearing:
    """Payments and price when banks must keep a capital ratio and can only sell one illiquid asset to do so.

    Parameters
    ----------
    interbank_liabilities : array_like, sparse, DataFrame or Claims, shape (n, n)
        What bank i (row) owes bank j (column), money >= 0, zero diagonal.
    external_liabilities, cash : array_like, Series or mapping, shape (n,)
        Money owed outside (ranking equally) and held, >= 0; by name where the matrix has names.
    illiquid : array_like, Series or mapping, shape (n,)
        Units of the illiquid asset, >= 0; its price is 1 at the start.
    min_capital_ratio
        Least net worth over what is left of illiquid assets and claims, in [0, 1]; cash counts nothing.
    price_elasticity
        Fall of the log price per unit sold, >= 0.

    Returns
    -------
    JointClearing
        Banks in default or without net worth sell everything, others just enough to reach the ratio; the price is
        ``exp(-elasticity sum(sales))``.

    Raises
    ------
    InputError
        If an amount is not finite or negative, a bank owes itself, lengths or labels differ, or a number is out of
        range.
    ConvergenceError
        If prices or payments do not settle.

    Examples
    --------
    >>> found = cifuentes_ferrucci_shin(
    ...     [[0, 6, 2], [3, 0, 5], [4, 1, 0]], [9, 10.5, 12], [2, 1.5, 3], [9.8, 12, 9],
    ...     min_capital_ratio=0.1, price_elasticity=0.02)
    >>> found.price, round(found.worst_price, 4), found.unique
    (1.0, 0.5401, False)
    """
    table = as_claims(interbank_liabilities, "interbank_liabilities")
    order = Organisations.of(table)
    given = {"external_liabilities": external_liabilities, "cash": cash, "illiquid": illiquid}
    for name, values in given.items():
        if values is None:
            raise SchemaError("is missing", where=name, allowed="one number a bank")
    checked = {name: order.vector(values, name, low=0.0) for name, values in given.items()}
    banks = _Banks(
        order.table(table, "interbank_liabilities"),
        external=checked["external_liabilities"],
        cash=checked["cash"],
        units=checked["illiquid"],
        ratio=real(min_capital_ratio, "min_capital_ratio", low=0.0, high=1.0),
        elasticity=real(price_elasticity, "price_elasticity", low=0.0),
    )
    price, rounds = banks.settle(worst=False)
    worst_price, more = banks.settle(worst=True)
    best, worst = _end(banks, order, price), _end(banks, order, worst_price)
    return JointClearing(price, *best, worst_price, *worst, rounds + more, table.names)


def _end(
    banks: _Banks, order: Organisations, price: float
) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray]:
    """Payments, sales, net worth and defaults at a price, in the caller's order."""
    paid, sold, worth = banks.sales(price)
    short = paid < banks.due - SHORT
    return order.back(paid), order.back(sold), order.back(np.maximum(worth, 0.0)), order.back(short)
