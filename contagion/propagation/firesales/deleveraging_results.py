"""Results of banks over a limit of leverage: rounds of sales, and the two ends of consistent prices."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, diags_array

from contagion.arrays import FloatArray
from contagion.holdings import Holdings
from contagion.propagation.firesales.engine import Cleared, FixedPoint
from contagion.propagation.firesales.portfolios import Portfolio

__all__ = ["Deleveraging", "PriceRange", "SaleRound"]

SELLING = 1e-12
EQUAL = 1e-6


@dataclass(frozen=True)
class SaleRound:
    """One round: leverage at its start, what was sold of it, and where it ends.

    Parameters
    ----------
    leverage, delever_fraction, loss, equity_after : numpy.ndarray, shape (n_banks,)
        Assets over equity (infinite without equity), share of the portfolio sold, money lost, money left.
    sales_by_asset, price_return, price_after : numpy.ndarray, shape (n_securities,)
        Money at the price before the round, signed return, price.
    """

    leverage: FloatArray
    delever_fraction: FloatArray
    sales_by_asset: FloatArray
    price_return: FloatArray
    loss: FloatArray
    equity_after: FloatArray
    price_after: FloatArray
    _first: Holdings = field(repr=False)
    _kept: Portfolio = field(repr=False)
    _price: FloatArray = field(repr=False)

    @classmethod
    def of(cls, table: Holdings, start: FloatArray, floor: FloatArray, cleared: Cleared) -> SaleRound:
        """Read a round of the engine."""
        banks, securities = table.banks.back, table.securities.back
        after = cleared.after
        return cls(
            leverage=banks(cleared.action.ratio[:, 0]),
            delever_fraction=banks(cleared.action.fraction[:, 0]),
            sales_by_asset=securities(cleared.sales[:, 0]),
            price_return=securities(0.0 - cleared.fall[:, 0]),
            loss=banks(cleared.loss[:, 0]),
            equity_after=banks(np.maximum(after.equity[:, 0], 0.0)),
            price_after=securities(np.maximum(start * after.price[:, 0], floor)),
            _first=table,
            _kept=after.held,
            _price=after.price[:, 0],
        )

    @property
    def holdings_after(self) -> csr_array:
        """Money left in each security at the new price, sparse, shape (n_banks, n_securities)."""
        first = self._first.matrix
        kept = csr_array((self._kept.entries()[:, 0], first.indices, first.indptr), shape=first.shape)
        return self._first.back(csr_array(kept @ diags_array(self._price)))


@dataclass(frozen=True)
class Deleveraging:
    """Sales until nobody is over the limit.

    Parameters
    ----------
    depth, impact_scale : numpy.ndarray, shape (n_securities,)
        Market depth, money, and the money after which 63 % of the way to the floor is gone.
    equity_after_shock, shock_loss : numpy.ndarray, shape (n_banks,)
        Money after the loss on illiquid assets, and that loss.
    rounds : tuple of SaleRound
        All rounds with the last, in which nobody sells, unless they were stopped before it.
    start_price : numpy.ndarray, shape (n_securities,)
        Price before all sales.
    banks, securities : pandas.Index, optional
        Labels.
    """

    depth: FloatArray
    impact_scale: FloatArray
    equity_after_shock: FloatArray
    shock_loss: FloatArray
    rounds: tuple[SaleRound, ...]
    start_price: FloatArray
    banks: pd.Index | None = None
    securities: pd.Index | None = None

    @property
    def rounds_with_sales(self) -> int:
        """Number of rounds in which anybody sold."""
        return sum(bool((one.delever_fraction > 0.0).any()) for one in self.rounds)

    @property
    def final_price(self) -> FloatArray:
        """Price after the last round."""
        return self.rounds[-1].price_after if self.rounds else self.start_price

    @property
    def total_loss(self) -> FloatArray:
        """Money each bank lost in all rounds, beyond its equity too."""
        found = np.zeros(len(self.equity_after_shock))
        for one in self.rounds:
            found = found + one.loss
        return found

    @property
    def amplification(self) -> float:
        """All loss over the loss before any sale; nan without such a loss."""
        direct = float(self.shock_loss.sum())
        return 1.0 + float(self.total_loss.sum()) / direct if direct > 0.0 else float("nan")

    def to_frame(self) -> pd.DataFrame:
        """Leverage at the start, equity, share of the portfolio sold and loss of every bank."""
        last = self.rounds[-1].equity_after if self.rounds else self.equity_after_shock
        kept = np.ones(len(self.equity_after_shock))
        for one in self.rounds:
            kept = kept * (1.0 - one.delever_fraction)
        columns = {"shock_loss": self.shock_loss, "loss": self.total_loss, "sold": 1.0 - kept, "equity": last}
        return pd.DataFrame(columns, index=self.banks)


@dataclass(frozen=True)
class PriceRange:
    """The consistent prices with the least (lower) and the most sales (upper); every other lies between.

    Parameters
    ----------
    price_return_lower, price_return_upper : numpy.ndarray, shape (n_securities,)
        Signed returns.
    delever_fraction_lower, delever_fraction_upper : numpy.ndarray, shape (n_banks,)
        Share of the portfolio sold.
    banks_selling_lower, banks_selling_upper : int
        How many sell.
    fire_sale_loss_lower, fire_sale_loss_upper : float
        Money lost by all.
    unique : bool
        Whether both ends are one.
    rounds_lower, rounds_upper : int
        Rounds it took to get there.
    banks, securities : pandas.Index, optional
        Labels.
    """

    price_return_lower: FloatArray
    price_return_upper: FloatArray
    delever_fraction_lower: FloatArray
    delever_fraction_upper: FloatArray
    banks_selling_lower: int
    banks_selling_upper: int
    fire_sale_loss_lower: float
    fire_sale_loss_upper: float
    unique: bool
    rounds_lower: int
    rounds_upper: int
    banks: pd.Index | None = None
    securities: pd.Index | None = None

    @classmethod
    def of(cls, table: Holdings, lower: FixedPoint, upper: FixedPoint) -> PriceRange:
        """Put both ends side by side."""
        securities, banks = table.securities.back, table.banks.back
        least, most = lower.action.fraction[:, 0], upper.action.fraction[:, 0]
        return cls(
            price_return_lower=securities(0.0 - lower.fall[:, 0]),
            price_return_upper=securities(0.0 - upper.fall[:, 0]),
            delever_fraction_lower=banks(least),
            delever_fraction_upper=banks(most),
            banks_selling_lower=int((least > SELLING).sum()),
            banks_selling_upper=int((most > SELLING).sum()),
            fire_sale_loss_lower=float((table.matrix @ lower.fall).sum()),
            fire_sale_loss_upper=float((table.matrix @ upper.fall).sum()),
            unique=bool(np.abs(lower.fall - upper.fall).max() < EQUAL),
            rounds_lower=lower.rounds,
            rounds_upper=upper.rounds,
            banks=table.banks.names,
            securities=table.securities.names,
        )
