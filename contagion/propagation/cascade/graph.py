"""Who hit whom in a run, as a graph over all channels: prices, defaults, issuers, deleveraging, haircuts, recalls.

Money of `price`, `outside`, `forced sale`, `takeover` and `attack` is what was traded; of every other channel it is
what the target lost (or had to pay, or in `freeze` had to wait for) through the source. `cost` and `funding` lead from
markets to those who lost there and from those who gained to markets: what leads into a node less what leads out of it
is what `Run.losses` tells of the channel that is the kind of the edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contagion.propagation.cascade.attribution import TRADES

if TYPE_CHECKING:
    import networkx as nx

    from contagion.results import Run

MAKERS, OUTSIDE = "market maker", "outside"
LAYERS = ("exchange", "protocol", "institution", "trader", MAKERS, OUTSIDE)
"""Layers of the system. Market makers are all whose losses are not counted: providers, arbitrageurs, dip buyers, the
rest of the market."""


def contagion_graph(
    run: Run,
    *,
    lots: pd.Series,
    unpaid: pd.DataFrame,
    haircuts: pd.DataFrame,
    frozen: pd.DataFrame,
    costs: pd.DataFrame,
) -> nx.MultiDiGraph[Any]:
    """Directed graph of a run: outside and markets hit nodes, nodes markets, debtors creditors, issuers holders.

    Parameters
    ----------
    run : Run
        A run of a cascade with its records.
    lots : pandas.Series
        Market -> units in one lot.
    unpaid : pandas.DataFrame
        What nodes lost by failures, as `unpaid.unpaid_table` returns it.
    haircuts : pandas.DataFrame
        What holders of tokens lost by their issuers: issuer, holder, asset, money.
    frozen : pandas.DataFrame
        What customers had to wait for at failed venues: venue, holder, money.
    costs : pandas.DataFrame
        What nodes lost through markets, as `loss_edges.costs_table` returns it.
    """
    import networkx as nx

    graph: nx.MultiDiGraph[Any] = nx.MultiDiGraph()
    graph.add_node("outside", kind="outside", loss=0.0, layer=OUTSIDE)
    layer = layers(run).to_dict()
    for name, market in run.markets.iterrows():
        place = str(layer.get(market["venue"], "exchange"))
        told = {"venue": market["venue"], "asset": market["asset"], "loss": 0.0, "layer": place}
        graph.add_node(f"market:{name}", kind="market", **told)
    for name in costs["source"][costs["source"].str.startswith("books:")].unique():
        venue = name.removeprefix("books:")
        place = str(layer.get(venue, "exchange"))
        graph.add_node(name, kind="market", venue=venue, asset="", loss=0.0, layer=place)
    kinds, losses = run.nodes["kind"].to_dict(), run.nodes["loss"].to_dict()
    for source, target, money, channel, kind in edges(run, lots, unpaid, haircuts, frozen, costs):
        if money <= 0.0 or source == target:
            continue
        for name in (source, target):
            if name not in graph:
                graph.add_node(
                    name,
                    kind=str(kinds.get(name, "trader")),
                    loss=float(losses.get(name, 0.0)),
                    layer=str(layer.get(name, MAKERS)),
                )
        add_edge(graph, source, target, money, channel, kind)
    return graph


NAMED = {"funding": ("funding", ""), "bad debt": ("default fund", "")}
"""Channel of losses -> channel and kind of its edges, where they are no `cost`."""

Edge = tuple[str, str, float, str, str]
"""Source, target, money, channel and kind."""


def edges(
    run: Run,
    lots: pd.Series,
    unpaid: pd.DataFrame,
    haircuts: pd.DataFrame,
    frozen: pd.DataFrame,
    costs: pd.DataFrame,
) -> Iterator[Edge]:
    """Every flow from who hit to who was hit; several between the same two add up."""
    yield from price_edges(run)
    yield from adl_edges(run, lots)
    yield from debt_edges(run)
    yield from recall_edges(run)
    yield from default_edges(unpaid)
    yield from issuer_edges(haircuts)
    yield from freeze_edges(frozen)
    yield from attack_edges(run)
    yield from cost_edges(costs)


def layers(run: Run) -> pd.Series:
    """Layer of every node of a run, by name."""
    return run.nodes["kind"].where(run.nodes["counted"].to_numpy(bool), MAKERS)


def add_edge(
    graph: nx.MultiDiGraph[Any], source: str, target: str, weight: float, channel: str, kind: str
) -> None:
    """Add money to the edge of a channel and kind."""
    key = channel if kind in ("", channel) else f"{channel}: {kind}"
    before = graph.get_edge_data(source, target, key, {"weight": 0.0})["weight"]
    ends = {"source_layer": graph.nodes[source]["layer"], "target_layer": graph.nodes[target]["layer"]}
    graph.add_edge(source, target, key, weight=before + weight, channel=channel, kind=kind or channel, **ends)


def price_edges(run: Run) -> Iterator[Edge]:
    """Nodes sell in markets; what is left of that, and the outside, force the next to sell."""
    table = run.attribution
    traded = table[table["kind"].isin((*TRADES, "attack")) & (table["node"] != "") & (table["market"] != "")]
    keys: Any
    for keys, money in traded.groupby(["node", "market", "kind"])["money"].sum().items():
        node, market, kind = keys
        yield str(node), f"market:{market}", float(money), "forced sale", str(kind)
    forced = table[table["cause"].notna() & (table["node"] != "")]
    taken = forced[forced["kind"] == "takeover"]
    for keys, money in taken.groupby(["node", "venue"])["money"].sum().items():
        yield str(keys[0]), str(keys[1]), float(money), "takeover", ""
    parts = forced.assign(
        contagion=forced["money"] * forced["cause"], outside=forced["money"] * (1.0 - forced["cause"])
    )
    for keys, row in parts.groupby(["node", "market"])[["contagion", "outside"]].sum().iterrows():
        node, market = keys
        yield f"market:{market}", str(node), float(row["contagion"]), "price", ""
        yield "outside", str(node), float(row["outside"]), "outside", ""


def adl_edges(run: Run, lots: pd.Series) -> Iterator[Edge]:
    """A bankrupt account is closed against winners: profit at the mark that they forgo."""
    adl = run.events[run.events["kind"] == "adl"]
    if adl.empty:
        return
    marks = run.paths.set_index(["round", "market"])["mark"]
    mark = marks.reindex(pd.MultiIndex.from_frame(adl[["round", "market"]])).to_numpy(np.float64)
    price, side = adl["price"].to_numpy(np.float64), -np.sign(adl["lots"].to_numpy(np.float64))
    free = np.abs(adl["lots"].to_numpy(np.float64)) * lots.reindex(adl["market"]).to_numpy(np.float64)
    units = np.where(
        price > 0.0, np.abs(adl["money"].to_numpy(np.float64)) / np.where(price > 0.0, price, 1.0), free
    )
    forgone = np.maximum(side * (mark - price), 0.0) * units
    winners: list[int] = []
    for row in range(len(adl)):  # winners stand before the account that is closed against them
        if not winners or (side[row] == side[winners[0]] and side[row] != 0.0):
            winners += [row] if side[row] != 0.0 else []
            continue
        bankrupt = str(adl["node"].iloc[row])
        for winner in winners:
            yield bankrupt, str(adl["node"].iloc[winner]), float(forgone[winner]), "adl", ""
        winners = []


def debt_edges(run: Run) -> Iterator[Edge]:
    """Accounts leave bad debt to their venue; what its fund does not pay it takes from customers."""
    owing = run.accounts[run.accounts["deficit"] > 0.0]
    keys: Any
    for keys, money in owing.groupby(["owner", "venue"])["deficit"].sum().items():
        yield str(keys[0]), str(keys[1]), float(money), "bad debt", ""
    cut = run.events[(run.events["kind"] == "residual") & (run.events["node"] != "")]
    for keys, money in cut.groupby(["venue", "node"])["money"].sum().items():
        yield str(keys[0]), str(keys[1]), float(money), "haircut", ""


def recall_edges(run: Run) -> Iterator[Edge]:
    """Creditors hit the debtors who had to pay a loan back before its time."""
    ledger = run.ledger
    paid = ledger[(ledger["kind"] == "recall") & (ledger["instrument"] == "money")]
    for event, legs in paid.groupby("event"):
        who = legs.set_index("amount")["account"].str.removeprefix("cash:").sort_index()
        debtor, creditor = str(who.iloc[0]), str(who.iloc[-1])
        yield creditor, debtor, float(run.events["money"].loc[event]), "recall", ""


def default_edges(unpaid: pd.DataFrame) -> Iterator[Edge]:
    """Failed nodes hit their creditors, and failed venues their customers, with what is not paid."""
    for debtor, creditor, kind, money in unpaid[["debtor", "creditor", "kind", "money"]].itertuples(
        index=False
    ):
        yield str(debtor), str(creditor), float(money), "default", str(kind)


def issuer_edges(haircuts: pd.DataFrame) -> Iterator[Edge]:
    """Issuers who cannot cover their tokens hit those who hold them; the kind is the token."""
    keys: Any
    for keys, money in haircuts.groupby(["issuer", "holder", "asset"])["money"].sum().items():
        issuer, holder, asset = keys
        yield str(issuer), str(holder), float(money), "issuer", str(asset)


def freeze_edges(frozen: pd.DataFrame) -> Iterator[Edge]:
    """Failed venues that pay out late hit their customers: the weight is what these wait for, no loss by itself."""
    keys: Any
    for keys, money in frozen.groupby(["venue", "holder"])["money"].sum().items():
        yield str(keys[0]), str(keys[1]), float(money), "freeze", ""


def attack_edges(run: Run) -> Iterator[Edge]:
    """Attackers, who are outside, push markets: the weight is the money that they trade there."""
    traded = run.events[run.events["kind"] == "attack"]
    for market, money in traded.groupby("market")["money"].sum().items():
        yield "outside", f"market:{market}", float(money), "attack", ""


def cost_edges(costs: pd.DataFrame) -> Iterator[Edge]:
    """Markets hit those who lose there, and those who gain hit markets; members pay for their counterparty."""
    for source, node, channel, money in costs[["source", "node", "channel", "money"]].itertuples(index=False):
        name, kind = NAMED.get(channel, ("cost", channel))
        ends = (source, node) if money > 0.0 else (node, source)
        yield str(ends[0]), str(ends[1]), abs(float(money)), str(name), str(kind)
