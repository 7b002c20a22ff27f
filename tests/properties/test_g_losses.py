"""Losses by channel add up to losses by node, and what the graph of a run tells agrees with its ledger."""

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given

import contagion as ct
from contagion.propagation.cascade import codes
from contagion.propagation.cascade.loss_edges import BETWEEN
from contagion.propagation.cascade.losses import CHANNELS
from contagion.results import Run
from tests.properties.replay import seeds
from tests.worlds import WORLDS_KEPT, random_world

LEADING = {
    "bad debt": ("haircut", "default fund"),
    "claims": ("default",),
    "issuers": ("issuer",),
}
"""Channel of losses between nodes -> channels of the edges that carry it."""


@lru_cache(WORLDS_KEPT)
def run_of(seed: int) -> Run:
    world = random_world(seed)
    return ct.run(world.net, world.shock, world.model, list(world.policies))


def quantum(run: Run) -> float:
    return 2.0 ** float(run.provenance["quantum"].split(" ")[0].removeprefix("2^"))


def into(run: Run, channel: str, kind: str = "") -> pd.Series:
    """Money over the edges of a channel into each node."""
    found = [
        (target, told["weight"])
        for _, target, told in run.contagion_graph().edges(data=True)
        if told["channel"] == channel and kind in ("", told["kind"])
    ]
    return pd.DataFrame(found, columns=["node", "money"]).groupby("node")["money"].sum()


def posted(run: Run, *reasons: str) -> pd.Series:
    """Money taken from each node for a reason, from its cash and its accounts."""
    legs = run.ledger[run.ledger["kind"].isin(reasons) & (run.ledger["instrument"] == "money")]
    owner = run.accounts["owner"].to_dict() | {f"cash:{name}": name for name in run.nodes.index}
    node = legs["account"].map(owner)
    return -quantum(run) * legs["amount"].groupby(node).sum()


@given(seeds)
def test_losses_of_all_channels_add_up_to_what_each_node_lost(seed: int) -> None:
    run = run_of(seed)
    net = run.nodes["loss"] - run.nodes["gain"]
    found = run.losses.groupby("node")["money"].sum().reindex(net.index).fillna(0.0)
    slack = 1e-9 * max(1.0, float(run.nodes["opening_equity"].abs().max()))
    assert float((found - net).abs().max()) <= slack
    assert set(run.losses["layer"]) <= {"exchange", "protocol", "institution", "trader", "market maker"}


@given(seeds)
def test_haircuts_of_customers_are_what_the_ledger_took_from_them(seed: int) -> None:
    run = run_of(seed)
    taken = posted(run, "residual")
    taken = taken[taken > 0.0]
    found = into(run, "haircut").reindex(taken.index).fillna(0.0)
    own = [name for name in found.index if name in run.venues.index]
    assert found.drop(own).to_dict() == pytest.approx(taken.drop(own).to_dict(), abs=1e-9)


@given(seeds)
@example(14)  # a lender fails
def test_what_failed_nodes_do_not_pay_is_lost_by_those_they_owe(seed: int) -> None:
    run = run_of(seed)
    claims = run.losses[run.losses["channel"] == "claims"].groupby("node")["money"].sum()
    found = into(run, "default", "claims")
    stands = run.nodes.index[run.nodes["failed_at"].isna()].difference(run.venues.index)
    told = claims.reindex(stands).fillna(0.0)
    assert found.reindex(stands).fillna(0.0).to_dict() == pytest.approx(told.to_dict(), abs=1e-6)


@given(seeds)
@example(14)  # a lender fails
def test_who_failed_has_caused_what_others_are_not_paid(seed: int) -> None:
    run = run_of(seed)
    found = run.nodes["loss_caused"] - run.attribution.groupby("node")["caused"].sum().reindex(
        run.nodes.index
    )
    issued = run.events[run.events["kind"] == "issuer"].groupby("node")["money"].sum().clip(lower=0.0)
    unpaid = pd.Series(0.0, index=run.nodes.index)
    for debtor, _, told in run.contagion_graph().edges(data=True):
        if told["channel"] == "default":
            unpaid[debtor] += told["weight"]
    told = unpaid.add(issued, fill_value=0.0).reindex(found.dropna().index)
    assert found.dropna().to_dict() == pytest.approx(told.to_dict(), rel=1e-9, abs=1e-6)


@given(seeds)
@example(63)  # a failed venue rounds what it pays
@example(150)  # one pays in full what closing at the marks has left
def test_customers_of_failed_venues_lose_their_balances_less_what_these_recover(seed: int) -> None:
    run = run_of(seed)
    events = run.events.set_index("node")
    recovery = events["price"][events["kind"] == "node_default"]
    balances = events["money"][events["kind"] == "venue_default"]
    found = pd.Series(0.0, index=balances.index)
    for venue, _, told in run.contagion_graph().edges(data=True):
        if told["channel"] == "default" and told["kind"] == "customers":
            found[venue] += told["weight"]
    number = run.accounts["count"].groupby(run.accounts["venue"]).sum()
    for venue, money in balances.items():
        rounding = quantum(run) * float(number[venue])  # each balance is paid in whole quanta
        assert 0.0 <= found[venue] - money * (1.0 - recovery[venue]) + 1e-9 * money <= rounding + 2e-9 * money


@given(seeds)
def test_bad_debt_over_the_edges_is_that_of_every_venue(seed: int) -> None:
    run = run_of(seed)
    owned = run.accounts["owner"].to_numpy() == run.accounts["venue"].to_numpy()
    own = run.accounts["deficit"][owned].groupby(run.accounts["venue"][owned]).sum()
    told = run.venues["bad_debt"] - own.reindex(run.venues.index).fillna(0.0)
    found = into(run, "bad debt").reindex(run.venues.index).fillna(0.0)
    assert found.to_dict() == pytest.approx(told.to_dict(), abs=1e-6)


