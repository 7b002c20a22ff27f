"""Balance sheets of banks that target their leverage, and their configuration of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import FloatArray
from contagion.measures.portfolio_tables import Portfolios, read_portfolios
from contagion.propagation.firesales.engine import Sale, opening
from contagion.propagation.firesales.impacts import LinearImpact
from contagion.propagation.firesales.responses import LeverageTarget, State

__all__ = ["Sheet", "read_sheet"]


@dataclass(frozen=True)
class Sheet:
    """The banks of the family: their portfolios, and shocks as columns (many, or one)."""

    book: Portfolios
    shock: FloatArray
    many: bool

    def sale(self, *, capped: bool = False, rank: FloatArray | None = None) -> tuple[Sale, State]:
        """The configuration of the engine, and where it starts."""
        book = self.book
        table, state = opening(book.holdings, self.shock.shape[1], equity=book.equity, move=self.shock)
        response = LeverageTarget(book.total_assets, book.equity, capped)
        return Sale(table, response, LinearImpact(book.impact), rank=rank, frozen=True), state

    def by_impact(self) -> FloatArray:
        """Rank of every security by impact, equal ones by the caller's columns."""
        impact = self.book.impact
        rank = np.empty(len(impact))
        rank[np.lexsort((self.book.holdings.securities.order, impact))] = np.arange(len(impact))
        return rank


def read_sheet(
    total_assets: Any,
    equity: Any,
    weights: Any,
    shock: Any,
    price_impact: Any,
    banks: Any,
    securities: Any,
    units: Mapping[str, str] | None,
) -> Sheet:
    """Check the balance sheets of the family; money in each security in place of shares."""
    book = read_portfolios(total_assets, equity, weights, price_impact, banks, securities, units)
    many = getattr(shock, "ndim", np.ndim(shock) if not isinstance(shock, Mapping) else 1) == 2
    moves = book.holdings.securities.table(shock, "shock", 2 if many else 1)
    return Sheet(book, np.ascontiguousarray(moves.T) if many else moves[:, None], many)
