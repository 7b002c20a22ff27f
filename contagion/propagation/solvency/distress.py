"""Distress and rounds of default as models: DebtRank, Furfine, threshold cascades."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from contagion.arrays import real, word
from contagion.balance_sheets import TOLERANCE
from contagion.propagation.defaults import furfine, threshold_cascade
from contagion.propagation.distress import debtrank_linear, debtrank_nonlinear, debtrank_single_hit
from contagion.propagation.solvency.base import OnSheets, relative_losses
from contagion.propagation.solvency.book import Book
from contagion.propagation.solvency.outcome import Outcome, Steps

__all__ = ["DebtRank", "Furfine", "ThresholdCascade"]

KINDS = ("linear", "single_hit", "nonlinear")
DEFAULTED = 1.0 - 1e-9
"""Distress from which a node has defaulted (solvency chapter, section 4)."""
SHOWN = 200
"""Rounds of distress that a run keeps."""


@dataclass(frozen=True)
class DebtRank(OnSheets):
    """Distress spreads before anybody defaults: creditors write claims down as their debtors lose equity.

    Parameters
    ----------
    kind
        ``linear`` (every further loss is passed on), ``single_hit`` (once, the first DebtRank), ``nonlinear`` (small
        distress is passed on less).
    alpha
        Of ``nonlinear``: how little small distress is passed on, at least 0; 0 is linear.
    cap_w
        Of ``single_hit``: whether a claim counts for at most all equity of the creditor.

    References
    ----------
    Battiston et al. (2012), Scientific Reports 2. Bardoscia et al. (2015), PLoS ONE 10(6); (2016), PLoS ONE 11(10).

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.Network(
    ...     nodes=[{"name": "A", "kind": "institution", "external_assets": 14.0},
    ...            {"name": "B", "kind": "institution", "external_assets": 6.0}],
    ...     obligations=[{"debtor": "A", "creditor": "B", "amount": 4.0}])
    >>> run = ct.run(net, ct.EquityShock({"A": 0.5}), ct.DebtRank())
    >>> float(run.metrics["system_loss"]), run.nodes["h"].tolist()
    (2.0, [0.5, 0.2])
    """

    kind: str = "linear"
    alpha: float = 0.0
    cap_w: bool = True

    own_metrics: ClassVar[tuple[str, ...]] = ("debtrank", "amplification", "spectral_radius")

    def __post_init__(self) -> None:
        """Refuse parameters out of range."""
        super().__post_init__()
        word(self.kind, "DebtRank.kind", KINDS)
        real(self.alpha, "DebtRank.alpha", low=0.0)

    def solve(self, book: Book, steps: Steps) -> Outcome:
        """Least fixed point of distress on the sheets after shock and interventions."""
        face, lost = relative_losses(steps)
        shock = np.where(steps.forced, 1.0, np.minimum(lost, 1.0))
        found = self._found(steps.helped.claims, face, shock)
        h = found.h
        failed = (h >= DEFAULTED) & (face > 0.0) | _short(steps) | steps.forced
        claims, recovery = steps.helped.claims, self._worth(h)
        written_off = claims.amount * (1.0 - recovery[claims.debtor])
        signed = steps.helped.equity - np.bincount(claims.creditor, written_off, len(h))
        history = found.history if found.history is not None else h.reshape(1, -1)
        wave = _first(history >= DEFAULTED, failed)
        return Outcome(
            equity=np.where(failed, np.minimum(signed, 0.0), np.maximum(face, 0.0) * (1.0 - h)),
            defaulted=np.asarray(failed),
            wave=wave,
            recovery=recovery,
            rounds=len(history) - 1,
            metrics={
                "debtrank": float(found.debtrank),
                "amplification": float(found.amplification),
                "spectral_radius": float(found.spectral_radius),
            },
            columns={"h": h, "shock": shock},
            losses=(np.maximum(history, 0.0) * np.maximum(face, 0.0)).sum(axis=1).tolist(),
            at_once=wave == 0,
        )

    def _found(self, claims: Any, face: Any, shock: Any) -> Any:
        rest = {"equity": face, "shock": shock, "nonpositive_equity": "default", "history": SHOWN}
        if self.kind == "linear":
            return debtrank_linear(claims, **rest)
        if self.kind == "single_hit":
            return debtrank_single_hit(claims, cap_w=self.cap_w, **rest)
        return debtrank_nonlinear(claims, alpha=self.alpha, **rest)

    def _worth(self, h: Any) -> Any:
        """What of a claim is left at the debtor's distress."""
        passed = np.minimum(1.0, h * np.exp(self.alpha * (h - 1.0))) if self.kind == "nonlinear" else h
        return np.asarray(1.0 - passed)


