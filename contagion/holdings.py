"""Who holds how much of what, in which money? Holdings as sparse rows with labels on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, diags_array

from contagion.arrays import FloatArray, reals
from contagion.claims import labels_of
from contagion.errors import SchemaError, UnitError, nearest
from contagion.labels import Axis, axis_of, join, labels, once

__all__ = ["Holdings", "read_beside", "read_holdings", "same_money"]


@dataclass(frozen=True)
class Holdings:
    """Money that each bank has in each security, sparse, in the internal order of both.

    Parameters
    ----------
    matrix : scipy.sparse.csr_array, shape (n_banks, n_securities)
        Money at the start price, >= 0.
    banks, securities : Axis
        Labels of rows and columns.
    """

    matrix: csr_array
    banks: Axis
    securities: Axis

    def scaled(self, factor: FloatArray) -> Holdings:
        """Each bank's row times its factor, shape (n_banks,)."""
        return Holdings(csr_array(diags_array(factor) @ self.matrix), self.banks, self.securities)

    def back(self, matrix: csr_array) -> csr_array:
        """A matrix like this one in the caller's order of rows and columns."""
        return matrix[np.argsort(self.banks.order)][:, np.argsort(self.securities.order)]


def read_holdings(values: Any, where: str, banks: Any = None, securities: Any = None) -> Holdings:
    """Check a table of holdings, one row a bank and one column a security.

    Parameters
    ----------
    values : array_like, sparse matrix or DataFrame, shape (n_banks, n_securities)
        Money or shares, finite and >= 0.
    where : str
        Name of the argument, for messages.
    banks, securities : sequence of labels, optional
        Labels of rows and columns; a frame has its own.

    Raises
    ------
    InputError
        If a number is not finite or negative, the table is empty or has another shape than the labels, or a label is
        there twice, missing or too much.

    Examples
    --------
    >>> read_holdings([[1.0, 0.0], [2.0, 3.0]], "holdings", banks=["B", "A"]).matrix.toarray()
    array([[2., 3.],
           [1., 0.]])
    """
    rows, columns = labels(banks, "banks"), labels(securities, "securities")
    strict = isinstance(values, pd.DataFrame)
    if isinstance(values, pd.DataFrame):
        values, rows = _framed(values, values.index, rows, f"{where}, rows")
        values, columns = _framed(values.T, values.columns, columns, f"{where}, columns")
        values = values.T.to_numpy()
    matrix = _sparse(values, where)
    ends = []
    for names, what, size in zip(
        (rows, columns), ("banks", "securities"), np.asarray(matrix.shape).tolist(), strict=True
    ):
        if size == 0 or (names is not None and len(names) != size):
            raise SchemaError(
                f"has {size} {what}" + ("" if names is None else f", {what} names {len(names)}"),
                where=where,
                allowed="one row a bank, one column a security, at least one of each",
            )
        ends.append(axis_of(names, size, what, strict=strict, whose=where))
    matrix = csr_array(matrix[ends[0].order][:, ends[1].order])
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return Holdings(matrix, ends[0], ends[1])


def read_beside(values: Any, where: str, table: Holdings) -> csr_array:
    """Check a second table of the same banks; its columns keep their order and have no labels.

    Parameters
    ----------
    values : array_like, sparse matrix or DataFrame, shape (n_banks, n_columns)
        Money, finite and >= 0; there may be no columns.
    where : str
        Name of the argument, for messages.
    table : Holdings
        The first table.

    Raises
    ------
    InputError
        As in `read_holdings`, or if the banks are others.
    """
    if isinstance(values, pd.DataFrame):
        own, names = values.index, table.banks.names
        if names is None and labels_of(own) is not None:
            raise SchemaError(
                "is labelled, holdings is not", where=where, allowed="labels on both, or neither"
            )
        values = _framed(values, own, names, f"{where}, rows")[0].to_numpy()
    elif table.banks.strict:
        raise SchemaError("has no labels, holdings has", where=where, allowed="a frame: no joins by position")
    matrix = _sparse(values, where)
    rows = np.asarray(matrix.shape).tolist()[0]
    if rows != table.banks.n:
        raise SchemaError(
            f"has {rows} banks, holdings has {table.banks.n}", where=where, allowed="one row a bank"
        )
    return csr_array(matrix[table.banks.order])


def _sparse(values: Any, where: str) -> csr_array:
    """A table as sparse rows, checked."""
    if not hasattr(values, "tocsr"):
        return csr_array(reals(values, where, low=0.0, dimensions=2))
    matrix = csr_array(values.tocsr(), copy=True)
    matrix.data = reals(matrix.data, where, low=0.0)
    return matrix


def _framed(
    frame: pd.DataFrame, own: pd.Index, names: pd.Index | None, where: str
) -> tuple[pd.DataFrame, pd.Index | None]:
    """A frame's rows in the order of `names`, or in its own, and their labels."""
    once(own, where)
    if names is None:
        return frame, labels_of(own)
    return frame.iloc[join(names, own, where)], names


def same_money(units: Mapping[str, str] | None, names: tuple[str, ...]) -> str | None:
    """Return the one money in which arguments are stated, None if none is.

    Parameters
    ----------
    units : mapping, optional
        Money of arguments by name, such as ``{"holdings": "EUR mn", "market_depth": "EUR mn"}``; an impact per money
        states the money it is per.
    names : tuple of str
        The arguments that are money or per money.

    Raises
    ------
    UnitError
        If two differ, or a name is no such argument.

    Examples
    --------
    >>> same_money({"holdings": "EUR mn", "market_depth": "EUR mn"}, ("holdings", "market_depth"))
    'EUR mn'
    """
    stated = dict(units or {})
    for name in stated:
        if name not in names:
            raise UnitError(
                "is no argument in money" + nearest(name, names),
                where="units",
                value=name,
                allowed=", ".join(names),
            )
    if len(set(stated.values())) > 1:
        listed = ", ".join(f"{name} in {unit!r}" for name, unit in stated.items())
        raise UnitError(
            f"differ: {listed}", where="units", allowed="one money for all", remedy="restate one of them"
        )
    return next(iter(stated.values()), None)
