"""Where does distress begin? Shocks, forced defaults and face equity of a network, checked before anything is computed.

All models of distress take the same arguments: a balance sheet, a `shock` (relative loss of face equity) and
`initial_defaults`. Amounts are compared with a tolerance relative to all amounts behind them, so that 0.1 + 0.3 - 0.4
counts as 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.arrays import FloatArray, reals
from contagion.balance_sheets import TOLERANCE, BalanceSheets, balance_sheets
from contagion.claims import Claims, labels_of, same_labels
from contagion.errors import NetworkError, SchemaError, ValueRangeError

__all__ = ["Start", "begin", "need_equity", "positive_equity", "singly"]

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Start:
    """Sheets and what hits them, in the internal order of nodes; m scenarios of n nodes.

    Parameters
    ----------
    sheets : BalanceSheets
        Checked balance sheets.
    behind : numpy.ndarray, shape (n,)
        Sum of the absolute amounts behind each face equity.
    shock : numpy.ndarray, shape (m, n)
        Relative loss of face equity, 1 for `forced` nodes.
    forced : numpy.ndarray of bool, shape (n,)
        The initial defaults.
    many : bool
        Whether the caller gave a matrix of scenarios.
    """

    sheets: BalanceSheets
    behind: FloatArray
    shock: FloatArray
    forced: BoolArray
    many: bool

    def back(self, rows: Any) -> Any:
        """Values per scenario and node in the caller's order; one axis less where there is one scenario."""
        turned = np.asarray(rows)[:, self.sheets.given]
        return turned if self.many else turned[0]

    def scalar(self, values: Any) -> Any:
        """One value per scenario, or the only one as a plain number."""
        return np.asarray(values) if self.many else np.asarray(values)[0].item()

    @cached_property
    def positive(self) -> BoolArray:
        """Nodes whose face equity is above 0 beyond rounding."""
        return np.asarray(self.sheets.equity > TOLERANCE * self.behind)


def begin(
    liabilities: Any,
    external_assets: Any = None,
    external_liabilities: Any = None,
    *,
    equity: Any = None,
    weights: Any = None,
    shock: Any = None,
    initial_defaults: Any = None,
    most: float = math.inf,
) -> Start:
    """Check balance sheets, shocks between 0 and `most`, and forced defaults.

    Raises
    ------
    InputError
        If an amount, a shock or a node is refused; the message names the argument.
    """
    sheets = balance_sheets(
        liabilities, external_assets, external_liabilities, equity=equity, weights=weights
    )
    behind = np.abs(sheets.equity)
    if equity is None:
        behind = sheets.external_assets + sheets.claims.claimed + sheets.due
    many = shock is not None and not isinstance(shock, dict) and np.ndim(shock) == 2
    rows = _rows(sheets, shock, most) if many else _row(sheets, shock, most)[np.newaxis]
    forced = np.zeros(sheets.n, dtype=np.bool_)
    if initial_defaults is not None:
        forced[sheets.nodes(initial_defaults)] = True
    return Start(sheets, behind, np.where(forced, 1.0, rows), forced, many)


def singly(start: Start, first: int, last: int) -> BoolArray:
    """Scenarios in which one node alone defaults: the nodes of the caller's places `first` to `last` - 1."""
    forced = np.zeros((last - first, start.sheets.n), dtype=np.bool_)
    forced[np.arange(last - first), start.sheets.given[first:last]] = True
    return forced


def need_equity(start: Start, remedy: str = "") -> None:
    """Refuse nodes without positive face equity.

    Raises
    ------
    ValueRangeError
        Naming the first of them.
    """
    if not start.positive.all():
        place = int(np.flatnonzero(~start.back(start.positive[np.newaxis]).reshape(-1, start.sheets.n)[0])[0])
        names = start.sheets.names
        raise ValueRangeError(
            "is not above 0",
            where=f"equity[{place if names is None else names[place]}]",
            value=float(start.sheets.equity[start.sheets.given[place]]),
            allowed="positive face equity of every node",
            remedy=remedy,
        )


def positive_equity(start: Start) -> Claims:
    """Exposures as shares of the creditor's face equity, row creditor; nothing where equity is not positive.

    Raises
    ------
    ValueRangeError
        If a share is beyond the range of numbers.
    """
    exposures = start.sheets.claims.exposures
    worth = np.where(start.positive, start.sheets.equity, np.inf)
    with np.errstate(over="ignore"):
        share = exposures.amount / worth[exposures.debtor]
    if not np.isfinite(share).all():
        creditor = int(exposures.debtor[np.flatnonzero(~np.isfinite(share))[0]])
        raise ValueRangeError(
            "is too small beside its claims",
            where=f"equity[{start.sheets.name(creditor)}]",
            value=float(start.sheets.equity[creditor]),
            allowed="shares of claims in equity within the range of numbers",
        )
    return Claims(exposures.indptr, exposures.creditor, share)


def _row(sheets: BalanceSheets, shock: Any, most: float) -> FloatArray:
    return np.zeros(sheets.n) if shock is None else sheets.vector(shock, "shock", low=0.0, high=most)


def _rows(sheets: BalanceSheets, shock: Any, most: float) -> FloatArray:
    """A matrix of scenarios in the internal order."""
    labels = labels_of(shock.columns) if isinstance(shock, pd.DataFrame) else None
    if (labels is None) != (sheets.names is None):
        raise SchemaError(
            "and liabilities are not labelled alike",
            where="shock",
            allowed="a frame with a column for every name, or positions on both",
        )
    if sheets.names is not None:
        same_labels(sheets.names, shock.columns, "shock, columns")
        shock = shock[sheets.names]
    given = reals(np.asarray(shock), "shock", low=0.0, high=most)
    if not len(given):
        raise NetworkError("has no scenario", where="shock", allowed="at least one row")
    if given.shape[1] != sheets.n:
        raise SchemaError(
            f"has shape {given.shape}", where="shock", allowed=f"length {sheets.n} of every scenario"
        )
    rows = np.empty(given.shape)
    rows[:, sheets.given] = given
    return rows
