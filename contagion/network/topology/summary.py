"""What does a network look like? Every measure of its shape, per node and for the whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from contagion.claims import Claims
from contagion.network.equity import opening_equity
from contagion.network.network import Network
from contagion.network.topology.concentration import concentration
from contagion.network.topology.core import core_periphery
from contagion.network.topology.links import links
from contagion.network.topology.reach import components, reach
from contagion.network.topology.sources import debts_of
from contagion.network.topology.stability import distance_to_instability

__all__ = ["Topology", "topology"]


@dataclass(frozen=True)
class Topology:
    """The shape of a network.

    Parameters
    ----------
    nodes : pandas.DataFrame, shape (n, 13)
        One row a node: owed, claimed (money), creditors, debtors, debt_concentration, claim_concentration, clustering,
        reaches (nodes that its default can reach), reached_by, component, component_size, core_number, core.
    system : pandas.Series
        Nodes, links, density, reciprocity, assortativity, clustering, debt_concentration, claim_concentration,
        components, largest_component (share of nodes), core_size, core_error, and, where equity is known,
        spectral_radius and distance_to_instability (infinite where a creditor has no positive equity).
    core_method : str
        How the core was found: ``exact`` or ``greedy``.
    """

    nodes: pd.DataFrame
    system: pd.Series[float]
    core_method: str


def topology(source: Any, *, equity: Any = None) -> Topology:
    """Return the shape of a network of debts.

    Parameters
    ----------
    source : Network, Claims, array_like, sparse or DataFrame, shape (n, n)
        Who (row) owes whom (column) how much, money; of a network its table of obligations.
    equity : array_like, Series or mapping, shape (n,), optional
        For the distance to instability; of a network the equity at the opening by default.

    Raises
    ------
    InputError
        As in `contagion.claims.Claims`.

    Notes
    -----
    Memory is linear in debts.

    Examples
    --------
    >>> debts = [[0, 2, 1], [1, 0, 0], [1, 0, 0]]
    >>> net = Network.from_matrix(debts, ["A", "B", "C"], cash={"A": 9.0, "B": 1.0, "C": 1.0})
    >>> found = topology(net)
    >>> found.nodes[["creditors", "reaches", "core_number"]].loc["A"].tolist()
    [2, 2, 1]
    >>> found.system[["links", "reciprocity", "core_error"]].tolist()
    [4.0, 1.0, 0.0]
    """
    debts = debts_of(source)
    claims = debts.claims
    shape, shares, parts, core = links(debts), concentration(debts), components(debts), core_periphery(debts)
    nodes = pd.DataFrame(
        {
            "owed": debts.back(claims.owed),
            "claimed": debts.back(claims.claimed),
            "creditors": shape.creditors,
            "debtors": shape.debtors,
            "debt_concentration": shares.debts,
            "claim_concentration": shares.claims,
            "clustering": shape.clustering,
            "reaches": reach(debts),
            "reached_by": reach(debts, along="exposures"),
            "component": parts.component,
            "component_size": parts.component_size,
            "core_number": core.core_number,
            "core": core.core,
        },
        index=pd.RangeIndex(debts.n, name="node") if debts.names is None else debts.names,
    )
    system = {
        "nodes": debts.n,
        "links": shape.count,
        "density": shape.density,
        "reciprocity": shape.reciprocity,
        "assortativity": shape.assortativity,
        "clustering": shape.mean_clustering,
        "debt_concentration": shares.system_debts,
        "claim_concentration": shares.system_claims,
        "components": parts.count,
        "largest_component": parts.component_size.max() / debts.n,
        "core_size": core.core.sum(),
        "core_error": core.error_score,
    }
    if equity is None and isinstance(source, Network):
        equity = opening_equity(source)
    if equity is not None:
        distance = _distance(claims, equity)
        system |= {"spectral_radius": 1.0 - distance, "distance_to_instability": distance}
    return Topology(nodes, pd.Series(system, dtype=np.float64), core.method)


def _distance(claims: Claims, equity: Any) -> float:
    """Distance to instability; who has no claims cannot lose, whatever its equity."""
    from contagion.balance_sheets import node_vector

    worth = node_vector(equity, claims.n, claims.names, "equity")
    lends = claims.claimed > 0.0
    if (lends & (worth <= 0.0)).any():
        return -np.inf
    return distance_to_instability(
        Claims(claims.indptr, claims.creditor, claims.amount), equity=np.where(lends, worth, 1.0)
    )