@dataclass(frozen=True)
class Furfine(OnSheets):
    """Rounds of default: a failing debtor costs its creditors a fixed share of their claims.

    Who has less than nothing after the shock fails in round 0, with those that the shock lets fail.

    Parameters
    ----------
    lgd
        Share of every claim on a defaulter that is lost, 0 to 1.

    References
    ----------
    Furfine (2003), Journal of Money, Credit and Banking 35(1). Gai, Kapadia (2010), Proceedings of the Royal Society A
    466, for lgd 1.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.Network(
    ...     nodes=[{"name": "A", "kind": "institution", "external_assets": 14.0},
    ...            {"name": "B", "kind": "institution", "external_assets": 1.0, "external_liabilities": 4.0}],
    ...     obligations=[{"debtor": "A", "creditor": "B", "amount": 4.0}])
    >>> run = ct.run(net, ct.Default(["A"]), ct.Furfine(lgd=0.5))
    >>> run.nodes["wave"].to_dict()
    {'A': 0, 'B': 1}
    """

    lgd: float = 1.0

    own_metrics: ClassVar[tuple[str, ...]] = ("claims_lost",)

    def __post_init__(self) -> None:
        """Refuse a share outside 0 to 1."""
        super().__post_init__()
        real(self.lgd, "Furfine.lgd", low=0.0, high=1.0)

    def solve(self, book: Book, steps: Steps) -> Outcome:
        """Rounds of default on the sheets after shock and interventions."""
        sheets = steps.helped
        first = np.flatnonzero(steps.forced | _short(steps))
        found = furfine(
            sheets.claims,
            *sheets.whole,  # not equity alone: what it is rounded against decides ties
            lgd=self.lgd,
            trigger="chosen",
            initial_defaults=first.tolist(),
        )
        return _by_rounds(steps, found, sheets.equity, self.lgd)


@dataclass(frozen=True)
class ThresholdCascade(OnSheets):
    """Rounds in which a node fails when its relative loss of equity reaches a threshold, and passes all its debt on.

    Parameters
    ----------
    threshold
        Relative loss of equity from which a node fails, above 0.
    lgd
        Share of every claim on a defaulter that is lost, 0 to 1.

    References
    ----------
    Gai, Kapadia (2010), Proceedings of the Royal Society A 466; solvency chapter, section 3.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.Network(
    ...     nodes=[{"name": "A", "kind": "institution", "external_assets": 14.0},
    ...            {"name": "B", "kind": "institution", "external_assets": 6.0}],
    ...     obligations=[{"debtor": "A", "creditor": "B", "amount": 4.0}])
    >>> run = ct.run(net, ct.Default(["A"]), ct.ThresholdCascade(threshold=0.4))
    >>> run.nodes["stress"].tolist()
    [1.0, 0.4]
    """

    threshold: float = 1.0
    lgd: float = 1.0

    own_metrics: ClassVar[tuple[str, ...]] = ("claims_lost",)

    def __post_init__(self) -> None:
        """Refuse parameters out of range."""
        super().__post_init__()
        real(self.threshold, "ThresholdCascade.threshold", above=0.0)
        real(self.lgd, "ThresholdCascade.lgd", low=0.0, high=1.0)

    def solve(self, book: Book, steps: Steps) -> Outcome:
        """Rounds of default on the sheets after shock and interventions; who had no equity has failed before."""
        face, lost = relative_losses(steps)
        empty = face <= 0.0
        linked = np.zeros(len(face), dtype=np.bool_)
        claims = steps.helped.claims
        linked[claims.debtor] = linked[claims.creditor] = True
        first = np.flatnonzero(steps.forced | (empty & linked))
        assets, debts = steps.helped.whole
        more = face - steps.helped.equity  # sheets of that equity: what it is rounded against decides ties
        found = threshold_cascade(
            claims,
            np.where(empty, 1.0 + 2.0 * claims.owed, assets + np.maximum(more, 0.0)),
            np.where(empty, 0.0, debts + np.maximum(-more, 0.0)),
            threshold=self.threshold,
            lgd=self.lgd,
            shock=np.where(steps.forced | empty, 0.0, lost),
            initial_defaults=first.tolist(),
        )
        rounds = _by_rounds(steps, found, steps.helped.equity, self.lgd)
        return replace(rounds, at_once=rounds.wave == 0)


def _short(steps: Steps) -> Any:
    """Nodes with less than nothing after the shock and interventions."""
    sheets = steps.helped
    return sheets.equity < -TOLERANCE * sheets.size


def _by_rounds(steps: Steps, found: Any, equity: Any, lgd: float) -> Outcome:
    """The outcome of rules by which defaulters cost their creditors a fixed share."""
    claims = steps.helped.claims
    failed = np.asarray(found.defaulted)
    lost = lgd * claims.amount * failed[claims.debtor]
    by_node = np.bincount(claims.creditor, lost, len(failed))
    wave = np.asarray(found.round)
    n_rounds = int(wave.max(initial=-1)) + 1
    when = np.where(failed[claims.debtor], wave[claims.debtor], n_rounds)
    spread = np.bincount(when, lost, n_rounds + 1)[:n_rounds]
    return Outcome(
        equity=np.asarray(equity - by_node),
        defaulted=failed,
        wave=wave,
        recovery=np.where(failed, 1.0 - lgd, 1.0),
        rounds=max(n_rounds - 1, 0),
        metrics={"claims_lost": float(lost.sum())},
        columns={"stress": np.asarray(found.stress)},
        losses=np.cumsum(spread).tolist(),
    )


def _first(over: Any, failed: Any) -> Any:
    """First round in which each node is over, -1 for those that have not failed; the last kept for latecomers."""
    when = np.where(over.any(axis=0), over.argmax(axis=0), len(over) - 1)
    return np.where(failed, when, -1).astype(np.int64)
