"""What owners can do when they are called: their accounts, holdings, loans and hedges as flat arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.network import Network
from contagion.network.reserved import inventory, rest_of_market
from contagion.propagation.cascade.build_strategies import find_places
from contagion.propagation.cascade.codes import REACTIONS, SOURCES
from contagion.propagation.cascade.grouping import codes, grouped
from contagion.propagation.cascade.layout import Array

Ints = npt.NDArray[np.int64]
Pair = tuple[int, int]  # account, market


def hedge_legs(net: Network) -> list[tuple[Pair, Pair]]:
    """Legs of accounts whose owners hedge, each with the leg that offsets it, as (account, market).

    The hedge is a perp on the same asset at another venue, in the first cross account by name that the owner has
    there; legs without such an account are left out.
    """
    hedgers = net.accounts.index[net.accounts["reaction"] == "hedge"]
    if not len(hedgers):
        return []
    places, accounts = find_places(net), net.accounts
    reserved = rest_of_market(accounts.index) | inventory(accounts.index)
    usable = accounts[(accounts["mode"] == "cross") & ~reserved]
    by_owner = {owner: [str(name) for name in rows.index] for owner, rows in usable.groupby("owner")}
    positions = net.positions[net.positions["account"].isin(hedgers)]
    market = codes(positions["market"], net.markets.index)
    found = []
    for name, m in zip(positions["account"], market.tolist(), strict=True):
        if net.markets["kind"].iloc[m] != "perp":
            continue
        asset = str(net.markets["asset"].iloc[m])
        for other in by_owner.get(accounts["owner"][name], ()):
            perp = places.perp(other, asset)
            if perp >= 0 and places.venue[other] != places.venue[name]:
                found.append(((places.account[name], m), (places.account[other], perp)))
                break
    return found


def owner_arrays(net: Network, account: Ints, market: Ints) -> dict[str, Array]:
    """The book's arrays on how owners answer calls; `account` and `market` of every leg, in the book's order."""
    hedge = np.full(account.size, -1, dtype=np.int64)
    pairs = hedge_legs(net)
    if pairs:
        leg_of = {pair: k for k, pair in enumerate(zip(account.tolist(), market.tolist(), strict=True))}
        for leg, other in pairs:
            hedge[leg_of[leg]] = leg_of[other]
    owned = grouped(codes(net.accounts["owner"], net.nodes.index), len(net.nodes))
    return {
        "reaction": net.accounts["reaction"].map(REACTIONS).to_numpy(np.int64),
        "sources": net.accounts["top_up_from"].map(SOURCES).to_numpy(np.int64),
        "hedge_leg": hedge,
        "owned_indptr": owned[0],
        "owned_accounts": owned[1],
    }


def lender_arrays(net: Network, strategies: npt.NDArray[Any]) -> dict[str, Array]:
    """The book's arrays on what nodes can sell and recall; claims sorted by debtor, as everywhere in the book."""
    nodes, n = net.nodes.index, len(net.nodes)
    held = grouped(codes(net.holdings["node"], nodes), n)
    sellable = np.ones(len(net.holdings), dtype=np.bool_)
    sellable[strategies["long_holding"][strategies["long_holding"] >= 0]] = False
    loans = net.obligations.iloc[np.argsort(codes(net.obligations["debtor"], nodes), kind="stable")]
    lent = grouped(codes(loans["creditor"], nodes), n)
    return {
        "held_indptr": held[0],
        "held_rows": held[1],
        "sellable": sellable,
        "debtor": codes(loans["debtor"], nodes),
        "lent_indptr": lent[0],
        "lent_claims": lent[1],
        "recallable": loans["callable"].to_numpy(np.bool_),
        "notice": loans["notice"].to_numpy(np.float64),
    }
