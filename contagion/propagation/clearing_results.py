"""What does a clearing vector say of each node? Results of clearing, in the caller's order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.balance_sheets import ByNode

__all__ = ["ClearingRange", "ClearingVector"]

SAME = 1e-10  # shares of a debt that differ by less are the same


@dataclass(frozen=True)
class ClearingVector(ByNode):
    """Clearing payments and what they mean for each of n nodes; every array has shape ``(n,)``.

    Parameters
    ----------
    payments, interbank_payments, external_payments
        Money paid to all creditors, and the parts of it paid inside and outside the network.
    signed_equity, equity
        What is left after all debts (before costs of default), negative for a shortfall; the same, 0 in default.
    defaulted
        True where resources are below debts.
    recovery
        Share of each claim on the node that is paid (inside the network, if external debts are senior); 1 where
        nothing is owed.
    external_priority
        ``pari_passu``, ``senior`` or ``by_seniority``.
    fixed_point
        Which solution this is: ``greatest`` or ``least``.
    rounds
        Rounds of fictitious default, sweeps among them.
    residual
        Largest change, as a share of a node's debt, if payments are computed once more from these.
    names
        Labels of the nodes, if they have any.
    payments_by_seniority
        Money paid to each layer of creditors, most senior first; empty without layers.
    """

    payments: FloatArray
    interbank_payments: FloatArray
    external_payments: FloatArray
    signed_equity: FloatArray
    equity: FloatArray
    defaulted: NDArray[np.bool_]
    recovery: FloatArray
    external_priority: str
    fixed_point: str
    rounds: int
    residual: float
    names: pd.Index | None = None
    payments_by_seniority: tuple[FloatArray, ...] = ()
    _other: Callable[[], ClearingVector] | None = field(default=None, repr=False, compare=False)
    _waves: Callable[[], list[list[int]]] | None = field(default=None, repr=False, compare=False)
    _known_unique: Callable[[], bool] | None = field(default=None, repr=False, compare=False)

    @property
    def n_defaulted(self) -> int:
        """Number of nodes in default."""
        return int(self.defaulted.sum())

    @cached_property
    def unique(self) -> bool:
        """Whether greatest and least coincide: by the structure of the debts, else by computing the other one."""
        if self._known_unique is not None and self._known_unique():
            return True
        if self._other is None:
            return False
        other = self._other()
        return bool(
            (self.defaulted == other.defaulted).all()
            and (np.abs(self.recovery - other.recovery) <= SAME).all()
        )

    @cached_property
    def waves(self) -> list[list[int]]:
        """Who defaults first in round 0, 1, ... of fictitious default: positions, each list sorted.

        Who defaults only in the least solution, because nobody pays first, is a last wave of its own.
        """
        found = self._waves() if self._waves is not None else []
        known = {node for wave in found for node in wave}
        rest = [int(node) for node in np.flatnonzero(self.defaulted) if int(node) not in known]
        return [*found, rest] if rest else found


@dataclass(frozen=True)
class ClearingRange(ByNode):
    """The two ends of all clearing vectors.

    Parameters
    ----------
    greatest, least
        The orderly outcome, and the one where nobody pays before being paid.
    gap
        Money by which the payments of each node differ between them, shape ``(n,)``.
    names
        Labels of the nodes, if they have any.
    """

    greatest: ClearingVector
    least: ClearingVector
    gap: FloatArray
    names: pd.Index | None = None

    @property
    def unique(self) -> bool:
        """Whether both ends coincide."""
        same = (self.greatest.defaulted == self.least.defaulted).all()
        return bool(same and (np.abs(self.greatest.recovery - self.least.recovery) <= SAME).all())
