"""What is held, and what is sold of it: portfolios of many banks, split in proportion or security by security.

A portfolio sold in proportion stays the first table of holdings times one number a bank; a round is
some sparse products. Values have the shape (n_banks or n_securities, n_scenarios).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array

from contagion.arrays import FloatArray

__all__ = [
    "InProportion",
    "Listed",
    "Portfolio",
    "Table",
    "sell_liquid_first",
    "sell_pro_rata",
    "sold_entries",
]


@dataclass(frozen=True)
class Table:
    """The first holdings, by bank and by security, in money at the start price.

    Parameters
    ----------
    matrix : scipy.sparse.csr_array, shape (n_banks, n_securities)
        Holdings, rows sorted.
    """

    matrix: csr_array

    @cached_property
    def turned(self) -> csr_array:
        """The same by security, each with its holders in order."""
        return csr_array(self.matrix.T)

    @cached_property
    def by_bank(self) -> csr_array:
        """Sums entries of the matrix by bank."""
        size = self.matrix.nnz
        return csr_array(
            (np.ones(size), np.arange(size), self.matrix.indptr), shape=(self.matrix.shape[0], size)
        )

    @cached_property
    def by_security(self) -> csr_array:
        """Sums entries of the matrix by security."""
        size = self.matrix.nnz
        ends = (self.matrix.indices, np.arange(size))
        return csr_array((np.ones(size), ends), shape=(self.matrix.shape[1], size))


class Portfolio(Protocol):
    """Holdings of every bank in every scenario."""

    def against(self, values: FloatArray) -> FloatArray:
        """``sum_k held_nk values_k`` for each bank, from values of shape (n_securities, n_scenarios)."""
        ...

    def by_security(self) -> FloatArray:
        """``sum_n held_nk`` for each security, shape (n_securities, n_scenarios)."""
        ...

    def entries(self) -> FloatArray:
        """The holdings of the table's entries, shape (n_entries, n_scenarios)."""
        ...


@dataclass(frozen=True)
class InProportion:
    """Every bank holds one share of its first portfolio; `share` has the shape (n_banks, n_scenarios)."""

    table: Table
    share: FloatArray

    def against(self, values: FloatArray) -> FloatArray:
        """As in `Portfolio`."""
        return np.asarray(self.share * (self.table.matrix @ values))

    def by_security(self) -> FloatArray:
        """As in `Portfolio`."""
        return np.asarray(self.table.turned @ self.share)

    def entries(self) -> FloatArray:
        """As in `Portfolio`."""
        rows = np.repeat(self.share, np.diff(self.table.matrix.indptr), axis=0)
        return np.asarray(self.table.matrix.data[:, None] * rows)


@dataclass(frozen=True)
class Listed:
    """Holdings entry by entry; `amount` has the shape (n_entries, n_scenarios)."""

    table: Table
    amount: FloatArray

    def against(self, values: FloatArray) -> FloatArray:
        """As in `Portfolio`."""
        return np.asarray(self.table.by_bank @ (self.amount * values[self.table.matrix.indices]))

    def by_security(self) -> FloatArray:
        """As in `Portfolio`."""
        return np.asarray(self.table.by_security @ self.amount)

    def entries(self) -> FloatArray:
        """As in `Portfolio`."""
        return self.amount


def sell_pro_rata(held: Portfolio, table: Table, fraction: FloatArray) -> tuple[Portfolio, Portfolio]:
    """Split a portfolio: the same share of every holding of a bank is sold. What is sold, what is left."""
    if isinstance(held, InProportion):
        return InProportion(table, held.share * fraction), InProportion(table, held.share * (1.0 - fraction))
    return (
        Listed(table, sold_entries(held, table, fraction)),
        Listed(table, sold_entries(held, table, 1.0 - fraction)),
    )


def sold_entries(held: Portfolio, table: Table, fraction: FloatArray) -> FloatArray:
    """The same share of every holding of a bank, by entry of the table, shape (n_entries, n_scenarios)."""
    return np.asarray(held.entries() * np.repeat(fraction, np.diff(table.matrix.indptr), axis=0))


def sell_liquid_first(
    held: Portfolio,
    table: Table,
    fraction: FloatArray,
    demand: FloatArray,
    price: FloatArray,
    rank: FloatArray,
) -> tuple[Portfolio, Portfolio]:
    """Split a portfolio: each bank sells whole holdings in the order of `rank` until it has its demand.

    Parameters
    ----------
    held : Portfolio
        What the banks have.
    table : Table
        Their first holdings.
    fraction, demand : numpy.ndarray, shape (n_banks, n_scenarios)
        Share of the portfolio, and money wanted from it; who wants none or less sells (buys) in proportion.
    price : numpy.ndarray, shape (n_securities, n_scenarios)
        Price over start price.
    rank : numpy.ndarray, shape (n_securities,)
        The security sold first has the lowest; no two have the same.
    """
    start, column = table.matrix.indptr, table.matrix.indices
    bank = np.repeat(np.arange(len(start) - 1), np.diff(start))
    order = np.lexsort((rank[column], bank))
    amount, worth = held.entries(), price[column]
    sold = amount * np.where(demand > 0.0, 0.0, fraction)[bank]
    left = np.maximum(demand, 0.0)
    length = np.diff(start)
    for place in range(int(length.max(initial=0))):
        rows = np.flatnonzero(length > place)
        entry = order[start[rows] + place]
        money = np.minimum(left[rows], amount[entry] * worth[entry])
        positive = worth[entry] > 0.0
        units = np.divide(money, worth[entry], out=np.zeros_like(money), where=positive)
        sold[entry] += np.minimum(units, amount[entry])
        left[rows] -= money
    return Listed(table, sold), Listed(table, amount - sold)
