"""How much distress, in numbers? One rule of the DebtRank family over prepared exposures, and its results."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from contagion.arrays import FloatArray, real
from contagion.claims import Claims
from contagion.errors import ConvergenceError, InputError
from contagion.network.spectral import spectral_radius
from contagion.propagation import distress_kernels as kernels
from contagion.propagation.reach import reach
from contagion.propagation.scenario_results import ByScenario
from contagion.propagation.starting import Start, positive_equity

__all__ = ["Distress", "Spread", "distress_of"]

DEFAULTED = 1.0 - 1e-9


@dataclass(frozen=True)
class Distress(ByScenario):
    """Distress of every node; arrays per node have shape (n,), or (m, n) for m scenarios.

    Parameters
    ----------
    h : numpy.ndarray
        Relative loss of face equity, at most 1.
    losses : numpy.ndarray
        The same in money: face equity times h.
    signed_equity : numpy.ndarray or None
        What is left of equity, not cut at 0 (None for `debtrank_single_hit`).
    debtrank : float, or numpy.ndarray of shape (m,)
        Weighted distress less the weighted shock.
    amplification : float, or numpy.ndarray of shape (m,)
        All losses over those of the shock; 0 without any.
    total_losses : float, or numpy.ndarray of shape (m,)
        Money lost by all beyond the shock.
    n_additional_defaults : int, or numpy.ndarray of shape (m,)
        Nodes with h = 1 less those with a shock of 1.
    names : pandas.Index or None
        Labels of the nodes.
    leverage : Claims
        Claims over the creditor's equity, row creditor, internal order.
    history : numpy.ndarray of shape (rounds + 1, n), or None
        h before and after every round.
    """

    numbers: ClassVar[tuple[str, ...]] = (
        "debtrank",
        "amplification",
        "total_losses",
        "n_additional_defaults",
    )
    kept_by: ClassVar[str] = "a number of rounds above 0"

    h: FloatArray
    losses: FloatArray
    signed_equity: FloatArray | None
    debtrank: Any
    amplification: Any
    total_losses: Any
    n_additional_defaults: Any
    names: pd.Index | None = field(repr=False)
    leverage: Claims = field(repr=False)
    history: FloatArray | None = field(default=None, repr=False)

    @cached_property
    def spectral_radius(self) -> float:
        """Spectral radius of claims over equity: below 1, small shocks fade out. Found when it is asked for.

        Every strongly connected part by power iteration between bounds, halved where that is slow
        (`contagion.network.spectral`).
        """
        return spectral_radius(self.leverage.matrix())


@dataclass(frozen=True)
class Spread:
    """A rule by which distress is passed on over exposures; internal order of nodes.

    Parameters
    ----------
    start : Start
        Sheets and shocks.
    rule : {"linear", "nonlinear", "single_hit"}
        Member of the family.
    alpha : float
        How little small distress is passed on (``nonlinear``).
    cap : bool
        Whether a claim counts for at most all equity of the creditor (``single_hit``).
    """

    start: Start
    rule: str
    alpha: float = 0.0
    cap: bool = False

    @cached_property
    def leverage(self) -> Claims:
        """Claims over the creditor's equity, row creditor."""
        return positive_equity(self.start)

    @cached_property
    def _rows(self) -> tuple[Any, Any, Any]:
        share = np.minimum(1.0, self.leverage.amount) if self.cap else self.leverage.amount
        return self.leverage.indptr, self.leverage.creditor, share

    @cached_property
    def _passed(self) -> Claims:
        """The same shares, row debtor."""
        return self.leverage.exposures

    def first(self, shock: FloatArray) -> FloatArray:
        """Distress at the beginning: the shock, 1 without positive equity."""
        return np.where(self.start.positive, shock, 1.0)

    def play(self, shock: FloatArray) -> FloatArray:
        """Final distress h, shape (n,), of one scenario that begins with `shock`.

        Raises
        ------
        ConvergenceError
            If sweeps do not settle.
        """
        h = np.empty(len(shock))
        if self.rule == "single_hit":
            kernels.single_hit(*self._rows, shock, h, np.empty((0, len(h))))
            return h
        reached = reach(self._passed.indptr, self._passed.creditor, shock > 0.0, self.start.positive)
        rounds, residual, worst = kernels.least(*self._rows, shock, reached, self.alpha, h)
        if rounds < 0:
            raise ConvergenceError(
                "distress does not settle",
                round=-rounds,
                gap=residual,
                worst=str(self.start.sheets.name(worst)),
            )
        return h

    def summary(self, first: FloatArray, h: FloatArray) -> dict[str, Any]:
        """Numbers per scenario, shape (m,), from rows of shape (m, n)."""
        sheets = self.start.sheets
        worth = np.where(self.start.positive, sheets.equity, 0.0)
        lost, hit = kernels.weighted_sums(worth, h), kernels.weighted_sums(worth, first)
        return {
            "debtrank": kernels.weighted_sums(sheets.weights, h - first),
            "amplification": np.divide(lost, hit, out=np.zeros(len(hit)), where=hit > 0.0),
            "total_losses": kernels.weighted_sums(worth, h - first),
            "n_additional_defaults": (h >= DEFAULTED).sum(axis=1) - (first >= 1.0).sum(axis=1),
        }

    def signed(self, shock: FloatArray, h: FloatArray) -> FloatArray:
        """Equity after shock and write-downs, shape (n,), not cut."""
        claims = self.start.sheets.claims.exposures
        passed = h * np.exp(self.alpha * (h - 1.0))
        kept = np.where(self.start.positive, 1.0 - shock, 1.0)
        written = kernels.times(claims.indptr, claims.creditor, claims.amount, passed)
        return np.asarray(self.start.sheets.equity * kept - written)

    def trace(self, shock: FloatArray, rounds: int) -> FloatArray:
        """Distress before and after each of the first rounds."""
        rows = np.zeros((rounds + 1, len(shock)))
        if self.rule == "single_hit":
            filled = kernels.single_hit(*self._rows, shock, np.empty(len(shock)), rows) + 1
        else:
            filled = kernels.recursion(*self._rows, shock, self.alpha, rows)
        return rows[:filled]


def distress_of(rule: Spread, *, history: int = 0) -> Distress:
    """Play every scenario of a rule.

    Raises
    ------
    InputError
        If a history of several scenarios is asked for, or of no whole number of rounds.
    """
    start = rule.start
    rounds = int(real(history, "history", low=0.0))
    if rounds and start.many:
        raise InputError("is kept of one scenario", where="history", allowed="0, or a vector as shock")
    first = rule.first(start.shock)
    h = np.stack([rule.play(shock) for shock in first])
    signed = None
    if rule.rule != "single_hit":
        pairs = zip(start.shock, h, strict=True)
        signed = start.back(np.stack([rule.signed(shock, row) for shock, row in pairs]))
    numbers = {name: start.scalar(found) for name, found in rule.summary(first, h).items()}
    return Distress(
        start.back(h),
        start.back(np.where(start.positive, start.sheets.equity, 0.0) * h),
        signed,
        **numbers,
        names=start.sheets.names,
        leverage=rule.leverage,
        history=rule.trace(first[0], rounds)[:, start.sheets.given] if rounds else None,
    )
