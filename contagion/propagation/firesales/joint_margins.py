"""Who pays less variation margin because it was paid less itself? Payments of margin under liquidity stress.

Initial margin that a debtor posted covers what it does not pay; what stays uncovered, beyond a liquidity buffer, is
stress, and a part of it is passed on in proportion to what is due.

References
----------
Paddrik, Rajan, Young (2020), Management Science 66(8); formulas as recalled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.arrays import FloatArray, real
from contagion.claims import Claims, as_claims
from contagion.errors import ConvergenceError, SchemaError
from contagion.propagation.holdings import Organisations

__all__ = ["MarginPayments", "paddrik_rajan_young"]

IntArray = NDArray[np.int64]

SLACK = 1e-12  # relative: who is short by less is not under stress
MOST_ROUNDS = 100_000


@dataclass(frozen=True)
class MarginPayments:
    """Greatest payments: what row pays column, shape ``(n, n)``, the stress of each, and all that is unpaid."""

    payments: FloatArray
    stress: FloatArray
    total_deficiency: float
    names: pd.Index | None = None

    def to_frame(self) -> pd.DataFrame:
        """Payments by payer (rows) and payee (columns)."""
        index = self.names if self.names is not None else pd.RangeIndex(len(self.stress), name="node")
        return pd.DataFrame(self.payments, index=index, columns=index)


def paddrik_rajan_young(
    margin_due: Any,
    liquidity_buffer: Any,
    initial_margin: Any = None,
    *,
    stress_factor: Any,
    use_initial_margin: bool = True,
) -> MarginPayments:
    """Payments of variation margin when who is not paid passes a part of its stress on.

    Parameters
    ----------
    margin_due : array_like, sparse, DataFrame or Claims, shape (n, n)
        Margin that i (row) owes j (column), money >= 0, zero diagonal.
    liquidity_buffer : array_like, Series or mapping, shape (n,)
        Money that each can use first, >= 0; by name where the matrix has names.
    initial_margin : array_like, sparse, DataFrame or Claims, shape (n, n), optional
        Initial margin that i posted to j, money >= 0; none by default.
    stress_factor
        Part of the stress that is passed on, >= 0; 1 without initial margin is `eisenberg_noe`.
    use_initial_margin
        False: initial margin is checked and left aside.

    Returns
    -------
    MarginPayments
        The greatest solution of ``s_i = max(0, sum_k due_ik - sum_k [p_ki + min(c_ki, due_ki - p_ki)] - b_i)`` and
        ``p_ij = max(0, due_ij - factor s_i due_ij / sum_k due_ik)``.

    Raises
    ------
    InputError
        If an amount is not finite or negative, somebody owes itself, lengths or labels differ.
    ConvergenceError
        If payments do not settle.

    Examples
    --------
    >>> found = paddrik_rajan_young([[0, 4, 0], [0, 0, 5], [1, 0, 0]], [2, 0, 0], stress_factor=0.5)
    >>> found.stress.tolist(), found.total_deficiency
    ([1.0, 1.5, 0.0], 1.25)
    """
    due = as_claims(margin_due, "margin_due")
    order = Organisations.of(due)
    posted = None if initial_margin is None else as_claims(initial_margin, "initial_margin")
    posted = None if posted is None else order.table(posted, "initial_margin")
    if liquidity_buffer is None:
        raise SchemaError("is missing", where="liquidity_buffer", allowed="one number a node")
    buffer = order.vector(liquidity_buffer, "liquidity_buffer", low=0.0)
    factor = real(stress_factor, "stress_factor", low=0.0)
    if not isinstance(use_initial_margin, (bool, np.bool_)):
        raise SchemaError(
            "is no truth value", where="use_initial_margin", value=use_initial_margin, allowed="True or False"
        )
    debts = order.table(due, "margin_due")
    cover = _cover(debts, posted if use_initial_margin else None)
    calls = _Calls(debts, cover, buffer, factor)
    share = calls.settle(order)
    payments = np.zeros((due.n, due.n))
    payments[debts.debtor, debts.creditor] = debts.amount * share[debts.debtor]
    unpaid = float((debts.amount * (1.0 - share[debts.debtor])).sum())
    return MarginPayments(order.table_back(payments), order.back(calls.stress(share)), unpaid, due.names)


def _cover(debts: Claims, posted: Claims | None) -> FloatArray:
    """Initial margin behind each debt, shape (n_debts,)."""
    if posted is None or not len(posted.amount):
        return np.zeros(len(debts.amount))
    keys = posted.debtor * posted.n + posted.creditor
    wanted = debts.debtor * debts.n + debts.creditor
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, posted.amount[place], 0.0)


@dataclass(frozen=True)
class _Calls:
    """Margin calls in internal order; unknown is the share of its calls that each pays."""

    debts: Claims
    cover: FloatArray
    buffer: FloatArray
    factor: float

    def stress(self, share: FloatArray) -> FloatArray:
        """What each lacks beyond its buffer."""
        debts = self.debts
        got = np.minimum(debts.amount * share[debts.debtor] + self.cover, debts.amount)
        income = np.bincount(debts.creditor, got, debts.n) + self.buffer
        lack = debts.owed - income
        return np.where(lack > SLACK * (debts.owed + income), lack, 0.0)

    def image(self, share: FloatArray) -> FloatArray:
        """Shares paid, given the shares that others pay."""
        owed = self.debts.owed
        passed = np.divide(self.stress(share), owed, out=np.zeros_like(owed), where=owed > 0.0)
        return np.maximum(1.0 - self.factor * passed, 0.0)

    def settle(self, order: Organisations) -> FloatArray:
        """The greatest shares, from full payment downwards.

        Up to a factor of 1 the map is concave and piecewise linear, and solving its linear pieces from above ends
        after finitely many; beyond it, plain iteration.
        """
        share = np.ones(self.debts.n)
        gap = share
        for _ in range(MOST_ROUNDS):
            below = self.image(share)
            if self.factor <= 1.0:
                below = self._solved(share, below)
            gap = share - below
            if (gap <= 0.0).all():
                return share
            share = np.minimum(share, below)
        worst = int(np.argmax(gap))
        raise ConvergenceError(
            "payments did not settle",
            round=MOST_ROUNDS,
            gap=float(gap[worst]),
            worst=str(order.name(worst)),
            where="paddrik_rajan_young",
        )

    def _solved(self, share: FloatArray, image: FloatArray) -> FloatArray:
        """Shares if those under stress now stay so and what is uncovered now stays so; never above the image."""
        debts, owed = self.debts, self.debts.owed
        stressed = self.stress(share) > 0.0
        if not stressed.any():
            return image
        open_ = debts.amount * share[debts.debtor] + self.cover <= debts.amount
        moving = open_ & stressed[debts.debtor]
        fixed = np.where(open_, self.cover + debts.amount * share[debts.debtor] * ~moving, debts.amount)
        income = np.bincount(debts.creditor, fixed, debts.n) + self.buffer
        place = np.cumsum(stressed) - 1
        system = np.eye(int(stressed.sum()))
        inner = moving & stressed[debts.creditor]
        creditor = debts.creditor[inner]
        np.subtract.at(
            system,
            (place[creditor], place[debts.debtor[inner]]),
            self.factor * debts.amount[inner] / owed[creditor],
        )
        known = 1.0 - self.factor * (owed - income)[stressed] / owed[stressed]
        found = image.copy()
        found[stressed] = np.clip(np.linalg.solve(system, known), 0.0, image[stressed])
        return found
