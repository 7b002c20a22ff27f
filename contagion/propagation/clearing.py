"""Who can pay whom when claims are mutual? Clearing payments by the rule of Eisenberg and Noe.

Every debtor pays what it owes or, failing that, all it has, shared among its creditors in proportion. The
greatest payments that satisfy this at once are found by *fictitious default*: assume that all pay, find who
cannot, solve for what these pay, look again; at most one round per node. `eisenberg_noe` is the pure
function on arrays; `clear` is the same as a compiled kernel on sorted debts, which the cascade calls inside
its rounds.

References
----------
Eisenberg, Noe (2001), Management Science 47(2), theorem 1 and section 3.2.
Elsinger (2009), Oesterreichische Nationalbank working paper 156, for senior external debts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray, reals, word
from contagion.errors import ConvergenceError, NetworkError, SchemaError
from contagion.propagation.clearing_kernels import TOLERANCE, clear, solve_set, total_due

__all__ = ["Clearing", "clear", "eisenberg_noe"]


@dataclass(frozen=True)
class Clearing:
    """Clearing payments and what they mean for each of n nodes; every array has shape ``(n_nodes,)``.

    Parameters
    ----------
    payments, interbank_payments
        Money paid to all creditors, and the part of it paid inside the network.
    signed_equity, equity
        What is left after all debts, negative for a shortfall; the same cut at 0.
    defaulted
        True where less is paid than owed.
    recovery
        Share of each claim on the node that is paid (inside the network, if external debts are senior); 1
        without debt.
    external_priority, fixed_point
        The rule that was applied.
    """

    payments: FloatArray
    interbank_payments: FloatArray
    signed_equity: FloatArray
    equity: FloatArray
    defaulted: NDArray[np.bool_]
    recovery: FloatArray
    external_priority: str
    fixed_point: str

    @property
    def n_defaulted(self) -> int:
        """Number of nodes that pay less than they owe."""
        return int(self.defaulted.sum())


@dataclass(frozen=True)
class _Sheet:
    """Checked balance sheets: debts sorted by debtor, then creditor."""

    indptr: NDArray[np.int64]
    creditor: NDArray[np.int64]
    amount: FloatArray
    assets: FloatArray
    debts: FloatArray

    @property
    def debtor(self) -> NDArray[np.int64]:
        return np.repeat(np.arange(len(self.assets)), np.diff(self.indptr))

    @property
    def owed(self) -> FloatArray:
        """What each node owes inside the network."""
        return np.bincount(self.debtor, self.amount, len(self.assets)).astype(np.float64)

    def received(self, paid_inside: FloatArray) -> FloatArray:
        """What each node gets when its debtors pay this inside the network, summed in the order of debts."""
        share = np.divide(self.amount, self.owed[self.debtor])
        return np.bincount(self.creditor, paid_inside[self.debtor] * share, len(self.assets)).astype(
            np.float64
        )


def eisenberg_noe(
    liabilities: Any,
    external_assets: Any,
    external_liabilities: Any = None,
    *,
    external_priority: str = "pari_passu",
    fixed_point: str = "greatest",
) -> Clearing:
    """Payments that clear a network of debts.

    Parameters
    ----------
    liabilities
        What node i (row) owes node j (column), shape ``(n, n)``, money >= 0, zero diagonal.
    external_assets
        What nodes own outside the network, shape ``(n,)``, >= 0.
    external_liabilities
        What they owe outside it, shape ``(n,)``, >= 0; none by default.
    external_priority
        ``pari_passu``: external creditors share like everybody. ``senior``: they are paid first.
    fixed_point
        ``greatest`` (the orderly outcome) or ``least``; they differ only for groups that owe nothing
        outside and get nothing from there.

    Raises
    ------
    InputError
        If an amount is not finite or negative, a node owes itself, the matrix is not square or of other
        length than the vectors, the network is empty, or a word is unknown.
    ConvergenceError
        If more than 200 nodes fail and their payments do not settle.

    Examples
    --------
    >>> found = eisenberg_noe([[0, 4, 0], [0, 0, 3], [2, 0, 0]], [18, 18, 9], [17, 18, 8])
    >>> found.payments
    array([20., 21., 10.])
    >>> found.defaulted.tolist()
    [True, False, False]

    References
    ----------
    Eisenberg, Noe (2001), Management Science 47(2).
    """
    senior = word(external_priority, "external_priority", ("pari_passu", "senior")) == "senior"
    least = word(fixed_point, "fixed_point", ("greatest", "least")) == "least"
    sheet = _sheet(liabilities, external_assets, external_liabilities)
    if senior:
        return _senior_result(sheet, _senior_least(sheet) if least else _senior_greatest(sheet), fixed_point)
    payments = _settled(sheet if not least else _without(sheet, _gets_nothing(sheet)))
    return _pari_passu_result(sheet, payments, fixed_point)


def _sheet(liabilities: Any, external_assets: Any, external_liabilities: Any) -> _Sheet:
    """Check balance sheets before anything is computed."""
    matrix = reals(liabilities, "liabilities", low=0.0)
    if matrix.size == 0:
        raise NetworkError("is empty", where="liabilities", allowed="at least one node")
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise NetworkError(
            f"is not square: shape {matrix.shape}", where="liabilities", allowed="one row and column a node"
        )
    n = len(matrix)
    own = np.flatnonzero(np.diag(matrix))
    if len(own):
        raise NetworkError(
            "is a self-debt",
            where=f"liabilities[{own[0]}][{own[0]}]",
            value=float(matrix[own[0], own[0]]),
            allowed="a zero diagonal",
        )
    vectors = []
    for name, values in (
        ("external_assets", external_assets),
        ("external_liabilities", external_liabilities),
    ):
        vector = (
            np.zeros(n) if values is None and name == "external_liabilities" else reals(values, name, low=0.0)
        )
        if vector.shape != (n,):
            raise SchemaError(
                f"has shape {vector.shape}", where=name, allowed=f"length {n}, one number a node"
            )
        vectors.append(vector)
    debtor, creditor = np.nonzero(matrix)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(debtor, minlength=n))]).astype(np.int64)
    return _Sheet(indptr, creditor.astype(np.int64), matrix[debtor, creditor], vectors[0], vectors[1])


def _settled(sheet: _Sheet) -> FloatArray:
    """Greatest payments, external creditors sharing in proportion."""
    payments = np.empty(len(sheet.assets))
    rounds = clear(sheet.indptr, sheet.creditor, sheet.amount, sheet.assets, sheet.debts, payments)
    if rounds < 0:
        have = sheet.assets + sheet.received(_divide(payments * sheet.owed, sheet.owed + sheet.debts))
        gaps = np.abs(np.minimum(sheet.owed + sheet.debts, have) - payments)
        raise ConvergenceError(
            "clearing does not settle", round=-rounds, gap=gaps.max(), worst=str(gaps.argmax())
        )
    return payments


def _gets_nothing(sheet: _Sheet) -> NDArray[np.bool_]:
    """Nodes without assets that no chain of debts connects to a node with assets."""
    reached = sheet.assets > 0.0
    while True:
        more = reached.copy()
        more[sheet.creditor[reached[sheet.debtor]]] = True
        if (more == reached).all():
            return ~reached
        reached = more


def _without(sheet: _Sheet, silent: NDArray[np.bool_]) -> _Sheet:
    """The same sheets, without the debts of some nodes."""
    kept = ~silent[sheet.debtor]
    counts = np.bincount(sheet.debtor[kept], minlength=len(sheet.assets))
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    debts = np.where(silent, 0.0, sheet.debts)
    return _Sheet(indptr, sheet.creditor[kept], sheet.amount[kept], sheet.assets, debts)


def _pari_passu_result(sheet: _Sheet, payments: FloatArray, fixed_point: str) -> Clearing:
    due = total_due(sheet.indptr, sheet.amount, sheet.debts)
    inside = _divide(payments * sheet.owed, due)
    signed = sheet.assets + sheet.received(inside) - due
    return Clearing(
        payments,
        inside,
        signed,
        np.maximum(signed, 0.0),
        payments < due,
        np.where(due > 0.0, _divide(payments, due), 1.0),
        "pari_passu",
        fixed_point,
    )


def _senior_greatest(sheet: _Sheet) -> FloatArray:
    """Greatest payments inside the network after external creditors, by fictitious default."""
    owed, net, scale = sheet.owed, sheet.assets - sheet.debts, sheet.assets + sheet.debts + sheet.owed
    failed, paid = np.zeros(len(owed), dtype=bool), owed.copy()
    while True:
        income = sheet.received(paid)
        new = ~failed & (net + income < owed - TOLERANCE * (scale + income))
        if not new.any():
            return paid
        failed |= new
        paying = np.zeros(len(owed), dtype=bool)
        paid = np.where(failed, 0.0, owed)
        while True:
            income = sheet.received(paid)
            more = failed & ~paying & (net + income > TOLERANCE * (scale + income))
            if not more.any():
                break
            paying |= more
            paid = _solved(sheet, paying, paid)


def _senior_least(sheet: _Sheet) -> FloatArray:
    """Least payments inside the network after external creditors: up from nothing, guess and verify."""
    owed, net = sheet.owed, sheet.assets - sheet.debts
    paid, before = np.zeros(len(owed)), np.full(len(owed), -1)
    for _ in range(1_000_000):
        have = net + sheet.received(paid)
        piece = np.where(have <= 0.0, 0, np.where(have < owed, 1, 2))
        if (piece == before).all():
            guess = _solved(sheet, piece == 1, np.where(piece == 2, owed, 0.0))
            if _in_pieces(sheet, piece, guess):
                return guess
        before, following = piece, _senior_map(sheet, paid)
        if (following == paid).all():
            return paid
        paid = following
    gaps = np.abs(_senior_map(sheet, paid) - paid)
    raise ConvergenceError(
        "clearing does not settle", round=1_000_000, gap=gaps.max(), worst=str(gaps.argmax())
    )


def _in_pieces(sheet: _Sheet, piece: NDArray[np.int64], guess: FloatArray) -> bool:
    """Whether a guess pays nothing, all it has, or all it owes, as the pieces 0, 1 and 2 say."""
    income = sheet.received(guess)
    have, slack = sheet.assets - sheet.debts + income, TOLERANCE * (sheet.assets + sheet.debts + income)
    nothing = (piece == 0) & (have <= slack)
    part = (piece == 1) & (np.abs(have - guess) <= slack)
    return bool((nothing | part | ((piece == 2) & (have >= guess - slack))).all())


def _senior_map(sheet: _Sheet, paid: FloatArray) -> FloatArray:
    """What nodes can pay inside the network when they are paid this."""
    return np.clip(sheet.assets - sheet.debts + sheet.received(paid), 0.0, sheet.owed)


def _solved(sheet: _Sheet, unknown: NDArray[np.bool_], paid: FloatArray) -> FloatArray:
    """Payments of the unknown nodes that pay out all they have, the others' payments given."""
    known = np.where(unknown, 0.0, paid)
    income = sheet.assets - sheet.debts + sheet.received(known)
    solution = solve_set(sheet.indptr, sheet.creditor, sheet.amount, np.zeros(len(paid)), unknown, income)
    return np.where(unknown, np.clip(solution, 0.0, sheet.owed), paid)


def _senior_result(sheet: _Sheet, inside: FloatArray, fixed_point: str) -> Clearing:
    owed, income = sheet.owed, sheet.received(inside)
    have = sheet.assets + income
    signed = have - sheet.debts - owed
    scale = sheet.assets + sheet.debts + income + owed
    return Clearing(
        inside + np.minimum(sheet.debts, have),
        inside,
        signed,
        np.maximum(signed, 0.0),
        signed < -TOLERANCE * scale,
        np.where(owed > 0.0, _divide(inside, owed), 1.0),
        "senior",
        fixed_point,
    )


def _divide(above: FloatArray, below: FloatArray) -> FloatArray:
    """Quotient, 0 where nothing is owed."""
    return np.divide(above, below, out=np.zeros(len(below)), where=below > 0.0)
