"""Where does a sum of money avert most unpaid debts? The linear programme of clearing with injections.

What is injected into a node adds to what it can pay by a concave, piecewise linear function: one for one, less the
share of equity that the shock takes, nothing where the shock takes all. Payments are free between nothing and what is
possible; the largest possible ones are the greatest clearing vector, so no condition on who defaults is needed.

References
----------
Eisenberg, Noe (2001), "Systemic risk in financial systems", Management Science 47(2), lemma 4. Li, Lin,
Peleato-Inarrea, Pollak (2014), "Optimal monitoring and mitigation of systemic risk in financial networks", arXiv
1410.2570: one scenario is a linear programme, several are a two-stage stochastic one. Demange (2018), "Contagion in
financial networks: a threat index", Management Science 64(2): what one more unit of money at a node averts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from contagion.claims import Claims
from contagion.errors import ConvergenceError, TooLargeError

if TYPE_CHECKING:
    from contagion.propagation.solvency.prepared import PreparedSheets
    from contagion.shocks import Shock

__all__ = ["PROGRAMME_LOSSES", "Payments", "payments_after", "solve"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PROGRAMME_LOSSES = ("unpaid", "external_loss")
LARGEST = 5_000_000
ACCURACY = 1e-10
TRADE_OFF = "fewer scenarios (n)"


@dataclass(frozen=True)
class Payments:
    """What limits payments in one scenario; arrays of shape (n,).

    Parameters
    ----------
    claims : Claims
        Debts inside the network.
    assets, debts : numpy.ndarray
        What nodes own after the shock and owe outside, money.
    pieces : list of (slope, intercept)
        What an injection x adds to assets is the least of slope * x + intercept.
    exact : bool
        Whether this holds for every node that may receive money; not where assets are a hole.
    """

    claims: Claims
    assets: Floats
    debts: Floats
    pieces: list[tuple[Floats, Floats]]
    exact: bool

    @property
    def due(self) -> Floats:
        """All that nodes owe."""
        return np.asarray(self.claims.owed + self.debts)

    def weights(self, losses: Sequence[str]) -> Floats:
        """How much of the loss one unit of a node's payments averts: shares of debts inside and outside."""
        due = self.due
        parts = {"unpaid": self.claims.owed, "external_loss": self.debts}
        total: Floats = np.sum([parts[name] for name in losses], axis=0)
        return np.divide(total, due, out=np.zeros(len(due)), where=due > 0.0)

    def needed(self, paid: Floats) -> Floats:
        """Least injection with which these payments are possible, shape (n,)."""
        claims, due = self.claims, self.due
        share = np.divide(paid, due, out=np.zeros(len(due)), where=due > 0.0)
        received = np.bincount(claims.creditor, claims.amount * share[claims.debtor], len(due))
        lacking = np.maximum(paid - self.assets - received, 0.0)
        found = np.zeros(len(due))
        for slope, intercept in self.pieces:
            wanted = np.divide(lacking - intercept, slope, out=np.zeros(len(due)), where=slope > 0.0)
            found = np.maximum(found, np.where(lacking > 0.0, wanted, 0.0))
        return found


def payments_after(prepared: PreparedSheets, shock: Shock, allowed: Flags) -> Payments:
    """What limits payments after a shock, without default costs, if money may go to the allowed nodes."""
    book, (steps, _) = prepared.book, prepared.follow(shock)
    sheets, forced, n = steps.shocked, steps.forced, len(allowed)
    loss, opening = book.equity_losses(shock), book.opening.equity
    pieces = [(1.0 - loss, np.maximum(-opening, 0.0) * loss)]
    if ((loss > 0.0) & (opening < 0.0)).any():
        pieces.append((np.ones(n), np.zeros(n)))
    if forced.any():
        until = np.where(forced, np.maximum(-sheets.equity, 0.0), 0.0)
        pieces.append((np.where(forced, 0.0, 1.0), until))
    struck = np.where(forced, np.maximum(sheets.equity, 0.0), 0.0)
    kept = sheets.assets - struck
    useless = (forced & (sheets.equity >= 0.0)) | (loss >= 1.0) & (opening >= 0.0)
    exact = not (allowed & (((kept < 0.0) & ~useless) | (sheets.assets < 0.0))).any()
    return Payments(
        sheets.claims, np.maximum(kept, 0.0), sheets.debts + np.maximum(-kept, 0.0), pieces, exact
    )