def matches(adl: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Rows of each bankrupt account: its winners, who all trade on one side, then itself on the other."""
    first = 0
    for k in range(len(adl)):
        if np.sign(adl["lots"].iloc[k]) != np.sign(adl["lots"].iloc[first]) or adl["lots"].iloc[k] == 0.0:
            yield adl.iloc[first : k + 1]
            first = k + 1


def kept_by(run: Run) -> float:
    """Profit that winners forgo against accounts of their own owner: nobody hits himself in the graph."""
    adl = run.events[run.events["kind"] == "adl"]
    mark = run.paths.set_index(["round", "market"])["mark"]
    own = 0.0
    for rows in matches(adl):
        bankrupt = rows.iloc[-1]
        for _, row in rows.iloc[:-1].iterrows():
            assert (row["round"], row["market"]) == (bankrupt["round"], bankrupt["market"])
            if row["node"] == bankrupt["node"]:
                gap = -np.sign(row["lots"]) * (mark[row["round"], row["market"]] - row["price"])
                own += max(gap, 0.0) * row["money"] / row["price"]
    return own


@given(seeds)
@example(63)  # somebody is bankrupt at price 0
@example(165)  # somebody is matched with himself at a price that helps him
@example(182)  # somebody is matched with himself
@example(234)  # lots of the two sides differ by what is left of a division
def test_profit_that_winners_forgo_is_what_the_engine_counted(seed: int) -> None:
    world = random_world(seed)
    run, prepared = run_of(seed), world.model.prepare(world.net, world.policies)
    state = prepared.simulate(world.shock)
    counted = state.counters[codes.FORGONE] * quantum(run)
    owner = run.accounts["owner"]
    adl = run.events[run.events["kind"] == "adl"]
    inventories = owner.index[owner.isin(run.venues.index)]
    if not adl["account"].isin(inventories).any():
        assert float(into(run, "adl").sum()) + kept_by(run) == pytest.approx(counted, rel=1e-6, abs=1e-4)


@given(seeds)
@example(14)  # a lender fails
def test_what_leads_into_a_node_less_what_leads_out_is_its_loss_through_each_channel_of_markets(
    seed: int,
) -> None:
    run = run_of(seed)
    found = dict.fromkeys(run.losses.set_index(["node", "channel"]).index, 0.0)
    for source, target, told in run.contagion_graph().edges(data=True):
        if told["channel"] in ("cost", "funding"):
            for node, sign in ((source, -1.0), (target, 1.0)):
                if node in run.nodes.index:
                    key = node, told["kind"]
                    found[key] = found.get(key, 0.0) + sign * told["weight"]
    told = run.losses.set_index(["node", "channel"])["money"]
    slack = 1e-9 * max(1.0, float(run.nodes["opening_equity"].abs().max()))
    for (node, name), money in found.items():
        if name not in BETWEEN:
            assert name in CHANNELS
            assert money == pytest.approx(told.get((node, name), 0.0), abs=slack)


@given(seeds)
def test_members_of_counterparties_pay_what_their_ledger_tells(seed: int) -> None:
    run = run_of(seed)
    legs = run.ledger[run.ledger["kind"].isin(["default_fund", "assessment", "replenishment"])]
    legs = legs[legs["account"].str.startswith(("cash:", "default_fund:"))]
    node = legs["account"].str.split("/").str[-1].str.removeprefix("cash:")
    taken = (-quantum(run) * legs["amount"]).groupby(node).sum()
    taken = taken[taken.index.isin(run.nodes.index)].drop(index=list(run.venues.index), errors="ignore")
    found = into(run, "default fund").reindex(taken.index).fillna(0.0)
    assert found.to_dict() == pytest.approx(taken.clip(lower=0.0).to_dict(), abs=1e-6)


@given(seeds)
@example(175)  # tokens are minted that nobody backs
def test_who_lost_through_others_is_hit_over_an_edge_of_that_channel(seed: int) -> None:
    run = run_of(seed)
    hit = {(node, told["channel"]) for _, node, told in run.contagion_graph().edges(data=True)}
    lost = run.losses[(run.losses["money"] > 1e-6) & ~run.losses["node"].isin(run.venues.index)]
    issuers = run.network.assets["issuer"]
    own = (lost["channel"] == "issuers") & lost["node"].isin(
        issuers
    )  # tokens minted are debts of their issuer
    lost = lost[~own]
    for _, row in lost[lost["channel"].isin(BETWEEN)].iterrows():
        assert any((row["node"], name) in hit for name in LEADING[row["channel"]])


@given(seeds)
def test_attackers_push_markets_from_outside_with_the_money_they_trade(seed: int) -> None:
    run = run_of(seed)
    traded = run.events[run.events["kind"] == "attack"].groupby("market")["money"].sum()
    found = into(run, "attack")
    assert found.to_dict() == pytest.approx(
        {f"market:{m}": money for m, money in traded.items() if money > 0.0}
    )


@given(seeds)
def test_every_edge_has_money_a_channel_and_a_layer_at_both_ends(seed: int) -> None:
    graph = run_of(seed).contagion_graph()
    for source, target, told in graph.edges(data=True):
        assert source != target
        assert told["weight"] > 0.0
        assert told["channel"] and told["kind"]
        assert told["source_layer"] == graph.nodes[source]["layer"]
        assert told["target_layer"] == graph.nodes[target]["layer"]


def test_a_quantum_is_read_from_the_provenance() -> None:
    run = run_of(0)
    assert Fraction(quantum(run)).numerator == 1
