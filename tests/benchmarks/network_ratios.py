"""Ratios on networks of balance sheets: rounds of default against a plain networkx loop."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import networkx as nx
import numpy as np

from contagion.claims import Claims
from contagion.propagation.default_rounds import Rounds
from contagion.propagation.starting import begin

INITIAL = 100


def random_claims(n: int, degree: int = 10, seed: int = 0) -> Claims:
    """Claims with log-normal amounts between nodes drawn at random."""
    rng = np.random.default_rng(seed)
    debtor, creditor = rng.integers(0, n, (2, degree * n))
    apart = debtor != creditor
    amount = rng.lognormal(0.0, 1.0, int(apart.sum()))
    return Claims.from_arrays(debtor[apart], creditor[apart], amount, n)


def networkx_loop(graph: "nx.DiGraph[int]") -> tuple[dict[int, int], dict[int, float]]:
    """Rounds of a threshold cascade as one writes them down: each defaulter's creditors lose what it owes them.

    Debts and face equity are attributes of the graph.
    """
    when = dict.fromkeys(range(INITIAL), 0)
    stress = dict.fromkeys(graph, 0.0) | dict.fromkeys(when, 1.0)
    newly, rounds = list(when), 0
    while newly:
        rounds += 1
        for debtor in newly:
            for creditor, debt in graph[debtor].items():
                stress[creditor] += debt["amount"] / graph.nodes[creditor]["equity"]
        newly = [node for node in graph if node not in when and stress[node] >= 1.0 - 1e-12]
        when |= dict.fromkeys(newly, rounds)
    return when, stress


def cascade_row(n: int, alternate: Callable[..., Any], row: Callable[..., Any]) -> Iterator[Any]:
    """A threshold cascade that takes most of the network down, on prepared claims, against the loop."""
    claims = random_claims(n)
    worth = 0.2 * claims.claimed + 0.01
    start = begin(claims, equity=worth, initial_defaults=range(INITIAL))
    rule = Rounds(start, 1.0, np.ones(n))
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from((node, {"equity": float(worth[node])}) for node in range(n))
    edges = zip(claims.debtor.tolist(), claims.creditor.tolist(), claims.amount.tolist(), strict=True)
    graph.add_weighted_edges_from(edges, weight="amount")

    def compiled() -> Any:
        return rule.play(start.shock[0], start.forced)

    when, losses = compiled()
    by_hand, stress = networkx_loop(graph)
    assert {int(node): int(when[node]) for node in np.flatnonzero(when >= 0)} == by_hand, (
        "the cascades disagree"
    )
    assert np.allclose(rule.stress(start.shock[0], losses), list(stress.values()), rtol=1e-9), (
        "the stress disagrees"
    )
    ratio, spread, seconds = alternate(lambda: networkx_loop(graph), compiled, time.process_time)
    yield row("threshold cascade vs networkx", n, ratio, spread, must=80.0, moonshot=300.0, seconds=seconds)
