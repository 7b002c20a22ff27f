"""How much of a node's business is with few others, and of the system's with few nodes? Herfindahl indices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from contagion.arrays import FloatArray
from contagion.balance_sheets import ByNode
from contagion.claims import IntArray
from contagion.network.topology.sources import debts_of

__all__ = ["Concentration", "concentration"]


@dataclass(frozen=True)
class Concentration(ByNode):
    """Sums of squared shares, from 1/number of equal parts to 1; 0 where there is nothing to share.

    Parameters
    ----------
    debts, claims : numpy.ndarray, shape (n,)
        Of what each node owes over its creditors, and is owed over its debtors.
    system_debts, system_claims : float
        Of all debts over debtors, and of all claims over creditors.
    names : pandas.Index or None
        Names of the nodes.
    """

    debts: FloatArray
    claims: FloatArray
    system_debts: float
    system_claims: float
    names: pd.Index | None = None


def concentration(source: Any) -> Concentration:
    """Return Herfindahl-Hirschman indices of debts and claims.

    Parameters
    ----------
    source : Network, Claims, array_like, sparse or DataFrame, shape (n, n)
        Who (row) owes whom (column) how much, money.

    Raises
    ------
    InputError
        As in `contagion.claims.Claims`.

    Examples
    --------
    >>> found = concentration([[0, 3, 1], [0, 0, 0], [0, 4, 0]])
    >>> found.debts
    array([0.625, 0.   , 1.   ])
    >>> found.system_claims
    0.78125

    References
    ----------
    Hirschman (1964), American Economic Review 54(5).
    """
    debts = debts_of(source)
    claims = debts.claims
    owed, claimed = claims.owed, claims.claimed
    return Concentration(
        debts.back(_by_node(claims.amount, claims.debtor, owed)),
        debts.back(_by_node(claims.amount, claims.creditor, claimed)),
        _index(owed),
        _index(claimed),
        debts.names,
    )


def _by_node(amount: FloatArray, node: IntArray, total: FloatArray) -> FloatArray:
    return np.bincount(node, (amount / total[node]) ** 2, len(total)).astype(np.float64)


def _index(amounts: FloatArray) -> float:
    total = amounts.sum()
    return float(((amounts / total) ** 2).sum()) if total > 0.0 else 0.0