@dataclass(frozen=True)
class Solution:
    """Best injections, the loss they leave, and what one more unit of money would avert."""

    money: Floats
    loss: float
    marginal: float


def solve(
    scenarios: Sequence[Payments], shares: Floats, allowed: Flags, budget: float, losses: Sequence[str]
) -> Solution:
    """Least mean loss over the scenarios, weighted by shares, and the injections that reach it.

    Raises
    ------
    TooLargeError
        If the programme has more than 5 million entries.
    ConvergenceError
        If the solver does not find its optimum.
    """
    from scipy.optimize import linprog
    from scipy.sparse import block_diag, csr_array, hstack, vstack

    n, n_scenarios = len(allowed), len(scenarios)
    size = sum((len(one.claims.amount) + 2 * n) * len(one.pieces) for one in scenarios)
    if size > LARGEST:
        raise TooLargeError(
            "entries need too much memory",
            where="linear programme",
            value=size,
            allowed=f"{LARGEST:,}; {TRADE_OFF}",
        )
    unit = max(1e-300, max(float(one.due.max()) for one in scenarios))
    places = np.flatnonzero(allowed)
    paying, giving, limits = [], [], []
    for one in scenarios:
        claims, due = one.claims, one.due
        passed = csr_array(
            (claims.amount / due[claims.debtor], (claims.creditor, claims.debtor)), shape=(n, n)
        )
        balance = _identity(n) - passed
        for slope, intercept in one.pieces:
            giving.append(
                csr_array((-slope[places], (places, np.arange(len(places)))), shape=(n, len(places)))
            )
            limits.append((one.assets + np.where(allowed, intercept, 0.0)) / unit)
        paying.append(vstack([balance] * len(one.pieces)))
    spent = hstack([csr_array(np.ones((1, len(places)))), csr_array((1, n * n_scenarios))])
    rows: Any = vstack([hstack([vstack(giving), block_diag(paying)]), spent], format="csr")
    worth = [share * one.weights(losses) for one, share in zip(scenarios, shares, strict=True)]
    most = np.concatenate([np.full(len(places), np.inf), *(one.due / unit for one in scenarios)])
    found: Any = linprog(
        -np.concatenate([np.zeros(len(places)), *worth]),
        A_ub=rows,
        b_ub=np.concatenate([*limits, [budget / unit]]),
        bounds=[(0.0, high) for high in most.tolist()],
        method="highs-ds",
        options={"primal_feasibility_tolerance": ACCURACY, "dual_feasibility_tolerance": ACCURACY},
    )
    if found.status != 0:
        raise ConvergenceError(f"linear programme: {found.message}", where="optimal_injection")
    chosen = np.zeros(n)
    for s, one in enumerate(scenarios):
        paid = found.x[len(places) + s * n : len(places) + (s + 1) * n] * unit
        chosen = np.maximum(chosen, np.where(allowed, one.needed(np.clip(paid, 0.0, one.due)), 0.0))
    at_best = sum(float(weight @ one.due) for weight, one in zip(worth, scenarios, strict=True))
    total = chosen.sum()
    money = chosen * (budget / total) if total > budget else chosen
    return Solution(
        money, max(0.0, at_best + float(found.fun) * unit), max(0.0, -float(found.ineqlin.marginals[-1]))
    )


def _identity(n: int) -> Any:
    from scipy.sparse import eye_array

    return eye_array(n, format="csr")
