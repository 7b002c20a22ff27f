"""What does every watched node own and owe, and how many of its tokens are in other hands?

A token with an issuer is a debt of that issuer: what others hold of it, at its reference price, which is the outside
price without any recovery rate. Tokens that an issuer holds itself are neither an asset nor a debt. Balances of
customers at a venue that goes on stand apart: what a venue has lent out of a pool whose shares it issues is part of its
cash or external assets.

References
----------
Cascade chapter, section 2: a token with an issuer is worth its reference price times the issuer's recovery rate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.indices import row_of
from contagion.propagation.cascade.inventories import is_inventory
from contagion.propagation.cascade.kernels import balance_in, value_account

SLACK = 1e-12


@inner
def token_price(book: Any, state: Any, a: int) -> float:
    """Quanta that a lot of asset `a` is worth at its outside price."""
    return float(state.outside[row_of(state.clock[0], state.outside), a] * book.asset_lot_scale[a])


@inner
def own_coins(book: Any, state: Any, i: int) -> float:
    """Worth in one account behind row `i` of coins that its owner has issued himself, in quanta."""
    worth = 0.0
    for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
        slot = state.slots[book.hold_slot[b]]
        if book.issuer[slot.asset] == book.owner[i]:
            worth += balance_in(book, state, i, b)
    return worth


@inner
def outstanding(book: Any, state: Any, a: int) -> float:
    """Lots of an issued asset in other hands than its issuer's."""
    n, lots = book.issuer[a], state.issued[a]
    for j in range(book.held_indptr[n], book.held_indptr[n + 1]):
        h = book.held_rows[j]
        if book.holding_asset[h] == a:
            lots -= float(state.holding[h])
    for j in range(book.owned_indptr[n], book.owned_indptr[n + 1]):
        i = book.owned_accounts[j]
        for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
            if state.slots[book.hold_slot[b]].asset == a:
                lots -= state.held[b] * float(book.count[i])
    return float(max(0.0, lots))


@inner
def add_tokens(book: Any, state: Any) -> None:
    """Tokens in other hands are debts of their issuers."""
    for a in range(book.issuer.shape[0]):
        n = book.issuer[a]
        if n >= 0:
            state.fixed_debt[n] += outstanding(book, state, a) * token_price(book, state, a)


@inner
def resources(book: Any, state: Any) -> None:
    """What every watched node owns without its claims: cash, outside assets, holdings, accounts, funds."""
    own = state.own_resources
    for j in range(book.sheet_nodes.shape[0]):
        n = book.sheet_nodes[j]
        total = float(state.node_cash[n]) + float(state.external_assets[n])
        for a in range(book.sheet_indptr[j], book.sheet_indptr[j + 1]):
            i = book.sheet_accounts[a]
            equity, _ = value_account(book, state, i)
            equity -= own_coins(book, state, i)
            if is_inventory(book, state, i):
                total += np.floor(equity)  # the venue's own, whatever its sign
            else:
                total += max(0.0, np.floor(equity)) * float(book.count[i])
        if book.venue_of_node[n] >= 0:
            total += float(state.venues[book.venue_of_node[n]].fund)
        own[n] = total
        state.fixed_debt[n] = float(state.external_liabilities[n])
    for j in range(book.member_node.shape[0]):
        own[book.member_node[j]] += float(state.member_fund[j])
    for h in range(state.holding.shape[0]):
        a = book.holding_asset[h]
        if book.issuer[a] != book.holding_node[h]:
            own[book.holding_node[h]] += float(state.holding[h]) * (state.index[a] * book.asset_lot_scale[a])
    add_tokens(book, state)


@inner
def owed_by(book: Any, state: Any, n: int) -> float:
    """What node `n` still owes inside the network."""
    total = 0.0
    for c in range(book.debt_indptr[n], book.debt_indptr[n + 1]):
        total += float(state.remaining[c])
    return total


@inner
def face_value(book: Any, state: Any) -> Any:
    """What every node is owed inside the network, at face value."""
    owed = np.zeros(state.node_cash.shape[0])
    for j in range(book.sheet_nodes.shape[0]):  # whoever owes is watched
        n = book.sheet_nodes[j]
        for c in range(book.debt_indptr[n], book.debt_indptr[n + 1]):
            owed[book.creditor[c]] += float(state.remaining[c])
    return owed


@inner
def falls_short(assets: float, debts: float) -> bool:
    """Strictly less, with the tolerance of the solvency chapter."""
    return assets < debts - SLACK * (abs(assets) + abs(debts))
