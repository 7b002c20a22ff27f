"""What did rounds of default do? One rule of default over prepared debts, and the results of its scenarios."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.balance_sheets import TOLERANCE
from contagion.claims import Claims, IntArray
from contagion.errors import InputError
from contagion.propagation.defaults_kernels import lost_by_all, spread
from contagion.propagation.distress_kernels import weighted_sums
from contagion.propagation.scenario_results import ByScenario
from contagion.propagation.starting import BoolArray, Start

__all__ = ["Defaults", "Rounds", "defaults_of"]


@dataclass(frozen=True)
class Defaults(ByScenario):
    """Who defaulted in which round; arrays per node have shape (n,), or (m, n) for m scenarios.

    Parameters
    ----------
    defaulted : numpy.ndarray of bool
        Who defaulted.
    round : numpy.ndarray of int64
        The round in which it did, -1 for never.
    stress : numpy.ndarray
        Relative loss of face equity, not cut; under `furfine` without the forced default itself, and 1 where face
        equity is not positive.
    losses : numpy.ndarray
        Money lost on claims on defaulters.
    signed_equity : numpy.ndarray
        Face equity less shock and losses; under `furfine` a forced node may keep a positive one.
    n_defaulted, n_additional_defaults : int, or numpy.ndarray of shape (m,)
        Number of defaults, and those after round 0.
    total_losses : float, or numpy.ndarray of shape (m,)
        Money lost by all on claims on defaulters.
    additional_stress : float, or numpy.ndarray of shape (m,)
        Weighted stress (at most 1 each, 1 for defaulters under `furfine`) less the weighted shock.
    names : pandas.Index or None
        Labels of the nodes.
    history : numpy.ndarray of shape (rounds + 1, n), or None
        Stress before round 0 is passed on, then after each round.
    """

    numbers: ClassVar[tuple[str, ...]] = (
        "n_defaulted",
        "n_additional_defaults",
        "total_losses",
        "additional_stress",
    )

    defaulted: NDArray[np.bool_]
    round: IntArray
    stress: FloatArray
    losses: FloatArray
    signed_equity: FloatArray
    n_defaulted: Any
    n_additional_defaults: Any
    total_losses: Any
    additional_stress: Any
    names: pd.Index | None = field(repr=False)
    history: FloatArray | None = field(default=None, repr=False)

    @property
    def waves(self) -> list[Any]:
        """Positions of those who default in round 0, 1, ..., no empty list; a list of such lists for scenarios."""
        if self.round.ndim == 2:
            return [_waves(row) for row in self.round]
        return _waves(self.round)


@dataclass(frozen=True)
class Rounds:
    """A rule of default over debts; internal order of nodes.

    Parameters
    ----------
    start : Start
        Sheets and shocks.
    lgd : float
        Share of every claim on a defaulter that is lost.
    threshold : numpy.ndarray of shape (n,), or None
        Stress from which a node defaults; None: losses above face equity (Furfine).
    only_forced : bool
        Whether round 0 is the forced defaults alone.
    debts : Claims, optional
        Debts that are passed on in place of those of the sheets.
    """

    start: Start
    lgd: float
    threshold: FloatArray | None
    only_forced: bool = False
    debts: Claims | None = None

    @cached_property
    def claims(self) -> Claims:
        """Debts that are passed on."""
        return self.start.sheets.claims if self.debts is None else self.debts

    @cached_property
    def _graph(self) -> tuple[Any, Any, Any, Any, Any, Any]:
        """Debts by debtor and by creditor, with short positions: half the memory to read."""
        seen = self.claims.exposures
        short = [side.creditor.astype(np.uint32) for side in (self.claims, seen)]
        return self.claims.indptr, short[0], self.claims.amount, seen.indptr, short[1], seen.amount

    def play(self, shock: FloatArray, forced: BoolArray) -> tuple[IntArray, FloatArray]:
        """Round of default and money lost on defaulters, shape (n,), of one scenario."""
        worth, behind = self.start.sheets.equity, self.start.behind
        if self.threshold is None:
            limit, scale, tolerance = worth, behind, TOLERANCE
        else:
            limit, tolerance = (self.threshold - shock) * worth, -TOLERANCE
            scale = (self.threshold + shock) * behind
        when = np.empty(self.start.sheets.n, dtype=np.int64)
        graph = self._graph
        spread(*graph, limit, scale, self.lgd, tolerance, forced, self.only_forced, when)
        return when, self.lgd * lost_by_all(graph[0], graph[1], graph[2], when)

    def stress(self, shock: FloatArray, losses: FloatArray) -> FloatArray:
        """Relative loss of face equity, not cut."""
        worth = self.start.sheets.equity
        relative = np.divide(losses, worth, out=np.ones(losses.shape), where=self.start.positive)
        return relative if self.threshold is None else shock + relative

    def summary(self, shock: FloatArray, when: IntArray, losses: FloatArray) -> dict[str, Any]:
        """Numbers per scenario, shape (m,), from rows of shape (m, n)."""
        cut = np.minimum(1.0, self.stress(shock, losses))
        before = shock
        if self.threshold is None:
            cut, before = (
                np.where(when >= 0, 1.0, cut),
                np.where((when == 0) | ~self.start.positive, 1.0, shock),
            )
        return {
            "n_defaulted": (when >= 0).sum(axis=1),
            "n_additional_defaults": (when > 0).sum(axis=1),
            "total_losses": weighted_sums(np.ones(losses.shape[1]), losses),
            "additional_stress": weighted_sums(self.start.sheets.weights, cut - before),
        }


def defaults_of(rule: Rounds, *, history: bool = False) -> Defaults:
    """Play every scenario of a rule.

    Raises
    ------
    InputError
        If a history of several scenarios is asked for.
    """
    start = rule.start
    if history and start.many:
        raise InputError("is kept of one scenario", where="history", allowed="False, or a vector as shock")
    played = [rule.play(shock, start.forced) for shock in start.shock]
    when = np.stack([found[0] for found in played])
    losses = np.stack([found[1] for found in played])
    stress = rule.stress(start.shock, losses)
    worth = start.sheets.equity
    signed = worth - losses if rule.threshold is None else worth * (1.0 - stress)
    numbers = {name: start.scalar(found) for name, found in rule.summary(start.shock, when, losses).items()}
    return Defaults(
        start.back(when >= 0),
        start.back(when),
        start.back(stress),
        start.back(losses),
        start.back(signed),
        **numbers,
        names=start.sheets.names,
        history=_history(rule, when[0]) if history else None,
    )


def _history(rule: Rounds, when: IntArray) -> FloatArray:
    """Stress after every round, in the caller's order."""
    graph, rows = rule._graph, []
    for rounds in range(int(when.max()) + 2):
        failed = np.where(when < rounds, when, -1)
        losses = rule.lgd * lost_by_all(graph[0], graph[1], graph[2], failed)
        rows.append(rule.stress(rule.start.shock[0], losses))
    return np.stack(rows)[:, rule.start.sheets.given]


def _waves(when: IntArray) -> list[list[int]]:
    order = np.argsort(when, kind="stable")
    failed = order[when[order] >= 0]
    if not len(failed):
        return []
    parts = np.split(failed, np.flatnonzero(np.diff(when[failed])) + 1)
    return [[int(node) for node in part] for part in parts]
