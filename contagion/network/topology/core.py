"""Which nodes form the core? Core and periphery by the error score of Craig and von Peter, and k-cores.

In a perfect tiered network core nodes all lend to one another, periphery nodes never do, and every core node lends to
and borrows from the periphery. The score counts links that are missing or should not be there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.arrays import word
from contagion.balance_sheets import ByNode
from contagion.claims import IntArray
from contagion.errors import TooLargeError
from contagion.network.topology.kernels import count_cores, split_core
from contagion.network.topology.sources import Debts, debts_of, undirected

__all__ = ["CorePeriphery", "core_numbers", "core_periphery"]

LARGEST_EXACT = 15


@dataclass(frozen=True)
class CorePeriphery(ByNode):
    """A core, how it was found, and how well it fits.

    Parameters
    ----------
    core : numpy.ndarray of bool, shape (n,)
        Members.
    core_number : numpy.ndarray of int64, shape (n,)
        Largest k such that the node belongs to a part where everybody has k neighbours.
    errors : int
        Links within the core that are missing + links within the periphery + size of the periphery for every core node
        that lends nothing to it, and for every one that borrows nothing from it.
    error_score : float
        Errors over links; 0 without links.
    method : str
        ``exact`` (smallest error of all sets), ``greedy`` (no single move lowers the error) or ``k_core``.
    names : pandas.Index or None
        Names of the nodes.
    """

    core: NDArray[np.bool_]
    core_number: IntArray
    errors: int
    error_score: float
    method: str
    names: pd.Index | None = None

    @property
    def exact(self) -> bool:
        """Whether no other set has a smaller error."""
        return self.method == "exact"


def core_periphery(source: Any, method: str = "auto") -> CorePeriphery:
    """Split nodes into core and periphery.

    Parameters
    ----------
    source : Network, Claims, array_like, sparse or DataFrame, shape (n, n)
        Who (row) owes whom (column) how much, money; only who, not how much, counts here.
    method : str
        ``exact``: all sets are tried, up to 15 nodes. ``greedy``: the best set of nodes of largest degree, then single
        moves while the error falls. ``k_core``: the nodes with the largest core number. ``auto``: exact where possible,
        else greedy.

    Raises
    ------
    InputError
        If the method is unknown, or exact for more than 15 nodes.

    Examples
    --------
    >>> star = [[0, 1, 1, 1], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]]
    >>> found = core_periphery(star)
    >>> found.core.tolist(), found.error_score, found.method
    ([True, False, False, False], 0.0, 'exact')

    References
    ----------
    Craig, von Peter (2014), Journal of Financial Intermediation 23(3). Batagelj, Zaversnik (2011), Advances in Data
    Analysis and Classification 5, for k-cores.
    """
    debts = debts_of(source)
    chosen = word(method, "method", ("auto", "exact", "greedy", "k_core"))
    if chosen == "auto":
        chosen = "exact" if debts.n <= LARGEST_EXACT else "greedy"
    if chosen == "exact" and debts.n > LARGEST_EXACT:
        raise TooLargeError(
            "nodes are too many for all sets",
            where="method='exact'",
            value=debts.n,
            allowed=f"at most {LARGEST_EXACT}, or method='greedy'",
        )
    numbers = _numbers(debts)
    if chosen == "k_core":
        core = (numbers == numbers.max()) & (numbers > 0)
    else:
        core = _exact(debts) if chosen == "exact" else _greedy(debts)
    errors, n_links = _errors(debts, core), len(debts.claims.amount)
    return CorePeriphery(
        debts.back(core),
        debts.back(numbers),
        errors,
        errors / n_links if n_links else 0.0,
        chosen,
        debts.names,
    )


def core_numbers(source: Any) -> IntArray:
    """Return the core number of every node, shape (n,), whichever way its links point.

    Examples
    --------
    >>> core_numbers([[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1], [0, 0, 0, 0]])
    array([2, 2, 2, 1])

    References
    ----------
    Batagelj, Zaversnik (2011), Advances in Data Analysis and Classification 5.
    """
    debts = debts_of(source)
    return np.asarray(debts.back(_numbers(debts)))


def _numbers(debts: Debts) -> IntArray:
    return count_cores(*undirected(debts))


def _greedy(debts: Debts) -> NDArray[np.bool_]:
    claims, exposures = debts.claims, debts.claims.exposures
    degree = np.diff(claims.indptr) + np.diff(exposures.indptr)
    order = np.argsort(-degree, kind="stable")
    return split_core(
        exposures.indptr,
        exposures.creditor.astype(np.int64),
        claims.indptr,
        claims.creditor.astype(np.int64),
        order,
    )


def _exact(debts: Debts) -> NDArray[np.bool_]:
    """Set of smallest error; of several the smallest, then the one of the first nodes."""
    n = debts.n
    linked = (debts.claims.dense().T > 0.0).astype(np.int64)
    sets = np.arange(2**n)[:, None] >> np.arange(n) & 1
    size, others = sets.sum(axis=1), 1 - sets
    missing = size * (size - 1) - ((sets @ linked) * sets).sum(axis=1)
    stray = ((others @ linked) * others).sum(axis=1)
    idle = (sets * (others @ linked.T == 0)).sum(axis=1) + (sets * (others @ linked == 0)).sum(axis=1)
    errors = missing + stray + (n - size) * idle
    best = np.lexsort((np.arange(2**n), size, errors))[0]
    return np.asarray(sets[best], dtype=np.bool_)


def _errors(debts: Debts, core: NDArray[np.bool_]) -> int:
    """Error of a core, counted over links."""
    debtor, creditor = debts.claims.debtor, debts.claims.creditor
    size = int(core.sum())
    within = int((core[debtor] & core[creditor]).sum())
    stray = int((~core[debtor] & ~core[creditor]).sum())
    lends = np.bincount(creditor[~core[debtor]], minlength=debts.n) > 0
    borrows = np.bincount(debtor[~core[creditor]], minlength=debts.n) > 0
    idle = int((core & ~lends).sum() + (core & ~borrows).sum())
    return size * (size - 1) - within + stray + (debts.n - size) * idle
