"""Networks from a matrix of liabilities and labelled balance sheets, as interbank data often comes."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import NetworkError, SchemaError, TooLargeError
from contagion.network.faults import Faults
from contagion.network.network import Network

Labelled: TypeAlias = Mapping[str, float] | pd.Series
Array: TypeAlias = npt.NDArray[Any]

IDENTITY_TOLERANCE: Final = 1e-9
"""Largest gap of a balance sheet or of two reports of one claim, as a share of the money involved."""
CELL_LIMIT: Final = 100_000_000


def from_matrix(
    liabilities: Any,
    names: Sequence[str] | None = None,
    *,
    claims: Any = None,
    cash: Labelled | None = None,
    external_assets: Labelled | None = None,
    external_liabilities: Labelled | None = None,
    equity: Labelled | None = None,
    unit: str = "USD",
) -> Network:
    """Return a network of institutions from what each owes each other one.

    Parameters
    ----------
    liabilities
        Shape ``(n, n)``: row debtor, column creditor; money. A DataFrame carries its own names.
    names
        Names of rows and columns, when `liabilities` is an array.
    claims
        Shape ``(n, n)``: row creditor, column debtor, as the creditors report it; must agree with
        `liabilities`.
    cash, external_assets, external_liabilities
        Money by name; absent names have none.
    equity
        Reported equity by name; each balance sheet must add up to it.
    unit
        The unit of money.

    Raises
    ------
    NetworkError
        If the matrix is not square, labels and matrix differ, claims and liabilities differ, or a balance
        sheet does not add up.

    Examples
    --------
    >>> net = from_matrix([[0, 2], [1, 0]], ["A", "B"], cash={"A": 5.0})
    >>> net.obligations[["debtor", "creditor", "amount"]].values.tolist()
    [['A', 'B', 2.0], ['B', 'A', 1.0]]
    """
    faults = Faults()
    matrix, labels = _read_matrix(liabilities, names, "liabilities", faults)
    if claims is not None:
        reported, others = _read_matrix(claims, names if names is not None else labels, "claims", faults)
        if not faults.found:
            _compare(matrix, _reordered(reported, others, labels, faults), labels, faults)
    sheets = {
        "cash": cash,
        "external_assets": external_assets,
        "external_liabilities": external_liabilities,
        "equity": equity,
    }
    columns = {name: _aligned(name, sheet, labels, faults) for name, sheet in sheets.items()}
    faults.stop()
    if equity is not None:
        _balance(matrix, columns, labels, faults)
        faults.stop()
    del columns["equity"]
    debtor, creditor = np.nonzero(matrix)
    named = np.array(labels, dtype=object)
    return Network(
        {"name": named, "kind": "institution", **columns},
        obligations={
            "debtor": named[debtor],
            "creditor": named[creditor],
            "amount": matrix[debtor, creditor],
        },
        unit=unit,
    )


def _read_matrix(
    given: Any, names: Sequence[str] | None, what: str, faults: Faults
) -> tuple[Array, list[str]]:
    labels = _labels(names, faults)
    if isinstance(given, pd.DataFrame):
        rows, columns = list(given.index), list(given.columns)
        if given.shape[0] == given.shape[1]:
            if set(rows) != set(columns):
                odd = sorted(map(str, set(rows) ^ set(columns)))
                _note(faults, what, "labels", f"rows and columns name different nodes: {odd[:5]}")
            else:
                given = given[rows]
        labels = rows if not isinstance(given.index, pd.RangeIndex) or labels is None else labels
    try:
        matrix = np.array(given, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        faults.add(SchemaError, "not-a-number", what, "is no matrix of numbers")
        return np.zeros((0, 0)), []
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        _note(faults, what, "not-square", f"has shape {matrix.shape}; rows are debtors, columns creditors")
        return np.zeros((0, 0)), []
    if matrix.size > CELL_LIMIT:
        faults.add(
            TooLargeError, "too-large", what, f"{matrix.size:,} cells", allowed=f"limit {CELL_LIMIT:,}"
        )
    if labels is None:
        faults.add(SchemaError, "no-names", what, "has no names", remedy="pass names=, or a DataFrame")
        labels = [str(place) for place in range(len(matrix))]
    if len(labels) != len(matrix):
        _note(faults, what, "labels", f"has {len(matrix)} rows and {len(labels)} names")
    return matrix, labels


def _labels(names: Sequence[str] | None, faults: Faults) -> list[str] | None:
    if names is None:
        return None
    if not isinstance(names, str | bytes):
        with contextlib.suppress(TypeError):
            return list(names)
    faults.add(SchemaError, "no-names", "names", "is no list of names", value=names)
    return None


def _note(faults: Faults, table: str, code: str, what: str) -> None:
    faults.add(NetworkError, code, table, what)


def _reordered(matrix: Array, names: list[str], labels: list[str], faults: Faults) -> Array:
    if set(names) != set(labels):
        _note(faults, "claims", "labels", "names other nodes than liabilities")
        return matrix
    places = {name: place for place, name in enumerate(names)}
    order = [places[name] for name in labels]
    reordered: Array = matrix[np.ix_(order, order)]
    return reordered


def _compare(owed: Array, reported: Array, labels: list[str], faults: Faults) -> None:
    if owed.shape != reported.shape:
        _note(faults, "claims", "labels", "has another shape than liabilities")
        return
    gap = np.abs(owed - reported.T)
    scale = np.maximum(np.abs(owed), np.abs(reported.T))
    for debtor, creditor in np.argwhere(~(gap <= IDENTITY_TOLERANCE * scale)):
        faults.add(
            NetworkError,
            "asymmetric",
            "claims",
            f"{labels[debtor]!r} owes {owed[debtor, creditor]:g}, {labels[creditor]!r} claims "
            f"{reported[creditor, debtor]:g}",
            remedy="both sides of a claim must report the same",
        )


def _aligned(name: str, sheet: Labelled | None, labels: list[str], faults: Faults) -> Array:
    """Return a column in the order of the labels; a bare array would be a positional join and is refused."""
    if sheet is None:
        return np.zeros(len(labels))
    if not isinstance(sheet, Mapping | pd.Series):
        what = "has no names"
        faults.add(NetworkError, "positional-join", name, what, remedy="pass a dict or a Series by name")
        return np.zeros(len(labels))
    unknown = [key for key in sheet.keys() if key not in set(labels)]  # noqa: SIM118 (a Series iterates values)
    for key in unknown:
        faults.add(NetworkError, "unknown-node", name, "is no node of the matrix", value=key)
    return np.array([sheet.get(label, 0.0) for label in labels], dtype=object)


def _balance(matrix: Array, columns: Mapping[str, Array], labels: list[str], faults: Faults) -> None:
    cash, outside, debts, equity = (
        columns[name].astype(np.float64)
        for name in ("cash", "external_assets", "external_liabilities", "equity")
    )
    assets, owed = cash + outside + matrix.sum(axis=0), debts + matrix.sum(axis=1)
    gap = np.abs(assets - owed - equity)
    for row in np.flatnonzero(~(gap <= IDENTITY_TOLERANCE * (assets + owed))):
        faults.add(
            NetworkError,
            "unbalanced-sheet",
            "equity",
            f"{labels[row]!r} reports {equity[row]:g}; assets {assets[row]:g} - liabilities {owed[row]:g} = "
            f"{assets[row] - owed[row]:g}",
        )
