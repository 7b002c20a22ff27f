"""Balance sheets of banks that target their leverage, and their configuration of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array, diags_array

from contagion.arrays import FloatArray
from contagion.propagation.firesales.engine import Sale, opening
from contagion.propagation.firesales.impacts import LinearImpact, same_money
from contagion.propagation.firesales.responses import LeverageTarget, State
from contagion.propagation.firesales.sheets import Holdings, read_holdings

__all__ = ["Sheet", "read_sheet"]

MONEY = ("total_assets", "equity", "price_impact")


@dataclass(frozen=True)
class Sheet:
    """The banks of the family: assets, equity, money in each security, shocks as columns, impact."""

    holdings: Holdings
    assets: FloatArray
    equity: FloatArray
    shock: FloatArray
    impact: FloatArray
    many: bool

    def sale(self, *, capped: bool = False, rank: FloatArray | None = None) -> tuple[Sale, State]:
        """The configuration of the engine, and where it starts."""
        table, state = opening(self.holdings, self.shock.shape[1], equity=self.equity, move=self.shock)
        response = LeverageTarget(self.assets, self.equity, capped)
        return Sale(table, response, LinearImpact(self.impact), rank=rank, frozen=True), state

    def shares(self) -> csr_array:
        """Weights again, from money."""
        inverse = np.divide(1.0, self.assets, out=np.zeros_like(self.assets), where=self.assets > 0.0)
        return csr_array(diags_array(inverse) @ self.holdings.matrix)

    def by_impact(self) -> FloatArray:
        """Rank of every security by impact, equal ones by the caller's columns."""
        rank = np.empty(len(self.impact))
        rank[np.lexsort((self.holdings.securities.order, self.impact))] = np.arange(len(self.impact))
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
    same_money(units, MONEY)
    table = read_holdings(weights, "weights", banks, securities)
    assets = table.banks.vector(total_assets, "total_assets", low=0.0)
    own = table.banks.vector(equity, "equity", above=0.0)
    many = getattr(shock, "ndim", np.ndim(shock) if not isinstance(shock, Mapping) else 1) == 2
    moves = table.securities.table(shock, "shock", 2 if many else 1)
    impact = table.securities.vector(price_impact, "price_impact", low=0.0)
    columns = np.ascontiguousarray(moves.T) if many else moves[:, None]
    return Sheet(replace(table, matrix=table.scaled(assets).matrix), assets, own, columns, impact, many)
