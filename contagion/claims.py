"""Who owes whom how much? Debts between nodes as sorted sparse rows, checked once, from any way to write them down.

Debts are sorted by debtor, then creditor, so that every sum over them has one order: relabelling nodes or running
many scenarios at once cannot move a comparison by a last bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.arrays import FloatArray, reals
from contagion.errors import NetworkError, SchemaError, ValueRangeError, nearest

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Claims", "as_claims", "labels_of", "places", "same_labels"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Claims:
    """Debts inside a network of n nodes: node i owes ``amount[k]`` to ``creditor[k]``, indptr[i] <= k < indptr[i + 1].

    Parameters
    ----------
    indptr : numpy.ndarray of int64, shape (n + 1,)
        Where the debts of a node begin and end.
    creditor : numpy.ndarray of int64, shape (n_debts,)
        Who is owed, rising within a debtor.
    amount : numpy.ndarray, shape (n_debts,)
        Money, above 0.
    names : pandas.Index, optional
        Labels of the nodes, if they have any.

    Examples
    --------
    >>> claims = Claims.from_edges([["A", "B", 3.0], ["B", "C", 1.0]], names=["A", "B", "C"])
    >>> claims.owed
    array([3., 1., 0.])
    """

    indptr: IntArray
    creditor: IntArray
    amount: FloatArray
    names: pd.Index | None = None

    @classmethod
    def from_edges(
        cls, edges: Iterable[Sequence[Any]], n: int | None = None, names: Sequence[Any] | None = None
    ) -> Claims:
        """Return claims from a list of [debtor, creditor, amount]; equal pairs add up.

        Parameters
        ----------
        edges : iterable of [debtor, creditor, amount]
            Positions from 0, or names if `names` is given; amounts finite and >= 0.
        n : int, optional
            Number of nodes, needed without `names`.
        names : sequence, optional
            Labels of the nodes.

        Raises
        ------
        InputError
            If an amount is not finite or negative, a node owes itself, or an end is no node.
        """
        index = None if names is None else _unique(pd.Index(list(names)), "names")
        size = len(index) if index is not None else n
        if size is None:
            raise SchemaError("is not known", where="n", allowed="the number of nodes, or their names")
        rows = [tuple(edge) for edge in edges]
        if any(len(row) != 3 for row in rows):
            raise SchemaError(
                "has a row of other length", where="edges", allowed="[debtor, creditor, amount]"
            )
        debtor = places([row[0] for row in rows], size, index, "edges (debtor)")
        creditor = places([row[1] for row in rows], size, index, "edges (creditor)")
        amount = reals([row[2] for row in rows], "edges (amount)", low=0.0)
        return cls._of(debtor, creditor, amount, size, index)

    @classmethod
    def from_arrays(
        cls, debtor: Any, creditor: Any, amount: Any, n: int, names: pd.Index | None = None
    ) -> Claims:
        """Return claims from three arrays of equal length, positions from 0; equal pairs add up."""
        ends = [np.asarray(side, dtype=np.int64) for side in (debtor, creditor)]
        for side, name in zip(ends, ("debtor", "creditor"), strict=True):
            if len(side) and (side.min() < 0 or side.max() >= n):
                raise ValueRangeError("names a node outside the network", where=name, allowed=f"0 to {n - 1}")
        money = reals(amount, "amount", low=0.0)
        if not len(ends[0]) == len(ends[1]) == len(money):
            raise SchemaError("have different length", where="debtor, creditor, amount")
        return cls._of(ends[0], ends[1], money, n, names)

    @classmethod
    def from_matrix(cls, matrix: Any, where: str = "liabilities") -> Claims:
        """Return claims from a square matrix, row debtor and column creditor: an array, a sparse one or a frame.

        The labels of a frame must be the same on both sides; without labels (0, 1, ...) there are no names.

        Raises
        ------
        InputError
            If an amount is not finite or negative, a node owes itself, the matrix is empty or not square, or the
            labels of rows and columns differ.
        """
        names = None
        if isinstance(matrix, pd.DataFrame):
            names = labels_of(matrix.index)
            if names is not None or labels_of(matrix.columns) is not None:
                names = _unique(matrix.index, f"{where}, rows")
                same_labels(names, _unique(matrix.columns, f"{where}, columns"), f"{where}, columns")
                matrix = matrix[names]
            matrix = matrix.to_numpy()
        if hasattr(matrix, "tocoo"):
            _check_square(matrix.shape, where)
            if matrix.format == "csr":
                return cls._of_rows(matrix.indptr, matrix.indices, matrix.data, names, where)
            entries = matrix.tocoo()
            amount = reals(entries.data, where, low=0.0)
            return cls._of(np.asarray(entries.row), np.asarray(entries.col), amount, entries.shape[0], names)
        full = reals(matrix, where, low=0.0)
        _check_square(full.shape, where)
        debtor, creditor = np.nonzero(full)
        return cls._of(debtor, creditor, full[debtor, creditor], len(full), names, where)

    @classmethod
    def _of_rows(cls, starts: Any, columns: Any, entries: Any, names: pd.Index | None, where: str) -> Claims:
        """From compressed rows; those that already rise within every row are neither sorted nor summed again."""
        n, length = len(starts) - 1, int(starts[-1])
        indptr, creditor = np.array(starts, dtype=np.int64), np.array(columns[:length], dtype=np.int64)
        amount = reals(entries[:length], where, low=0.0)
        debtor = np.repeat(np.arange(n, dtype=np.int64), np.diff(indptr))
        rising = np.ones(length + 1, dtype=bool)  # from one entry to the next; the first of a row need not
        np.greater(creditor[1:], creditor[:-1], out=rising[1:length])
        rising[indptr[:-1]] = True
        if length == 0 or not (rising.all() and amount.min() > 0.0) or (debtor == creditor).any():
            return cls._of(debtor, creditor, amount, n, names)
        found = cls(indptr, creditor, amount, names)
        vars(found)["debtor"] = debtor
        return found

    @classmethod
    def _of(
        cls, debtor: Any, creditor: Any, amount: FloatArray, n: int, names: pd.Index | None, where: str = ""
    ) -> Claims:
        """Sort, add equal pairs, leave out zeros, refuse debts to oneself."""
        if n == 0:
            raise NetworkError("is empty", where=where or "network", allowed="at least one node")
        debtor, creditor = (np.ascontiguousarray(side, dtype=np.int64) for side in (debtor, creditor))
        own = np.flatnonzero((debtor == creditor) & (amount > 0.0))
        if len(own):
            node = int(debtor[own[0]])
            raise NetworkError(
                "is a self-debt",
                where=f"{where}[{node}][{node}]"
                if where
                else f"node {node if names is None else names[node]}",
                value=float(amount[own[0]]),
                allowed="a zero diagonal",
            )
        key = debtor * n + creditor
        if not (np.diff(key) > 0).all():
            order = np.argsort(key, kind="stable")
            key, amount = key[order], amount[order]
            first = np.ones(len(key), dtype=bool)
            first[1:] = np.diff(key) != 0
            if not first.all():
                amount = np.bincount(np.cumsum(first) - 1, amount, int(first.sum())).astype(np.float64)
                key = key[first]
            debtor, creditor = np.divmod(key, n)
        if not (amount > 0.0).all():
            kept = amount > 0.0
            debtor, creditor, amount = debtor[kept], creditor[kept], amount[kept]
        indptr = np.concatenate([[0], np.cumsum(np.bincount(debtor, minlength=n))]).astype(np.int64)
        return cls(indptr, np.ascontiguousarray(creditor), np.asarray(amount, dtype=np.float64), names)

    @property
    def n(self) -> int:
        """Number of nodes."""
        return len(self.indptr) - 1

    @cached_property
    def debtor(self) -> IntArray:
        """Who owes each debt, shape (n_debts,)."""
        return np.repeat(np.arange(self.n, dtype=np.int64), np.diff(self.indptr))

    @cached_property
    def owed(self) -> FloatArray:
        """What each node owes inside the network, shape (n,), summed in the order of debts."""
        return np.bincount(self.debtor, self.amount, self.n).astype(np.float64)

    @cached_property
    def claimed(self) -> FloatArray:
        """What each node is owed inside the network, shape (n,), summed in the order of debts."""
        return np.bincount(self.creditor, self.amount, self.n).astype(np.float64)

    @cached_property
    def exposures(self) -> Claims:
        """The same claims seen by creditors: row creditor, "creditor" the debtor, sorted by creditor, then debtor."""
        turned = self.matrix().tocsc()
        places = [np.asarray(side, dtype=np.int64) for side in (turned.indptr, turned.indices)]
        return Claims(places[0], places[1], np.asarray(turned.data, dtype=np.float64), self.names)

    def matrix(self) -> csr_array:
        """The debts as a sparse matrix, row debtor, column creditor."""
        from scipy.sparse import csr_array

        return csr_array((self.amount, self.creditor, self.indptr), shape=(self.n, self.n))

    def dense(self) -> FloatArray:
        """The debts as a full matrix, shape (n, n)."""
        full = np.zeros((self.n, self.n))
        full[self.debtor, self.creditor] = self.amount
        return full

    def reordered(self, order: IntArray) -> Claims:
        """The same claims with node ``order[k]`` in place k."""
        rank = np.argsort(order)
        names = None if self.names is None else self.names[order]
        return Claims._of(rank[self.debtor], rank[self.creditor], self.amount, self.n, names)


def as_claims(liabilities: Any, where: str = "liabilities") -> Claims:
    """Return claims as they are, or from a matrix (array, sparse, frame)."""
    return liabilities if isinstance(liabilities, Claims) else Claims.from_matrix(liabilities, where)


def labels_of(index: pd.Index) -> pd.Index | None:
    """Return an index that names something; None for positions 0, 1, ... in order."""
    plain = index.dtype.kind in "iu" and bool((np.asarray(index) == np.arange(len(index))).all())
    return None if plain else index


def places(nodes: Sequence[Any], n: int, names: pd.Index | None, where: str) -> IntArray:
    """Return positions of nodes that are given by name, or by position where nodes have no names.

    Raises
    ------
    ValueRangeError
        If one of them is no node; the message names the argument, the node and the nearest name.
    """
    found = np.empty(len(nodes), dtype=np.int64)
    known = {} if names is None else {name: place for place, name in enumerate(names)}
    for k, node in enumerate(nodes):
        if names is not None and node in known:
            found[k] = known[node]
        elif isinstance(node, (int, np.integer)) and not isinstance(node, bool) and 0 <= node < n:
            found[k] = int(node)
        else:
            hint = nearest(node, [str(name) for name in known]) if isinstance(node, str) else ""
            raise ValueRangeError(
                f"names no node of the network{hint}",
                where=where,
                value=node,
                allowed=f"positions 0 to {n - 1}" + (" or names" if names is not None else ""),
            )
    return found


def _check_square(shape: tuple[int, ...], where: str) -> None:
    if 0 in shape:
        raise NetworkError("is empty", where=where, allowed="at least one node")
    if len(shape) != 2 or shape[0] != shape[1]:
        raise NetworkError(f"is not square: shape {shape}", where=where, allowed="one row and column a node")


def _unique(index: pd.Index, where: str) -> pd.Index:
    if not index.is_unique:
        raise NetworkError("names a node twice", where=where, value=index[index.duplicated()][0])
    return index


def same_labels(expected: pd.Index, given: pd.Index, where: str) -> None:
    """Refuse labels that differ, listing both sides."""
    missing, extra = expected.difference(given), given.difference(expected)
    if len(missing) or len(extra):
        raise NetworkError(
            f"labels differ: missing {[str(x) for x in missing[:5]]}, not expected {[str(x) for x in extra[:5]]}",
            where=where,
            allowed="the same labels",
        )
