"""What does every node own, owe and stand to lose? Balance sheets of a network, checked before anything is computed.

All algorithms on balance sheets (clearing, distress, valuation, importance) take the same arguments and read them
here. Nodes with names are sorted by name inside and put back at the end, so that no result depends on their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from contagion.arrays import FloatArray, reals
from contagion.claims import Claims, IntArray, as_claims, labels_of, places, same_labels
from contagion.errors import SchemaError, ValueRangeError

__all__ = ["TOLERANCE", "BalanceSheets", "ByNode", "balance_sheets", "node_vector"]


TOLERANCE: Final = 1e-12
"""Of the sum of the amounts compared: who is short by less is solvent (default is strict, rounding is not)."""


@dataclass(frozen=True)
class BalanceSheets:
    """Balance sheets of n nodes in the order algorithms use (sorted by name where nodes have names).

    Parameters
    ----------
    claims : Claims
        Debts inside the network.
    external_assets, external_liabilities : numpy.ndarray, shape (n,)
        Money owned and owed outside it, >= 0.
    given : numpy.ndarray of int64, shape (n,)
        Where the caller's nodes stand here: ``found[given]`` is in the caller's order.
    names : pandas.Index, optional
        Names in the caller's order.
    stated_equity, stated_value : numpy.ndarray, shape (n,), optional
        Face equity and economic value where the caller gave them.
    """

    claims: Claims
    external_assets: FloatArray
    external_liabilities: FloatArray
    given: IntArray
    names: pd.Index | None = None
    stated_equity: FloatArray | None = None
    stated_value: FloatArray | None = None

    @property
    def n(self) -> int:
        """Number of nodes."""
        return self.claims.n

    @cached_property
    def equity(self) -> FloatArray:
        """Face equity w: given, or external_assets + claims - debts - external_liabilities, shape (n,)."""
        if self.stated_equity is not None:
            return self.stated_equity
        return self.external_assets + self.claims.claimed - self.claims.owed - self.external_liabilities

    @cached_property
    def weights(self) -> FloatArray:
        """Economic value of each node, as shares that sum to 1, shape (n,)."""
        return _shares(self.stated_value, self.equity)

    @cached_property
    def due(self) -> FloatArray:
        """All that each node owes, inside and outside the network."""
        return self.claims.owed + self.external_liabilities

    @cached_property
    def impact(self) -> FloatArray:
        """What each debt is of its creditor's face equity, in the order of debts.

        Raises
        ------
        ValueRangeError
            If a node has no positive face equity.
        """
        wrong = np.flatnonzero(~(self.equity > 0.0))
        if len(wrong):
            raise ValueRangeError(
                f"of {self.name(int(wrong[0]))!r} is not positive",
                where="equity",
                value=float(self.equity[wrong[0]]),
                allowed="> 0 for every node",
            )
        return np.asarray(self.claims.amount / self.equity[self.claims.creditor])

    def name(self, place: int) -> object:
        """Name of the node at a place of the internal order, or its position in the caller's."""
        back = int(np.flatnonzero(self.given == place)[0])
        return back if self.names is None else self.names[back]

    def nodes(self, chosen: Sequence[Any] | Any, where: str = "initial_defaults") -> IntArray:
        """Internal places of nodes given by name or by position in the caller's order.

        Raises
        ------
        ValueRangeError
            If one is no node of the network; the message names the argument.
        """
        listed = [chosen] if isinstance(chosen, (str, int, np.integer)) else list(chosen)
        return self.given[places(listed, self.n, self.names, where)]

    def vector(self, values: Any, where: str, **limits: Any) -> FloatArray:
        """A number for everybody, or one per node (array without names, Series or mapping by name), internal order."""
        if np.ndim(values) == 0 and not isinstance(values, Mapping):
            return np.full(self.n, reals(values, where, **limits))
        found = np.empty(self.n)
        found[self.given] = node_vector(values, self.n, self.names, where, **limits)
        return found

    def back(self, values: Any) -> Any:
        """Per-node values (first or only axis) in the caller's order."""
        return np.array(values) if self.names is None else np.asarray(values)[self.given]

    def places_back(self, chosen: Any) -> list[int]:
        """Internal places as sorted positions in the caller's order."""
        caller = np.empty(self.n, dtype=np.int64)
        caller[self.given] = np.arange(self.n)
        return [int(place) for place in np.sort(caller[np.asarray(chosen, dtype=np.int64)])]


