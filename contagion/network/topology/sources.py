"""Debts in the order measures use: sorted by name where nodes have names, so that no result depends on their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from contagion.claims import Claims, IntArray, as_claims
from contagion.network.network import Network

__all__ = ["Debts", "debts_of", "undirected"]


@dataclass(frozen=True)
class Debts:
    """Claims in the inner order of nodes, and where the caller's nodes stand in it."""

    claims: Claims
    given: IntArray
    names: pd.Index | None

    @property
    def n(self) -> int:
        """Number of nodes."""
        return self.claims.n

    def back(self, values: Any) -> Any:
        """Per-node values in the caller's order."""
        return np.asarray(values)[self.given]


def debts_of(source: Any) -> Debts:
    """Return the debts of a network, or of anything that `contagion.claims.as_claims` reads.

    Parameters
    ----------
    source : Network, Claims, array_like, sparse or DataFrame, shape (n, n)
        Who (row) owes whom (column) how much; of a network its table of obligations.

    Raises
    ------
    InputError
        As in `contagion.claims.Claims`.
    """
    if isinstance(source, Debts):
        return source
    claims = _of_network(source) if isinstance(source, Network) else as_claims(source)
    names = claims.names
    if names is None:
        return Debts(claims, np.arange(claims.n), None)
    order = np.asarray(np.argsort(pd.Index([str(name) for name in names]), kind="stable"))
    return Debts(claims.reordered(order), np.argsort(order), names)


def undirected(debts: Debts) -> tuple[IntArray, IntArray]:
    """Neighbours of every node, sorted, whichever way debts point: indptr and neighbours."""
    both = debts.claims.matrix()
    either = (both + both.T).tocsr()
    either.sort_indices()
    return either.indptr.astype(np.int64), either.indices.astype(np.int64)


def _of_network(net: Network) -> Claims:
    return Claims.from_arrays(
        net.codes("obligations", "debtor"),
        net.codes("obligations", "creditor"),
        net.obligations["amount"].to_numpy(),
        len(net.nodes),
        net.nodes.index,
    )
