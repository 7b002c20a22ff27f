"""From the arrays of a solved scenario to the tables of a `Run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.propagation.provenance import provenance
from contagion.propagation.solvency.outcome import (
    Outcome,
    Steps,
    beyond_the_shock,
    by_the_shock,
    closing,
    lost_on_claims,
    worths,
)
from contagion.results import Run

if TYPE_CHECKING:
    import networkx as nx

    from contagion.propagation.solvency.prepared import PreparedSheets
    from contagion.shocks import Shock

__all__ = ["claims_graph", "make_run"]

Floats = npt.NDArray[np.float64]


def make_run(
    prepared: PreparedSheets,
    shock: Shock,
    seed: int,
    scenario: int,
    steps: Steps,
    outcome: Outcome,
    metrics: Floats,
) -> Run:
    """Assemble a run."""
    nodes = nodes_table(prepared, steps, outcome)
    claims = claims_table(steps, outcome)
    nothing = pd.DataFrame()
    return Run(
        metrics=pd.Series(metrics, index=pd.Index(prepared.metric_names, name="metric"), name="value"),
        rounds=rounds_table(outcome),
        paths=nothing,
        accounts=nothing,
        nodes=nodes,
        markets=nothing,
        venues=nothing,
        events=events_table(steps, outcome, nodes),
        ledger=nothing,
        liquidations=nothing,
        network=prepared.network,
        shock=shock,
        model=prepared.model,
        policies=prepared.policies,
        provenance=provenance(prepared.network, prepared.model, shock, prepared.policies, seed, scenario),
        attribution=claims,
        draw_graph=claims_graph,
        again=lambda model: model.prepare(prepared.network, prepared.policies).run(shock, seed, scenario),
    )


def nodes_table(prepared: PreparedSheets, steps: Steps, outcome: Outcome) -> pd.DataFrame:
    """Final table of nodes, money unless said: what they were worth, what hit them, who fails when."""
    final, repaid = closing(steps, outcome)
    opening, _ = worths(steps, outcome)
    outside, gap = beyond_the_shock(steps, outcome)
    claims = steps.helped.claims
    unpaid = lost_on_claims(steps.helped, outcome)
    n = len(final)
    return pd.DataFrame(
        {
            "kind": prepared.opened.nodes["kind"].to_numpy(),
            "counted": prepared.book.counted,
            "opening_equity": opening,
            "outside_change": outside,
            "closing_equity": final,
            "signed_equity": outcome.equity,
            "loss": np.maximum(gap, 0.0),
            "gain": np.maximum(-gap, 0.0),
            "direct_loss": np.maximum(-outside, 0.0),
            "defaulted": outcome.defaulted,
            "fundamental": by_the_shock(steps, outcome),
            "wave": outcome.wave,
            "recovery": outcome.recovery,
            "loss_caused": np.bincount(claims.debtor, unpaid, n),
            "loss_on_claims": np.bincount(claims.creditor, unpaid, n),
            "lent": steps.lent,
            "repaid": repaid,
            "converted": steps.converted,
            **outcome.columns,
        },
        index=pd.Index(steps.helped.names, name="node", dtype=object),
    )


def claims_table(steps: Steps, outcome: Outcome) -> pd.DataFrame:
    """One row a claim: debtor, creditor, amount, and what of it is lost (money)."""
    claims, names = steps.helped.claims, steps.helped.names
    return pd.DataFrame(
        {
            "debtor": names[claims.debtor],
            "creditor": names[claims.creditor],
            "amount": claims.amount,
            "loss": lost_on_claims(steps.helped, outcome),
        }
    )


def rounds_table(outcome: Outcome) -> pd.DataFrame:
    """One row a round: new defaults, defaults so far and, where the model has it, loss of equity so far (money)."""
    last = max(int(outcome.wave.max(initial=-1)), len(outcome.losses) - 1, 0)
    new = np.bincount(outcome.wave[outcome.wave >= 0], minlength=last + 1)
    losses = np.full(last + 1, np.nan)
    losses[: len(outcome.losses)] = outcome.losses
    found = pd.DataFrame({"new_defaults": new, "defaults": np.cumsum(new), "loss": losses})
    return found.rename_axis("round")


def events_table(steps: Steps, outcome: Outcome, nodes: pd.DataFrame) -> pd.DataFrame:
    """Conversions, loans and defaults, in this order; price is the recovery rate of a default."""
    rows: list[tuple[int, str, str, float, float]] = []
    for kind, money in (("conversion", steps.converted), ("loan", steps.lent)):
        chosen = np.flatnonzero(money > 0.0).tolist()
        rows += [(0, kind, str(nodes.index[place]), np.nan, float(money[place])) for place in chosen]
    failed = np.flatnonzero(outcome.defaulted)
    owed = steps.helped.claims.owed
    for place in failed[np.argsort(outcome.wave[failed], kind="stable")].tolist():
        rows.append(
            (
                int(outcome.wave[place]),
                "node_default",
                str(nodes.index[place]),
                float(outcome.recovery[place]),
                float(owed[place]),
            )
        )
    frame = pd.DataFrame(rows, columns=["round", "kind", "node", "price", "money"])
    return frame.rename_axis("event")


def claims_graph(run: Run) -> nx.DiGraph[Any]:
    """Losses on claims as edges from debtor to creditor, and what the shock took as edges from ``outside``."""
    import networkx as nx

    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_node("outside", kind="outside", loss=0.0)
    lost = run.attribution[run.attribution["loss"] > 0.0]
    hit = run.nodes[(run.nodes["direct_loss"] > 0.0) | (run.nodes["loss"] > 0.0) | run.nodes["defaulted"]]
    ends = pd.unique(pd.concat([lost["debtor"], lost["creditor"], pd.Series(hit.index, dtype=object)]))
    for name in ends:
        row = run.nodes.loc[name]
        graph.add_node(str(name), kind=str(row["kind"]), loss=float(row["loss"]), wave=int(row["wave"]))
    for name, direct in hit["direct_loss"].items():
        if direct > 0.0:
            graph.add_edge("outside", str(name), weight=float(direct), channel="shock")
    failed = run.nodes["defaulted"]
    for debtor, creditor, loss in zip(lost["debtor"], lost["creditor"], lost["loss"], strict=True):
        channel = "default" if failed[debtor] else "distress"
        graph.add_edge(str(debtor), str(creditor), weight=float(loss), channel=channel)
    return graph