def balance_sheets(
    liabilities: Any,
    external_assets: Any = None,
    external_liabilities: Any = None,
    *,
    equity: Any = None,
    weights: Any = None,
) -> BalanceSheets:
    """Check balance sheets and bring them into one form.

    Parameters
    ----------
    liabilities : array_like, sparse, DataFrame or Claims, shape (n, n)
        What node i (row) owes node j (column), money >= 0, zero diagonal.
    external_assets, external_liabilities : array_like, Series or mapping, shape (n,), optional
        Money owned and owed outside the network, >= 0; 0 if not given. Labelled where `liabilities` is.
    equity : array_like, Series or mapping, shape (n,), optional
        Face equity, any sign; replaces the balance sheet where given.
    weights : array_like, Series or mapping, shape (n,), optional
        Economic value of each node, >= 0 with a positive sum; default the positive part of face equity.

    Raises
    ------
    InputError
        If an amount is not finite, a debt or asset is negative, a node owes itself, the matrix is not square or of
        other length than a vector, labels differ, or the network is empty.

    Examples
    --------
    >>> sheets = balance_sheets([[0, 4], [1, 0]], [5, 2], [1, 3])
    >>> sheets.equity
    array([1., 2.])
    """
    claims = as_claims(liabilities)
    names, n = claims.names, claims.n
    if external_assets is None and equity is None:
        raise SchemaError("is missing", where="external_assets", allowed="external_assets, or equity")
    own = {"low": 0.0}
    assets = node_vector(external_assets, n, names, "external_assets", **own)
    debts = node_vector(external_liabilities, n, names, "external_liabilities", **own)
    given = None if equity is None else node_vector(equity, n, names, "equity")
    value = None if weights is None else node_vector(weights, n, names, "weights", **own)
    if value is not None and value.sum() <= 0.0:
        raise ValueRangeError("sum to 0", where="weights", allowed="a positive sum")
    order = np.arange(n) if names is None else np.asarray(np.argsort(_sortable(names), kind="stable"))
    if names is not None:  # before anything is summed, so that the caller's order cannot move a last bit
        claims, assets, debts = claims.reordered(order), assets[order], debts[order]
    stated = [None if vector is None else vector[order] for vector in (given, value)]
    return BalanceSheets(claims, assets, debts, np.argsort(order), names, *stated)


def node_vector(values: Any, n: int, names: pd.Index | None, where: str, **limits: Any) -> FloatArray:
    """Return one checked number per node, shape (n,), in the order of `names`; zeros for None.

    Raises
    ------
    InputError
        If a number is not finite or outside its range, the length differs, or labels and nodes do not match.
    """
    if values is None:
        return np.zeros(n)
    if isinstance(values, Mapping):
        values = pd.Series(dict(values), dtype=object)
    if isinstance(values, pd.Series):
        labels = labels_of(values.index)
        if names is not None:
            same_labels(names, values.index, where)
            values = values.reindex(names)
        elif labels is not None:
            raise SchemaError(
                f"is labelled ({[str(x) for x in labels[:3]]}), liabilities are not",
                where=where,
                allowed="labels on both, or on neither",
            )
        values = values.to_numpy()
    elif names is not None:
        raise SchemaError(
            "has no labels, liabilities have",
            where=where,
            allowed="a Series or mapping by name: no joins by position",
        )
    vector = reals(values, where, **limits)
    if vector.shape != (n,):
        raise SchemaError(f"has shape {vector.shape}", where=where, allowed=f"length {n}, one number a node")
    return vector


def _shares(weights: FloatArray | None, worth: FloatArray) -> FloatArray:
    """Weights as shares; positive face equity where none are given, equal shares where there is none either."""
    value = np.maximum(worth, 0.0) if weights is None else weights
    total = value.sum()
    return np.asarray(value / total) if total > 0.0 else np.full(len(value), 1.0 / len(value))


def _sortable(names: pd.Index) -> pd.Index:
    """Names as texts, so that any mixture has an order."""
    return pd.Index([str(name) for name in names])


class ByNode:
    """Results with one value per node: a frame of them.

    A subclass is a dataclass with a field `names`.
    """

    names: pd.Index | None

    def to_frame(self) -> pd.DataFrame:
        """Every value per node as a column; index: names, or positions."""
        found = {}
        size = None
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray) and value.ndim == 1:
                size = len(value) if size is None else size
                if len(value) == size:
                    found[field.name] = value
        index = self.names if self.names is not None else pd.RangeIndex(size or 0, name="node")
        return pd.DataFrame(found, index=index)
