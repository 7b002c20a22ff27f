"""Who holds which share of whom? Checked tables of fractions between organisations, in one order, and their systems.

Organisations with names are sorted by name inside and put back at the end; matrices and vectors are joined by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.arrays import FloatArray, reals
from contagion.balance_sheets import TOLERANCE, node_vector
from contagion.claims import Claims, IntArray, same_labels
from contagion.errors import SchemaError, ValueRangeError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Organisations", "check_columns", "solve_leaky"]

LARGEST_DENSE = 500
MOST_PRODUCTS = 5_000
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Organisations:
    """The n organisations of a table, in the caller's order and in that of the algorithms (sorted by name).

    Parameters
    ----------
    names : pandas.Index, optional
        Names in the caller's order.
    order : numpy.ndarray of int64, shape (n,)
        Which of the caller's organisations stands at each internal place.
    """

    names: pd.Index | None
    order: IntArray

    @classmethod
    def of(cls, table: Claims) -> Organisations:
        """The organisations of a first table, whose names all others must have."""
        if table.names is None:
            return cls(None, np.arange(table.n))
        texts = pd.Index([str(name) for name in table.names])
        return cls(table.names, np.asarray(np.argsort(texts, kind="stable"), dtype=np.int64))

    @property
    def n(self) -> int:
        """Number of organisations."""
        return len(self.order)

    def table(self, claims: Claims, where: str) -> Claims:
        """A table in internal order.

        Raises
        ------
        InputError
            If it is of another length or has other names.
        """
        if claims.n != self.n:
            raise SchemaError(
                f"has {claims.n} rows", where=where, allowed=f"length {self.n}, one row and column a node"
            )
        if (self.names is None) != (claims.names is None):
            raise SchemaError(
                "has names where another table has none", where=where, allowed="names on all, or on none"
            )
        if self.names is None or claims.names is None:
            return claims
        same_labels(self.names, claims.names, where)
        return claims.reordered(np.asarray(claims.names.get_indexer(self.names[self.order]), dtype=np.int64))

    def vector(self, values: Any, where: str, **limits: Any) -> FloatArray:
        """One number for everybody, or one per organisation (by name where there are names), internal order."""
        if np.ndim(values) == 0 and not isinstance(values, dict):
            return np.full(self.n, reals(values, where, **limits))
        return node_vector(values, self.n, self.names, where, **limits)[self.order]

    def back(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values per organisation (first axis) in the caller's order."""
        found = np.empty_like(values)
        found[self.order] = values
        return found

    def table_back(self, matrix: FloatArray) -> FloatArray:
        """A full matrix in the caller's order."""
        found = np.empty_like(matrix)
        found[np.ix_(self.order, self.order)] = matrix
        return found

    def name(self, place: int) -> object:
        """Name of the organisation at an internal place, or its position in the caller's order."""
        given = int(self.order[place])
        return given if self.names is None else self.names[given]


def check_columns(
    table: Claims, organisations: Organisations, where: str, *, full: bool = False
) -> FloatArray:
    """Return the column sums of a table of fractions, shape (n,): what part of each is held inside.

    Parameters
    ----------
    full : bool
        Whether all of an organisation may be held inside (column sum 1).

    Raises
    ------
    ValueRangeError
        If a column sum is 1 or more (above 1, if `full`), by more than rounding.
    """
    sums = table.claimed
    slack = TOLERANCE * (1.0 + sums)
    wrong = sums > 1.0 + slack if full else sums >= 1.0 - slack
    if wrong.any():
        place = int(np.argmax(wrong))
        raise ValueRangeError(
            "is the sum of what others hold of it",
            where=f"{where}, column {organisations.name(place)}",
            value=float(sums[place]),
            allowed=f"fractions that sum to {'at most' if full else 'less than'} 1 in every column",
        )
    return sums


def solve_leaky(shares: csr_array, income: FloatArray, active: BoolArray) -> FloatArray:
    """Solve x = income + shares x, where only the columns of `active` organisations are not zero.

    Parameters
    ----------
    shares : sparse array, shape (n, n)
        Fractions; no group of active organisations passes everything on inside itself.
    income : numpy.ndarray, shape (n,)
        What comes from outside.
    active : numpy.ndarray of bool, shape (n,)
        Who passes something on.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Up to 500 active ones by elimination; more by repeated products until the rest is below 1e-14 of the largest
        value, or by sparse elimination where products settle too slowly.
    """
    places = np.flatnonzero(active)
    if not len(places):
        return income.copy()
    inner = shares[places][:, places]
    if len(places) <= LARGEST_DENSE:
        found = np.linalg.solve(np.eye(len(places)) - inner.toarray(), income[places])
    else:
        found = _products(inner, income[places])
    return np.asarray(income + shares[:, places] @ found)


def _products(shares: csr_array, income: FloatArray) -> FloatArray:
    """Sum of a long series of products, with a bound on what is left of it."""
    from scipy.sparse import csc_array, eye_array
    from scipy.sparse.linalg import splu

    total, step = income.copy(), income
    ratios: list[float] = []
    before = float(np.abs(income).max())
    for _ in range(MOST_PRODUCTS):
        step = shares @ step
        total = total + step
        now = float(np.abs(step).max())
        if now == 0.0:
            return total
        ratios, before = [*ratios[-4:], now / before], now
        worst = max(ratios)
        if worst < 1.0 and now * worst / (1.0 - worst) <= 1e-14 * float(np.abs(total).max()):
            return total
    system = csc_array(eye_array(shares.shape[0]) - shares)
    return np.asarray(splu(system).solve(income))
