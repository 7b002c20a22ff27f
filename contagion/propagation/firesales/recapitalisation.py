"""Who should get equity so that banks which go back to their leverage sell least? The optimum, exactly.

In one round of `greenwood_landier_thesmar` with sales in proportion a bank that loses money L sells b L / a of every
holding, a its assets and b = debt / equity, so that the fire sale costs all banks ``sum_n kappa_n b_n / a_n`` with
``kappa_n = L_n sum_k H_nk l_k w_k``, w the holdings of all and l the impact. Money x that pays back debt makes b / a =
1 / (e + x) - 1 / a; money that is kept makes it d / ((e + x) (a + x)), with d the debts that stay. Both are convex and
fall in x, the sum is separable: an allocation is best if and only if one more unit of money averts as much at every
bank that gets some and no more at the others (Karush, Kuhn, Tucker).

References
----------
Greenwood, Landier, Thesmar (2015), Journal of Financial Economics 115, for the model; the optimum is derived here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.arrays import FloatArray, real, word
from contagion.propagation.firesales.targeting_sheet import read_sheet

__all__ = ["Leverages", "Recapitalisation", "best_recapitalisation"]

HALVINGS = 64
"""Steps of a bisection: enough for all digits of a number."""


@dataclass(frozen=True)
class Recapitalisation:
    """The best allocation of equity.

    Parameters
    ----------
    amounts : numpy.ndarray, shape (n_banks,)
        Money for each bank.
    loss_before, loss_after : float
        Money that all banks lose through sales, mean over the scenarios.
    marginal : float
        What one more unit of money would avert.
    banks : pandas.Index, optional
        Labels.
    """

    amounts: FloatArray
    loss_before: float
    loss_after: float
    marginal: float
    banks: pd.Index | None = None

    @property
    def spent(self) -> float:
        """Money used; what averts nothing is kept."""
        return float(self.amounts.sum())

    def to_frame(self) -> pd.DataFrame:
        """Amounts, one row a bank."""
        return pd.DataFrame({"amount": self.amounts}, index=self.banks)


def best_recapitalisation(
    total_assets: Any,
    equity: Any,
    weights: Any,
    shock: Any,
    price_impact: Any,
    *,
    budget: Any,
    use: str = "debts",
    banks: Any = None,
    securities: Any = None,
    units: Mapping[str, str] | None = None,
) -> Recapitalisation:
    """Share a budget of equity among banks so that one round of `greenwood_landier_thesmar` costs least.

    Parameters
    ----------
    total_assets, equity, weights, shock, price_impact, banks, securities, units
        As in `greenwood_landier_thesmar`; rows of shocks count alike.
    budget : float
        Money at the most, >= 0.
    use : {"debts", "cash"}
        The money pays back debt, and is kept beyond it; or it is kept.

    Raises
    ------
    InputError
        As in `greenwood_landier_thesmar`, or if the budget is negative.

    Examples
    --------
    >>> found = best_recapitalisation([100, 100], [5, 10], [[1], [1]], [-0.02], [1e-4], budget=5.0)
    >>> found.amounts.round(9).tolist(), round(found.loss_before, 9), round(found.loss_after, 9)
    ([5.0, 0.0], 1.12, 0.72)
    """
    sheet = read_sheet(total_assets, equity, weights, shock, price_impact, banks, securities, units)
    money = real(budget, "budget", low=0.0)
    debts = word(use, "use", ("debts", "cash")) == "debts"
    book = sheet.book
    holdings, assets, own = book.holdings.matrix, book.total_assets, book.equity
    system = np.asarray(holdings.sum(axis=0)).ravel() * book.impact
    lost = np.asarray(0.0 - holdings @ sheet.shock.mean(axis=1))
    repayable = np.maximum(assets - own, 0.0) if debts else np.zeros_like(assets)
    sheets = Leverages(lost * (holdings @ system), assets, own, repayable)
    found, marginal = sheets.shared(money, np.ones(len(lost), dtype=np.bool_))
    return Recapitalisation(
        amounts=book.holdings.banks.back(found),
        loss_before=sheets.loss(np.zeros_like(found)),
        loss_after=sheets.loss(found),
        marginal=marginal,
        banks=book.holdings.banks.names,
    )


@dataclass(frozen=True)
class Leverages:
    """Banks as money put in sees them; arrays of shape (n,).

    Parameters
    ----------
    worth : numpy.ndarray
        ``kappa``: loss of all banks for one unit of debt over equity and assets, money squared; of any sign.
    assets, equity : numpy.ndarray
        Money before; equity > 0.
    repayable : numpy.ndarray
        Debts that the money pays back first, money.
    """

    worth: FloatArray
    assets: FloatArray
    equity: FloatArray
    repayable: FloatArray

    @property
    def staying(self) -> FloatArray:
        """Debts that are not paid back."""
        return np.asarray(np.maximum(self.assets - self.equity - self.repayable, 0.0))

    def loss(self, money: FloatArray) -> float:
        """What all banks lose through sales with so much money put in."""
        kept = np.maximum(money - self.repayable, 0.0)
        assets, equity = self.assets + kept, self.equity + money
        part = np.divide(assets - equity, assets * equity, out=np.zeros_like(assets), where=assets > 0.0)
        return float(self.worth @ part)

    def shared(self, budget: float, allowed: npt.NDArray[np.bool_]) -> tuple[FloatArray, float]:
        """The best amounts for the banks allowed, and what one more unit of money averts."""
        worth = np.where(allowed, np.maximum(self.worth, 0.0), 0.0)
        nothing = np.zeros_like(worth)
        high = float(self._averted(worth, nothing).max(initial=0.0))
        if budget == 0.0 or high == 0.0:
            return nothing, high
        most = np.where(worth > 0.0, self.repayable, 0.0)
        if not (worth * self.staying > 0.0).any() and most.sum() <= budget:
            return most, 0.0
        low = high
        while (more := self._wanted(worth, low)).sum() < budget:
            low /= 16.0
        less = self._wanted(worth, high)
        for _ in range(HALVINGS):
            middle = float(np.sqrt(low * high))
            if not low < middle < high:
                break
            found = self._wanted(worth, middle)
            if found.sum() < budget:
                high, less = middle, found
            else:
                low, more = middle, found
        gap = more.sum() - less.sum()
        share = (budget - less.sum()) / gap if gap > 0.0 else 0.0
        return np.asarray(less + share * (more - less)), high

    def _averted(self, worth: FloatArray, money: FloatArray) -> FloatArray:
        """What one more unit averts at each bank."""
        kept = np.maximum(money - self.repayable, 0.0)
        assets, equity = self.assets + kept, self.equity + money
        pays = np.where(worth > 0.0, worth / equity**2, 0.0)
        scale = np.divide(worth * self.staying, assets * equity, out=np.zeros_like(worth), where=assets > 0.0)
        keeps = scale * (np.divide(1.0, assets, out=np.zeros_like(assets), where=assets > 0.0) + 1.0 / equity)
        return np.where(money < self.repayable, pays, keeps)

    def _wanted(self, worth: FloatArray, price: float) -> FloatArray:
        """Money each bank takes while one more unit averts more than `price`."""
        paid = np.clip(np.sqrt(worth / price) - self.equity, 0.0, self.repayable)
        low = np.zeros_like(worth)
        high = np.cbrt(2.0 * worth * self.staying / price)
        on = (paid >= self.repayable) & (self._averted(worth, self.repayable) > price)
        if not on.any():
            return paid
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            more = on & (self._averted(worth, self.repayable + middle) > price)
            low, high = np.where(more, middle, low), np.where(more, high, middle)
        return np.where(on, paid + 0.5 * (low + high), paid)
