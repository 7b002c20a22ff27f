"""Results of banks that target their leverage: vulnerability, systemicness, series of rounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from contagion.arrays import FloatArray
from contagion.measures.portfolio_tables import Portfolios
from contagion.measures.vulnerability import transfer_pairs, transfer_radius
from contagion.propagation.firesales.engine import Cleared

__all__ = ["TargetingRounds", "Vulnerability"]


@dataclass(frozen=True)
class Vulnerability:
    """What one round of sales does; scenarios, if there are many, are the first axis of everything.

    Parameters
    ----------
    bank_return, bank_sales, direct_vulnerability, indirect_vulnerability, systemicness : numpy.ndarray
        Per bank: return of all assets in the shock; money sold (negative: bought); loss by the shock,
        and by all sales, over own equity; share of the system's equity that the sales of this bank cost.
        Systemicness sums to `aggregate_vulnerability`, as does indirect vulnerability weighted with equity.
    sales_by_asset, price_return : numpy.ndarray, shape (n_securities,)
        Money, and the signed return of the round.
    aggregate_vulnerability, direct_loss_over_equity : float
        Loss by sales, and by the shock, over all equity.
    connectedness : numpy.ndarray, shape (n_banks,), or None
        ``sum_k w_k l_k M_nk``, w the holdings of all; only where sales are in proportion.
    banks, securities : pandas.Index, optional
        Labels.
    """

    bank_return: FloatArray
    bank_sales: FloatArray
    sales_by_asset: FloatArray
    price_return: FloatArray
    aggregate_vulnerability: float
    direct_loss_over_equity: float
    systemicness: FloatArray
    indirect_vulnerability: FloatArray
    direct_vulnerability: FloatArray
    connectedness: FloatArray | None
    banks: pd.Index | None = None
    securities: pd.Index | None = None

    @classmethod
    def of(
        cls,
        book: Portfolios,
        cleared: Cleared,
        pro_rata: bool,
        many: bool,
    ) -> Vulnerability:
        """Read the measures off one round of the engine."""
        holdings, assets = book.holdings, book.total_assets
        total, own = book.equity.sum(), book.equity[:, None]
        system = book.held_by_all * book.impact
        direct = 0.0 - assets[:, None] * cleared.action.ratio
        pulled = cleared.sold.against(np.repeat(system[:, None], direct.shape[1], axis=1)) / total
        ones = np.ones_like(cleared.fall)
        shared = np.divide(holdings.matrix @ system, assets, out=np.zeros_like(assets), where=assets > 0.0)

        def by(values: FloatArray, axis: str) -> FloatArray:
            placed: FloatArray = getattr(holdings, axis).back(values)
            return placed.T if many else placed[:, 0]

        def overall(values: FloatArray) -> float:
            return values if many else float(values[0])  # type: ignore[return-value]

        return cls(
            bank_return=by(cleared.action.ratio, "banks"),
            bank_sales=by(cleared.sold.against(ones), "banks"),
            sales_by_asset=by(cleared.sales, "securities"),
            price_return=by(0.0 - cleared.fall, "securities"),
            aggregate_vulnerability=overall(cleared.loss.sum(axis=0) / total),
            direct_loss_over_equity=overall(direct.sum(axis=0) / total),
            systemicness=by(pulled, "banks"),
            indirect_vulnerability=by(cleared.loss / own, "banks"),
            direct_vulnerability=by(direct / own, "banks"),
            connectedness=holdings.banks.back(shared) if pro_rata else None,
            banks=holdings.banks.names,
            securities=holdings.securities.names,
        )

    @property
    def amplification(self) -> float:
        """All loss over the loss by the shock; nan without such a loss."""
        direct = np.asarray(self.direct_loss_over_equity)
        added = np.asarray(self.aggregate_vulnerability)
        none = np.full_like(direct, np.nan)
        found = 1.0 + np.divide(added, direct, out=none, where=direct != 0.0)
        return found if found.ndim else float(found)

    def to_frame(self) -> pd.DataFrame:
        """The measures of every bank, one row each (of one scenario)."""
        columns = (
            "bank_return",
            "bank_sales",
            "direct_vulnerability",
            "indirect_vulnerability",
            "systemicness",
        )
        return pd.DataFrame({name: getattr(self, name) for name in columns}, index=self.banks)


@dataclass(frozen=True)
class TargetingRounds:
    """A series of rounds with frozen weights.

    Parameters
    ----------
    av_by_round : numpy.ndarray, shape (rounds,)
        Aggregate vulnerability of each round, the first that of one round.
    names : pandas.Index, optional
        Labels of the securities.
    """

    av_by_round: FloatArray
    names: pd.Index | None
    _book: Portfolios = field(repr=False)
    _shock: FloatArray = field(repr=False)

    @cached_property
    def _pairs(self) -> FloatArray:
        """Symmetric, shape (n_securities, n_securities), internal order."""
        return transfer_pairs(self._book)

    @cached_property
    def transfer_matrix(self) -> FloatArray:
        """``diag(l) M' diag(a b) M``: what a return of one security does to another in the next round."""
        ends = self._book.holdings.securities
        return ends.back(ends.back(self._book.impact[:, None] * self._pairs), axis=1)

    @cached_property
    def spectral_radius(self) -> float:
        """Largest eigenvalue in absolute value; rounds die out below 1."""
        return transfer_radius(self._book, self._pairs)

    @property
    def converges(self) -> bool:
        """Whether the series has a sum."""
        return self.spectral_radius < 1.0

    @property
    def critical_impact_multiple(self) -> float:
        """The factor on impact at which the series diverges; infinite where nothing is passed on."""
        return 1.0 / self.spectral_radius if self.spectral_radius > 0.0 else float("inf")

    @cached_property
    def _sum(self) -> FloatArray | None:
        """Return of all rounds together, internal order."""
        if not self.converges:
            return None
        transfer = self._book.impact[:, None] * self._pairs
        first = transfer @ self._shock
        return np.asarray(np.linalg.solve(np.eye(len(first)) - transfer, first))

    @property
    def cumulative_price_return(self) -> FloatArray | None:
        """Return of each security by all rounds after the shock; None if they do not end."""
        return None if self._sum is None else self._book.holdings.securities.back(self._sum)

    @property
    def cumulative_aggregate_vulnerability(self) -> float | None:
        """Loss by all rounds over all equity; None if they do not end."""
        if self._sum is None:
            return None
        return float(0.0 - (self._book.holdings.matrix @ self._sum).sum() / self._book.equity.sum())
