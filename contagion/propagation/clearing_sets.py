"""Greatest and least solutions of clearing problems of one rank of debts, by sets that only grow.

``share`` is what a node pays of its debts of this rank. A `Problem` has a rule of default (``test + tested *
receipts < due``) and what a defaulter pays (``max(0, wealth + kept * receipts)``). Without costs both rules are one
and the map is continuous; with costs payments jump down at the edge of default.

References
----------
Rogers, Veraart (2013), Management Science 59(4), for the jump. Elsinger (2009), for senior debts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.balance_sheets import TOLERANCE
from contagion.claims import Claims
from contagion.errors import ConvergenceError
from contagion.propagation.clearing_sweeps import receipts, settle, turned
from contagion.propagation.reach import reach

__all__ = ["Debts", "Problem", "Solution"]

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Debts:
    """Debts of one rank, by debtor and by creditor; `outside` and `due` have shape ``(n,)``."""

    claims: Claims
    start: NDArray[np.int64]
    debtor: NDArray[np.uint32]
    claim: FloatArray
    outside: FloatArray
    due: FloatArray

    @classmethod
    def of(cls, claims: Claims, outside: FloatArray) -> Debts:
        """Debts inside the network and as much `outside` it; debts by creditor are kept for the next call."""
        kept = vars(claims)
        if "_turned" not in kept:
            kept["_turned"] = turned(claims.indptr, claims.creditor, claims.amount)
        start, debtor, claim = kept["_turned"]
        return cls(claims, start, debtor, claim, outside, claims.owed + outside)

    def received(self, share: FloatArray) -> FloatArray:
        """What each node is paid inside the network, summed in the order of its debtors."""
        return receipts(self.start, self.debtor, self.claim, share)


@dataclass(frozen=True)
class Solution:
    """Shares paid, shape ``(n,)``, who is in default, in which round, and the number of rounds."""

    share: FloatArray
    failed: BoolArray
    wave: NDArray[np.int64]
    rounds: int


@dataclass(frozen=True)
class Problem:
    """Who is in default, and what a defaulter pays; arrays have shape ``(n,)``.

    Parameters
    ----------
    debts
        What is to be paid.
    size
        Sum of the absolute amounts of a node without receipts: the scale of its comparisons.
    test, tested, wealth, kept
        A node is in default if ``test + tested * receipts < due`` and then pays ``max(0, wealth + kept *
        receipts)``; ``wealth <= test``, ``kept <= tested``.
    name
        Label of a node, for messages.
    """

    debts: Debts
    size: FloatArray
    test: FloatArray
    tested: float
    wealth: FloatArray
    kept: float
    name: Callable[[int], object]

    @property
    def costly(self) -> bool:
        """Whether default itself costs something."""
        return self.tested != self.kept or not np.array_equal(self.test, self.wealth)

    def greatest(self, *, by_rounds: bool = False) -> Solution:
        """Fictitious default: all pay, then those who cannot pay what they have, until nobody else fails."""
        n = len(self.size)
        share = np.ones(n)
        return self._settled(self.test, self.tested, np.zeros(n, dtype=bool), share, by_rounds=by_rounds)

    def least(self) -> Solution:
        """From below: who is solvent whatever others pay, then who is solvent on what these bring about, ..."""
        share = np.where(self.debts.due > 0.0, 0.0, 1.0)
        if not self.costly:
            share, rounds = self.raised(share)
            return Solution(share, self._short(share), np.where(self._short(share), 0, -1), rounds)
        solvent = ~self._short(np.zeros(len(share)))
        total = 0
        while True:
            share, rounds = self.raised(share, solvent)
            total += rounds + 1
            more = ~solvent & ~self._short(share)
            if not more.any():
                return Solution(share, ~solvent, np.where(solvent, -1, 0), total)
            solvent |= more

    def residual(self, share: FloatArray, failed: BoolArray, income: FloatArray) -> float:
        """Largest change of a share when it is computed once more from these receipts."""
        have, due = self.wealth + self.kept * income, self.debts.due
        owing = failed & (due > 0.0)
        again = np.clip(have / np.where(owing, due, 1.0), 0.0, 1.0)
        return float(np.abs(again - share).max(initial=0.0, where=owing))

    def _short(self, share: FloatArray) -> BoolArray:
        """Who is in default when these shares are paid: strictly short, beyond rounding."""
        income = self.tested * self.debts.received(share)
        return np.asarray(self.test + income < self.debts.due - TOLERANCE * (self.size + income))

    def raised(self, share: FloatArray, full: BoolArray | None = None) -> tuple[FloatArray, int]:
        """Least shares above these of the map min(1, max(0, wealth + kept * receipts) / due), some paying in full.

        `share` must not exceed what the map makes of it. Nodes that can pay something at these shares are able; what
        they gain, and what others gain from it along chains of debts, has one solution, found from above; nodes
        that nothing reaches stay. Payments may enable more nodes.
        """
        full = np.zeros(len(share), dtype=bool) if full is None else full
        debts, share, total = self.debts, np.where(full, 1.0, share), 0
        before = np.zeros(len(share), dtype=bool)
        while True:
            income = self.kept * debts.received(share)
            have, slack = self.wealth + income, TOLERANCE * (self.size + income)
            able = ~full & (have >= -slack)
            if not (able & ~before).any():
                return share, total
            gain = able & (share < 1.0) & (have - debts.due * share > slack)
            free = able & (debts.due > 0.0)
            reached = gain & free
            if self.kept > 0.0:
                reached = reach(debts.claims.indptr, debts.claims.creditor, reached, free)
            start = np.where(reached, 1.0, share)
            found = self._settled(self.wealth, self.kept, ~reached, start)
            before, share, total = able, found.share, total + found.rounds

    def _settled(
        self,
        test: FloatArray,
        tested: float,
        fixed: BoolArray,
        start: FloatArray,
        *,
        by_rounds: bool = False,
    ) -> Solution:
        """Greatest shares below these, those of `fixed` nodes given."""
        debts, share, n = self.debts, start.copy(), len(start)
        failed, wave, report = np.zeros(n, dtype=bool), np.full(n, -1), np.zeros(3)
        rounds = settle(
            debts.claims.indptr,
            debts.claims.creditor,
            debts.claims.amount,
            debts.start,
            debts.debtor,
            debts.claim,
            debts.outside,
            debts.due,
            self.size,
            test,
            float(tested),
            self.wealth,
            float(self.kept),
            fixed,
            by_rounds,
            share,
            failed,
            wave,
            report,
        )
        if rounds < 0:
            worst = str(self.name(int(report[1])))
            raise ConvergenceError(
                "clearing does not settle (gap: share of the worst node's debt)",
                round=int(report[2]),
                gap=float(report[0]),
                worst=worst,
            )
        return Solution(share, failed, wave, rounds)
