"""What is a claim on a defaulter worth? Valuations that follow a line below a threshold of equity.

At or above the threshold a claim is worth its face value, below it the share intercept + slope x equity, cut to
[0, 1]; where the line does not meet 1 there, the value jumps. Equity that is short by rounding alone counts as
solvent.

References
----------
Barucca, Bardoscia, Caccioli, D'Errico, Visentin, Caldarelli, Battiston (2020), Mathematical Finance 30(4), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contagion.arrays import FloatArray, real, word
from contagion.balance_sheets import TOLERANCE
from contagion.propagation.valuations.base import Books, Prepared, Valuation, refuse

__all__ = ["EisenbergNoe", "Furfine", "Line", "LinearDebtRank", "RogersVeraart", "slack_of"]

JUMP = 1e-9


@dataclass(frozen=True)
class Line:
    """Value 1 from `threshold` on, below it ``intercept + slope * equity`` cut to [0, 1]; arrays of shape (n,)."""

    threshold: FloatArray
    intercept: FloatArray
    slope: FloatArray

    def below(self, equity: FloatArray) -> FloatArray:
        """Return the value of the line, cut to [0, 1], whatever the threshold."""
        return np.clip(self.intercept + self.slope * equity, 0.0, 1.0)

    def __call__(self, equity: FloatArray) -> FloatArray:
        """Return the worth of claims per unit of face value."""
        return np.where(equity >= self.threshold, 1.0, self.below(equity))

    @property
    def jumps(self) -> bool:
        """Whether the value falls at a threshold at once."""
        reached = np.isfinite(self.threshold)
        edge = self.below(np.where(reached, self.threshold, 0.0))
        return bool((edge[reached] < 1.0 - JUMP).any())

    def prepared(self) -> Prepared:
        """Return itself as a checked valuation."""
        return Prepared(self, line=self)


@dataclass(frozen=True)
class EisenbergNoe(Valuation):
    """A defaulter pays all it has, shared in proportion: V = max(0, 1 + E/pbar) for E < 0.

    Parameters
    ----------
    external_priority : str
        ``pari_passu``: external creditors share like everybody (pbar = all debts); ``senior``: they are paid first
        (pbar = debts inside the network).

    References
    ----------
    Eisenberg, Noe (2001), Management Science 47(2).
    """

    external_priority: str = "pari_passu"

    def prepared(self, books: Books) -> Prepared:
        """Check the word."""
        due = _sharing(self.external_priority, books)
        owes = due > 0.0
        slope = np.divide(1.0, due, out=np.zeros(books.n), where=owes)
        return Line(np.where(owes, -slack_of(books), -np.inf), np.ones(books.n), slope).prepared()


@dataclass(frozen=True)
class RogersVeraart(Valuation):
    """A defaulter pays alpha x external assets + beta x what it receives; solvency is tested before these costs.

    Parameters
    ----------
    alpha, beta : float
        Shares in [0, 1] kept of external assets and of claims.
    external_priority : str
        As in `EisenbergNoe`.

    References
    ----------
    Rogers, Veraart (2013), Management Science 59(4).
    """

    alpha: float = 1.0
    beta: float = 1.0
    external_priority: str = "pari_passu"

    def prepared(self, books: Books) -> Prepared:
        """Check shares and assets: what is received is equity - external assets + all debts."""
        alpha, beta = (real(getattr(self, name), name, low=0.0, high=1.0) for name in ("alpha", "beta"))
        due = _sharing(self.external_priority, books)
        first = books.due - due
        refuse(
            books.external_assets < 0.0,
            "external_assets",
            books.external_assets,
            ">= 0 after the shock",
            books,
        )
        have = alpha * books.external_assets + beta * (books.due - books.external_assets) - first
        owes = due > 0.0
        share = np.divide(1.0, due, out=np.zeros(books.n), where=owes)
        return Line(
            np.where(owes, -slack_of(books), -np.inf), np.where(owes, have * share, 1.0), beta * share
        ).prepared()


@dataclass(frozen=True)
class Furfine(Valuation):
    """A claim on a defaulter is worth a given share: V = `recovery` for E < 0.

    Parameters
    ----------
    recovery : float or array_like
        In [0, 1], for everybody or per node.

    References
    ----------
    Furfine (2003), Journal of Money, Credit and Banking 35(1).
    """

    recovery: float = 0.0

    def prepared(self, books: Books) -> Prepared:
        """Check the recovery."""
        recovery = books.vector(self.recovery, "recovery", low=0.0, high=1.0)
        return Line(-slack_of(books), recovery, np.zeros(books.n)).prepared()


@dataclass(frozen=True)
class LinearDebtRank(Valuation):
    """Claims lose value with the equity of the debtor: V = E/E_0 cut to [0, 1], E_0 each node's own before the shock.

    References
    ----------
    Bardoscia, Battiston, Caccioli, Caldarelli (2015), PLoS ONE 10(6).
    """

    def prepared(self, books: Books) -> Prepared:
        """Check that every node has equity to lose."""
        own = books.equity_before
        refuse(own <= 0.0, "equity", own, "> 0 for every node", books)
        return Line(own, np.zeros(books.n), 1.0 / own).prepared()


def _sharing(external_priority: str, books: Books) -> FloatArray:
    """Debts that share in proportion what is left for them."""
    known = word(external_priority, "external_priority", ("pari_passu", "senior"))
    return books.owed if known == "senior" else books.due


def slack_of(books: Books) -> FloatArray:
    """How far below 0 equity may be and still be 0 up to rounding."""
    amounts = np.abs(books.external_assets) + np.abs(books.equity) + books.claimed + books.due
    return TOLERANCE * amounts
