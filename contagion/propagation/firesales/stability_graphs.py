"""Who holds what, who owes whom, at random? Graphs for simulations of contagion, one draw from one generator."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contagion.propagation.firesales.stability_kernels import without_doubles

__all__ = ["Links", "chosen_pairs", "random_debts", "random_portfolios", "regular_portfolios"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Links:
    """Links from rows to columns: row i has ``column[start[i]:start[i + 1]]``."""

    start: IntArray
    column: IntArray

    @classmethod
    def of(cls, row: IntArray, column: IntArray, n_rows: int) -> Links:
        """Links from pairs that are sorted by row."""
        counts = np.bincount(row, minlength=n_rows)
        return cls(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), column)

    @property
    def row(self) -> IntArray:
        """Row of each link."""
        return np.repeat(np.arange(len(self.start) - 1, dtype=np.int64), np.diff(self.start))

    def turned(self, n_columns: int) -> Links:
        """The same links by column."""
        order = np.argsort(self.column, kind="stable")
        return Links.of(self.column[order], self.row[order], n_columns)


def chosen_pairs(n_pairs: int, probability: float, random: np.random.Generator) -> IntArray:
    """Positions of the pairs, out of `n_pairs` in order, that an independent draw of each picks; rising.

    Only as many numbers are drawn as there are picks: the gaps between them are geometric.

    Examples
    --------
    >>> chosen_pairs(4, 1.0, np.random.default_rng(1)).tolist()
    [0, 1, 2, 3]
    """
    if probability <= 0.0:
        return np.zeros(0, dtype=np.int64)
    mean = n_pairs * probability
    size = int(mean + 6.0 * math.sqrt(mean) + 10.0)
    found: list[IntArray] = []
    last = -1
    while last < n_pairs:
        gaps = np.minimum(random.geometric(probability, size), n_pairs + 1)
        found.append(last + np.cumsum(gaps))
        last = int(found[-1][-1])
    places = np.concatenate(found)
    return places[: np.searchsorted(places, n_pairs)]


def random_portfolios(n_banks: int, n_assets: int, probability: float, random: np.random.Generator) -> Links:
    """Every bank holds every asset with the same probability, independently."""
    bank, asset = np.divmod(chosen_pairs(n_banks * n_assets, probability, random), n_assets)
    return Links.of(bank, asset, n_banks)


def random_debts(n: int, probability: float, random: np.random.Generator) -> Links:
    """Every bank owes every other with the same probability, independently."""
    debtor, creditor = np.divmod(chosen_pairs(n * (n - 1), probability, random), max(n - 1, 1))
    return Links.of(debtor, creditor + (creditor >= debtor), n)


def regular_portfolios(n_banks: int, n_assets: int, degree: int, random: np.random.Generator) -> Links:
    """Every bank holds `degree` different assets, every asset has equally many holders.

    Ends of links are matched at random; where a bank drew an asset twice, the link swaps its asset with a random other
    one. Where banks hold more than half of all assets, what they do not hold is drawn.
    """
    few = min(degree, n_assets - degree)
    column = random.permutation(np.repeat(np.arange(n_assets, dtype=np.int64), n_banks * few // n_assets))
    start = np.arange(n_banks + 1, dtype=np.int64) * few
    while few and without_doubles(start, column, random.integers(len(column), size=len(column) + 100)) < 0:
        pass
    links = Links(start, column)
    if few == degree:
        return links
    holds = np.ones((n_banks, n_assets), dtype=bool)
    holds[links.row, links.column] = False
    bank, asset = np.nonzero(holds)
    return Links.of(bank, asset, n_banks)
