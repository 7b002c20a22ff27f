"""What owners can do when they are called: their accounts, holdings, loans and hedges as flat arrays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.network import Network
from contagion.network.once import once
from contagion.network.places import find_places
from contagion.network.reserved import inventory, rest_of_market
from contagion.network.settlement import is_inverse
from contagion.propagation.cascade.codes import REACTIONS, SOURCES
from contagion.propagation.cascade.grouping import grouped
from contagion.propagation.cascade.layout import Array

Ints = npt.NDArray[np.int64]
Pair = tuple[int, int]  # account, market


@once
def hedge_legs(net: Network) -> list[tuple[Pair, Pair]]:
    """Legs of accounts whose owners hedge, each with the leg that offsets it, as (account, market).

    The hedge is a perp on the same asset at another venue, in the first cross account by name that the owner has
    there; legs without such an account are left out.
    """
    hedges = net.column("accounts", "reaction") == "hedge"
    if not hedges.any():
        return []
    places, names, owner = find_places(net), net.column("accounts", "name"), net.codes("accounts", "owner")
    usable = (net.column("accounts", "mode") == "cross") & ~(rest_of_market(names) | inventory(names))
    by_owner: dict[int, list[str]] = defaultdict(list)
    for i in np.flatnonzero(usable):
        by_owner[owner[i]].append(str(names[i]))
    positions = np.flatnonzero(hedges[net.codes("positions", "account")])
    kinds, assets, inverse = net.column("markets", "kind"), net.column("markets", "asset"), is_inverse(net)
    found = []
    for i, m in zip(
        net.codes("positions", "account")[positions].tolist(),
        net.codes("positions", "market")[positions].tolist(),
        strict=True,
    ):
        if kinds[m] not in ("perp", "future") or inverse[m]:
            continue
        name, asset = str(names[i]), str(assets[m])
        for other in by_owner.get(owner[i], ()):
            perp = places.perp(other, asset)
            if perp >= 0 and places.venue[other] != places.venue[name]:
                found.append(((i, m), (places.account[other], perp)))
                break
    return found


def _coded(words: npt.NDArray[Any], codes: Mapping[str, int]) -> Ints:
    """Codes of words."""
    return np.asarray([codes[word] for word in words], dtype=np.int64)


def owner_arrays(net: Network, account: Ints, market: Ints) -> dict[str, Array]:
    """The book's arrays on how owners answer calls; `account` and `market` of every leg, in the book's order."""
    hedge = np.full(account.size, -1, dtype=np.int64)
    pairs = hedge_legs(net)
    if pairs:
        leg_of = {pair: k for k, pair in enumerate(zip(account.tolist(), market.tolist(), strict=True))}
        for leg, other in pairs:
            hedge[leg_of[leg]] = leg_of[other]
    owned = grouped(net.codes("accounts", "owner"), len(net.index("nodes")))
    return {
        "reaction": _coded(net.column("accounts", "reaction"), REACTIONS),
        "sources": _coded(net.column("accounts", "top_up_from"), SOURCES),
        "hedge_leg": hedge,
        "owned_indptr": owned[0],
        "owned_accounts": owned[1],
    }


def lender_arrays(net: Network, strategies: npt.NDArray[Any]) -> dict[str, Array]:
    """The book's arrays on what nodes can sell and recall; claims sorted by debtor, as everywhere in the book."""
    n, holders = len(net.index("nodes")), net.codes("holdings", "node")
    held, sellable = grouped(holders, n), np.ones(len(holders), dtype=np.bool_)
    sellable[strategies["long_holding"][strategies["long_holding"] >= 0]] = False
    loans = np.argsort(net.codes("obligations", "debtor"), kind="stable")
    lent = grouped(net.codes("obligations", "creditor")[loans], n)
    return {
        "held_indptr": held[0],
        "held_rows": held[1],
        "sellable": sellable,
        "debtor": net.codes("obligations", "debtor")[loans],
        "lent_indptr": lent[0],
        "lent_claims": lent[1],
        "recallable": net.column("obligations", "callable")[loans],
        "notice": net.column("obligations", "notice")[loans],
    }
