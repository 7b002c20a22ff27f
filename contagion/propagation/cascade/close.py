"""What was it all worth in the end? Node by node, at opening, outside and closing prices.

References
----------
cascade chapter, section 5: ``outside`` is the opening book revalued at final outside prices, minus opening equity.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner, kernel
from contagion.propagation.cascade.worth import lot_money


@kernel
def account_worth(book: Any, quantity: Any, held: Any, cash: Any, lot_prices: Any, coin_prices: Any) -> Any:
    """Equity of one account behind every row, in quanta, at prices in quanta per lot by market and by slot."""
    worth = np.empty(cash.shape[0])
    for i in range(cash.shape[0]):
        total = 0.0
        for k in range(book.indptr[i], book.indptr[i + 1]):
            if quantity[k] != 0.0:
                total += quantity[k] * lot_prices[book.leg_market[k]]
        for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
            total += held[b] * coin_prices[book.hold_slot[b]]
        worth[i] = total + float(cash[i])
    return worth


@kernel
def node_worth(book: Any, state: Any, accounts: Any, asset_prices: Any, rates: Any) -> Any:
    """Equity of every node, in quanta: accounts, cash, outside balance, claims, holdings, funds, issued tokens.

    Tokens are owed at `rates`, in money per unit: those in the issuer's own hands are among holdings and debts alike.
    """
    worth = np.zeros(state.node_cash.shape[0])
    for i in range(accounts.shape[0]):
        worth[book.owner[i]] += accounts[i] * float(book.count[i])
    for n in range(worth.shape[0]):
        worth[n] += (
            float(state.node_cash[n]) + float(state.external_assets[n]) - float(state.external_liabilities[n])
        )
        for c in range(book.debt_indptr[n], book.debt_indptr[n + 1]):
            worth[n] -= float(state.remaining[c])
            worth[book.creditor[c]] += float(state.remaining[c])
    for h in range(state.holding.shape[0]):
        a = book.holding_asset[h]
        worth[book.holding_node[h]] += float(state.holding[h]) * (asset_prices[a] * book.asset_lot_scale[a])
    for a in range(book.issuer.shape[0]):
        if book.issuer[a] >= 0:
            worth[book.issuer[a]] -= state.issued[a] * (rates[a] * book.asset_lot_scale[a])
    for j in range(book.member_node.shape[0]):
        worth[book.member_node[j]] += float(state.member_fund[j])
    for v in range(state.venues.shape[0]):
        worth[state.venues[v].node] += float(state.venues[v].fund)
    return worth


@inner
def coin_at(state: Any, market: Any, which: int) -> float:
    """Price of the coin that a market settles in: at the opening (0), outside (1), or in the index (2)."""
    slot = state.slots[market.coin_slot]
    if which == 0:
        return float(slot.opening)
    if which == 1:
        last = max(0, min(int(state.clock[0].round) - 1, state.outside.shape[0] - 1))
        return float(state.outside[last, slot.asset])
    return float(state.index[slot.asset])


@kernel
def lot_prices(state: Any, which: int) -> Any:
    """Quanta per lot in every market at opening (0), outside (1) or closing (2) prices."""
    prices = np.empty(state.markets.shape[0])
    for m in range(prices.shape[0]):
        market = state.markets[m]
        at = market.opening
        if which == 1:
            at = market.outside
        elif which == 2:
            at = market.mark
        if market.inverse:
            prices[m] = -market.lot_scale * (coin_at(state, market, which) / at)
        else:
            prices[m] = at * market.lot_scale
    return prices


@kernel
def coin_prices(state: Any, asset_prices: Any) -> Any:
    """Quanta per lot of every slot at the given prices of assets."""
    prices = np.empty(state.slots.shape[0])
    for s in range(prices.shape[0]):
        slot = state.slots[s]
        prices[s] = asset_prices[slot.asset] * slot.lot_scale
    return prices


@kernel
def deferred_at_end(book: Any, state: Any) -> float:
    """Money still to be sold when the run ended, in quanta: orders of the last round, unwinding legs, inventories."""
    clock = state.clock[0]
    last = max(0, int(clock.round) - 1)
    total = state.rounds[last].deferred_notional / clock.quantum
    for m in range(state.markets.shape[0]):
        total += state.markets[m].deferred
    for s in range(state.strategies.shape[0]):
        strategy = state.strategies[s]
        if strategy.pending_long > 0.0:
            market = state.markets[strategy.long_market]
            total += strategy.pending_long * lot_money(market, market.last)
        if strategy.pending_short > 0.0:
            market = state.markets[strategy.short_market]
            total += strategy.pending_short * lot_money(market, market.last)
        if strategy.hedge_wanted != 0.0:
            market = state.markets[strategy.long_market]
            total += abs(strategy.hedge_wanted) * lot_money(market, market.last)
    for v in range(state.venues.shape[0]):
        j = state.venues[v].inventory
        if j >= 0:
            for k in range(book.indptr[j], book.indptr[j + 1]):
                market = state.markets[book.leg_market[k]]
                total += abs(state.quantity[k]) * lot_money(market, market.last)
    return total
