"""Who hit whom? Forced flows are traced through the displacement they leave in a market.

A forced sale at time t moves the displacement; part of it decays, the rest stays. When a later order is triggered, the
move of its market's mark since the opening is split between the outside move and what is left of earlier flows, in the
market itself and, through the index, in the spot markets. Those shares are the edges of the contagion graph.

References
----------
cascade chapter, section 4, step 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.codes import PERP
from contagion.propagation.cascade.layout import State

if TYPE_CHECKING:
    import networkx as nx

    from contagion.results import Run

Floats = npt.NDArray[np.float64]
TRADES = ("liquidation", "auction", "unwind", "reaction", "hedge")
FORCED = (*TRADES, "takeover")
SOURCES = (*TRADES, "mint")  # a takeover moves no price: what it leads to is the inventory's unwinding


def remaining_flow(opening: Opening, state: State, m: int, n_rounds: int) -> Floats:
    """``left[r, s]``: displacement left at the start of round r by the forced flow of round s, in market `m`."""
    market, step = state.markets[m], float(state.clock["step"][0])
    added = state.history["added"][:n_rounds, m]
    age = np.arange(n_rounds)[:, None] - np.arange(n_rounds)[None, :]
    decay = (
        1.0
        if np.isinf(market["half_life"])
        else 2.0 ** (-step * np.maximum(age - 1, 0) / max(market["half_life"], 1e-9))
    )
    kept = market["permanent_share"] + (1.0 - market["permanent_share"]) * decay
    return np.where(age >= 1, added[None, :] * kept, 0.0)


def shares_of_mark(opening: Opening, state: State, m: int) -> list[tuple[int, float]]:
    """Markets whose displacement enters the mark of market `m`, with weights."""
    market, book = state.markets[m], opening.book
    own = 1.0
    if market["kind"] == PERP:
        follows = {0: 1.0, 1: 0.0, 3: 1.0, 4: 1.0}  # a median follows the last price in time
        own = follows.get(int(market["mark_rule"]), float(market["mark_weight"]))
    shares = [(m, own)] if own > 0.0 else []
    first, last = book.index_indptr[market["asset"]], book.index_indptr[market["asset"] + 1]
    weights = book.index_weight[first:last]
    if own < 1.0 and weights.sum() > 0.0:
        shares += [
            (int(s), (1.0 - own) * float(w))
            for s, w in zip(book.index_market[first:last], weights / weights.sum(), strict=True)
        ]
    return shares


def attribute(opening: Opening, state: State, events: pd.DataFrame) -> pd.DataFrame:
    """Per event: `cause` (share of contagion in its trigger, nan if not forced), `caused` (money it triggered)."""
    n_rounds = int(state.clock["round"][0])
    cause, caused = np.full(len(events), np.nan), np.zeros(len(events))
    market = np.asarray(pd.Index(opening.names.markets).get_indexer(pd.Index(events["market"])))
    held = opening.venues["inventory"]
    inventories = np.asarray(opening.names.accounts, dtype=object)[held[held >= 0]]
    # an inventory's trades are no triggers of their own: what led to them is that of the takeovers
    forced = events["kind"].isin(FORCED).to_numpy() & (market >= 0)
    forced &= ~events["account"].isin(inventories).to_numpy()
    rounds, money = events["round"].to_numpy(), events["money"].to_numpy(float)
    rows = np.flatnonzero(forced)
    # money triggered later, per source round and market
    weight = np.zeros((n_rounds, len(opening.names.markets)))
    by_market = {m: rows[market[rows] == m] for m in np.unique(market[rows])}
    side = np.where(events["lots"].to_numpy(float) < 0, 1.0, -1.0)  # 1: a sale, triggered by a fall
    groups = [(m, s, found[side[found] == s]) for m, found in by_market.items() for s in (1.0, -1.0)]
    left: dict[int, Floats] = {}
    for m, sign, targets in groups:
        outside = np.log(state.history["outside"][:n_rounds, m] / state.markets[m]["opening"])
        total = np.maximum(-sign * outside, 0.0)
        parts = []
        for source, share in shares_of_mark(opening, state, int(m)):
            if source not in left:
                left[source] = remaining_flow(opening, state, source, n_rounds)
            flow = share * left[source]
            parts.append((source, np.maximum(sign * flow, 0.0)))
            total = total + parts[-1][1].sum(axis=1)
        safe = np.where(total > 0.0, total, 1.0)
        contagion = sum((part.sum(axis=1) for _, part in parts), np.zeros(n_rounds)) / safe
        cause[targets] = contagion[rounds[targets]]
        per_round = np.bincount(rounds[targets], money[targets], n_rounds)
        for source, part in parts:
            weight[:, source] += (part / safe[:, None] * per_round[:, None]).sum(axis=0)
    flows = np.flatnonzero(events["kind"].isin(SOURCES).to_numpy() & (market >= 0))
    for m in np.unique(market[flows]):
        sources = flows[market[flows] == m]
        sold = np.bincount(rounds[sources], money[sources], n_rounds)
        caused[sources] = (
            weight[rounds[sources], m] * money[sources] / np.maximum(sold[rounds[sources]], 1e-300)
        )
    return events[["round", "kind", "node", "venue", "market", "money"]].assign(cause=cause, caused=caused)


def contagion_graph(run: Run) -> nx.DiGraph[Any]:
    """Directed graph of a run: outside and markets hit nodes, nodes markets, debtors creditors, venues winners."""
    import networkx as nx

    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_node("outside", kind="outside", loss=0.0)
    table = run.attribution
    traded = table[table["kind"].isin(TRADES) & (table["node"] != "")]
    forced = table[table["cause"].notna() & (table["node"] != "")]
    for name, market in run.markets.iterrows():
        graph.add_node(
            f"market:{name}", kind="market", venue=market["venue"], asset=market["asset"], loss=0.0
        )
    by_node = forced.assign(
        contagion=forced["money"] * forced["cause"],
        outside=forced["money"] * (1.0 - forced["cause"]),
    ).groupby(["node", "market"])[["contagion", "outside"]]
    kinds, losses = run.nodes["kind"], run.nodes["loss"]
    key: Any
    for key, money in traded.groupby(["node", "market"])["money"].sum().items():
        node, market = key
        add_node(graph, str(node), kinds, losses)
        add_edge(graph, str(node), f"market:{market}", float(money), "forced sale")
    taken = forced[forced["kind"] == "takeover"]
    for key, money in taken.groupby(["node", "venue"])["money"].sum().items():
        node, venue = key
        add_node(graph, str(node), kinds, losses)
        add_node(graph, str(venue), kinds, losses)
        add_edge(graph, str(node), str(venue), float(money), "takeover")
    for key, row in by_node.sum().iterrows():
        node, market = key
        add_node(graph, str(node), kinds, losses)
        add_edge(graph, f"market:{market}", str(node), float(row["contagion"]), "price")
        add_edge(graph, "outside", str(node), float(row["outside"]), "outside")
    other = run.events
    for kind, channel in (("adl", "deleveraging"), ("residual", "haircut")):
        hits = (
            other[(other["kind"] == kind) & (other["node"] != "")].groupby(["venue", "node"])["money"].sum()
        )
        for key, value in hits.items():
            venue, node = key
            add_node(graph, str(venue), kinds, losses)
            add_node(graph, str(node), kinds, losses)
            add_edge(graph, str(venue), str(node), float(value), channel)
    add_recalls(graph, run, kinds, losses)
    add_claims(graph, run, kinds, losses)
    return graph


def add_recalls(graph: nx.DiGraph[Any], run: Run, kinds: pd.Series, losses: pd.Series) -> None:
    """Edges from creditors to the debtors who had to pay a loan back before its time."""
    ledger = run.ledger
    paid = ledger[(ledger["kind"] == "recall") & (ledger["instrument"] == "money")]
    for event, legs in paid.groupby("event"):
        who = legs.set_index("amount")["account"].str.removeprefix("cash:").sort_index()
        debtor, creditor = str(who.iloc[0]), str(who.iloc[-1])
        add_node(graph, creditor, kinds, losses)
        add_node(graph, debtor, kinds, losses)
        add_edge(graph, creditor, debtor, float(run.events["money"].loc[event]), "recall")


def add_claims(graph: nx.DiGraph[Any], run: Run, kinds: pd.Series, losses: pd.Series) -> None:
    """Edges from failed debtors to their creditors: what was not paid."""
    failed = run.events[run.events["kind"] == "node_default"].set_index("node")["price"]
    claims = run.network.obligations
    row: Any
    for row in claims[claims["debtor"].isin(failed.index)].itertuples():
        add_node(graph, str(row.debtor), kinds, losses)
        add_node(graph, str(row.creditor), kinds, losses)
        add_edge(
            graph,
            str(row.debtor),
            str(row.creditor),
            float(row.amount * (1.0 - failed[row.debtor])),
            "default",
        )


def add_node(graph: nx.DiGraph[Any], name: str, kinds: pd.Series, losses: pd.Series) -> None:
    """Add a node of the network with what it is and lost."""
    graph.add_node(name, kind=str(kinds.get(name, "trader")), loss=float(losses.get(name, 0.0)))


def add_edge(graph: nx.DiGraph[Any], source: str, target: str, weight: float, channel: str) -> None:
    """Add money to an edge; edges without money are left out."""
    if weight > 0.0 and source != target:
        before = graph.get_edge_data(source, target, {"weight": 0.0})["weight"]
        graph.add_edge(source, target, weight=before + weight, channel=channel)
